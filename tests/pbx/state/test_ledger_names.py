from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_yeastar.pbx.state.interface import MAY_BE_OLDER
from airflow_provider_yeastar.pbx.state.ledger import FILE_MEMORY_SECONDS, Ledger
from airflow_provider_yeastar.pbx.state.records import KnownFile, kind_of_file
from airflow_provider_yeastar.pbx.waiting.replacing import doubt_of_file
from tests.pbx.state.test_ledger import NOW, PBX

KIND = "queueperformance.csv"


def ready(job: str, mark: str, ledger: Ledger = Ledger(), report: str = "") -> Ledger:  # noqa: B008 - it is frozen
    """A ledger after one more report, whose file may be named like others."""
    return ledger.with_job(job, NOW, PBX, report).with_file(job, mark, NOW, None, KIND)


def fetched(job: str, mark: str, report: str = "") -> KnownFile:
    return KnownFile(mark, NOW, None, job, KIND, is_intact=False, is_fetched=True, report=report)


def doubt(ledger: Ledger, mark: str, job: str, *, exclusive: bool = True) -> str:
    return doubt_of_file(ledger, mark, job, KIND, NOW, exclusive=exclusive)


MADE_THRICE = ready("c", "z", ready("b", "y", ready("a", "x", report="this"), "this"), "this")


