from __future__ import annotations

import pytest

from airflow_provider_yeastar import exceptions
from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import YeastarError, error_from_dict, error_to_dict


def _descendants(base: type[YeastarError]) -> list[type[YeastarError]]:
    return [found for child in base.__subclasses__() for found in [child, *_descendants(child)]]


ALL = [YeastarError, *_descendants(YeastarError)]


def test_every_class_is_exported_and_drawn() -> None:
    for error_class in ALL:
        module = exceptions if error_class.__module__ == exceptions.__name__ else errors
        assert error_class.__name__ in module.__all__
        assert error_class.__name__ in (module.__doc__ or "")


def test_a_host_with_a_nul_crosses_without_it() -> None:
    assert error_to_dict(YeastarError("It broke", pbx="\0pbx:443"))["pbx"] == "pbx:443"


@pytest.mark.parametrize("error_class", ALL, ids=lambda error_class: error_class.__name__)
def test_an_error_crosses_as_plain_data(error_class: type[YeastarError]) -> None:
    error = error_class("It broke", pbx="pbx:443", endpoint="call_report/download", errcode=-2, retry_after=7.0)

    again = error_from_dict(error_to_dict(error))

    assert type(again) is error_class
    assert str(again) == str(error)
    assert again.retry_after == 7.0


def test_a_class_of_another_version_still_tells_its_story() -> None:
    again = error_from_dict({"error": "NewerError", "what": "It broke", "remedy": "Wait."})

    assert type(again) is YeastarError
    assert str(again) == "It broke. Wait."


def test_an_event_of_another_version_that_names_no_time_leaves_that_of_the_class() -> None:
    again = error_from_dict({"error": "TokenCapError", "what": "All tokens are taken", "remedy": "Wait."})

    assert again.retry_after == errors.TokenCapError.default_retry_after == 1800.0


def test_what_no_retry_can_mend_names_no_time_for_one() -> None:
    hopeless = [error_class for error_class in ALL if error_class.reaction is errors.Reaction.GIVE_UP]

    assert {error_class.default_retry_after for error_class in hopeless} == {None}


def test_the_text_says_what_where_and_what_to_do() -> None:
    error = errors.BusyError("The PBX is busy", pbx="pbx:443", endpoint="call_report/download", errcode=70082)

    assert str(error).startswith(
        "The PBX is busy (PBX pbx:443, call_report/download, errcode 70082). The PBX makes one"
    )


def test_hidden_secrets_are_in_no_part_of_an_error() -> None:
    error = errors.ParameterError("The PBX answered: s3cr3t/1 (s3cr3t%2F1)", pbx="pbx:443")

    error.hide(["s3cr3t/1"])

    assert "s3cr3t" not in str(error) + repr(error) + str(error_to_dict(error))
    assert str(error) == "The PBX answered: *** (***) (PBX pbx:443). Correct the task's `parameters`."


@pytest.mark.parametrize("errcode", [-1, 12345])
def test_an_errcode_that_no_class_names_is_the_pbx_s_own_trouble(errcode: int) -> None:
    assert errors.answer_error_class(errcode) is errors.PbxInternalError


@pytest.mark.parametrize(("number", "words"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_one_is_no_plural(number: int, words: str) -> None:
    assert counted(number, "entry", "entries") == words
    assert counted(number, "row") == words.replace("entries", "rows").replace("entry", "row")
