"""The ledger of a PBX: report jobs of this deployment that may still be announced, and files already told apart. Pure.

An event says that *a* report is ready, not whose. It can only be attributed while every job of this deployment is
accounted for. A job is therefore written here before its request is sent, and stays open until one of these:

1. its file is known: from the answer to a synchronous request, or from an event that was believed;
2. the PBX refused the request, or never received it, so there is no job;
3. as many different files were announced as jobs are open: then all of them have ended, whichever file was whose;
4. the PBX has restarted since (its ``up_time`` is shorter than the job is old);
5. it is older than :data:`JOB_LIFE_SECONDS`.

A task that is killed or runs out of time closes nothing: its job may still be announced to the next task.

A ledger that was just made knows nothing of the jobs before it: the state may be new, or lost. One that may be an older
copy of itself has forgotten the jobs since. Any of them may still be announced until the PBX has restarted, or
:data:`JOB_LIFE_SECONDS` have passed. Meanwhile no announced file is counted, because it may belong to a job that is not
recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from airflow_provider_yeastar.pbx.state.interface import MAY_BE_OLDER, number, shared_name
from airflow_provider_yeastar.pbx.state.records import Contest, Job, KnownFile, may_replace, tells_apart
from airflow_provider_yeastar.pbx.untrusted import whole_number

__all__ = ["CONTEST_SECONDS", "FILE_MEMORY_SECONDS", "JOB_LIFE_SECONDS", "LEDGER_LIFE_SECONDS", "Ledger", "ledger_name"]

JOB_LIFE_SECONDS = 6 * 3600.0
"""Seconds after which a job counts as over. The vendor names no bound; the longest reports known take minutes."""

FILE_MEMORY_SECONDS = 6 * 3600.0
"""Seconds for which a delivered file is remembered, so that a repeated event of it is not taken for another one."""

CONTEST_SECONDS = 24 * 3600.0
"""Seconds for which a PBX counts as contested after the last event or job that this deployment did not cause."""

LEDGER_LIFE_SECONDS = 400 * 86400.0
"""Seconds for which an unused ledger is kept: longer than the pause of a yearly DAG. Without it the past is unknown."""

_REBOOT_MARGIN_SECONDS = 15.0
"""How much older than the PBX's ``up_time`` a job must be: the answer that tells it takes a moment."""
_BUSY_AFTERGLOW_SECONDS = 60.0
"""For so long after a job of ours has ended, 70082 may still be about that job."""
_FETCH_SECONDS = 60.0
"""For so long after a file is ready the next report waits until it is fetched, where names are known to come again."""
_MOST_FILES = 200
"""Files remembered at most; the oldest are forgotten first."""
_MOST_KINDS = 200


def ledger_name(pbx: str) -> str:
    """Return the name of a PBX's ledger in the shared state; see :func:`.shared_name`."""
    return f"{shared_name(pbx)}/ledger"


