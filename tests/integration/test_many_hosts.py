"""Whose file is it, where processes of several hosts fetch reports of one PBX: the right one, or the task is red."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.asking import pbx_that
from tests.integration.support import know_the_past
from tests.integration.workers import Ended, Worker
from tests.pbx.state.backends import redis_of_the_session
from tests.pbx.state.redis_server import RedisServer

__all__ = ["redis_of_the_session"]

SLOTS = 3
TASKS = 10
"""Of each of the two workers."""
PODS = 12


@pytest.fixture
def shared_url(request: pytest.FixtureRequest) -> str:
    """The URL of a state that hosts share, with nothing in it."""
    server: RedisServer = request.getfixturevalue("redis_of_the_session")
    import redis

    with closing(redis.Redis.from_url(server.url)) as client:
        client.flushall()
    return server.url


def ends(workers: Sequence[Worker]) -> list[Ended]:
    return [end for worker in workers for end in worker.ends()]


def not_right(ended: Sequence[Ended]) -> list[Ended]:
    """The tasks that failed, and above all those that ended green with another's file."""
    return [end for end in ended if not end.is_right]


def queues(number: int) -> list[int]:
    """What one of two workers asks for: at each time another queue than the other one does."""
    return [1 + (task + number) % 3 for task in range(TASKS)]


BEHAVIOURS = {
    "runs-two-jobs-at-once": {"parallel_jobs": 2, "report_seconds": 0.1},
    "announces-after-it-takes-the-next-job": {"report_seconds": 0.1, "announce_seconds": 0.5},
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
class TestTwoWorkers:
    """Fault 1: 11 wrong files of 80 in green tasks, and 6 of 80."""

    def test_that_share_nothing_ask_for_certain_answers(self, behaviour: dict[str, Any], tmp_path: Path) -> None:
        with pbx_that(sync_announces=True, **behaviour) as pbx:
            workers = [
                Worker(pbx, tmp_path / str(number), queues(number), slots=SLOTS, exclusive=False) for number in range(2)
            ]
            ended = ends(workers)

        assert not_right(ended) == []
        assert {end.way for end in ended} == {"answer"}

    def test_that_share_a_state_believe_events(
        self, behaviour: dict[str, Any], shared_url: str, tmp_path: Path
    ) -> None:
        with pbx_that(**behaviour) as pbx:
            know_the_past(pbx, tmp_path, shared_url)
            workers = [
                Worker(pbx, tmp_path / str(number), queues(number), slots=SLOTS, state_url=shared_url)
                for number in range(2)
            ]
            ended = ends(workers)

            assert pbx.state.logins <= 2
        assert not_right(ended) == []
        assert "turn" in {end.way for end in ended}


class TestTwelvePods:
    """Fault 2: 7 right, 1 wrong, 4 failed, with 21 logins and 8 tokens left; with tokens of their own 9 and 3 wrong."""

    @pytest.mark.parametrize(
        ("login_sharing", "logins"),
        [("host", 1), ("none", 2)],  # with tokens that are not shared, the wait has one and the download another
    )
    def test_that_share_nothing_get_their_files_and_leave_no_token(
        self, login_sharing: str, logins: int, tmp_path: Path
    ) -> None:
        with pbx_that(parallel_jobs=2, sync_announces=True) as pbx:
            ended = self.run(pbx, tmp_path, exclusive=False, login_sharing=login_sharing)

            assert PODS <= pbx.state.logins <= logins * PODS
            assert pbx.state.tokens == {}
        assert not_right(ended) == []
        assert {end.way for end in ended} == {"answer"}

    def test_that_share_a_state_get_their_files_with_one_token(self, shared_url: str, tmp_path: Path) -> None:
        """One more login is right if the first pod has ended before another one came: it gives its token back."""
        with pbx_that(parallel_jobs=2) as pbx:
            know_the_past(pbx, tmp_path, shared_url)
            ended = self.run(pbx, tmp_path, state_url=shared_url)

            assert len(pbx.calls("get_token")) <= 2
            assert len(pbx.state.tokens) == 1
        assert not_right(ended) == []
        assert "turn" in {end.way for end in ended}

    def run(self, pbx: PbxSimulator, tmp_path: Path, **options: Any) -> list[Ended]:
        return ends([Worker(pbx, tmp_path / str(pod), [1 + pod % 3], **options) for pod in range(PODS)])
