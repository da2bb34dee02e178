"""Each rule of the table in `attribution`, as data; that the rules suffice together is shown by `tests/model`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.state.ledger import Ledger
from airflow_provider_yeastar.pbx.state.records import event_mark, file_mark, kind_of_file
from airflow_provider_yeastar.pbx.waiting.attribution import BUSY, Observations, Step, conclude, judge
from airflow_provider_yeastar.pbx.waiting.replacing import doubt_of_file
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing, ReportFile

NOW = 1000.0
PBX = "3692A1234567"
JOB = "ours"
OURS_OPEN = Ledger().with_job(JOB, NOW - 5, PBX)
UNKNOWN_PAST = Ledger.begun(NOW - 60)
PROCESSING = Processing(None)


def event(
    file: str = "Report.csv", *, succeeded: bool = True, error: str = "", download_id: int | None = None
) -> EventFrame:
    return EventFrame(succeeded, file, f"/api/download/{file}" if file else "", error, download_id)


def awaiting(**changes: Any) -> Observations:
    """Observations of a job whose event is awaited, on the user's word, with nothing against it."""
    seen = Observations(None, True, job=JOB, for_event=True, answer=PROCESSING, file_format="csv")
    return replace(seen, **changes)


class TestBeforeARequest:
    @pytest.mark.parametrize(
        ("asynchronous", "exclusive", "changes", "ledger", "step"),
        [
            pytest.param(None, False, {}, Ledger(), Step.ASK_FOR_ANSWER, id="without-the-word"),
            pytest.param(None, True, {}, Ledger(), Step.ASK_FOR_EVENT, id="on-the-word"),
            pytest.param(False, True, {}, Ledger(), Step.ASK_FOR_ANSWER, id="synchronous-by-request"),
            pytest.param(True, False, {}, Ledger(), Step.ASK_FOR_EVENT, id="asynchronous-by-request"),
            pytest.param(True, True, {"doubt": "x"}, Ledger(), Step.ASK_FOR_ANSWER, id="asynchronous-after-doubt"),
            pytest.param(None, True, {"doubt": "x"}, Ledger(), Step.ASK_FOR_ANSWER, id="after-doubt"),
            pytest.param(None, True, {}, OURS_OPEN, Step.ASK_FOR_ANSWER, id="another-job-is-open"),
            pytest.param(None, True, {}, Ledger().contested("x", NOW), Step.ASK_FOR_ANSWER, id="contested"),
            pytest.param(None, True, {}, UNKNOWN_PAST, Step.ASK_FOR_ANSWER, id="an-unknown-past"),
            pytest.param(True, True, {}, UNKNOWN_PAST, Step.ASK_FOR_EVENT, id="asynchronous-with-an-unknown-past"),
            pytest.param(
                None, True, {}, Ledger().with_events(["a"], NOW), Step.ASK_FOR_ANSWER, id="an-unexplained-file"
            ),
        ],
    )
    def test_the_way_is_chosen(
        self, asynchronous: bool | None, exclusive: bool, changes: dict[str, Any], ledger: Ledger, step: Step
    ) -> None:
        verdict = judge(Observations(asynchronous, exclusive, **changes), ledger, NOW)

        assert verdict.step is step
        assert verdict.reason

    def test_an_event_before_the_request_that_no_job_explains_makes_the_pbx_contested(self) -> None:
        verdict, ledger = conclude(Observations(None, True, events=(event(),)), Ledger(), NOW)

        assert verdict.step is Step.ASK_FOR_ANSWER
        assert ledger.contest

    def test_the_log_says_since_when_the_past_is_known(self) -> None:
        reason = judge(Observations(None, True), UNKNOWN_PAST, NOW).reason

        assert reason == (
            "the shared state knows this PBX only since 1970-01-01 00:15 UTC; "
            "a report requested before may still be announced"
        )

    def test_an_event_that_an_unknown_past_may_explain_is_no_evidence(self) -> None:
        _, ledger = conclude(Observations(None, True, events=(event(),)), UNKNOWN_PAST, NOW)

        assert ledger == UNKNOWN_PAST

    def test_a_late_copy_of_a_known_event_is_no_evidence(self) -> None:
        known = Ledger().with_job("x", NOW - 9, PBX).with_file("x", event_mark(event()), NOW - 1)

        verdict, ledger = conclude(Observations(None, True, events=(event(),)), known, NOW)

        assert verdict.step is Step.ASK_FOR_EVENT
        assert not ledger.contest

    def test_without_the_word_others_events_are_no_evidence(self) -> None:
        _, ledger = conclude(Observations(None, False, events=(event(),)), Ledger(), NOW)

        assert ledger == Ledger()


