"""A PBX in simulated time that may behave in any way the vendor's pages leave open [U]."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from airflow_provider_yeastar.pbx.errors import BusyError, NetworkError, YeastarError
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing, ReportFile
from tests.model.world import World

_DAYS = ("2026-11-20", "2026-11-21")


@dataclass(frozen=True)
class Behaviour:
    """One way a PBX may be; probabilities from 0 to 1, times in seconds.

    :param parallel: jobs that it makes at a time.
    :param queued: further jobs that it accepts; one more is refused (70082).
    :param job: the longest time that a job takes.
    :param late: the longest time from the end of a job to its event.
    :param is_busy_after_event: how often it still says 70082 for a second after a job's end.
    :param early: how often the event overtakes the answer.
    :param twice: how often an event is sent again, some time later.
    :param lost: how often an event is never sent.
    :param spells: how often an event writes the URL of its file in another way than the answer.
    :param fails: how often a job fails.
    :param sync: what it does with a synchronous request: ``url``, ``processing``, ``cut``, or ``mixed``.
    :param sync_announces: whether synchronous jobs are announced too.
    :param has_ids: whether PROCESSING carries the ``download_id``.
    :param cut: how often an answer is lost on its way.
    :param drops: how often all sockets break when a job ends.
    :param breaks: how often, per minute, all sockets break.
    :param portal: how often, per minute, somebody makes a report in the portal.
    :param reboots: how often, per minute, it restarts.
    :param tells_up_time: whether it tells its ``up_time``.
    :param names: of files: ``documented``, ``unique`` in another way, or alike for all of one format (``plain``), also
        of one day (``dated``), made in one hour (``hourly``), or told by events or by answers (``by-way``).
    """

    parallel: int = 1
    queued: int = 0
    job: float = 5.0
    late: float = 0.0
    is_busy_after_event: float = 0.0
    early: float = 0.0
    twice: float = 0.0
    lost: float = 0.0
    spells: float = 0.0
    fails: float = 0.0
    sync: str = "url"
    sync_announces: bool = False
    has_ids: bool = False
    cut: float = 0.0
    drops: float = 0.0
    breaks: float = 0.0
    portal: float = 0.0
    reboots: float = 0.0
    tells_up_time: bool = True
    names: str = "documented"

    def __str__(self) -> str:
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in changed) or "as documented"


def any_behaviour(chance: random.Random, *, portal: bool) -> Behaviour:
    """Return a PBX drawn at random; about half of its oddities are absent."""

    def maybe(value: float) -> float:
        return chance.choice([0.0, 0.0, value])

    return Behaviour(
        parallel=chance.choice([1, 1, 2, 9]),
        queued=chance.choice([0, 0, 2, 9]),
        job=chance.choice([0.5, 5.0, 20.0]),
        late=chance.choice([0.0, 0.0, 0.5, 5.0, 40.0]),
        is_busy_after_event=maybe(0.5),
        early=maybe(0.3),
        twice=maybe(0.3),
        lost=maybe(0.2),
        spells=maybe(0.5),
        fails=maybe(0.2),
        sync=chance.choice(["url", "url", "url", "mixed", "processing", "cut"]),
        sync_announces=chance.choice([False, True]),
        has_ids=chance.choice([False, False, False, True]),
        cut=maybe(0.1),
        drops=maybe(0.2),
        breaks=maybe(3.0),
        portal=maybe(4.0) if portal else 0.0,
        reboots=maybe(0.5),
        tells_up_time=chance.choice([True, True, False]),
        names=chance.choice(["documented", "unique"]),
    )


@dataclass(eq=False)
class _Job:
    content: str
    extension: str
    is_announced: bool
    id: int
    is_asked_synchronously: bool = False
    answer: Callable[[ReportFile | Processing | YeastarError], None] | None = None


@dataclass
class ModelPbx:
    """The PBX.

    :param world: it lives in.
    :param behaviour: its ways.
    """

    world: World
    behaviour: Behaviour
    files: dict[str, str] = field(default_factory=dict)
    sockets: list[Callable[[EventFrame | YeastarError], None]] = field(default_factory=list)
    requests: int = 0

    def __post_init__(self) -> None:
        self.booted_at = -3600.0
        self._past_the_hour = self.world.chance.uniform(3300.0, 3600.0)
        self._boot = 0
        self._numbers = 0
        self._ids = 0
        self._working: list[_Job] = []
        self._queue: list[_Job] = []
        self._busy_until = 0.0
        for kind, action in (("portal", self._portal), ("breaks", self.drop_sockets), ("reboots", self.reboot)):
            if getattr(self.behaviour, kind):
                self._now_and_then(60.0 / getattr(self.behaviour, kind), action)

    def _now_and_then(self, mean: float, action: Callable[[], None]) -> None:
        def act() -> None:
            action()
            self._now_and_then(mean, action)

        self.world.after(self.world.chance.expovariate(1.0 / mean), act)

    def _happens(self, probability: float) -> bool:
        return self.world.chance.random() < probability

    def _network(self) -> float:
        return self.world.chance.choice([0.001, 0.02, 0.02, 0.5])

    @property
    def up_time(self) -> int | None:
        return int(self.world.clock.seconds - self.booted_at) if self.behaviour.tells_up_time else None

    def tell_up_time(self, answer: Callable[[int | None], None]) -> None:
        """Tell since when it is up, after the question's way through the network; the answer has to come back."""

        def tell() -> None:
            up_time = self.up_time
            self.world.after(self._network(), lambda: answer(up_time))

        self.world.after(self._network(), tell)

    def request(self, content: str, extension: str, asynchronous: bool, answer: Callable[[object], None]) -> None:
        """Take a request after its way through the network; the answer comes as late, if at all."""
        boot = self._boot

        def send(result: object) -> None:
            lost = boot != self._boot or self._happens(self.behaviour.cut)
            self.world.after(self._network(), lambda: answer(NetworkError("cut") if lost else result))

        self.world.after(self._network(), lambda: self._take(content, extension, asynchronous, send))

    def _take(self, content: str, extension: str, asynchronous: bool, send: Callable[[object], None]) -> None:
        self.requests += 1
        is_full = len(self._working) + len(self._queue) >= self.behaviour.parallel + self.behaviour.queued
        if is_full or self.world.clock.seconds < self._busy_until:
            send(BusyError("busy", errcode=70082))
            return
        self._ids += 1
        sync = self.behaviour.sync
        if sync == "mixed":
            sync = self.world.chance.choice(["url", "processing", "cut"])
        waits_for_event = asynchronous or sync == "processing"
        is_announced = waits_for_event or self.behaviour.sync_announces
        job = _Job(content, extension, is_announced, self._ids, is_asked_synchronously=not asynchronous)
        if not waits_for_event:
            job.answer = send if sync == "url" else None
        self._start(job)
        if waits_for_event:
            answer = Processing(job.id if self.behaviour.has_ids else None)
            if self._happens(self.behaviour.early) and job in self._working:
                self._finish(job, self._boot)
            send(answer)
        elif sync == "cut":
            self.world.after(self.world.chance.uniform(0.0, 3.0), lambda: send(NetworkError("cut by a proxy")))

    def _start(self, job: _Job) -> None:
        if len(self._working) >= self.behaviour.parallel:
            self._queue.append(job)
            return
        self._working.append(job)
        boot = self._boot
        self.world.after(self.world.chance.uniform(0.05, self.behaviour.job), lambda: self._finish(job, boot))

    def _finish(self, job: _Job, boot: int) -> None:
        if boot != self._boot or job not in self._working:
            return
        self._working.remove(job)
        if self._happens(self.behaviour.is_busy_after_event):
            self._busy_until = self.world.clock.seconds + 1.0
        if self._queue:
            self._start(self._queue.pop(0))
        if self._happens(self.behaviour.fails):
            if job.answer:
                job.answer(BusyError("busy", errcode=70082))
            elif job.is_announced:
                self._announce(EventFrame(False, "", "", "failed", job.id), boot)
            return
        self._numbers += 1
        name = f"{self._stem(job)}.{job.extension}"
        url = f"/api/download/{name}"
        self.files[url] = job.content
        if job.answer:
            job.answer(ReportFile(name, url))
        if job.is_announced:
            if self._happens(self.behaviour.drops):
                self.drop_sockets()
            self._announce(EventFrame(True, name, self._spelled(url), "", job.id), boot)

    def _stem(self, job: _Job) -> str:
        parts: dict[str, object] = {
            "documented": f"download-{self._numbers:014}-ejP6Z6htIfhsCQbP",
            "unique": self._numbers,
            "plain": "",
            "dated": job.content.split("_")[1],
            "hourly": (self.world.clock.seconds + self._past_the_hour) // 3600,
            "by-way": "answer" if job.is_asked_synchronously else "event",
        }
        return f"report-{parts[self.behaviour.names]}"

    def _spelled(self, url: str) -> str:
        if not self._happens(self.behaviour.spells):
            return url
        return self.world.chance.choice([f"http://pbx{url}", f"{url}?by=event", url.replace("-", "%2D")])

    def _announce(self, event: EventFrame, boot: int) -> None:
        if self._happens(self.behaviour.lost):
            return
        late = self.world.chance.uniform(0.0, self.behaviour.late)
        self.world.after(late, lambda: self._publish(event, boot))
        if self._happens(self.behaviour.twice):
            self.world.after(late + self.world.chance.uniform(0.0, 30.0), lambda: self._publish(event, boot))

    def _publish(self, event: EventFrame, boot: int) -> None:
        if boot == self._boot:
            for deliver in list(self.sockets):
                deliver(event)

    def _portal(self) -> None:
        self._ids += 1
        extension = self.world.chance.choice(["csv", "csv", "pdf"])
        content, is_like_answers = f"portal_{self.world.chance.choice(_DAYS)}", self._happens(0.5)
        self._start(_Job(content, extension, True, self._ids, is_like_answers))

    def drop_sockets(self) -> None:
        for deliver in list(self.sockets):
            deliver(NetworkError("dropped"))
        self.sockets.clear()

    def reboot(self) -> None:
        """Jobs, sockets and outstanding answers and events are gone."""
        self._boot += 1
        self.booted_at = self.world.clock.seconds
        self._ids = 0
        for job in [*self._working, *self._queue]:
            if job.answer:
                job.answer(NetworkError("reset"))
        self._working.clear()
        self._queue.clear()
        self.drop_sockets()
