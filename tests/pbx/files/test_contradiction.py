from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.files.contradiction import Expected, contradiction, stray_row

DAY = {"start_time": "2026-11-20T00:00:00", "end_time": "2026-11-20T23:59:59"}
MADE_ON = date(2026, 11, 27)


def told(text: str, window: dict[str, str] = DAY, asked: str = "6400", others: str = "6401 6402") -> str:
    return contradiction(text.splitlines(), Expected.of(window, MADE_ON, asked.split(), others.split()))


class TestDates:
    @pytest.mark.parametrize(
        "cell",
        [
            "2026/11/20 10:00:00",
            "20.11.2026",
            "11-20-2026",
            "2026-11-21",  # a call that ended after midnight
            "2026-11-19",
            "2026/11/20 00:00:00 - 2026/11/20 23:59:59",
            "10:00",
            "no date",
            "10.0.0.1",
            "99.99.2026",
        ],
    )
    def test_a_date_that_may_be_in_the_window_contradicts_nothing(self, cell: str) -> None:
        assert told(f"Time,Calls\n{cell},3\n") == ""

    @pytest.mark.parametrize("cell", ["2026/11/18 10:00:00", "18.11.2026", "11-18-2026", "2025-11-20", "2026-11-22"])
    def test_dates_that_are_all_outside_contradict(self, cell: str) -> None:
        assert "outside of the time window" in told(f"Time,Calls\n{cell},3\n")

    def test_one_date_inside_is_enough(self) -> None:
        assert told("Time,Calls\n2026-11-02,1\n2026-11-20,2\n2026-12-02,1\n") == ""

    def test_day_and_month_are_read_either_way(self) -> None:
        window = {"start_time": "2026-03-04T00:00:00", "end_time": "2026-03-04T23:59:59"}

        assert told("Time\n03/04/2026\n", window) == ""
        assert told("Time\n04/03/2026\n", window) == ""
        assert told("Time\n05/08/2026\n", window)

    def test_the_day_of_its_making_is_no_evidence_at_the_head_of_a_file(self) -> None:
        assert told("Exported,2026/11/27 01:00:00\n\nQueue,Calls\nSupport<6400>,3\n") == ""
        assert told("Exported,2026/11/27 01:00:00\n" + "x,1\n" * 6 + "2026/11/26,3\n")
        assert told("Range,2026/11/23 - 2026/11/24\nQueue,Calls\nSupport<6400>,3\n")

    @pytest.mark.parametrize(
        ("window", "day", "contradicts"),
        [
            ({"time": "2026-11"}, "2026-11-30", False),
            ({"time": "2026-11"}, "2026-10-30", True),
            ({"time": "2026"}, "2026-01-30", False),
            ({"time": "2026-11-20"}, "2026-11-01", True),
            ({"start_time": "2026-11-20T00:00:00"}, "2027-01-01", False),
            ({"start_time": "2026-11-20T00:00:00"}, "2026-01-01", True),
            ({"end_time": "2026-11-20T00:00:00"}, "2026-01-01", False),
            ({}, "1999-01-01", False),
        ],
    )
    def test_every_kind_of_window(self, window: dict[str, str], day: str, contradicts: bool) -> None:
        assert bool(told(f"Time\n{day}\n", window)) is contradicts


class TestNames:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=repr)
    @pytest.mark.parametrize("label", ["Support<6401>", "6401-Support", "Support <6401>"])
    def test_rows_of_others_alone_contradict(self, label: str, delimiter: str) -> None:
        assert "6401" in told(f"Queue,Calls\n{label},3\n".replace(",", delimiter))

    @pytest.mark.parametrize("label", ["Sales<6400>", "Anna<1001>", "6401", "Support", "", "1-2", "<>"])
    def test_the_asked_ones_and_what_is_no_label_of_the_menu_do_not(self, label: str) -> None:
        assert told(f"Queue,Calls\n{label},3\n") == ""

    def test_one_row_of_what_was_asked_for_is_enough(self) -> None:
        assert told("Queue,Calls\nSupport<6401>,3\nSales<6400>,3\n") == ""

    def test_where_all_were_asked_for_there_are_no_others(self) -> None:
        assert told("Queue,Calls\nSupport<6401>,3\n", others="") == ""


@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    assert isinstance(told(text), str)


PREAMBLE = ["Report\n", "Made on 2026/08/02\n", "\n", "\n", "\n", "Time,Calls\n"]


@pytest.mark.parametrize(
    ("time", "row", "stray"),
    [
        ("2026-07", "2026/08/01,3", "2026/08/01"),
        ("2026-07", "2026/07/31,3", ""),
        ("2026", "2027/01,3", "2027/01"),
        ("2026", "01.2027,3", "01.2027"),
        ("2026", "2026/12,3", ""),
        ("2026-07", "07/08/2026,3", ""),
        ("2026-07", "31,3", ""),
        ("2026-07-05", "2026-07-06 00:00,3", "2026-07-06 00:00"),
        ("2026", "01.01.2027,3", "01.01.2027"),
        ("2026", ",2027/01/01", ""),
    ],
)
def test_a_row_of_another_time_is_told(time: str, row: str, stray: str) -> None:
    assert stray_row([*PREAMBLE, f"{row}\n"], {"time": time}) == stray
    assert stray_row([*PREAMBLE, f"{row}\n"], {"start_time": "2026-07-01T00:00:00"}) == ""
