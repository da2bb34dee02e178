"""Recordings over real sockets, held against the reference; no code of the provider's client is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_yeastar.simulator import Fault
from tests.simulator.api.support import NOVEMBER_20, legs
from tests.simulator.support import Caller, calling


class TestRecordings:
    def test_each_belongs_to_a_call_and_goes_by_its_record_file(self, caller: Caller) -> None:
        rows = caller.get("recording/search", **NOVEMBER_20)["data"]
        by_uid = {leg["uid"]: leg for leg in legs(caller) if "record_file" in leg}

        assert {row["uid"]: row["file"] for row in rows} == {uid: leg["record_file"] for uid, leg in by_uid.items()}
        assert all(type(row["id"]) is int and type(row["size"]) is int for row in rows)
        assert len({row["id"] for row in rows}) == len(rows) > 0

    @pytest.mark.parametrize("by", ["id", "file"])
    def test_a_file_has_the_size_that_was_listed(self, caller: Caller, by: str) -> None:
        row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])

        answer = caller.get("recording/download", **{by: str(row[by])})
        content = caller.fetch(answer).content

        assert (answer["file"], len(content)) == (row["file"], row["size"])
        assert content.startswith(b"RIFF")
        assert int.from_bytes(content[4:8], "little") == len(content) - 8

    def test_some_have_no_file(self, caller: Caller) -> None:
        rows = caller.get("recording/search", start_time="1793487600", end_time="1796079599")["data"]
        empty = next(row for row in rows if row["size"] == 0)

        assert caller.get("recording/download", id=str(empty["id"]))["errcode"] == 60001
        assert sum(row["size"] == 0 for row in rows) < len(rows) / 10

    def test_its_url_lives_for_half_an_hour(self, caller: Caller) -> None:
        row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
        answer = caller.get("recording/download", id=str(row["id"]))
        caller.pbx.advance(1801)
        caller.log_in()

        assert caller.fetch(answer).json()["errcode"] == 60001

    @pytest.mark.parametrize("encodes", [True, False], ids=["encoded", "raw"])
    @pytest.mark.parametrize("attachments", [True, False], ids=["attachment", "download"])
    def test_its_url_comes_in_each_way(self, encodes: bool, attachments: bool) -> None:
        settings = {"encodes_recording_urls": encodes, "recordings_as_attachments": attachments}
        with calling(awkward_recording_names=True, **settings) as caller:
            row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
            answer = caller.get("recording/download", id=str(row["id"]))
            content = caller.fetch(answer).content

        assert len(content) == row["size"]
        assert " " in answer["file"]
        assert "+" in answer["file"]
        assert (" " in answer["download_resource_url"]) is not encodes
        assert answer["download_resource_url"].startswith(
            "/api/downloadattachment/" if attachments else "/api/download/"
        )

    def test_mp3_is_made_one_at_a_time(self) -> None:
        with calling(recordings_as_mp3=True, report_seconds=1.0) as caller, ThreadPoolExecutor(4) as pool:
            row = next(row for row in caller.get("recording/search", **NOVEMBER_20)["data"] if row["size"])
            answers = list(pool.map(lambda _: caller.get("recording/download", id=str(row["id"]))["errcode"], range(4)))

        assert sorted(answers) == [0, 70651, 70651, 70651]

    @pytest.mark.parametrize("errcode", [70651, 70131, 70656, 80010])
    def test_it_may_be_refused(self, caller: Caller, errcode: int) -> None:
        caller.pbx.faults.add(Fault("errcode", "recording/download", errcode))

        assert caller.get("recording/download", id="1")["errcode"] == errcode

    @pytest.mark.parametrize("endpoint", ["recording/list", "recording/search", "recording/download"])
    def test_v2_knows_nothing_of_them(self, caller: Caller, endpoint: str) -> None:
        assert caller.get(endpoint, "v2.0")["errcode"] == 10001

    def test_they_are_chosen_by_number_and_id(self, caller: Caller) -> None:
        rows = caller.get("recording/search", **NOVEMBER_20)["data"]
        ids = f"{rows[0]['id']},{rows[-1]['id']}"

        assert caller.get("recording/search", **NOVEMBER_20, ids=ids)["data"] == [rows[0], rows[-1]]
        by_caller = caller.get("recording/search", **NOVEMBER_20, caller=rows[0]["call_from_number"])["data"]
        assert by_caller == [row for row in rows if row["call_from_number"] == rows[0]["call_from_number"]]

    @pytest.mark.parametrize("query", [{}, {"id": "9" * 40}, {"id": "x"}, {"file": "x"}, {"id": "-1"}])
    def test_what_is_not_there_is_refused(self, caller: Caller, query: dict[str, str]) -> None:
        assert caller.get("recording/download", **query)["errcode"] == (60001 if query else 40002)
