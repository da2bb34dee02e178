"""Reports about the agents of one queue: performance, call summary, missed calls, logins and pauses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_provider_yeastar.simulator.calls.call import Call, Offer
from airflow_provider_yeastar.simulator.calls.directory import Agent, Queue
from airflow_provider_yeastar.simulator.reports.figures import average, percent, queue_figures
from airflow_provider_yeastar.simulator.reports.source import (
    Builder,
    Line,
    Source,
    words,
)
from airflow_provider_yeastar.simulator.reports.table import Column, Grouping

__all__ = ["BUILDERS"]

_QUEUE = Column("queue", "Queue", number_key="queue_num")
_AGENT = Column("agent_name", "Agent", number_key="agent_number")
_AGENT_NUM = Column("agent_name", "Agent", number_key="agent_num")
_GROUPING = Grouping(("queue", "queue_num", "queue_id"), "detail", counts_rows=True)


def _labels(queue: Queue, agent: Agent) -> dict[str, object]:
    return {
        "queue": queue.name,
        "queue_num": queue.number,
        "queue_id": queue.id,
        "agent_name": agent.name,
        "agent_number": agent.number,
    }


def _offered(calls: Iterable[Call], agent: Agent) -> list[tuple[Call, Offer]]:
    """Give the calls that rang at an agent; each rings there once at most."""
    return [(call, offer) for call in calls for offer in call.offers if offer.extension_id == agent.id]


def _each_agent(source: Source) -> list[tuple[Queue, Agent, list[tuple[Call, Offer]]]]:
    calls = source.calls()
    return [
        (queue, agent, _offered([call for call, _ in visits], agent))
        for queue in source.queues()
        for visits in (source.queue_visits(calls, queue),)
        for agent in source.agents(queue)
    ]


def _performance(source: Source) -> list[Line]:
    calls = source.calls()
    lines: list[Line] = []
    for queue in source.queues():
        visits = source.queue_visits(calls, queue)
        around = queue_figures(visits)
        for agent in source.agents(queue):
            offered = _offered([call for call, _ in visits], agent)
            row = {**_labels(queue, agent), **_agent_figures(offered)}
            lines.append(Line(row, [call for call, _ in offered], around))
    return lines


def _agent_figures(offered: Sequence[tuple[Call, Offer]]) -> dict[str, object]:
    answered = [call for call, offer in offered if offer.result == "answered"]
    talks = [call.talk_seconds for call in answered]
    waits = [call.queue.wait_seconds for call in answered if call.queue]
    missed = len(offered) - len(answered)
    return {
        "total_calls": len(offered),
        "answered_calls": len(answered),
        "missed_calls": missed,
        "answered_rate": percent(len(answered), len(offered)),
        "missed_rate": percent(missed, len(offered)),
        "total_talking_time": sum(talks),
        "average_talking_time": average(talks),
        "max_talking_time": max(talks, default=0),
        "total_holding_time": sum(call.hold_seconds for call in answered),
        "average_ring_time": average([offer.ring_seconds for _, offer in offered]),
        "average_waiting_time": average(waits),
        "max_waiting_time": max(waits, default=0),
    }


def _in_and_out(source: Source) -> list[Line]:
    outbound = [call for call in source.calls() if call.communication == "Outbound"]
    lines: list[Line] = []
    for _, agent, offered in _each_agent(source):
        placed = [call for call in outbound if call.extension_id == agent.id]
        answered = [call for call, offer in offered if offer.result == "answered"]
        row: dict[str, object] = {"agent_name": agent.name, "agent_num": agent.number}
        row |= {"queue_answered_calls": len(answered), "inbound_calls": len(offered)}
        row |= _outbound_figures(placed)
        row["total_calls"] = len(offered) + len(placed)
        lines.append(Line(row | _durations(answered, [call for call in placed if call.is_answered])))
    return lines


def _outbound_figures(placed: Sequence[Call]) -> dict[str, object]:
    return {"outbound_calls": len(placed), "outbound_answer_calls": sum(call.is_answered for call in placed)}


def _durations(answered: Sequence[Call], reached: Sequence[Call]) -> dict[str, object]:
    talks = [call.talk_seconds for call in (*answered, *reached)]
    return {
        "total_duration": sum(talks),
        "queue_talk_duration": _talked(answered),
        "outbound_talk_duration": _talked(reached),
        "average_talk_duration": average(talks),
        "average_waiting_duration": average([call.queue.wait_seconds for call in answered if call.queue]),
        "average_hold_duration": average([call.hold_seconds for call in (*answered, *reached)]),
    }


def _talked(calls: Sequence[Call]) -> int:
    return sum(call.talk_seconds for call in calls)


def _missed(source: Source) -> list[Line]:
    return [
        Line(
            {
                **_labels(queue, agent),
                "time": offer.began,
                "caller": call.caller,
                "ring_time": offer.ring_seconds,
                "reason": offer.result,
            }
        )
        for queue, agent, offered in _each_agent(source)
        for call, offer in offered
        if offer.result != "answered"
    ]


def _logins(source: Source) -> list[Line]:
    shifts = [shift for shift in source.shifts() if source.covers(shift.start)]
    return [
        Line(
            {
                **_labels(queue, agent),
                "login_time": shift.start,
                "logout_time": shift.end,
                "total_login_time": int((shift.end - shift.start).total_seconds()),
            }
        )
        for queue in source.queues()
        for agent in source.agents(queue)
        for shift in shifts
        if shift.agent_id == agent.id
    ]


def _pauses(source: Source) -> list[Line]:
    reasons = words(source.filters, "reason")
    pauses = [pause for shift in source.shifts() for pause in shift.pauses if source.covers(pause.start)]
    return [
        Line(
            {
                **_labels(queue, agent),
                "pause_time": pause.start,
                "unpause_time": pause.end,
                "reason": pause.reason,
                "total_pause_time": int((pause.end - pause.start).total_seconds()),
            }
        )
        for queue in source.queues()
        for agent in source.agents(queue)
        for pause in pauses
        if pause.agent_id == agent.id and (reasons is None or pause.reason in reasons)
    ]


BUILDERS = {
    "queueagentperformance": Builder(
        (
            _QUEUE,
            _AGENT,
            Column("total_calls", "Total Calls", "integer"),
            Column("answered_calls", "Answered", "integer"),
            Column("missed_calls", "Missed", "integer"),
            Column("answered_rate", "Answered Rate", "percent"),
            Column("missed_rate", "Missed Rate", "percent"),
            Column("total_talking_time", "Total Talking Time", "seconds"),
            Column("average_talking_time", "Average Talking Time", "seconds"),
            Column("max_talking_time", "Max Talking Time", "seconds"),
            Column("total_holding_time", "Total Holding Time", "seconds"),
            Column("average_ring_time", "Average Ring Time", "seconds"),
            Column("average_waiting_time", "Average Waiting Time", "seconds"),
            Column("max_waiting_time", "Max Waiting Time", "seconds"),
        ),
        _performance,
        _GROUPING,
        has_detail=True,
    ),
    "queueagentinoutcalls": Builder(
        (
            _AGENT_NUM,
            Column("total_calls", "Total Calls", "integer"),
            Column("queue_answered_calls", "Queue Answered", "integer"),
            Column("inbound_calls", "Inbound", "integer"),
            Column("outbound_calls", "Outbound", "integer"),
            Column("outbound_answer_calls", "Outbound Answered", "integer"),
            Column("total_duration", "Total Talking Time", "seconds"),
            Column("queue_talk_duration", "Queue Talking Time", "seconds"),
            Column("outbound_talk_duration", "Outbound Talking Time", "seconds"),
            Column("average_talk_duration", "Average Talking Time", "seconds"),
            Column("average_waiting_duration", "Average Waiting Time", "seconds"),
            Column("average_hold_duration", "Average Holding Time", "seconds"),
        ),
        _in_and_out,
    ),
    "queueagentmisscalls": Builder(
        (
            Column("time", "Time", "datetime"),
            _QUEUE,
            _AGENT,
            Column("caller", "Caller"),
            Column("ring_time", "Ring Time", "seconds"),
            Column("reason", "Reason"),
        ),
        _missed,
    ),
    "queueagentlogintime": Builder(
        (
            _QUEUE,
            _AGENT,
            Column("login_time", "Login Time", "datetime"),
            Column("logout_time", "Logout Time", "datetime"),
            Column("total_login_time", "Total Login Time", "seconds"),
        ),
        _logins,
    ),
    "queueagentpausetime": Builder(
        (
            _QUEUE,
            _AGENT,
            Column("pause_time", "Pause Time", "datetime"),
            Column("unpause_time", "Unpause Time", "datetime"),
            Column("reason", "Reason"),
            Column("total_pause_time", "Total Pause Time", "seconds"),
        ),
        _pauses,
    ),
}
"""The builders of this module by report type."""