class TestTheAnswer:
    @pytest.mark.parametrize("exclusive", [True, False])
    def test_one_that_names_the_file_is_believed(self, exclusive: bool) -> None:
        seen = awaiting(exclusive=exclusive, for_event=False, answer=ReportFile("A.csv", "/a"), doubt="x")

        verdict, ledger = conclude(seen, OURS_OPEN.contested("x", NOW), NOW)

        assert verdict.step is Step.BELIEVE_ANSWER
        assert ledger.jobs == ()
        assert ledger.knows(file_mark("/a"))

    def test_processing_to_a_synchronous_request_is_asked_again_and_its_job_stays_open(self) -> None:
        verdict, ledger = conclude(awaiting(for_event=False), OURS_OPEN, NOW)

        assert verdict.step is Step.ASK_FOR_ANSWER
        assert ledger.is_open(JOB)

    @pytest.mark.parametrize(
        ("ledger", "exclusive", "is_contested"),
        [
            pytest.param(OURS_OPEN, True, True, id="nothing-of-ours"),
            pytest.param(OURS_OPEN, False, False, id="without-the-word"),
            pytest.param(OURS_OPEN.with_job("killed", NOW - 60, PBX), True, False, id="an-open-job"),
            pytest.param(UNKNOWN_PAST.with_job(JOB, NOW - 5, PBX), True, False, id="an-unknown-past"),
            pytest.param(
                Ledger().with_job("x", 1, PBX).with_file("x", "a", NOW - 2).with_job(JOB, NOW, PBX),
                True,
                False,
                id="just-ended",
            ),
        ],
    )
    def test_70082_is_waited_out_and_says_nothing_about_whose_job_runs(
        self, ledger: Ledger, exclusive: bool, is_contested: bool
    ) -> None:
        verdict, after = conclude(awaiting(answer=BUSY, exclusive=exclusive, events=(event(),)), ledger, NOW)

        assert verdict.step is Step.WAIT_FOR_OTHERS
        assert bool(after.contest) is is_contested
        assert not after.is_open(JOB)


class TestTheEvent:
    def test_the_only_new_one_is_believed_if_nothing_contradicts(self) -> None:
        verdict, ledger = conclude(awaiting(events=(event(), event())), OURS_OPEN, NOW)

        assert (verdict.step, verdict.event) == (Step.BELIEVE_EVENT, event())
        assert ledger.jobs == ()
        assert ledger.knows(event_mark(event()))

    @pytest.mark.parametrize(
        ("changes", "ledger"),
        [
            pytest.param({"exclusive": False}, OURS_OPEN, id="without-the-word"),
            pytest.param({"doubt": "x"}, OURS_OPEN, id="earlier-doubt"),
            pytest.param({"is_subscribed": False}, OURS_OPEN, id="lost-subscription"),
            pytest.param({"holds_turn": False}, OURS_OPEN, id="lapsed-lease"),
            pytest.param({}, OURS_OPEN.contested("x", NOW), id="contested"),
            pytest.param({}, OURS_OPEN.with_job("killed", NOW - 60, PBX), id="another-open-job"),
            pytest.param({}, UNKNOWN_PAST.with_job(JOB, NOW - 5, PBX), id="an-unknown-past"),
            pytest.param({}, UNKNOWN_PAST, id="lost-with-our-job"),
            pytest.param({}, Ledger(), id="our-job-no-longer-open"),
        ],
    )
    def test_in_doubt_it_is_not_believed_and_the_job_is_not_closed(
        self, changes: dict[str, Any], ledger: Ledger
    ) -> None:
        verdict, after = conclude(awaiting(events=(event(),), **changes), ledger, NOW)

        assert verdict.step is Step.ASK_FOR_ANSWER
        assert verdict.event is None
        assert not after.knows(event_mark(event())) or after.jobs == ()

    def test_those_that_an_unknown_past_may_explain_are_no_evidence(self) -> None:
        seen = awaiting(events=(event("A.csv"), event("B.pdf")))

        _, after = conclude(seen, UNKNOWN_PAST.with_job(JOB, NOW - 5, PBX), NOW)

        assert after.is_open(JOB)
        assert not after.contest

    @pytest.mark.parametrize(
        "events",
        [
            pytest.param((event("A.csv"), event("B.csv")), id="two-files"),
            pytest.param((event("A.pdf"),), id="another-format"),
            pytest.param((event("A.pdf"), event("A.csv")), id="another-format-first"),
        ],
    )
    def test_a_foreign_one_makes_the_pbx_contested(self, events: tuple[EventFrame, ...]) -> None:
        verdict, ledger = conclude(awaiting(events=events), OURS_OPEN, NOW)

        assert verdict.step is Step.ASK_FOR_ANSWER
        assert ledger.contest

    @pytest.mark.parametrize(
        ("file", "file_format", "step"),
        [
            ("Report.csv", "csv", Step.BELIEVE_EVENT),
            ("REPORT.CSV", "csv", Step.BELIEVE_EVENT),
            ("Report.xlsx", "xls", Step.BELIEVE_EVENT),
            ("Report", "csv", Step.BELIEVE_EVENT),
            ("", "csv", Step.BELIEVE_EVENT),
            ("Report.pdf", None, Step.BELIEVE_EVENT),
            ("Report.pdf", "csv", Step.ASK_FOR_ANSWER),
        ],
    )
    def test_the_extension_has_to_fit(self, file: str, file_format: str | None, step: Step) -> None:
        verdict = judge(awaiting(events=(event(file),), file_format=file_format), OURS_OPEN, NOW)

        assert verdict.step is step

    def test_a_copy_of_an_earlier_report_s_event_is_passed_over(self) -> None:
        ledger = (
            Ledger().with_job("x", 1, PBX).with_file("x", event_mark(event("Old.csv")), NOW - 2).with_job(JOB, NOW, PBX)
        )

        assert judge(awaiting(events=(event("Old.csv"),)), ledger, NOW).step is Step.WAIT
        assert judge(awaiting(events=(event("Old.csv"), event())), ledger, NOW).event == event()

    @pytest.mark.parametrize(
        ("earlier", "now", "step"),
        [
            (7, 7, Step.WAIT),
            (None, 8, Step.WAIT),
            (7, None, Step.WAIT),
            (7, 8, Step.ASK_FOR_ANSWER),
        ],
    )
    def test_a_known_file_with_another_id_may_be_a_new_one(
        self, earlier: int | None, now: int | None, step: Step
    ) -> None:
        mark = event_mark(event())
        ledger = Ledger().with_job("x", 1, PBX).with_file("x", mark, NOW - 9, earlier).with_job("y", 2, PBX)
        ledger = ledger.with_file("y", mark, NOW - 5).with_job(JOB, NOW, PBX)

        assert judge(awaiting(events=(event(download_id=now),)), ledger, NOW).step is step

    def test_a_failure_is_believed_like_a_file(self) -> None:
        failure = event("", succeeded=False, error="disk full", download_id=3)

        assert judge(awaiting(events=(failure,)), OURS_OPEN, NOW).event == failure

    def test_no_event_within_half_of_the_wait_is_a_doubt(self) -> None:
        assert judge(awaiting(), OURS_OPEN, NOW).step is Step.WAIT
        assert judge(awaiting(is_overdue=True), OURS_OPEN, NOW).step is Step.ASK_FOR_ANSWER


