"""The table of causes: what Airflow retries, and that its page and the drawn trees say the same."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from airflow_provider_yeastar import exceptions
from airflow_provider_yeastar.compat import AirflowFailException, AirflowTaskTimeout
from airflow_provider_yeastar.exceptions import Cause, causes
from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.errors import error_tree
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow
from tests.examples import import_file

PAGE_MAKER = Path(__file__).parent.parent / "docs" / "make_errors.py"


def test_the_page_is_the_table() -> None:
    made = import_file(PAGE_MAKER)

    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "`make reference` writes it anew"


def test_the_page_explains_every_errcode_that_a_class_stands_for_in_order() -> None:
    numbers = [errcode for errcode in import_file(PAGE_MAKER).MEANINGS if isinstance(errcode, int)]

    assert {errcode for cause in causes() for errcode in cause.errcodes} <= set(numbers)
    assert sorted(numbers, key=abs) == numbers


def test_the_page_says_what_to_do_about_an_errcode_as_its_class_does() -> None:
    (row,) = re.findall(r"^\| 70082 \|.*$", PAGE_MAKER.with_name("errors.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert errors.BusyError.default_remedy in row
    assert row.endswith("| yes | `BusyError` |")


def test_the_page_on_retries_names_the_times_of_the_causes() -> None:
    page = PAGE_MAKER.with_name("retries.md").read_text(encoding="utf-8")

    named = [60 * int(minutes) for minutes in re.findall(r"\| after (\d+) minutes \|", page)]
    assert sorted(named) == sorted({cause.retry_after for cause in causes() if cause.retry_after})


def test_every_class_that_is_raised_has_its_row() -> None:
    bases = {"YeastarError", "AnswerError"}
    assert {cause.name for cause in causes()} == error_tree().keys() - bases


def test_no_errcode_has_two_classes() -> None:
    errcodes = [errcode for cause in causes() for errcode in cause.errcodes]

    assert len(errcodes) == len(set(errcodes))


@pytest.mark.parametrize("cause", causes(), ids=lambda cause: cause.name)
def test_airflow_retries_what_the_table_says(cause: Cause) -> None:
    error_class = error_tree()[cause.name]

    # Airflow retries whatever it does not know, and its own time-out of a task.
    with pytest.raises((AirflowFailException, AirflowTaskTimeout, error_class)) as raised, errors_for_airflow():
        raise error_class("It broke")

    assert (raised.type is not AirflowFailException) == cause.airflow_retries
    assert cause.remedy in str(raised.value)


def test_a_time_is_named_only_where_airflow_retries() -> None:
    assert {cause.name for cause in causes() if cause.retry_after and not cause.airflow_retries} == set()


@pytest.mark.parametrize("module", [errors, exceptions])
def test_the_drawn_tree_says_what_the_table_says(module: ModuleType) -> None:
    drawn = dict(re.findall(r"── (\w+) +(.*)$", module.__doc__ or "", re.MULTILINE))
    for cause in causes():
        if cause.name in drawn:
            assert drawn[cause.name].endswith(("ask again", "log in again")) == cause.airflow_retries, cause.name
            if cause.errcodes:
                assert str(cause.errcodes[0]) in drawn[cause.name]
