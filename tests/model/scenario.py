"""A scenario drawn from a seed: a PBX, hosts, tasks, and what goes wrong; run with the provider's own waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request
from airflow_provider_yeastar.pbx.untrusted import decoded_path
from airflow_provider_yeastar.pbx.waiting import bounds, job_ledger, report_wait
from tests.model.connection import PBX, ModelConnection, ModelState, simulated_time
from tests.model.model_pbx import Behaviour, ModelPbx, any_behaviour
from tests.model.world import HostLoop, World

_WAIT_SECONDS, _QUEUE_SECONDS, _LIMIT_SECONDS = 120.0, 900.0, 4000.0
_START_SECONDS = (0.0, 60.0, 900.0)
"""Tasks start at random until one of these: some meet one another, some come when a loss is forgotten."""
_FETCH_SECONDS = (0.0, 0.0, 0.5, 5.0, 90.0)
"""Tasks fetch their file within one of these."""


@dataclass(frozen=True)
class Scenario:
    """What is simulated.

    :param behaviour: of the PBX.
    :param exclusive: the user's word.
    :param hosts: how many.
    :param is_shared: whether the hosts share one state.
    :param tasks: how many.
    :param kills: probability that a task is killed or times out.
    :param deaths: probability that a host dies (SIGKILL), for each of its tasks.
    :param pauses: probability that a host stands still for a while (SIGSTOP), for each of its tasks.
    :param outages: probability that the shared state is away for a while, for each task.
    :param losses: probability that the state, or its ledger alone, is lost, for each task.
    :param is_new: whether the state begins as one that was never used; else it knows that there is no job yet.
    :param ways: what ``asynchronous`` tasks have.
    """

    behaviour: Behaviour
    exclusive: bool
    hosts: int = 1
    is_shared: bool = True
    tasks: int = 4
    kills: float = 0.0
    deaths: float = 0.0
    pauses: float = 0.0
    outages: float = 0.0
    losses: float = 0.0
    is_new: bool = False
    ways: tuple[bool | None, ...] = (None, None, True, False)


def any_scenario(chance: random.Random) -> Scenario:
    """Return a scenario in which the user's word holds: whoever sets ``exclusive`` shares one state, without others."""
    exclusive = chance.random() < 0.7

    def maybe(value: float) -> float:
        return chance.choice([0.0, value])

    behaviour, is_shared = any_behaviour(chance, portal=not exclusive), exclusive or chance.random() < 0.5
    if chance.random() < 0.25:
        behaviour = replace(behaviour, names=chance.choice(["plain", "dated", "hourly", "by-way"]))
    return Scenario(
        behaviour=behaviour,
        exclusive=exclusive,
        hosts=chance.randint(1, 4),
        is_shared=is_shared,
        tasks=chance.randint(2, 8),
        kills=maybe(0.3),
        deaths=maybe(0.1),
        pauses=maybe(0.2),
        outages=maybe(0.1),
        losses=maybe(0.2),
        is_new=chance.random() < 0.1,
    )


@dataclass(eq=False)
class Task:
    """A task, and what became of it.

    :param request: its report.
    :param found: what the file holds that it took; None if it is red or was killed.
    """

    request: ReportRequest
    found: str | None = None
    identified_by: str = ""
    error: str = ""
    is_over: bool = False
    was_killed: bool = False

    @property
    def is_wrong(self) -> bool:
        return self.found is not None and self.found != self.request.file_stem()


@dataclass
class Result:
    """What a run has shown."""

    scenario: Scenario
    tasks: list[Task]
    requests: int
    crashes: list[str]

    @property
    def wrong(self) -> list[Task]:
        """Green tasks with another task's file: there must be none."""
        return [task for task in self.tasks if task.is_wrong]

    @property
    def green(self) -> list[Task]:
        return [task for task in self.tasks if task.found is not None]

    def __str__(self) -> str:
        lines = [f"{self.scenario}, PBX: {self.scenario.behaviour}"]
        for task in self.tasks:
            told = "WRONG FILE" if task.is_wrong else "right file" if task.found else task.error or "killed"
            lines.append(f"  {task.request.file_stem()} asynchronous={task.request.asynchronous}: {told}")
        return "\n".join([*lines, *self.crashes])


Wait = Callable[[ModelConnection, Any, bounds.Bounds], Any]


def _own_wait(connection: Any, request: Any, limits: bounds.Bounds) -> Any:
    return report_wait.ReportWait(connection, request, limits).run()


