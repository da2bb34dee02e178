"""Whose report is it? One pure function over what a wait has recorded.

An event carries no id that an answer gives, so it says that *a* report is ready, not whose. Two things identify a
report: an answer of the PBX, or an event *on the user's word*. The word is the setting ``exclusive``: nobody else makes
or downloads reports at this PBX, and all processes of this Airflow share one state. Even then an event is believed only
if everything else rules out another report. In doubt the report is requested synchronously: that answer is certain.

The rules of :func:`judge`, the first that applies decides:

====  =========================================================  =====================================================
rule  observed                                                   verdict
====  =========================================================  =====================================================
1     the answer names the file                                  believe the answer
2     70082: a job runs, whoever's it is                         wait for others; *contested* if the word was given
                                                                 and nothing of this deployment explains it
3     the answer carries a ``download_id``                       believe the event with this id while the subscription
                                                                 stands; if that is lost or overdue, or the id is
                                                                 another report's as well, ask synchronously
4     nothing requested, ``asynchronous=False``                  ask synchronously
5     nothing requested, ``asynchronous=True``, no doubt so far  ask for the event; not where names come again
6     nothing requested, no word or any doubt                    ask synchronously
7     nothing requested, the word and no doubt                   ask for the event
8     PROCESSING to a synchronous request                        ask synchronously again, later
9     an event is awaited without the word, or in doubt          ask synchronously
10    a new file of another format, or two new files             *contested*; ask synchronously
11    one new file                                               believe the event
12    a known file again, and with another ``download_id``       ask synchronously
13    no new file within half of ``wait_timeout``                ask synchronously
14    no new file                                                wait
====  =========================================================  =====================================================

Doubt is any of: an earlier doubt in this wait; the PBX is contested, or names files of several reports alike; the
ledger is too young to know all jobs that may still be announced, as after a loss of the state; another job of this
deployment is open in it, or our own no longer is; the subscription was lost since the request; the lease on the PBX
(the turn) lapsed. A file is *new* unless the ledger knows it as another report's: the PBX may announce a file twice.
With another id it may be a new one that is named like the known one. A job of an unknown past explains a busy PBX and
any file, so neither is evidence of somebody else then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from airflow_provider_yeastar.pbx.state.ledger import Ledger
from airflow_provider_yeastar.pbx.state.records import event_mark, file_mark, has_own_name, kind_of_file
from airflow_provider_yeastar.pbx.wire import EventFrame, Processing, ReportFile

__all__ = ["BUSY", "Busy", "Observations", "Step", "Verdict", "conclude", "judge"]

_EXTENSIONS = {"csv": {".csv"}, "xls": {".xls", ".xlsx"}, "pdf": {".pdf"}, "html": {".html", ".htm"}}

_LOST = "the event connection was lost after the request"
_KNOWN = "the PBX announced a file of a name that another report's had"
_OVERDUE = "no event came within half of `wait_timeout`"
_FOREIGN = "the PBX announced a report that no task of this Airflow has requested"


class Step(Enum):
    """What a wait does next."""

    ASK_FOR_EVENT = "request the report and wait for its event"
    ASK_FOR_ANSWER = "request the report synchronously"
    WAIT = "wait for the next event"
    WAIT_FOR_OTHERS = "wait until the PBX has finished another job"
    BELIEVE_ANSWER = "take the file that the answer names"
    BELIEVE_EVENT = "take the file that the event names"


class Busy:
    """The PBX refused the request because a job runs (70082)."""


BUSY = Busy()


@dataclass(frozen=True)
class Observations:
    """What one wait has recorded so far.

    :param asynchronous: the task's argument.
    :param exclusive: the user's word for this PBX.
    :param job: id of the job under way, None before a request.
    :param for_event: whether the job was requested asynchronously.
    :param answer: to that request, None while there is none.
    :param events: that arrived since just before that request, in order.
    :param file_format: that was asked for, None where a schedule decides it.
    :param is_subscribed: whether the subscription has stood without a break since before that request.
    :param holds_turn: whether the lease on the PBX has held without a break since before that request.
    :param is_overdue: whether half of the wait has passed without an event.
    :param doubt: why an earlier job of this wait was in doubt, empty if none was.
    :param report: what all jobs of this report have in common, empty where that is not known.
    :param kind: of the report: what a PBX may name its file after.
    """

    asynchronous: bool | None
    exclusive: bool
    job: str | None = None
    for_event: bool = False
    answer: ReportFile | Processing | Busy | None = None
    events: tuple[EventFrame, ...] = ()
    file_format: str | None = None
    is_subscribed: bool = True
    holds_turn: bool = True
    is_overdue: bool = False
    doubt: str = ""
    report: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Verdict:
    """What to do, and why.

    :param step: what the wait does next.
    :param reason: a clause for the log.
    :param event: the event to believe.
    :param contest: what shows that somebody else makes reports here, empty if nothing does.
    :param is_announced: whether the job's event has come, though it is not believed.
    """

    step: Step
    reason: str
    event: EventFrame | None = None
    contest: str = ""
    is_announced: bool = False

    @property
    def has_file(self) -> bool:
        """Whether it tells the file of the report, which ends the wait."""
        return self.step is Step.BELIEVE_ANSWER or (self.event is not None and self.event.succeeded)


def judge(seen: Observations, ledger: Ledger, now: float) -> Verdict:
    """Return what follows from the observations; the rules stand above.

    :param seen: what this wait has recorded.
    :param ledger: of the PBX, as of now.
    :param now: epoch seconds by the state's clock.
    """
    if isinstance(seen.answer, ReportFile):
        return Verdict(Step.BELIEVE_ANSWER, "the answer names the file")
    if isinstance(seen.answer, Busy):
        return _judge_busy(seen, ledger, now)
    if isinstance(seen.answer, Processing) and seen.answer.download_id is not None:
        return _judge_by_id(seen, seen.answer.download_id, ledger)
    if seen.job is None:
        return _choose_way(seen, ledger)
    if not seen.for_event:
        if seen.answer is None:
            return Verdict(Step.WAIT, "the answer is outstanding")
        return Verdict(Step.ASK_FOR_ANSWER, "the PBX did not name the file in its answer")
    return _judge_events(seen, ledger)


def _judge_busy(seen: Observations, ledger: Ledger, now: float) -> Verdict:
    unexplained = seen.exclusive and not ledger.explains_busy(seen.job, now)
    return Verdict(
        Step.WAIT_FOR_OTHERS,
        "the PBX is busy with another job",
        contest="the PBX was busy with a job that no task of this Airflow has started" if unexplained else "",
    )


def _judge_by_id(seen: Observations, download_id: int, ledger: Ledger) -> Verdict:
    if not seen.is_subscribed:
        # After a restart the PBX may count its ids anew.
        return Verdict(Step.ASK_FOR_ANSWER, _LOST)
    events = [event for event in seen.events if event.download_id == download_id]
    files = {event_mark(event) for event in events}
    is_used = ledger.has_used(download_id) or any(map(ledger.knows, files)) or len(files) > 1
    if is_used or not all(_fits(event, seen.file_format) for event in events):
        return Verdict(Step.ASK_FOR_ANSWER, "the download_id is another report's, too")
    if events:
        return Verdict(Step.BELIEVE_EVENT, "the answer and the event carry the same download_id", events[0])
    if seen.is_overdue:
        return Verdict(Step.ASK_FOR_ANSWER, _OVERDUE)
    return Verdict(Step.WAIT, "the event with this download_id is outstanding")


def _choose_way(seen: Observations, ledger: Ledger) -> Verdict:
    if seen.asynchronous is False:
        return Verdict(Step.ASK_FOR_ANSWER, "`asynchronous` is False")
    if seen.asynchronous and not seen.doubt and not ledger.repeats_names:
        return Verdict(Step.ASK_FOR_EVENT, "`asynchronous` is True")
    doubt = _doubt(seen, ledger)
    if doubt:
        return Verdict(Step.ASK_FOR_ANSWER, doubt)
    return Verdict(Step.ASK_FOR_EVENT, "`exclusive` is set and nothing contradicts it")


def _judge_events(seen: Observations, ledger: Ledger) -> Verdict:
    if seen.answer is None:
        return Verdict(Step.WAIT, "the answer is outstanding")
    doubt = _doubt(seen, ledger)
    if doubt:
        return Verdict(Step.ASK_FOR_ANSWER, doubt)
    new = _new_files(seen.events, ledger)
    if len(new) > 1 or not all(_fits(event, seen.file_format) for event in new):
        return Verdict(Step.ASK_FOR_ANSWER, _FOREIGN, contest=_FOREIGN)
    if new:
        return Verdict(Step.BELIEVE_EVENT, "`exclusive` is set and no other report can be meant", new[0])
    if any(ledger.reuses_a_name(event_mark(event), event.download_id) for event in seen.events):
        return Verdict(Step.ASK_FOR_ANSWER, _KNOWN, is_announced=True)
    if seen.is_overdue:
        return Verdict(Step.ASK_FOR_ANSWER, _OVERDUE)
    return Verdict(Step.WAIT, "the event is outstanding")


def _doubt(seen: Observations, ledger: Ledger) -> str:
    """Return why no event may be believed now, empty if one may."""
    if not seen.exclusive:
        return "without `exclusive` no event says whose report it is"
    if seen.doubt:
        return seen.doubt
    if doubt := _doubt_of_pbx(ledger):
        return doubt
    if seen.job is None and ledger.has_unexplained_files:
        return _FOREIGN
    if ledger.others(seen.job):
        return "a report of a task that ended early may still be announced"
    if seen.job is not None and not ledger.is_open(seen.job):
        return "reports of other tasks were made at the same time"
    if not seen.is_subscribed:
        return _LOST
    if not seen.holds_turn:
        return "the lease on this PBX lapsed meanwhile"
    return ""


def _doubt_of_pbx(ledger: Ledger) -> str:
    if ledger.contest:
        return f"this PBX is contested: {ledger.contest.why}"
    if ledger.known_since is not None:
        since = f"{datetime.fromtimestamp(ledger.known_since, UTC):%Y-%m-%d %H:%M} UTC"
        return f"the shared state knows this PBX only since {since}; a report requested before may still be announced"
    return "this PBX names files of several reports alike" if ledger.repeats_names else ""


def _new_files(events: Sequence[EventFrame], ledger: Ledger) -> list[EventFrame]:
    by_mark = {event_mark(event): event for event in events}
    return [event for mark, event in by_mark.items() if not ledger.knows(mark)]


def _fits(event: EventFrame, file_format: str | None) -> bool:
    """Tell whether an event may be about a file of this format."""
    if file_format is None:
        return True
    extension = PurePosixPath(event.file or urlsplit(event.url).path).suffix.lower()
    # A failure may name no file at all.
    return not extension or extension in _EXTENSIONS[file_format]


def conclude(seen: Observations, ledger: Ledger, now: float) -> tuple[Verdict, Ledger]:
    """Return a verdict and the ledger after it. To be called within the atomic update that stores the ledger.

    :param seen: what this wait has recorded.
    :param ledger: of the PBX, as of now.
    :param now: epoch seconds by the state's clock.
    """
    if seen.exclusive and seen.job is None:
        ledger = _with_events(seen, ledger, now)
    verdict = judge(seen, ledger, now)
    ledger = _after(verdict, seen, ledger, now)
    if seen.exclusive and ledger.has_unexplained_files and not verdict.contest:
        verdict = replace(verdict, contest=_FOREIGN)
    return verdict, ledger.contested(verdict.contest, now) if verdict.contest else ledger


def _with_events(seen: Observations, ledger: Ledger, now: float) -> Ledger:
    return ledger.with_events(map(event_mark, seen.events), now)


def _after(verdict: Verdict, seen: Observations, ledger: Ledger, now: float) -> Ledger:
    if seen.job is None:
        return ledger
    if isinstance(seen.answer, Busy):
        return ledger.without_job(seen.job)
    if isinstance(seen.answer, ReportFile):
        url = seen.answer.url
        return ledger.with_file(seen.job, file_mark(url), now, None, _kind(seen, url, by_event=False))
    if event := verdict.event:
        kind = _kind(seen, event.url, by_event=True) if event.succeeded else ""
        return ledger.with_file(seen.job, event_mark(event), now, event.download_id, kind)
    if seen.exclusive and verdict.step is not Step.WAIT:
        ledger = _with_events(seen, ledger, now)
        return ledger.with_announced(seen.job) if verdict.is_announced else ledger
    return ledger


def _kind(seen: Observations, url: str, *, by_event: bool) -> str:
    return "" if has_own_name(url) else kind_of_file(seen.kind, by_event=by_event)
