from __future__ import annotations

import pytest

from airflow_provider_yeastar import exceptions
from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.errors import YeastarError, error_from_dict, error_to_dict


def _descendants(base: type[YeastarError]) -> list[type[YeastarError]]:
    return [found for child in base.__subclasses__() for found in [child, *_descendants(child)]]


ALL = [YeastarError, *_descendants(YeastarError)]


def test_every_class_is_exported_and_drawn() -> None:
    for error_class in ALL:
        module = exceptions if error_class.__module__ == exceptions.__name__ else errors
        assert error_class.__name__ in module.__all__
        assert error_class.__name__ in (module.__doc__ or "")


@pytest.mark.parametrize("error_class", ALL, ids=lambda error_class: error_class.__name__)
def test_an_error_crosses_as_plain_data(error_class: type[YeastarError]) -> None:
    error = error_class("It broke", pbx="pbx:443", endpoint="call_report/download", errcode=-2)

    again = error_from_dict(error_to_dict(error))

    assert type(again) is error_class
    assert str(again) == str(error)


def test_a_class_of_another_version_still_tells_its_story() -> None:
    again = error_from_dict({"error": "NewerError", "what": "It broke", "remedy": "Wait."})

    assert type(again) is YeastarError
    assert str(again) == "It broke. Wait."


def test_the_text_says_what_where_and_what_to_do() -> None:
    error = errors.BusyError("The PBX is busy", pbx="pbx:443", endpoint="call_report/download", errcode=70082)

    assert str(error).startswith(
        "The PBX is busy (PBX pbx:443, call_report/download, errcode 70082). The PBX makes one"
    )
