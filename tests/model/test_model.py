"""No green task holds another's file, whatever PBX, hosts and network do; ``python -m tests.model`` runs for longer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from airflow_provider_yeastar.pbx.state import ledger, records
from airflow_provider_yeastar.pbx.state.ledger import Ledger
from airflow_provider_yeastar.pbx.waiting import attribution, job_ledger
from airflow_provider_yeastar.pbx.waiting.replacing import doubt_of_file
from tests.model import old_rules, scenario
from tests.model.model_pbx import Behaviour
from tests.model.scenario import Scenario

SEEDS, GROUPS = 240, 8

ALONE = {"exclusive": True, "is_shared": True}
AMONG_OTHERS = {"exclusive": False}

# How the first version delivered wrong files: what the old rules met, and how the same is set up today.
FAULTS: dict[str, tuple[Scenario, dict[str, Any]]] = {
    "1 two workers that share nothing, two jobs at once": (
        Scenario(Behaviour(parallel=2), False, hosts=2, is_shared=False, tasks=8),
        AMONG_OTHERS,
    ),
    "1 two workers that share nothing, late events": (
        Scenario(Behaviour(late=1.0), False, hosts=2, is_shared=False, tasks=8),
        AMONG_OTHERS,
    ),
    "2 pods with an empty state each": (
        Scenario(Behaviour(queued=9), False, hosts=4, is_shared=False, tasks=8),
        AMONG_OTHERS,
    ),
    "3 a person in the portal": (Scenario(Behaviour(parallel=9, portal=10.0), False, tasks=6), AMONG_OTHERS),
    "3 a dropped socket and somebody else's job": (
        Scenario(Behaviour(queued=3, drops=0.4, portal=6.0), False, tasks=6),
        AMONG_OTHERS,
    ),
    "3 a reboot and somebody else's job": (
        Scenario(Behaviour(queued=3, reboots=4.0, portal=10.0), False, tasks=6),
        AMONG_OTHERS,
    ),
    "4 a dropped socket, jobs are queued": (
        Scenario(Behaviour(queued=9, job=20.0, breaks=6.0), True, tasks=8),
        ALONE,
    ),
    "4 killed tasks, jobs are queued": (Scenario(Behaviour(queued=9, job=20.0), True, tasks=8, kills=0.6), ALONE),
    "5 one PBX under two names": (
        Scenario(Behaviour(queued=9), True, hosts=2, is_shared=False, tasks=8),
        ALONE,
    ),
}

# One safeguard taken away each, and a scenario in which nothing else protects.
MUTANTS: dict[str, tuple[Scenario, Any, str, Any]] = {
    "jobs of killed tasks are forgotten": (
        Scenario(Behaviour(queued=9, job=20.0), True, tasks=8, kills=0.6),
        Ledger,
        "others",
        lambda self, job: 0,
    ),
    "a repeated event counts as new": (
        Scenario(Behaviour(twice=0.9), True, tasks=8),
        Ledger,
        "knows",
        lambda self, mark: False,
    ),
    "a short up_time ends younger jobs too": (
        Scenario(Behaviour(queued=9, job=20.0), True, tasks=8, kills=0.6),
        Ledger,
        "without_jobs_before_boot",
        lambda self, pbx, up_time, asked_at: replace(self, jobs=(), unclaimed=()),
    ),
    "a file that is written in two ways counts as two": (
        Scenario(Behaviour(queued=9, late=5.0, sync_announces=True, spells=0.5), True, tasks=16, kills=0.6),
        records,
        "decoded_path",
        lambda url: url,
    ),
    "a lost state counts as one without jobs": (
        Scenario(Behaviour(queued=9, job=20.0), True, tasks=16, kills=0.6, losses=0.6),
        Ledger,
        "begun",
        lambda now: Ledger(),
    ),
    "a lost ledger counts as one without jobs": (
        Scenario(Behaviour(queued=9, job=20.0, reboots=0.5), True, hosts=3, tasks=8, deaths=0.3, losses=0.6),
        Ledger,
        "begun",
        lambda now: Ledger(),
    ),
    "a job that nobody claims replaces no file": (
        Scenario(Behaviour(names="plain", parallel=9, job=20.0), True, tasks=8, kills=0.6, ways=(None,)),
        ledger,
        "may_replace",
        lambda other, jobs, job, now: False,
    ),
    "nobody else makes reports without the word either": (
        Scenario(Behaviour(names="plain", parallel=9, portal=10.0), False, tasks=6),
        job_ledger,
        "doubt_of_file",
        lambda *asked, exclusive: doubt_of_file(*asked, exclusive=True),
    ),
    "the files of hosts that share nothing are known": (
        Scenario(Behaviour(names="plain", parallel=9), False, hosts=3, is_shared=False, tasks=8),
        job_ledger,
        "doubt_of_file",
        lambda *asked, exclusive: doubt_of_file(*asked, exclusive=True),
    ),
    "no job of a lost state replaces a file": (
        Scenario(Behaviour(names="plain", parallel=9, job=40.0), True, tasks=6, kills=0.4, losses=0.6, ways=(None,)),
        job_ledger,
        "doubt_of_file",
        lambda known, *asked, exclusive: doubt_of_file(replace(known, known_since=None), *asked, exclusive=exclusive),
    ),
    "names of two reports that differ are a file's own": (
        Scenario(Behaviour(names="dated", late=40.0, job=0.5), True, tasks=6),
        ledger,
        "tells_apart",
        lambda files, kind: len({file.mark for file in files if file.kind == kind}) > 1,
    ),
    "an event is believed without the word": (
        Scenario(Behaviour(parallel=9), False, hosts=3, is_shared=False, tasks=8),
        attribution,
        "_doubt",
        lambda seen, ledger: "",
    ),
}


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """The log of thousands of simulated waits is of no use."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_green_task_holds_another_s_file(group: int) -> None:
    green = 0
    for seed in range(group, SEEDS, GROUPS):
        result = scenario.run(seed)
        assert not result.wrong, f"python -m tests.model --seed {seed}\n{result}"
        assert not result.crashes, f"python -m tests.model --seed {seed}\n{result}"
        green += len(result.green)
    assert green > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_the_faults_of_the_first_version_are_found_in_its_rules_and_not_in_today_s(fault: str) -> None:
    setup, today = FAULTS[fault]
    seeds = range(12)

    assert any(scenario.run(seed, setup, old_rules.old_wait, (old_rules,)).wrong for seed in range(80))
    for seed in seeds:
        result = scenario.run(seed, replace(setup, **today))
        assert not result.wrong, f"seed {seed}\n{result}"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_safeguard_that_is_taken_away_is_missed(mutant: str) -> None:
    setup, where, name, instead = MUTANTS[mutant]
    with mock.patch.object(where, name, instead):
        assert any(scenario.run(seed, setup).wrong for seed in range(80))


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(Scenario(Behaviour(), True, tasks=6), id="the-event-s-way"),
        pytest.param(Scenario(Behaviour(late=5.0, twice=0.5, early=0.5), True, hosts=3, tasks=6), id="odd-events"),
        pytest.param(Scenario(Behaviour(lost=0.3, breaks=3.0), True, hosts=3, tasks=6), id="lost-events"),
        pytest.param(
            Scenario(Behaviour(portal=6.0), False, hosts=4, is_shared=False, tasks=6), id="synchronously-among-others"
        ),
        pytest.param(
            Scenario(Behaviour(sync="processing", has_ids=True), False, hosts=2, is_shared=False, tasks=6),
            id="by-download-id",
        ),
        pytest.param(Scenario(Behaviour(names="unique"), True, hosts=3, tasks=6), id="other-names-that-differ"),
        pytest.param(
            Scenario(Behaviour(names="plain"), True, hosts=3, tasks=6, ways=(None,)), id="names-that-come-again"
        ),
        pytest.param(
            Scenario(Behaviour(names="plain"), True, hosts=3, tasks=6, ways=(False,)),
            id="names-that-come-again-synchronously",
        ),
    ],
)
def test_where_nothing_forbids_it_every_task_gets_its_file(setup: Scenario) -> None:
    for seed in range(8):
        result = scenario.run(seed, setup)
        assert len(result.green) == setup.tasks, f"seed {seed}\n{result}"


def test_the_wait_until_another_task_has_fetched_its_file_counts_as_queueing() -> None:
    with mock.patch.object(scenario, "_WAIT_SECONDS", 20.0):
        for seed in range(8):
            result = scenario.run(seed, Scenario(Behaviour(names="plain"), True, hosts=3, tasks=6, ways=(False,)))
            assert len(result.green) == 6, f"seed {seed}\n{result}"


@pytest.mark.parametrize("names", ["plain", "unique", "hourly", "by-way"])
def test_where_names_are_no_file_s_own_no_task_is_green_without_the_word(names: str) -> None:
    for seed in range(8):
        result = scenario.run(seed, Scenario(Behaviour(names=names), False, hosts=2, tasks=4))
        assert not result.green, f"seed {seed}\n{result}"


def test_on_the_word_and_without_trouble_each_report_takes_one_request() -> None:
    result = scenario.run(1, Scenario(Behaviour(), True, hosts=2, tasks=6))

    assert result.requests == 6


def test_a_seed_reproduces_its_run() -> None:
    assert str(scenario.run(7)) == str(scenario.run(7))
