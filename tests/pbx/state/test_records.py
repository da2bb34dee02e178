from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.state.records import event_mark, file_mark, has_own_name
from airflow_provider_yeastar.pbx.wire import EventFrame


def test_an_event_s_mark_tells_files_and_failures_apart_but_not_copies() -> None:
    def event(url: str, succeeded: bool = True, download_id: int | None = None) -> EventFrame:
        return EventFrame(succeeded, "A.csv", url, "", download_id)

    assert event_mark(event("/a")) == event_mark(event("/a", download_id=3))
    assert event_mark(event("/a")) != event_mark(event("/b"))
    assert event_mark(event("", False, 1)) == event_mark(event("", False, 1))
    assert event_mark(event("", False, 1)) != event_mark(event("", False, 2))


class TestTheMarkOfAFile:
    @pytest.mark.parametrize(
        "url",
        [
            "http://pbx:8088/api/download/Queue #1.csv",
            "https://10.0.0.1/api/download/Queue%20%231.csv",
            "/api/download/Queue%2520%25231.csv",
            "api/download/Queue #1.csv",
            "/api/download/Queue #1.csv?from=event",
        ],
    )
    def test_is_one_for_all_ways_to_write_its_url(self, url: str) -> None:
        assert file_mark(url) == file_mark("/api/download/Queue #1.csv")

    @pytest.mark.parametrize("url", ["/api/download/Queue #2.csv", "/api/download/queue #1.csv", "", "http://[/x"])
    def test_is_another_one_for_another_path(self, url: str) -> None:
        assert file_mark(url) != file_mark("/api/download/Queue #1.csv")

    def test_of_a_failure_is_no_file_s(self) -> None:
        assert event_mark(EventFrame(False, "a.csv", "/api/download/a.csv", "failed", 1)) != file_mark(
            "/api/download/a.csv"
        )


@pytest.mark.parametrize(
    ("url", "has_one"),
    [
        ("/api/download/QueueSatisfaction-x.7.0.7-download-20220608094753-ejP6Z6htIfhsCQbP.csv", True),
        ("https://pbx:8088/api/download/A%20b%2Ddownload-20220608094753-ejP6Z6htIfhsCQbP.xlsx?access_token=x", True),
        ("/api/download/Sep-Agent-Performance_detail.csv", False),
        ("/api/download/queue-20261126000000-20261126235959.csv", False),  # a time frame is not the file's own
        ("/api/download/queue-download-20261126-20261127.csv", False),
        ("/api/download/x-download-20220608094753-ejP6Z6htIfhsCQbP.csv/report.csv", False),
        ("", False),
    ],
)
def test_a_name_of_the_vendor_s_answer_is_a_file_s_own(url: str, has_one: bool) -> None:
    assert has_own_name(url) is has_one