@dataclass(frozen=True)
class Ledger:
    """What is known of the jobs at one PBX.

    :param jobs: open ones, oldest first.
    :param unclaimed: marks of files that were announced while jobs were open, and belong to one of these.
    :param files: files whose report is known, oldest first.
    :param contest: the last evidence of somebody else, None without any.
    :param known_since: since when (epoch seconds) all jobs are recorded, None if no earlier one can be announced.
    :param repeats_names: whether files of two jobs have had one name.
    :param own_names: kinds of reports whose files were seen to have names of their own.
    """

    jobs: tuple[Job, ...] = ()
    unclaimed: tuple[str, ...] = ()
    files: tuple[KnownFile, ...] = ()
    contest: Contest | None = None
    known_since: float | None = None
    repeats_names: bool = False
    own_names: tuple[str, ...] = ()

    @classmethod
    def begun(cls, now: float) -> Ledger:
        """Return a ledger with an unknown past.

        :param now: epoch seconds by the state's clock.
        """
        return cls(known_since=now)

    @classmethod
    def read(cls, entry: Mapping[str, Any] | None, now: float) -> Ledger:
        """Return what an entry of the shared state says, without what has aged out.

        :param entry: where it is missing or damaged, whatever it held is unknown.
        :param now: epoch seconds by the state's clock.
        """
        if entry is None:
            return cls.begun(now)
        try:
            ledger = cls(
                jobs=tuple(
                    Job(str(id_), _moment(at), str(pbx), str(report), bool(is_announced))
                    for id_, at, pbx, report, is_announced in entry["jobs"]
                ),
                unclaimed=tuple(str(mark) for mark in entry["unclaimed"]),
                files=tuple(
                    KnownFile(
                        str(mark), _moment(at), whole_number(id_), str(job), str(kind), bool(ok), bool(had), str(report)
                    )
                    for mark, at, id_, job, kind, ok, had, report in entry["files"]
                ),
                contest=Contest(_moment(entry["contest"][0]), str(entry["contest"][1])) if entry["contest"] else None,
                known_since=None if entry["known_since"] is None else _moment(entry["known_since"]),
                repeats_names=bool(entry["repeats_names"]),
                own_names=tuple(str(kind) for kind in entry["own_names"]),
            )
        except (KeyError, TypeError, ValueError, IndexError):
            return cls.begun(now)
        # What a name has shown since, an older copy does not know.
        older = replace(ledger, known_since=now, own_names=())
        return _pruned(older if entry.get(MAY_BE_OLDER) else ledger, now)

    def to_entry(self) -> dict[str, Any]:
        """Return the ledger as JSON types; :meth:`read` makes an equal one of it."""
        return {
            "jobs": [list(astuple(job)) for job in self.jobs],
            "unclaimed": list(self.unclaimed),
            "files": [list(astuple(file)) for file in self.files],
            "contest": [self.contest.at, self.contest.why] if self.contest else None,
            "known_since": self.known_since,
            "repeats_names": self.repeats_names,
            "own_names": list(self.own_names),
        }

    def is_open(self, job: str) -> bool:
        """Tell whether a job is still open."""
        return any(job == other.id for other in self.jobs)

    def others(self, job: str | None) -> int:
        """Return how many jobs are open beside this one."""
        return sum(other.id != job for other in self.jobs)

    def knows(self, mark: str) -> bool:
        """Tell whether a file is known to be another report's."""
        return any(mark == file.mark for file in self.files)

    def reuses_a_name(self, mark: str, download_id: int | None) -> bool:
        """Tell whether a known file is announced with another id, which makes it more than a copy of its event."""
        known = {file.download_id for file in self.files if file.mark == mark} - {None}
        return download_id is not None and bool(known - {download_id})

    def has_used(self, download_id: int) -> bool:
        """Tell whether a file of a known report was announced with an id: one that comes again tells no files apart."""
        return any(download_id == file.download_id for file in self.files)

    def fetch_seconds(self, now: float) -> float:
        """Return for how long the next report may have to wait for the last one to be fetched; 0 for not at all.

        :param now: epoch seconds by the state's clock.
        """
        unfetched = (file.at for file in self.files if file.kind and file.is_intact and not file.is_fetched)
        awaited = [at for at in unfetched if abs(now - at) < _FETCH_SECONDS]  # or the clock was set back
        return min(max(awaited) - now, 0.0) + _FETCH_SECONDS if awaited and self.repeats_names else 0.0

    def explains_busy(self, job: str | None, now: float) -> bool:
        """Tell whether 70082 may be about a job of this deployment.

        :param job: the one that was refused.
        :param now: epoch seconds by the state's clock.
        """
        is_afterglow = any(now - file.at < _BUSY_AFTERGLOW_SECONDS for file in self.files)
        return self.known_since is not None or self.others(job) > 0 or is_afterglow

    def with_job(self, job: str, now: float, pbx: str, report: str = "") -> Ledger:
        """Open a job; to be stored before its request is sent. Its file may replace those of names that come again."""
        files = tuple(replace(file, is_intact=False) for file in self.files)
        return replace(self, jobs=(*self.jobs, Job(job, now, pbx, report)), files=files)

    def without_job(self, job: str) -> Ledger:
        """Close a job that the PBX refused."""
        return _with_jobs(self, tuple(other for other in self.jobs if other.id != job))

    def with_file(self, job: str, mark: str, now: float, download_id: int | None = None, kind: str = "") -> Ledger:
        """Close a job whose file is known now, and remember the file."""
        alike = [file for file in self.files if file.mark == mark]
        repeats = self.repeats_names or any(file.kind and file.job not in ("", job) for file in alike)
        own = next((other for other in self.jobs if other.id == job), None)  # none in a state that was lost
        was_replaced = own is None or any(file.at > own.opened_at for file in alike if file.job != job)
        is_intact = not was_replaced and not any(may_replace(other, self.jobs, job, now) for other in self.jobs)
        if download_id is None:  # an answer names none; an earlier event of a file of this name may have
            download_id = next((file.download_id for file in alike), None)
        unclaimed = tuple(other for other in self.unclaimed if other != mark)
        others_files = (file for file in self.files if file.mark != mark)
        found = KnownFile(mark, now, download_id, job, kind, is_intact, report=own.report if own else "")
        files = (*others_files, found)[-_MOST_FILES:]
        known = replace(self, files=files, unclaimed=unclaimed, repeats_names=repeats)
        return _settled(_compared(known, kind).without_job(job), now)

    def with_announced(self, job: str) -> Ledger:
        """Take note that an open job's event has come."""
        return replace(self, jobs=tuple(replace(o, is_announced=o.is_announced or o.id == job) for o in self.jobs))

    def with_fetched(self, found: KnownFile) -> Ledger:
        """Take note that a job's task has its file.

        :param found: it. One that is not known here is of a job in another state, or in one that was lost.
        """
        if not self.knows(found.mark):
            return replace(self, files=(*self.files, found)[-_MOST_FILES:])
        had = (replace(file, is_fetched=file.is_fetched or file.is_of(found.mark, found.job)) for file in self.files)
        return replace(self, files=tuple(had))

    def with_events(self, marks: Iterable[str], now: float) -> Ledger:
        """Take note of announced files that no answer names; duplicates and known files do not count."""
        if self.known_since is not None:
            return self
        new = [mark for mark in dict.fromkeys(marks) if not self.knows(mark) and mark not in self.unclaimed]
        return _settled(replace(self, unclaimed=(*self.unclaimed, *new)), now)

    def gains_by_restart(self, pbx: str, now: float) -> bool:
        """Tell whether a restart of the PBX can have ended anything by now.

        :param pbx: its proven name.
        :param now: epoch seconds by the state's clock.
        """
        return self.without_jobs_before_boot(pbx, 0.0, now) != self

    def without_jobs_before_boot(self, pbx: str, up_time: float, asked_at: float) -> Ledger:
        """Close the jobs that a restart of the PBX has ended, those of an unknown past among them.

        :param pbx: its proven name; of what may be another PBX nothing is ended.
        :param up_time: seconds since the PBX has started, as it says (``system/information``).
        :param asked_at: epoch seconds by the state's clock *before* the PBX was asked: its answer may have come late.
        """
        ended_before = asked_at - up_time - _REBOOT_MARGIN_SECONDS
        is_proven = pbx == shared_name(pbx)
        is_known = self.known_since is None or (is_proven and self.known_since < ended_before)
        jobs = tuple(job for job in self.jobs if job.opened_at >= ended_before or job.pbx != pbx)
        return _with_jobs(replace(self, known_since=None if is_known else self.known_since), jobs)

    def contested(self, why: str, now: float) -> Ledger:
        """Take note of somebody else's event or job."""
        return replace(self, contest=Contest(now, why))

    @property
    def has_unexplained_files(self) -> bool:
        """Whether more files were announced than this deployment has jobs."""
        return len(self.unclaimed) > len(self.jobs)


