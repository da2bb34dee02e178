from __future__ import annotations

from collections.abc import Callable

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
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds, Setbacks, busy_delay, retry_delay, unanswered_delay


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
            pytest.param(AmbiguousEventError("no"), 500, id="ambiguous-until-the-deadline"),
            pytest.param(NetworkError("no"), 500, id="network-until-the-deadline"),
        ],
    )
    def test_each_cause_is_borne_so_often(self, error: YeastarError, borne: int) -> None:
        setbacks = Setbacks()

        assert all(setbacks.add(error) for _ in range(borne))
        assert setbacks.add(error) is (borne == 500)

    def test_all_causes_together_are_borne_so_often(self) -> None:
        setbacks = Setbacks(most=2)

        assert [setbacks.add(error("no")) for error in (NetworkError, TokenExpiredError, NetworkError)] == [
            True,
            True,
            False,
        ]

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

        setbacks.accepted += 1
        assert setbacks.summary() == "the PBX accepted the request once"

        setbacks.add(NetworkError("Connection reset"))
        setbacks.accepted += 1
        assert setbacks.summary() == (
            "the PBX accepted the request twice, 1 attempt failed, the last one so: Connection reset"
        )

    def test_after_a_second_report_without_an_answer_the_pauses_are_long(self) -> None:
        setbacks = Setbacks()
        delays = []
        for _ in range(9):
            setbacks.unanswered += 1
            setbacks.add(NetworkError("Connection reset"))
            delays.append(setbacks.delay(1.0))

        assert delays == [2.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0]


class TestRetryDelay:
    def test_it_grows_to_a_minute(self) -> None:
        assert [retry_delay(attempt, 1.0) for attempt in (1, 2, 3, 6, 1000)] == [2.0, 4.0, 8.0, 60.0, 60.0]

    def test_chance_takes_away_up_to_half(self) -> None:
        assert retry_delay(3, 0.0) == 4.0

    @pytest.mark.parametrize(("delay", "longest"), [(busy_delay, 30.0), (unanswered_delay, 300.0)])
    def test_other_causes_have_a_longest_pause_of_their_own(
        self, delay: Callable[[int, float], float], longest: float
    ) -> None:
        assert delay(1000, 1.0) == longest
        assert delay(1000, 0.0) == longest / 2
