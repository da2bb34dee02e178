from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx.state.interface import MAY_BE_OLDER, unproven_name
from airflow_provider_yeastar.pbx.state.ledger import (
    CONTEST_SECONDS,
    FILE_MEMORY_SECONDS,
    JOB_LIFE_SECONDS,
    LEDGER_LIFE_SECONDS,
    Ledger,
    ledger_name,
)
from airflow_provider_yeastar.pbx.state.memory import MemoryState

NOW = 1_000_000.0
PBX = "3692A1234567"
TWIN = unproven_name(PBX, "url-0123")
KNOWN = Ledger().to_entry()

_marks = st.text("abcdef", min_size=1, max_size=3)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("with_job"), _marks),
        st.tuples(st.just("without_job"), _marks),
        st.tuples(st.just("with_file"), _marks, _marks),
        st.tuples(st.just("with_events"), st.lists(_marks, max_size=3)),
        st.tuples(st.just("contested"), _marks),
    ),
    max_size=20,
)


def after(steps: list[Any], ledger: Ledger) -> Ledger:
    for number, (name, *arguments) in enumerate(steps):
        moment = () if name == "without_job" else (NOW + number,)
        pbx = (PBX,) if name == "with_job" else ()
        ledger = getattr(ledger, name)(*arguments, *moment, *pbx)
    return ledger


class TestTheEntry:
    @given(_steps, st.sampled_from([Ledger(), Ledger.begun(NOW)]))
    def test_what_is_written_is_read_again(self, steps: list[Any], ledger: Ledger) -> None:
        ledger = after(steps, ledger)

        again = Ledger.read(json.loads(json.dumps(ledger.to_entry())), NOW)

        # Without an open job, announced files have no more to say once their verdict was given.
        assert again == (ledger if ledger.jobs else replace(ledger, unclaimed=()))

    @pytest.mark.parametrize(
        "entry",
        [
            pytest.param(None, id="missing"),
            pytest.param({}, id="empty"),
            pytest.param({key: KNOWN[key] for key in KNOWN if key != "known_since"}, id="of-an-older-version"),
            pytest.param(KNOWN | {"jobs": 3}, id="no-list"),
            pytest.param(KNOWN | {"jobs": [["a"]]}, id="a-job-without-time"),
            pytest.param(KNOWN | {"jobs": [["a", NOW]]}, id="a-job-at-no-pbx"),
            pytest.param(KNOWN | {"jobs": [["a", math.nan, PBX]]}, id="a-time-that-is-none"),
            pytest.param(KNOWN | {"known_since": math.nan}, id="no-beginning"),
            pytest.param(KNOWN | {"known_since": True}, id="a-beginning-that-is-none"),
            pytest.param(KNOWN | {"contest": [NOW]}, id="a-contest-without-reason"),
            pytest.param(KNOWN | {"files": [["x", NOW, None]]}, id="a-file-of-no-job"),
        ],
    )
    def test_without_a_sound_entry_the_past_is_unknown_since_jobs_may_be_missing(
        self, entry: dict[str, Any] | None
    ) -> None:
        assert Ledger.read(entry, NOW) == Ledger(known_since=NOW)

    def test_what_may_be_an_older_copy_has_forgotten_the_jobs_since(self) -> None:
        ledger = Ledger().with_job("a", NOW, PBX).with_file("a", "x", NOW).with_job("b", NOW, PBX).contested("y", NOW)

        read = Ledger.read({**ledger.to_entry(), MAY_BE_OLDER: True}, NOW + 1)

        assert read == replace(ledger, known_since=NOW + 1)
        assert read.with_events(["z"], NOW + 1) == read

    def test_a_beginning_in_the_future_counts_as_now(self) -> None:
        assert Ledger.read(KNOWN | {"known_since": 1e300}, NOW) == Ledger(known_since=NOW)

    def test_everything_ages_out(self) -> None:
        ledger = (
            Ledger.begun(NOW)
            .with_job("a", NOW, PBX)
            .with_file("a", "x", NOW)
            .with_job("b", NOW, PBX)
            .contested("y", NOW)
        )

        def at(seconds: float) -> Ledger:
            return Ledger.read(ledger.to_entry(), NOW + seconds)

        assert at(JOB_LIFE_SECONDS - 1).is_open("b")
        assert not at(JOB_LIFE_SECONDS).is_open("b")
        assert at(JOB_LIFE_SECONDS - 1).known_since == NOW
        assert at(JOB_LIFE_SECONDS).known_since is None
        assert at(FILE_MEMORY_SECONDS - 1).knows("x")
        assert not at(FILE_MEMORY_SECONDS).knows("x")
        assert at(CONTEST_SECONDS - 1).contest
        assert not at(CONTEST_SECONDS).contest

    def test_it_does_not_grow_with_the_number_of_reports(self) -> None:
        ledger = Ledger()
        for number in range(2000):
            ledger = ledger.with_job("a", NOW, PBX).with_file("a", f"{number:016x}", NOW)

        assert len(json.dumps(ledger.to_entry())) < 20_000
        assert ledger.knows(f"{1999:016x}")