class TestNamesThatComeAgain:
    """Whether what was fetched may be the file of another job, in the place of the one that was announced."""

    @pytest.mark.parametrize(
        ("ledger", "is_certain"),
        [
            (ready("a", "x"), True),
            (Ledger(), False),  # lost, or another host's
            (ready("b", "x", ready("a", "x")), False),
            (ready("a", "x").with_job("b", NOW, PBX), False),
            (ready("a", "x").with_job("b", NOW, PBX).without_job("b"), False),
            (MADE_THRICE, True),  # names differ
            (MADE_THRICE.with_job("d", NOW, PBX), True),
            (ready("b", "y", ready("a", "x", report="this"), "this").with_job("d", NOW, PBX), False),  # as by the hour
            (ready("b", "y", ready("a", "x", report="this"), "that").with_job("c", NOW, PBX), False),  # of two periods
            (ready("b", "y", ready("a", "x")).with_job("c", NOW, PBX), False),  # what they are of is not known
            (ready("d", "x", MADE_THRICE), False),
            (ready("c", "z", ready("b", "x", ready("a", "x"))), False),  # what has come again may do so once more
            (ready("a", "x", Ledger().with_job("killed", NOW, PBX)), False),
            (ready("a", "x", Ledger().with_job("killed", NOW - 1800, PBX)), True),
            (ready("a", "x", Ledger().with_job("killed", NOW, PBX, "this"), report="this"), True),
            (ready("a", "x", Ledger().with_job("killed", NOW, PBX, "that"), report="this"), False),
            (ready("a", "x", Ledger().with_job("killed", NOW, PBX).with_announced("killed")), True),
            (ready("a", "x").with_fetched(fetched("a", "x")).with_job("b", NOW, PBX), False),  # fetched a second time
            (ready("a", "x").contested("a foreign event", NOW), False),
            (ready("a", "x", Ledger(known_since=NOW - 1799)), False),  # a report of before may yet end
            (ready("a", "x", Ledger(known_since=NOW - 1800)), True),
            (MADE_THRICE.contested("a foreign event", NOW), False),
            (replace(MADE_THRICE, known_since=NOW), True),
        ],
    )
    def test_a_file_is_certain_as_long_as_no_other_can_have_its_place(self, ledger: Ledger, is_certain: bool) -> None:
        assert bool(doubt(Ledger.read(ledger.to_entry(), NOW), "x", "a")) is not is_certain

    @pytest.mark.parametrize("ledger", [ready("a", "x"), MADE_THRICE], ids=["no-other-report", "names-differ"])
    def test_without_the_word_none_is_certain(self, ledger: Ledger) -> None:
        assert not doubt(ledger, "x", "a")
        assert "without `exclusive`" in doubt(ledger, "x", "a", exclusive=False)

    def test_what_names_are_like_is_remembered_longer_than_files_and_until_one_comes_again(self) -> None:
        later = NOW + FILE_MEMORY_SECONDS
        remembered = Ledger.read(MADE_THRICE.to_entry(), later)

        assert (remembered.files, remembered.own_names) == ((), (KIND,))
        assert not doubt(ready("d", "w", remembered).with_job("e", later, PBX), "w", "d")
        again = ready("e", "w", ready("d", "w", remembered))
        assert again.own_names == ()
        assert doubt(again.with_job("f", later, PBX), "w", "e")

    def test_an_older_copy_of_the_state_may_not_know_that_names_came_again(self) -> None:
        older = Ledger.read(MADE_THRICE.to_entry() | {MAY_BE_OLDER: True}, NOW)

        assert older.own_names == ()
        assert doubt(older.with_job("d", NOW, PBX), "x", "a")

    @pytest.mark.parametrize(("seconds", "is_certain"), [(3599, True), (3600, False)])
    def test_names_tell_nothing_that_may_be_of_three_hours(self, seconds: int, is_certain: bool) -> None:
        ledger = Ledger()
        for number in range(3):
            at = NOW + number * seconds / 2
            ledger = ledger.with_job(str(number), at, PBX, "this").with_file(str(number), str(number), at, None, KIND)

        assert (ledger.own_names == (KIND,)) is is_certain

    def test_the_name_of_an_event_is_not_compared_with_that_of_an_answer(self) -> None:
        ledger = Ledger()
        for number, kind in enumerate((KIND, kind_of_file("other", by_event=False), KIND)):
            ledger = ledger.with_job(str(number), NOW, PBX, "this").with_file(str(number), str(number), NOW, None, kind)

        assert ledger.own_names == ()
        assert (
            len(
                {
                    KIND,
                    kind_of_file("", by_event=True),
                    kind_of_file("a", by_event=True),
                    kind_of_file("a", by_event=False),
                }
            )
            == 4
        )

    @pytest.mark.parametrize("is_lost", [True, False], ids=["the-state-was-lost", "another-one-was-announced-first"])
    def test_a_file_that_is_told_late_is_not_certain(self, is_lost: bool) -> None:
        """As to a host that stood still: a later report's file may be there by then, though its job is over."""
        asked = Ledger() if is_lost else Ledger().with_job("a", NOW, PBX)
        later = asked if is_lost else asked.with_job("b", NOW + 1, PBX).with_file("b", "x", NOW + 2, None, KIND)

        assert doubt(later.with_file("a", "x", NOW + 3, None, KIND), "x", "a")

    @pytest.mark.parametrize("job", ["a", ""], ids=["a-job", "no-job-is-told"])
    def test_whichever_of_two_jobs_a_file_is_of_it_is_not_certain(self, job: str) -> None:
        two = Ledger().with_job("a", NOW, PBX).with_job("b", NOW, PBX).with_events(["x", "y"], NOW)

        assert doubt(two, "x", job)

    def test_a_file_whose_job_is_not_told_is_certain_by_names_alone(self) -> None:
        """As one that a task of its own hands over, or a version before."""
        assert doubt(Ledger(), "x", "")
        assert doubt(ready("a", "x"), "x", "")
        assert not doubt(MADE_THRICE, "w", "")

    def test_the_next_report_waits_for_a_minute_where_a_name_has_come_again(self) -> None:
        second = ready("b", "x", first := ready("a", "x"))

        assert first.fetch_seconds(NOW) == 0
        assert [second.fetch_seconds(NOW + age) for age in (-5, 0, 59, 60, 90)] == [60, 60, 1, 0, 0]
        assert second.fetch_seconds(NOW - 3600) == 0  # by a clock that was ahead
        assert second.with_fetched(fetched("b", "x")).fetch_seconds(NOW) == 0
        assert second.with_job("c", NOW, PBX).fetch_seconds(NOW) == 0  # it is not certain any more

    @pytest.mark.parametrize(("name", "is_certain"), [("z", True), ("x", False)], ids=["differ", "come-again"])
    def test_a_file_of_another_state_s_job_tells_what_names_are_like(self, name: str, is_certain: bool) -> None:
        """As of a triggerer that does not share the worker's state directory: the worker requests the report again."""
        first = Ledger().with_fetched(fetched("theirs", "x", "this"))
        again = ready("b", name, ready("a", "y", first, "this"), "this")

        assert doubt(first, "x", "theirs")
        assert bool(doubt(Ledger.read(again.to_entry(), NOW), "w", "their next")) is not is_certain
        assert again.repeats_names is not is_certain

    def test_names_of_their_own_are_not_waited_for_and_no_name_is_counted_twice_for_one_job(self) -> None:
        assert not Ledger().with_file("a", "x", NOW).with_file("b", "x", NOW).repeats_names
        assert not ready("a", "x", ready("a", "x")).repeats_names
        assert ready("b", "x", ready("a", "x")).repeats_names
