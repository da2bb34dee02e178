"""The CDR by pages and as a file, over real sockets, held against the reference."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest

from airflow_provider_yeastar.simulator import Fault
from tests.simulator.api.support import DAY, NOVEMBER_20, Rows, calls, legs
from tests.simulator.support import RANGE, Caller, calling


class TestPages:
    @pytest.mark.parametrize("version", ["v1.0", "v2.0"])
    @pytest.mark.parametrize("order", ["asc", "desc"])
    @pytest.mark.parametrize("filters", [{}, {"call_from": "1003"}], ids=["all", "some"])
    def test_pages_hold_every_row_once(self, caller: Caller, version: str, order: str, filters: dict[str, str]) -> None:
        window = {"start_time": "1794870000", "end_time": "1795301999"} if version == "v1.0" else DAY
        query = {**window, **filters, "order_by": order}
        whole = caller.get("cdr/search", version, **query)
        size = 2 if filters else 50

        pages: Rows = []
        for page in range(1, whole["total_number"] // size + 2):
            answer = caller.get("cdr/search", version, **query, page=str(page), page_size=str(size))
            assert answer["total_number"] == whole["total_number"]
            pages += answer["data"] or []

        assert pages == whole["data"]
        assert len(pages) == whole["total_number"] > size

    def test_a_day_may_have_tens_of_thousands(self) -> None:
        with calling(traffic=150.0) as caller:
            answers = [caller.get("cdr/search", "v2.0", **DAY, order_by="asc", page=page) for page in "123"]

        (total,) = {answer["total_number"] for answer in answers}
        assert total > 20_000
        assert [len(answer["data"]) for answer in answers] == [10_000, 10_000, total - 20_000]
        assert len({row["uid"] for answer in answers for row in answer["data"]}) == total

    def test_a_page_may_be_capped_whatever_is_asked_for(self) -> None:
        with calling(cdr_page_cap=30) as caller:
            first, second = (calls(caller, page=page, page_size="100") for page in "12")

        assert (len(first), len(second)) == (30, 30)
        assert not {row["uid"] for row in first} & {row["uid"] for row in second}

    def test_a_search_may_end_at_a_number_of_rows(self) -> None:
        with calling(cdr_result_cap=50) as caller:
            answer = caller.get("cdr/search", "v2.0", **DAY)
            beyond = caller.get("cdr/search", "v2.0", **DAY, page="2", page_size="50")

        assert (answer["total_number"], len(answer["data"]), beyond["data"]) == (50, 50, None)

    def test_a_page_may_be_ignored_or_come_the_other_way_round(self, caller: Caller) -> None:
        first = calls(caller, page="1", page_size="9")
        caller.pbx.faults.add(Fault("page ignored", "cdr/search"), Fault("other order", "cdr/search", after=1))

        assert calls(caller, page="2", page_size="9") == first
        assert calls(caller, page="1", page_size="9") == first[::-1]

    def test_a_page_of_recordings_too(self, caller: Caller) -> None:
        query = NOVEMBER_20 | {"page_size": "5"}
        first = caller.get("recording/search", **query)["data"]
        caller.pbx.faults.add(Fault("page ignored", "recording/search"), Fault("other order", "recording/search"))

        assert caller.get("recording/search", **query, page="2")["data"] == first[::-1] != []

    @pytest.mark.parametrize("value", [0, "120", None, -1])
    def test_the_count_may_be_anything(self, caller: Caller, value: object) -> None:
        caller.pbx.faults.add(Fault("total number", "cdr/search", value=value))

        assert caller.get("cdr/search", "v2.0", **DAY)["total_number"] == value

    def test_the_count_may_be_missing(self, caller: Caller) -> None:
        caller.pbx.faults.add(Fault("without", "cdr/search", value=("total_number",)))

        assert "total_number" not in caller.get("cdr/search", "v2.0", **DAY)

    @pytest.mark.parametrize("version", ["v1.0", "v2.0"])
    def test_calls_may_arrive_between_two_pages(self, caller: Caller, version: str) -> None:
        query = {**(DAY if version == "v2.0" else NOVEMBER_20), "order_by": "asc", "page_size": "50"}
        before = caller.get("cdr/search", version, **query)
        caller.pbx.faults.add(Fault("new calls", "cdr/search", value=(datetime(2026, 11, 20, 0, 0, 1),)))
        caller.get("cdr/search", version, **query)

        second = caller.get("cdr/search", version, **query, page="2")

        grown = second["total_number"] - before["total_number"]
        assert grown == (1 if version == "v2.0" else 2)
        # What stood last on the first page is told again on the second.
        assert second["data"][:grown] == before["data"][-grown:]


class TestDownload:
    @pytest.mark.parametrize(
        ("settings", "version", "tables"),
        [
            ({}, "v1.0", ["new_id"]),
            ({}, "v2.0", ["uid"]),
            ({"cdr_download_range": "transaction"}, "v2.0", ["new_id"]),
            ({"cdr_download_range": "list_transaction"}, "v2.0", ["uid", "new_id"]),
        ],
        ids=["v1.0", "calls", "legs", "both"],
    )
    def test_the_file_has_the_rows_of_the_search(
        self, settings: dict[str, str], version: str, tables: list[str]
    ) -> None:
        with calling(**settings) as caller:
            answer = caller.get("cdr/download", version, **DAY | RANGE)
            option = caller.get("cdr/getdownloadoption", "v2.0")["data"]
            text = caller.fetch(answer).content.decode().replace("\ufeff", "")
            expected = {"uid": len(calls(caller)), "new_id": len(legs(caller))}

        lines = list(csv.reader(io.StringIO(text)))
        headers = [index for index, line in enumerate(lines) if "uid" in line]
        ends = [*headers[1:], len(lines)]
        found = {key: end - start - 1 for key, start, end in zip(tables, headers, ends, strict=True)}
        assert found == {key: expected[key] for key in tables}
        assert option == {
            "range": settings.get("cdr_download_range", "list"),
            "format": "csv",
            "duration_format": "seconds",
            "export_column": "all",
        }

    def test_each_file_has_a_name_of_its_own(self, caller: Caller) -> None:
        assert len({caller.get("cdr/download", "v2.0", **DAY)["file"] for _ in range(2)}) == 2

    def test_legs_in_the_file_are_those_of_the_calls_that_were_asked_for(self) -> None:
        with calling(cdr_download_range="transaction", cdr_times="unix") as caller:
            answer = caller.get("cdr/download", "v2.0", **DAY, last_status="ABANDONED")
            rows = list(csv.DictReader(io.StringIO(caller.fetch(answer).content.decode("utf-8-sig"))))
            expected = {row["uid"] for row in calls(caller, last_status="ABANDONED")}

        assert {row["uid"] for row in rows} == expected != set()