def run(seed: int, scenario: Scenario | None = None, wait: Wait = _own_wait, modules: tuple[Any, ...] = ()) -> Result:
    """Run a scenario.

    :param seed: decides everything.
    :param scenario: one drawn from the seed if left out.
    :param wait: how a task waits, default the provider's own way.
    :param modules: further modules that are to read the simulated clock.
    """
    chance = random.Random(seed)
    scenario = scenario or any_scenario(chance)
    world = World(chance)
    pbx = ModelPbx(world, scenario.behaviour)
    hosts = [world.new_host() for _ in range(scenario.hosts)]
    common = ModelState(world.clock)
    states = [common if scenario.is_shared else ModelState(world.clock) for _ in hosts]
    for state in () if scenario.is_new else states:
        job_ledger.vouch_for_past(state, PBX)
    connections = [ModelConnection(pbx, *pair, scenario.exclusive) for pair in zip(hosts, states, strict=True)]
    tasks = [Task(_request(number, scenario.ways, chance)) for number in range(scenario.tasks)]
    with simulated_time(world, modules):
        for task in tasks:
            _Actor(world, task, chance.choice(connections), pbx, wait).schedule(scenario)
        world.run(lambda: all(task.is_over for task in tasks), _LIMIT_SECONDS)
        for task in tasks:
            task.error = task.error or ("" if task.is_over else "it hangs")
        world.close()
    return Result(scenario, tasks, pbx.requests, [crash for host in hosts for crash in host.crashes])


def _request(number: int, ways: tuple[bool | None, ...], chance: random.Random) -> ReportRequest:
    return build_request(
        report_type="queueperformance",
        period=f"2026-11-{20 + number % 2}",
        parameters={"queue_id_list": str(number)},
        file_format=chance.choice(["csv", "csv", "pdf"]),
        asynchronous=chance.choice(ways),
    )


@dataclass(eq=False)
class _Actor:
    """One task on its host, and what befalls it.

    :param world: it lives in.
    :param task: what becomes of it is told there.
    :param connection: of its host.
    :param pbx: whose files it fetches.
    :param wait: how it waits.
    """

    world: World
    task: Task
    connection: ModelConnection
    pbx: ModelPbx
    wait: Wait
    running: asyncio.Task[None] | None = None

    @property
    def _host(self) -> HostLoop:
        return self.connection.host

    def schedule(self, scenario: Scenario) -> None:
        """Decide when the task starts, and what goes wrong."""
        chance = self.world.chance
        started_at = chance.uniform(0.0, chance.choice(_START_SECONDS))
        self.world.after(started_at, self._start)
        for probability, action in (
            (scenario.kills, self._kill),
            (scenario.pauses, self._pause),
            (scenario.deaths, self._die),
            (scenario.outages, self._miss_the_state),
            (scenario.losses, self._lose_the_state),
        ):
            if chance.random() < probability:
                self.world.after(started_at + chance.uniform(0.0, 60.0), action)
        self._watch_for_death()

    async def _act(self) -> None:
        now = self.world.clock.time()
        try:
            limits = bounds.Bounds(now + _QUEUE_SECONDS, _WAIT_SECONDS)
            for longest in (
                self.world.chance.choice(_FETCH_SECONDS),
                0.0,
                0.0,
            ):  # as operators do: at once from then on
                report = await self.wait(self.connection, self.task.request, limits)
                await asyncio.sleep(self.world.chance.uniform(0.0, longest))
                found = self.pbx.files.get(decoded_path(report.url), "a file that is gone")
                doubt = await self._doubt(report)
                if not doubt:
                    self.task.found, self.task.identified_by = found, getattr(report, "identified_by", "")
                    return
            self.task.error = f"FileReplacedError: {doubt}"
        except YeastarError as error:
            self.task.error = f"{type(error).__name__}: {error.what}"

    async def _doubt(self, report: Any) -> str:
        if not hasattr(report, "job"):  # the first version knew of none
            return ""
        exclusive = self.connection.session.settings.exclusive
        return await job_ledger.doubt_after_fetch(
            self.connection.state, report, self.task.request, "", exclusive=exclusive
        )

    def _end(self, ended: asyncio.Task[None]) -> None:
        # Also of a task that was killed before its first step.
        self.task.is_over = True
        if not ended.cancelled() and (crash := ended.exception()):
            self._host.crashes.append(f"a wait crashed: {crash!r}")

    def _start(self) -> None:
        def begin() -> None:
            self.running = self._host.create_task(self._act())
            self.running.add_done_callback(self._end)

        if not self._host.is_dead:
            self._host.call_soon(begin)

    def _kill(self) -> None:
        self.task.was_killed = True
        self._host.call_soon(lambda: self.running and self.running.cancel())

    def _pause(self) -> None:
        self._host.is_paused = True
        self.world.after(self.world.chance.uniform(0.5, 90.0), self._resume)

    def _resume(self) -> None:
        self._host.is_paused = False

    def _die(self) -> None:
        self._host.is_dead = True

    def _lose_the_state(self) -> None:
        self.connection.state.lose(all_of_it=self.world.chance.random() < 0.5)

    def _miss_the_state(self) -> None:
        self.connection.state.is_away = True
        self.world.after(self.world.chance.uniform(0.5, 60.0), self._find_the_state)

    def _find_the_state(self) -> None:
        self.connection.state.is_away = False

    def _watch_for_death(self) -> None:
        """The task of a dead host is over: Airflow's scheduler notices that."""
        self.task.is_over = self.task.is_over or self._host.is_dead
        if not self.task.is_over:
            self.world.after(30.0, self._watch_for_death)
