"""Recordings as the PBX lists them: how their files are called, and whether a file is the one that was listed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.calls.query import call_filters
from airflow_provider_yeastar.pbx.calls.recordings import RECORDING_API, Recording, decode_recording, size_complaint
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, InvalidSettingsError, NotAPbxError
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat

YEAR_FIRST = DisplayFormat("YYYY/MM/DD", "hh:mm:ss")
ROW = {"id": 12, "uid": "20261120100000A0001", "time": "2026/11/20 10:00:00", "size": 804, "file": "a-b.wav"}
WAVE = b"RIFF" + (96).to_bytes(4, "little")


def decode(display: DisplayFormat = YEAR_FIRST, **changes: Any) -> Recording:
    return decode_recording(ROW | changes, display, pbx="pbx:8088")


class TestARow:
    def test_is_read(self) -> None:
        assert decode() == Recording("12", "20261120100000A0001", datetime(2026, 11, 20, 10), 804, ".wav")

    @pytest.mark.parametrize("missing", ["", None, {}, []])
    def test_without_an_id_is_refused(self, missing: Any) -> None:
        with pytest.raises(NotAPbxError, match="without id"):
            decode(id=missing)

    @pytest.mark.parametrize(
        ("size", "found"),
        [
            (0, 0),
            ("0", 0),
            ("804", 804),
            (804.0, 804),
            (0.0, 0),
            (None, None),
            ("", None),
            (-1, None),
            (1.5, None),
            (True, None),
        ],
    )
    def test_tells_its_size_or_not(self, size: Any, found: int | None) -> None:
        assert (decode(size=size).size, decode(size=size).has_file) == (found, found != 0)

    @pytest.mark.parametrize(
        ("file", "suffix"),
        [("a.wav", ".wav"), ("a.MP3", ".mp3"), ("a%2Emp3", ".mp3"), ("a", ".wav"), ("a.exe", ".wav"), (None, ".wav")],
    )
    def test_gives_its_file_s_suffix_and_nothing_else(self, file: Any, suffix: str) -> None:
        assert decode(file=file).suffix == suffix

    def test_in_another_display_format_is_refused(self) -> None:
        with pytest.raises(InvalidSettingsError, match="is not written as"):
            decode(time="20/11/2026 10:00:00")

    def test_may_lack_its_time(self) -> None:
        assert (decode(time="").started, decode(time="").timestamp(ZoneInfo("Europe/Berlin"))) == (None, None)


class TestTheTime:
    def test_in_unix_seconds(self) -> None:
        expected = datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()

        assert decode().timestamp(ZoneInfo("Europe/Berlin")) == expected

    def test_that_the_clock_shows_twice_is_none(self) -> None:
        assert decode(time="2026/10/25 02:30:00").timestamp(ZoneInfo("Europe/Berlin")) is None


class TestTheName:
    def test_is_made_of_time_call_recording_and_pbx(self) -> None:
        assert decode().file_name("3692A1234567") == "20261120T100000_20261120100000A0001_12_3692A1234567.wav"

    @pytest.mark.parametrize(
        "display", [DisplayFormat("DD.MM.YYYY", "hh:mm:ss"), DisplayFormat("MM-DD-YYYY", "hh:mm:ss AM")]
    )
    def test_does_not_depend_on_the_display_format(self, display: DisplayFormat) -> None:
        shown = display.format_datetime(datetime(2026, 11, 20, 10))

        assert decode(display, time=shown).file_name("") == decode().file_name("")

    @given(st.text(), st.text(min_size=1), st.text())
    def test_is_a_plain_file_name_whatever_the_pbx_sends(self, uid: str, key: str, serial_number: str) -> None:
        recording = Recording(key, uid, None, 1, ".wav")

        name = recording.file_name(serial_number)

        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>| \0\n')
        assert not name.startswith(".")
        assert len(name) < 250

    @given(st.sets(st.text(min_size=1), min_size=2, max_size=2))
    def test_differs_where_the_id_does(self, keys: set[str]) -> None:
        first, second = (Recording(key, "", None, 1, ".wav").file_name("") for key in keys)

        assert first != second


class TestTheSize:
    @pytest.mark.parametrize("listed", [804, None])
    def test_as_it_was_listed_is_right(self, listed: int | None) -> None:
        assert size_complaint(listed, 804, b"ID3\4\0\0\0\0") is None

    def test_of_a_wave_file_may_be_the_one_that_it_names(self) -> None:
        assert size_complaint(50, 104, WAVE) is None

    @pytest.mark.parametrize(
        ("stored", "head"), [(103, WAVE), (105, WAVE), (104, b"ID3\4" + WAVE[4:]), (8, b"RIFF\0\0\0\0"), (3, b"abc")]
    )
    def test_is_else_a_complaint_with_both(self, stored: int, head: bytes) -> None:
        assert size_complaint(804, stored, head) == f"The PBX lists 804 bytes and sent {stored}"


class TestFilters:
    def test_that_there_are_pass(self) -> None:
        assert call_filters({"caller": "1000", "ids": [1, 2]}, RECORDING_API) == {"caller": "1000", "ids": [1, 2]}

    @pytest.mark.parametrize("name", ["call_from", "status", "anything", "callers"])
    def test_that_the_pbx_would_pass_over_are_refused(self, name: str) -> None:
        with pytest.raises(InvalidRequestError, match="callee, caller, ids"):
            call_filters({name: "1000"}, RECORDING_API)
