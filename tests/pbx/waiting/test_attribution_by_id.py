"""The ``download_id`` of an event, where a firmware names it in its answer, too."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.state.ledger import Ledger
from airflow_provider_yeastar.pbx.state.records import event_mark
from airflow_provider_yeastar.pbx.waiting.attribution import Step, conclude, judge
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing
from tests.pbx.waiting.test_attribution import NOW, OURS_OPEN, PBX, awaiting, event


class TestTheDownloadId:
    @pytest.mark.parametrize("exclusive", [True, False])
    def test_it_decides_alone(self, exclusive: bool) -> None:
        seen = awaiting(
            exclusive=exclusive,
            doubt="x",
            answer=Processing(8),
            events=(event("Other.csv", download_id=7), event("Ours.csv", download_id=8)),
        )

        assert judge(seen, OURS_OPEN.contested("x", NOW), NOW).event == event("Ours.csv", download_id=8)

    @pytest.mark.parametrize(
        ("events", "ledger"),
        [
            pytest.param([event("One.csv", download_id=8), event("Two.csv", download_id=8)], OURS_OPEN, id="two-files"),
            pytest.param([event("One.pdf", download_id=8)], OURS_OPEN, id="another-format"),
            pytest.param(
                [event("Old.csv", download_id=8)],
                OURS_OPEN.with_job("x", 1, PBX).with_file("x", event_mark(event("Old.csv")), NOW - 2),
                id="a-known-file",
            ),
            pytest.param(
                [event("New.csv", download_id=8)],
                OURS_OPEN.with_job("x", 1, PBX).with_file("x", event_mark(event("Old.csv")), NOW - 2, 8),
                id="the-id-of-a-known-file",
            ),
        ],
    )
    @pytest.mark.parametrize("exclusive", [True, False])
    def test_one_that_is_another_report_s_as_well_decides_nothing(
        self, events: list[EventFrame], ledger: Ledger, exclusive: bool
    ) -> None:
        seen = awaiting(exclusive=exclusive, answer=Processing(8), events=tuple(events))

        assert judge(seen, ledger, NOW).step is Step.ASK_FOR_ANSWER

    def test_it_is_remembered_with_its_file(self) -> None:
        seen = awaiting(answer=Processing(8), events=(event(download_id=8),))

        _, after = conclude(seen, OURS_OPEN, NOW)

        assert Ledger.read(after.to_entry(), NOW).has_used(8)
        assert not after.has_used(7)

    def test_an_event_that_comes_twice_is_one(self) -> None:
        ours = event("Ours.csv", download_id=8)

        assert judge(awaiting(answer=Processing(8), events=(ours, ours)), OURS_OPEN, NOW).event == ours

    @pytest.mark.parametrize("download_id", [7, None])
    def test_another_one_or_none_is_passed_over(self, download_id: int | None) -> None:
        seen = awaiting(answer=Processing(8), events=(event(download_id=download_id),))

        assert judge(seen, OURS_OPEN, NOW).step is Step.WAIT

    def test_one_in_the_event_alone_decides_nothing(self) -> None:
        seen = awaiting(exclusive=False, events=(event(download_id=8),))

        assert judge(seen, OURS_OPEN, NOW).step is Step.ASK_FOR_ANSWER

    @pytest.mark.parametrize("changes", [{"is_subscribed": False}, {"is_overdue": True, "events": ()}])
    def test_it_does_not_count_after_a_loss_and_is_not_awaited_for_ever(self, changes: dict[str, Any]) -> None:
        seen = awaiting(**{"answer": Processing(8), "events": (event(download_id=8),)} | changes)

        assert judge(seen, OURS_OPEN, NOW).step is Step.ASK_FOR_ANSWER
