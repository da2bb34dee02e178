"""Recordings: rows of the list, names that never collide or lead elsewhere, and what is left to be fetched."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.calls.recordings import (
    Recording,
    StoredRecording,
    decode_recording,
    recording_filters,
    to_fetch,
)
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, NotAPbxError

ROW: dict[str, Any] = {
    "id": 17,
    "time": "2026/11/22 09:00:05",
    "uid": "20261122090005A1B2",
    "call_from": "Anna<1001>",
    "call_to": "6400",
    "duration": 61,
    "size": "81920",
    "call_type": "Inbound",
    "file": "20261122090005-17-1001-6400-Inbound.wav",
}


def recording(**changes: Any) -> Recording:
    return decode_recording(ROW | changes, pbx="pbx:8088")


class TestARow:
    def test_is_taken_apart(self) -> None:
        found = recording()

        assert (found.id, found.uid, found.size) == ("17", "20261122090005A1B2", 81920)
        assert found.details == {"call_from": "Anna<1001>", "call_to": "6400", "duration": 61, "call_type": "Inbound"}

    @pytest.mark.parametrize("size", [None, "", "many", -1, "1" * 30, [], {}])
    def test_of_no_readable_size_has_one_that_is_unknown(self, size: Any) -> None:
        assert recording(size=size).size is None
        assert recording(size=size).has_file

    @pytest.mark.parametrize("size", [0, "0"])
    def test_of_size_0_has_no_file(self, size: Any) -> None:
        assert not recording(size=size).has_file

    @pytest.mark.parametrize("number", [None, "", []])
    def test_without_id_is_refused(self, number: Any) -> None:
        with pytest.raises(NotAPbxError):
            recording(id=number)


class TestTheName:
    def test_is_made_of_time_call_and_id(self) -> None:
        assert recording().name == "20261122090005_20261122090005A1B2_17.wav"

    @pytest.mark.parametrize(
        ("file", "suffix"),
        [
            ("a.MP3", ".mp3"),
            ("a%2Emp3", ".mp3"),
            ("a.exe", ".wav"),
            ("", ".wav"),
            ("../../etc/passwd", ".wav"),
        ],
    )
    def test_has_the_suffix_of_the_pbx_s_name_if_it_is_one_of_audio(self, file: str, suffix: str) -> None:
        assert recording(file=file).name == f"20261122090005_20261122090005A1B2_17{suffix}"

    @pytest.mark.parametrize("uid", ["../../x", "a/b", "a\0b", "a\nb", "x" * 500, "..", "ünï"])
    def test_leads_nowhere_else(self, uid: str) -> None:
        name = recording(uid=uid).name

        assert "/" not in name
        assert "\0" not in name
        assert name.isascii()
        assert len(name) < 200
        assert not name.startswith(".")

    def test_of_two_recordings_of_a_call_differs(self) -> None:
        assert recording(id=17).name != recording(id=18).name


def test_what_is_missing_or_differs_in_size_is_fetched() -> None:
    there, cut, missing, empty = recording(id=1), recording(id=2), recording(id=3), recording(id=4, size=0)

    left = to_fetch([there, cut, missing, empty], {there.name: 81920, cut.name: 40000})

    assert left == [cut, missing]


def test_a_line_of_the_manifest_holds_the_row_and_the_file() -> None:
    row = StoredRecording(recording(), "s3://lake/a.wav", 81920, "ab").to_row()

    assert (row["id"], row["path"], row["bytes"], row["sha256"]) == ("17", "s3://lake/a.wav", 81920, "ab")
    assert row["call_from"] == "Anna<1001>"


class TestFilters:
    def test_are_sent_as_the_pbx_takes_them(self) -> None:
        assert recording_filters({"caller": "1001", "ids": [1, "2"]}) == {"caller": "1001", "ids": "1,2"}
        assert recording_filters(None) == {}

    @pytest.mark.parametrize("value", [None, "", [], [None], [""], "None", True, {"a": 1}])
    def test_that_are_empty_are_refused(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="caller"):
            recording_filters({"caller": value})

    def test_of_another_name_are_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="callee, caller, ids"):
            recording_filters({"call_from": "1"})