def _with_jobs(ledger: Ledger, jobs: tuple[Job, ...]) -> Ledger:
    # Without an open job there is nobody left whose file an announced one could be.
    return replace(ledger, jobs=jobs, unclaimed=ledger.unclaimed if jobs else ())


def _compared(ledger: Ledger, kind: str) -> Ledger:
    """Take note of what the names of a kind of files are like, as far as they show it."""
    if ledger.repeats_names:
        return replace(ledger, own_names=())
    is_news = kind and kind not in ledger.own_names and tells_apart(ledger.files, kind)
    return replace(ledger, own_names=(*ledger.own_names, kind)[-_MOST_KINDS:]) if is_news else ledger


def _settled(ledger: Ledger, now: float) -> Ledger:
    """As many files as jobs: all jobs have ended."""
    if not ledger.jobs or len(ledger.unclaimed) != len(ledger.jobs):
        return ledger
    ended = tuple(KnownFile(mark, now) for mark in ledger.unclaimed)
    return replace(ledger, jobs=(), unclaimed=(), files=(*ledger.files, *ended)[-_MOST_FILES:])


def _pruned(ledger: Ledger, now: float) -> Ledger:
    contest = ledger.contest if ledger.contest and now - ledger.contest.at < CONTEST_SECONDS else None
    files = tuple(file for file in ledger.files if now - file.at < FILE_MEMORY_SECONDS)
    jobs = tuple(job for job in ledger.jobs if now - job.opened_at < JOB_LIFE_SECONDS)
    known_since = ledger.known_since
    if known_since is not None:
        # One from the future was written by a clock that was ahead.
        known_since = min(known_since, now) if now - known_since < JOB_LIFE_SECONDS else None
    return _with_jobs(replace(ledger, files=files, contest=contest, known_since=known_since), jobs)


def _moment(value: object) -> float:
    moment = number(value)
    if moment is None:
        raise ValueError("no time")
    return moment