class TestAJob:
    def test_it_is_open_until_its_file_is_known(self) -> None:
        ledger = Ledger().with_job("a", NOW, PBX)

        assert (ledger.is_open("a"), ledger.others("a"), ledger.others("b"), ledger.others(None)) == (True, 0, 1, 1)
        assert not ledger.with_file("a", "x", NOW).is_open("a")
        assert not ledger.without_job("a").is_open("a")

    def test_all_jobs_have_ended_once_as_many_files_were_announced(self) -> None:
        two = Ledger().with_job("a", NOW, PBX).with_job("b", NOW, PBX)

        one_file = two.with_events(["x", "x"], NOW)
        assert len(one_file.jobs) == 2
        both = one_file.with_events(["y"], NOW)
        assert both.jobs == ()
        assert both.knows("x")
        assert both.knows("y")

    def test_a_file_that_an_answer_names_is_not_counted_for_another_job(self) -> None:
        ledger = Ledger().with_job("killed", NOW, PBX).with_job("ours", NOW, PBX).with_events(["x"], NOW)

        assert ledger.with_file("ours", "x", NOW).is_open("killed")
        # Ours was announced as y, or not at all: then x is the killed one's.
        assert not ledger.with_file("ours", "y", NOW).is_open("killed")

    def test_more_files_than_jobs_are_unexplained(self) -> None:
        assert not Ledger().with_job("a", NOW, PBX).with_events(["x"], NOW).has_unexplained_files
        assert Ledger().with_events(["x"], NOW).has_unexplained_files
        assert Ledger().with_job("a", NOW, PBX).with_events(["x", "y"], NOW).has_unexplained_files

    @pytest.mark.parametrize(
        ("age", "up_time", "is_open"),
        [
            pytest.param(100.0, 3600.0, True, id="no-restart"),
            pytest.param(3600.0, 60.0, False, id="restarted-since"),
            pytest.param(70.0, 60.0, True, id="restarted-about-then"),
        ],
    )
    def test_a_restart_of_the_pbx_ends_what_was_opened_before(self, age: float, up_time: float, is_open: bool) -> None:
        ledger = Ledger().with_job("a", NOW - age, PBX).with_job("b", NOW - 1, PBX)

        after_restart = ledger.without_jobs_before_boot(PBX, up_time, NOW)

        assert after_restart.is_open("a") is is_open
        assert after_restart.is_open("b")

    @pytest.mark.parametrize(("asked", "other"), [(PBX, TWIN), (TWIN, PBX)])
    def test_a_restart_ends_nothing_at_what_may_be_another_pbx(self, asked: str, other: str) -> None:
        ledger = Ledger().with_job("a", NOW - 3600, asked).with_job("b", NOW - 3600, other)

        after_restart = ledger.without_jobs_before_boot(asked, 60.0, NOW)

        assert not after_restart.is_open("a")
        assert after_restart.is_open("b")

    def test_70082_is_explained_by_another_job_or_one_that_has_just_ended(self) -> None:
        ours = Ledger().with_job("ours", NOW, PBX)

        assert not ours.explains_busy("ours", NOW)
        assert ours.with_job("killed", NOW, PBX).explains_busy("ours", NOW)
        ended = Ledger().with_job("a", NOW, PBX).with_file("a", "x", NOW).with_job("ours", NOW, PBX)
        assert ended.explains_busy("ours", NOW + 5)
        assert not ended.explains_busy("ours", NOW + 500)


