from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.errors import (
    AmbiguousEventError,
    CredentialsError,
    NetworkError,
    PbxInternalError,
    ReportFailedError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.waiting.bounds import (
    Bounds,
    Setbacks,
    choose_event,
    could_be_ours,
    is_certain,
    retry_delay,
)
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing


def event(
    file: str = "Report.csv", *, succeeded: bool = True, error: str = "", download_id: int | None = None
) -> EventFrame:
    return EventFrame(succeeded, file, f"/api/download/{file}" if file else "", error, download_id)


class TestBounds:
    def test_a_turn_lasts_for_the_wait(self) -> None:
        assert Bounds(queue_until=1000.0, wait_timeout=60.0).turn_until(500.0) == 560.0

    def test_a_late_turn_does_not_go_beyond_both_bounds(self) -> None:
        assert Bounds(queue_until=1000.0, wait_timeout=60.0).turn_until(1030.0) == 1060.0

    def test_neither_goes_beyond_the_task_s_own_time(self) -> None:
        bounds = Bounds(queue_until=1000.0, wait_timeout=60.0, until=520.0)

        assert bounds.queue_end == 520.0
        assert bounds.turn_until(500.0) == 520.0
        assert bounds.turn_until(450.0) == 510.0


class TestSetbacks:
    @pytest.mark.parametrize(
        ("error", "borne"),
        [
            pytest.param(CredentialsError("no"), 0, id="what-cannot-pass"),
            pytest.param(TokenExpiredError("no"), 3, id="token"),
            pytest.param(ReportFailedError("no"), 1, id="failed-report"),
            pytest.param(PbxInternalError("no"), 2, id="internal-error"),
            pytest.param(AmbiguousEventError("no"), 5, id="ambiguous-event"),
            pytest.param(NetworkError("no"), 500, id="network-until-the-deadline"),
        ],
    )
    def test_each_cause_is_borne_so_often(self, error: YeastarError, borne: int) -> None:
        setbacks = Setbacks()
        for _ in range(borne):
            setbacks.add(error)

        if not isinstance(error, NetworkError):
            with pytest.raises(type(error)):
                setbacks.add(error)

    def test_the_summary_tells_the_last_cause(self) -> None:
        setbacks = Setbacks()
        setbacks.add(NetworkError("Connection refused"))
        setbacks.add(NetworkError("Connection reset"))

        assert setbacks.summary() == "2 attempts failed, the last one so: Connection reset"
        assert setbacks.remedy == NetworkError.default_remedy
        assert setbacks.retry_after == NetworkError.default_retry_after

    def test_without_a_setback_there_is_nothing_to_remedy(self) -> None:
        assert Setbacks().remedy is None
        assert Setbacks().retry_after is None

    def test_the_summary_tells_what_was_seen_meanwhile(self) -> None:
        setbacks = Setbacks()
        assert setbacks.summary() == "the PBX gave no sign of trouble"

        setbacks.accept()
        setbacks.foreign += 1
        assert setbacks.summary() == "the PBX accepted the request once, 1 event was not ours"

        setbacks.add(NetworkError("Connection reset"))
        setbacks.accept()
        setbacks.foreign += 1
        assert setbacks.summary() == (
            "the PBX accepted the request twice, 2 events were not ours, "
            "1 attempt failed, the last one so: Connection reset"
        )


class TestRetryDelay:
    def test_it_grows_to_a_minute(self) -> None:
        assert [retry_delay(attempt, 1.0) for attempt in (1, 2, 3, 6, 1000)] == [2.0, 4.0, 8.0, 60.0, 60.0]

    def test_chance_takes_away_up_to_half(self) -> None:
        assert retry_delay(3, 0.0) == 4.0


class TestCouldBeOurs:
    @pytest.mark.parametrize(
        ("file", "file_format", "ours"),
        [
            ("Report.csv", "csv", True),
            ("REPORT.CSV", "csv", True),
            ("Report.pdf", "csv", False),
            ("Report.xlsx", "xls", True),
            ("Report", "csv", True),
            ("", "csv", True),
            ("Report.pdf", None, True),
        ],
    )
    def test_the_extension_decides(self, file: str, file_format: str | None, ours: bool) -> None:
        assert could_be_ours(event(file), file_format, Processing(None)) is ours

    @pytest.mark.parametrize(("download_id", "ours"), [(8, True), (9, False)])
    def test_an_id_decides_alone(self, download_id: int, ours: bool) -> None:
        assert could_be_ours(event("Other.pdf", download_id=download_id), "csv", Processing(8)) is ours

    def test_an_id_in_the_event_alone_decides_nothing(self) -> None:
        assert could_be_ours(event(download_id=9), "csv", Processing(None))

    @pytest.mark.parametrize(
        ("asked", "told", "certain"), [(8, 8, True), (8, 9, False), (8, None, False), (None, None, False)]
    )
    def test_only_an_id_on_both_sides_makes_certain(self, asked: int | None, told: int | None, certain: bool) -> None:
        assert is_certain(event(download_id=told), Processing(asked)) is certain


class TestChooseEvent:
    def test_a_duplicate_is_one_event(self) -> None:
        assert choose_event([event(), event()], pbx="pbx") == event()

    def test_of_two_files_neither_is_believed(self) -> None:
        with pytest.raises(AmbiguousEventError, match="2 different reports"):
            choose_event([event("A.csv"), event("B.csv")], pbx="pbx")

    def test_a_failure_speaks_the_pbx_words(self) -> None:
        with pytest.raises(ReportFailedError, match="disk full"):
            choose_event([event("", succeeded=False, error="disk full")], pbx="pbx")
