from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.state.marks import event_mark, file_mark
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