class TestAnUnknownPast:
    def test_its_jobs_explain_a_busy_pbx(self) -> None:
        assert Ledger.begun(NOW).with_job("ours", NOW, PBX).explains_busy("ours", NOW)

    def test_its_files_are_no_evidence_and_close_no_job(self) -> None:
        ledger = Ledger.begun(NOW).with_job("a", NOW, PBX)

        assert not Ledger.begun(NOW).with_events(["x"], NOW).has_unexplained_files
        # The file of a job of before, whose own is still to come.
        assert ledger.with_events(["x"], NOW).is_open("a")

    def test_a_file_of_before_does_not_close_a_job_later_either(self) -> None:
        entry = Ledger.begun(NOW).with_job("a", NOW + 60, PBX).with_events(["x"], NOW + 61).to_entry()
        later = NOW + JOB_LIFE_SECONDS + 1

        ledger = Ledger.read(entry, later)

        assert ledger.known_since is None
        assert ledger.with_events([], later).is_open("a")

    @pytest.mark.parametrize(
        ("age", "up_time", "is_known"),
        [
            pytest.param(100.0, 3600.0, False, id="no-restart-since"),
            pytest.param(3600.0, 60.0, True, id="restarted-since"),
            pytest.param(70.0, 60.0, False, id="restarted-about-then"),
        ],
    )
    def test_a_restart_of_the_pbx_ends_it(self, age: float, up_time: float, is_known: bool) -> None:
        ledger = Ledger.begun(NOW - age).without_jobs_before_boot(PBX, up_time, NOW)

        assert (ledger.known_since is None) is is_known

    def test_a_restart_of_what_may_be_another_pbx_does_not(self) -> None:
        assert Ledger.begun(NOW - 3600).without_jobs_before_boot(TWIN, 60.0, NOW).known_since == NOW - 3600

    @pytest.mark.parametrize(
        ("ledger", "gains"),
        [
            pytest.param(Ledger(), False, id="nothing-to-end"),
            pytest.param(Ledger.begun(NOW), False, id="begun-now"),
            pytest.param(Ledger.begun(NOW - 60), True, id="begun-before"),
            pytest.param(Ledger().with_job("a", NOW - 1, PBX), False, id="a-new-job"),
            pytest.param(Ledger().with_job("a", NOW - 60, PBX), True, id="an-older-job"),
        ],
    )
    def test_the_pbx_is_asked_for_its_up_time_only_where_that_can_help(self, ledger: Ledger, gains: bool) -> None:
        assert ledger.gains_by_restart(PBX, NOW) is gains


def test_a_ledger_outlives_the_pause_between_two_runs_of_a_rare_dag() -> None:
    state = MemoryState(clock=lambda: at)
    at = NOW
    state.update("ledger", lambda entry, now: Ledger().to_entry(), keep_seconds=LEDGER_LIFE_SECONDS)

    at = NOW + 366 * 86400.0
    state.sweep()

    assert Ledger.read(state.read("ledger"), at).known_since is None


def test_all_that_may_be_one_pbx_share_a_ledger() -> None:
    assert ledger_name(PBX) == ledger_name(TWIN) != ledger_name("url-0123")