KIND = "queueperformance.csv"
OWN_NAME = "Report-download-20261127220000-ejP6Z6htIfhsCQbP.csv"


class TestNamesThatComeAgain:
    """A PBX that gives files of two reports one name."""

    @pytest.mark.parametrize("asynchronous", [None, True, False])
    @pytest.mark.parametrize("repeats_names", [True, False])
    def test_no_event_is_asked_for_there(self, repeats_names: bool, asynchronous: bool | None) -> None:
        seen = Observations(asynchronous, exclusive=True)
        asks_for_event = not repeats_names and asynchronous is not False

        step = judge(seen, Ledger(repeats_names=repeats_names), NOW).step

        assert step is (Step.ASK_FOR_EVENT if asks_for_event else Step.ASK_FOR_ANSWER)

    def test_a_job_whose_event_has_come_under_a_known_name_replaces_no_file_any_more(self) -> None:
        mark = event_mark(event())
        known = Ledger().with_job("x", 1, PBX).with_file("x", mark, NOW - 9, 7, KIND).with_job(JOB, NOW - 1, PBX)

        verdict, ledger = conclude(awaiting(events=(event(download_id=8),), kind=KIND), known, NOW)

        assert verdict.step is Step.ASK_FOR_ANSWER
        assert ledger.is_open(JOB)
        later = ledger.with_job("y", NOW, PBX).with_file("y", mark, NOW, None, KIND)
        assert not doubt_of_file(later, mark, "y", KIND, NOW, exclusive=True)

    @pytest.mark.parametrize(("file", "kind"), [("Report.csv", KIND), (OWN_NAME, "")])
    @pytest.mark.parametrize("by_event", [True, False])
    def test_a_file_with_a_name_of_its_own_is_of_no_kind(self, file: str, kind: str, by_event: bool) -> None:
        found = {"events": (event(file),)} if by_event else {"answer": ReportFile(file, f"/api/download/{file}")}

        _, ledger = conclude(awaiting(**found, kind=KIND), OURS_OPEN, NOW)

        assert [known.kind for known in ledger.files] == [kind_of_file(kind, by_event=by_event)]
