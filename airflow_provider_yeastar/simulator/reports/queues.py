"""Reports about whole queues: performance, waiting times, callbacks, satisfaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from airflow_provider_yeastar.simulator.calls.call import Call, QueueVisit
from airflow_provider_yeastar.simulator.calls.directory import Queue
from airflow_provider_yeastar.simulator.reports.figures import Visits, average, percent, queue_figures
from airflow_provider_yeastar.simulator.reports.source import (
    Builder,
    Line,
    Source,
    bucket_number,
    bucket_of,
    bucket_times,
    time_label,
    words,
)
from airflow_provider_yeastar.simulator.reports.table import Column, Row

__all__ = ["BUILDERS"]

_SCORES = (1, 2, 3, 4, 5)

_TIME = Column("time", "Time")
_QUEUE = Column("queue", "Queue", number_key="queue_num")
_AGENT = Column("agent_name", "Agent", number_key="agent_number")
_FIGURES = (
    Column("total_calls", "Total Calls", "integer"),
    Column("answered_calls", "Answered", "integer"),
    Column("missed_calls", "Missed", "integer"),
    Column("abandoned_calls", "Abandoned", "integer"),
    Column("answered_rate", "Answered Rate", "percent"),
    Column("missed_rate", "Missed Rate", "percent"),
    Column("abandoned_rate", "Abandoned Rate", "percent"),
    Column("average_waiting_time", "Average Waiting Time", "seconds"),
    Column("all_call_average_waiting_time", "All Calls Average Waiting Time", "seconds"),
    Column("max_waiting_time", "Max Waiting Time", "seconds"),
    Column("average_talking_time", "Average Talking Time", "seconds"),
    Column("sla", "SLA", "percent"),
)


def _labels(queue: Queue) -> dict[str, object]:
    return {"queue": queue.name, "queue_num": queue.number}


def _performance(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    for queue in source.queues():
        visits = source.queue_visits(calls, queue)
        lines.append(Line({**_labels(queue), **queue_figures(visits)}, [call for call, _ in visits]))
    return lines


def _by_bucket(source: Source) -> list[tuple[datetime, Queue, Visits]]:
    calls = source.calls()
    visits: dict[tuple[int, datetime], list[tuple[Call, QueueVisit]]] = defaultdict(list)
    for queue in source.queues():
        for call, visit in source.queue_visits(calls, queue):
            visits[queue.id, bucket_of(source.query, call.started)].append((call, visit))
    return [(at, queue, visits[queue.id, at]) for at in bucket_times(source.query) for queue in source.queues()]


def _performance_activity(source: Source) -> list[Line]:
    return [
        Line(
            {"time": time_label(source.query, at), **_labels(queue), **queue_figures(visits)},
            [call for call, _ in visits],
        )
        for at, queue, visits in _by_bucket(source)
    ]


def _average_times(source: Source) -> list[Line]:
    """Return a row for each hour, day or month, over all queues that were asked for; no column names a queue."""
    if not source.queues():
        return []
    visits: dict[datetime, list[tuple[Call, QueueVisit]]] = defaultdict(list)
    for at, _, of_queue in _by_bucket(source):
        visits[at].extend(of_queue)
    return [Line({"time": bucket_number(source.query, at), **_average_figures(visits[at])}) for at in visits]


def _average_figures(visits: Visits) -> dict[str, object]:
    figures = queue_figures(visits)
    return {
        "total_calls": figures["total_calls"],
        "answered_calls": figures["answered_calls"],
        "avg_wait_time": figures["average_waiting_time"],
        "all_call_avg_wait_time": figures["all_call_average_waiting_time"],
        "avg_talk_time": figures["average_talking_time"],
    }


def _callback_rows(source: Source, queue: Queue, calls: Sequence[Call]) -> list[Row]:
    names = {extension.id: extension for extension in source.directory.extensions}
    rows: list[Row] = []
    for call, visit in source.queue_visits(calls, queue):
        if visit.callback is None:
            continue
        agent = names.get(visit.callback.agent_id or 0)
        called = visit.callback.called_at
        rows.append(
            {
                "request_time": visit.callback.requested_at,
                **_labels(queue),
                "caller": call.caller,
                "agent_name": agent.name if agent else "",
                "agent_number": agent.number if agent else "",
                "callback_time": called or "",
                "delay": int((called - visit.callback.requested_at).total_seconds()) if called else 0,
                "callback_result": _result(called, visit.callback.succeeded),
            }
        )
    return rows


def _result(called: datetime | None, succeeded: bool) -> str:
    if called is None:
        return "pending"
    return "success" if succeeded else "failed"


def _callbacks_activity(source: Source) -> list[Line]:
    """List the callbacks; of ``callback_result`` the values are unknown [U], so it chooses nothing."""
    calls = source.calls()
    caller = words(source.filters, "call_from")
    return [
        Line(row)
        for queue in source.queues()
        for row in _callback_rows(source, queue, calls)
        if caller is None or row["caller"] in caller
    ]


def _callbacks_summary(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    for queue in source.queues():
        rows = _callback_rows(source, queue, calls)
        results = Counter(str(row["callback_result"]) for row in rows)
        delays = [delay for row in rows if row["callback_time"] and isinstance(delay := row["delay"], int)]
        lines.append(
            Line(
                {
                    **_labels(queue),
                    "total_callbacks": len(rows),
                    "success_callbacks": results["success"],
                    "failed_callbacks": results["failed"],
                    "pending_callbacks": results["pending"],
                    "success_rate": percent(results["success"], len(rows)),
                    "average_delay": average(delays),
                }
            )
        )
    return lines


def _satisfaction(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    for queue in source.queues():
        visits = source.queue_visits(calls, queue)
        for agent in source.agents(queue):
            answered = [visit.satisfaction for _, visit in visits if visit.agent_id == agent.id]
            scores = [score for score in answered if score is not None]
            row: dict[str, object] = {**_labels(queue), "agent_name": agent.name, "agent_number": agent.number}
            row |= {"answered_calls": len(answered), "rated_calls": len(scores)}
            row |= {f"score_{score}": scores.count(score) for score in _SCORES}
            row["average_score"] = f"{sum(scores) / len(scores) if scores else 0:.2f}"
            lines.append(Line(row))
    return lines


def _satisfaction_detail(source: Source) -> list[Line]:
    calls = source.calls()
    caller = words(source.filters, "call_from")
    lines: list[Line] = []
    for queue in source.queues():
        agents = {agent.id: agent for agent in source.agents(queue)}
        for call, visit in source.queue_visits(calls, queue):
            agent = agents.get(visit.agent_id or 0)
            if agent is None or visit.satisfaction is None or (caller is not None and call.caller not in caller):
                continue
            row: dict[str, object] = {"time": call.started, **_labels(queue), "caller": call.caller}
            row |= {"agent_name": agent.name, "agent_number": agent.number, "score": visit.satisfaction}
            lines.append(Line({**row, "talking_time": call.talk_seconds}))
    return lines


BUILDERS = {
    "queueperformance": Builder((_QUEUE, *_FIGURES), _performance, has_detail=True),
    "queueperformanceactivity": Builder((_TIME, _QUEUE, *_FIGURES), _performance_activity, has_detail=True),
    "queueavgwaittalktime": Builder(
        (
            Column("time", "Time", "integer"),
            Column("total_calls", "Total Calls", "integer"),
            Column("answered_calls", "Answered", "integer"),
            Column("avg_wait_time", "AVG Waiting Time", "seconds"),
            Column("all_call_avg_wait_time", "All Calls AVG Waiting Time", "seconds"),
            Column("avg_talk_time", "AVG Talking Time", "seconds"),
        ),
        _average_times,
    ),
    "queuecallbackssummary": Builder(
        (
            _QUEUE,
            Column("total_callbacks", "Total Callbacks", "integer"),
            Column("success_callbacks", "Successful", "integer"),
            Column("failed_callbacks", "Failed", "integer"),
            Column("pending_callbacks", "Pending", "integer"),
            Column("success_rate", "Success Rate", "percent"),
            Column("average_delay", "Average Delay", "seconds"),
        ),
        _callbacks_summary,
    ),
    "queuecallbacksactivity": Builder(
        (
            Column("request_time", "Request Time", "datetime"),
            _QUEUE,
            Column("caller", "Caller"),
            _AGENT,
            Column("callback_time", "Callback Time", "datetime"),
            Column("delay", "Delay", "seconds"),
            Column("callback_result", "Callback Result"),
        ),
        _callbacks_activity,
    ),
    "queuesatisfaction": Builder(
        (
            _QUEUE,
            _AGENT,
            Column("answered_calls", "Answered", "integer"),
            Column("rated_calls", "Rated", "integer"),
            *(Column(f"score_{score}", f"Score {score}", "integer") for score in _SCORES),
            Column("average_score", "Average Score"),
        ),
        _satisfaction,
    ),
    "queuesatisfactiondetail": Builder(
        (
            Column("time", "Time", "datetime"),
            _QUEUE,
            _AGENT,
            Column("caller", "Caller"),
            Column("talking_time", "Talking Time", "seconds"),
            Column("score", "Score", "integer"),
        ),
        _satisfaction_detail,
    ),
}
"""The builders of this module by report type."""
