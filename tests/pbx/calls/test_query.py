"""How each version of the CDR interface is asked for calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_yeastar.pbx.calls.query import CALL_APIS, CallQuery, Span, call_filters, choose_cdr_version
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

BERLIN = ZoneInfo("Europe/Berlin")
DISPLAY = DisplayFormat("DD/MM/YYYY", "hh:mm:ss AM")


def query(version: str, day: datetime = datetime(2026, 11, 22), **changes: Any) -> CallQuery:
    end = day.replace(hour=23, minute=59, second=59)
    return CallQuery(day, end, CALL_APIS[version], BERLIN, DISPLAY, **changes)


def test_v1_is_asked_in_unix_seconds() -> None:
    asked = query("v1.0")

    assert asked.parameters(asked.span, 2, 500) == {
        "start_time": str(int(datetime(2026, 11, 21, 23, tzinfo=UTC).timestamp())),
        "end_time": str(int(datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC).timestamp())),
        "page": "2",
        "page_size": "500",
    }


def test_v1_is_asked_in_the_display_format_where_it_wants_it() -> None:
    asked = query("v1.0", unix=False)

    assert asked.parameters(asked.span, 1, 1)["start_time"] == "22/11/2026 12:00:00 AM"


def test_v2_is_asked_in_the_display_format_and_in_ascending_order() -> None:
    asked = query("v2.0", filters=(("call_from", "1001"),))

    assert asked.parameters(asked.span, 1, 10_000) == {
        "time_begin": "22/11/2026 12:00:00 AM",
        "time_end": "22/11/2026 11:59:59 PM",
        "call_from": "1001",
        "sort_by": "time",
        "order_by": "asc",
        "page": "1",
        "page_size": "10000",
    }


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25), (datetime(2024, 2, 29), 24)],
)
def test_a_day_of_v1_is_as_long_as_the_clock_makes_it(day: datetime, hours: int) -> None:
    span = query("v1.0", day).span

    assert span.last - span.first + 1 == hours * 3600


@pytest.mark.parametrize("version", ["v1.0", "v2.0"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])
def test_halves_leave_no_second_out_and_name_none_twice(version: str, day: datetime) -> None:
    asked = query(version, day)
    halves = asked.span.halves()

    assert halves is not None
    assert (halves[0].first, halves[1].last) == (asked.span.first, asked.span.last)
    assert halves[0].last + 1 == halves[1].first


def test_a_second_has_no_halves() -> None:
    assert Span(5, 5).halves() is None


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        CallQuery(datetime(2026, 11, 22), datetime(2026, 11, 21), CALL_APIS["v2.0"], BERLIN, DISPLAY)


@pytest.mark.parametrize(
    ("wanted", "firmware", "version"),
    [
        ("auto", "37.23.0.123", "v2.0"),
        ("auto", "84.23.0.124", "v2.0"),
        ("auto", "83.24.0.1", "v2.0"),
        ("auto", "37.23.0.122", "v1.0"),
        ("auto", "37.23.0.83", "v1.0"),
        ("auto", "37.21.0.117", "v1.0"),
        ("auto", "", "v1.0"),
        ("auto", "unknown", "v1.0"),
        ("v1.0", "37.23.0.123", "v1.0"),
        ("v2.0", "37.23.0.83", "v2.0"),
    ],
)
def test_the_version_is_chosen_by_the_firmware_of_the_cdr_interface(wanted: str, firmware: str, version: str) -> None:
    assert choose_cdr_version(wanted, firmware) == version


class TestFilters:
    @pytest.mark.parametrize("pin", ["4711,None", "['4711']", ["['4711']"], [4711.5], {"a": "4711"}], ids=repr)
    def test_an_error_quotes_no_pin(self, pin: Any) -> None:
        with pytest.raises(InvalidRequestError, match=r"The filter pin_code is .*\*\*\*") as error:
            call_filters({"pin_code": pin}, CALL_APIS["v1.0"])

        assert "4711" not in str(error.value)

    def test_pass_by_the_vendor_s_names(self) -> None:
        given = {"call_from": "1001", "queue_list": ["Support", 2], "newer_thing": 1}

        assert call_filters(given, CALL_APIS["v2.0"]) == {
            "call_from": "1001",
            "queue_list": ["Support", 2],
            "newer_thing": "1",
        }

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("did", "belongs to the CDR interface v1.0"),
            ("call_form", "nearest are call_from"),
            ("page", "sets itself"),
            ("start_time", "sets itself"),
            ("access_token", "sets itself"),
            ("A b", "no parameter's name"),
        ],
    )
    def test_of_a_wrong_name_are_refused(self, name: str, sentence: str) -> None:
        with pytest.raises(InvalidRequestError, match=sentence):
            call_filters({name: "1"}, CALL_APIS["v2.0"])

    @pytest.mark.parametrize("value", [None, "", " ", ",", "None", "None/a", "[64, null]", [], [None], [""], {}, 1.5])
    def test_of_no_value_are_refused(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="call_from"):
            call_filters({"call_from": value}, CALL_APIS["v2.0"])
