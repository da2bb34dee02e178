"""The table of causes: what Airflow retries, and that its page and the drawn trees say the same."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_yeastar import exceptions
from airflow_provider_yeastar.exceptions import Cause, causes
from airflow_provider_yeastar.outcome import errors_for_airflow
from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.errors import error_tree

ROOT = Path(__file__).parent.parent


def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_errors", ROOT / "docs" / "make_errors.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_the_table() -> None:
    made = generator()

    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "python docs/make_errors.py writes it anew"


def test_every_class_that_is_raised_has_its_row() -> None:
    bases = {"YeastarError", "AnswerError"}
    assert {cause.name for cause in causes()} == error_tree().keys() - bases


def test_no_errcode_has_two_classes() -> None:
    errcodes = [errcode for cause in causes() for errcode in cause.errcodes]

    assert len(errcodes) == len(set(errcodes))


@pytest.mark.parametrize("cause", causes(), ids=lambda cause: cause.name)
def test_airflow_retries_what_the_table_says(cause: Cause) -> None:
    error_class = error_tree()[cause.name]

    with pytest.raises((AirflowFailException, error_class)) as raised, errors_for_airflow():
        raise error_class("It broke")

    assert (raised.type is error_class) == cause.airflow_retries
    assert cause.remedy in str(raised.value)


@pytest.mark.parametrize("module", [errors, exceptions])
def test_the_drawn_tree_says_what_the_table_says(module: ModuleType) -> None:
    drawn = dict(re.findall(r"── (\w+) +(.*)$", module.__doc__ or "", re.MULTILINE))
    for cause in causes():
        if cause.name in drawn:
            assert drawn[cause.name].endswith(("ask again", "log in again")) == cause.airflow_retries, cause.name
            if cause.errcodes:
                assert str(cause.errcodes[0]) in drawn[cause.name]
