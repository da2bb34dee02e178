"""One history behind all reports: what two of them both count, they count alike."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from hypothesis import given, settings, strategies as st

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.reports import Bucket, ReportQuery, ReportTable, build_report
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
SEEDS = st.integers(0, 50)
any_day = given(seed=SEEDS, day=DAYS)
few = settings(max_examples=12)


def build(type_: str, day: date, seed: int, bucket: Bucket | None = None, **filters: str) -> ReportTable:
    start, end = datetime.combine(day, time.min), datetime.combine(day, time(23, 59, 59))
    return build_report(seed, DIRECTORY, ReportQuery(REPORTS[type_], start, end, bucket, filters))


def total(table: ReportTable, key: str, **where: object) -> int:
    rows = [row for row in table.rows if all(row[name] == value for name, value in where.items())]
    return sum(value for row in rows if isinstance(value := row[key], int))


@any_day
@few
def test_a_queues_calls_are_answered_missed_or_abandoned(seed: int, day: date) -> None:
    table = build("queueperformance", day, seed)
    for row in table.rows:
        parts = [row[f"{result}_calls"] for result in ("answered", "missed", "abandoned")]
        assert row["total_calls"] == sum(part for part in parts if isinstance(part, int))


@any_day
@few
def test_the_agents_answered_calls_add_up_to_their_queues(seed: int, day: date) -> None:
    for row in build("queueperformance", day, seed).rows:
        queue_id = next(str(queue.id) for queue in DIRECTORY.queues if queue.number == row["queue_num"])
        agents = build("queueagentperformance", day, seed, queue_id=queue_id)
        assert total(agents, "answered_calls") == row["answered_calls"]
        summary = build("queueagentinoutcalls", day, seed, queue_id=queue_id)
        assert total(summary, "queue_answered_calls") == row["answered_calls"]
        rated = build("queuesatisfaction", day, seed, queue_id=queue_id)
        assert total(rated, "answered_calls") == row["answered_calls"]


@any_day
@few
def test_the_hours_of_a_queue_add_up_to_its_day(seed: int, day: date) -> None:
    hours = build("queueperformanceactivity", day, seed, "hour")
    waits = build("queueavgwaittalktime", day, seed, "hour")
    assert [row["time"] for row in waits.rows] == list(range(24))
    for key in ("total_calls", "answered_calls"):
        assert total(waits, key) == total(hours, key)
    for row in build("queueperformance", day, seed).rows:
        for key in ("total_calls", "answered_calls", "missed_calls", "abandoned_calls"):
            assert total(hours, key, queue_num=row["queue_num"]) == row[key]


@any_day
@few
def test_every_call_an_agent_missed_is_listed(seed: int, day: date) -> None:
    listed = build("queueagentmisscalls", day, seed, queue_id="2")
    for row in build("queueagentperformance", day, seed, queue_id="2").rows:
        of_agent = [entry for entry in listed.rows if entry["agent_number"] == row["agent_number"]]
        assert len(of_agent) == row["missed_calls"]


@any_day
@few
def test_every_rating_is_listed(seed: int, day: date) -> None:
    listed = build("queuesatisfactiondetail", day, seed, queue_id="1")
    ratings = build("queuesatisfaction", day, seed, queue_id="1")
    assert total(ratings, "rated_calls") == len(listed.rows)
    for score in range(1, 6):
        assert total(ratings, f"score_{score}") == sum(row["score"] == score for row in listed.rows)


@any_day
@few
def test_every_callback_is_listed(seed: int, day: date) -> None:
    listed = build("queuecallbacksactivity", day, seed)
    summary = build("queuecallbackssummary", day, seed)
    for row in summary.rows:
        results = [entry["callback_result"] for entry in listed.rows if entry["queue_num"] == row["queue_num"]]
        assert row["total_callbacks"] == len(results)
        for result in ("success", "failed", "pending"):
            assert row[f"{result}_callbacks"] == results.count(result)


@any_day
@few
def test_the_trunks_hours_hold_the_calls_of_their_numbers(seed: int, day: date) -> None:
    for trunk in DIRECTORY.trunks:
        activity = build("trunkactivity", day, seed, "hour", trunk_id_list=str(trunk.id))
        numbers = build("trunkdiddodactivity", day, seed, "hour", trunk_id=str(trunk.id))
        assert total(activity, "inbound_calls") == total(numbers, "total_calls", type="DID")
        assert total(activity, "outbound_calls") == total(numbers, "total_calls", type="DOD")
        assert total(activity, "total_talking_time") == total(numbers, "total_talking_time")


@any_day
@few
def test_a_trunks_calls_go_in_or_out_and_are_answered_or_not(seed: int, day: date) -> None:
    for row in build("trunkactivity", day, seed, "hour", include_internal="1").rows:
        values = {key: value for key, value in row.items() if isinstance(value, int)}
        assert values["total_calls"] == values["inbound_calls"] + values["outbound_calls"] + values["internal_calls"]
        assert values["total_calls"] == values["answered_calls"] + values["unanswered_calls"]


@any_day
@few
def test_the_extensions_hours_hold_what_their_statistics_hold(seed: int, day: date) -> None:
    statistics = build("extcallstatistics", day, seed, ext_id_list="11,16,52")
    activity = build("extcallactivity", day, seed, "hour", ext_id_list="11,16,52")
    for key in ("answered_calls", "no_answer_calls", "voicemail_calls", "total_call_count", "total_talking_time"):
        assert total(statistics, key) == total(activity, key)
    kinds = sum(total(activity, f"{kind}_calls") for kind in ("inbound", "outbound", "internal"))
    assert kinds == total(statistics, "total_call_count")


@any_day
@few
def test_an_extensions_calls_are_the_sum_of_their_results_and_of_their_kinds(seed: int, day: date) -> None:
    results = ("answered", "no_answer", "busy", "failed", "voicemail", "abandoned")
    table = build("extcallstatistics", day, seed)
    for row in table.rows:
        number = row["ext_num"]
        assert row["total_call_count"] == sum(total(table, f"{result}_calls", ext_num=number) for result in results)
    kinds = [
        total(build("extcallstatistics", day, seed, communication_type=kind), "total_call_count")
        for kind in ("Inbound", "Outbound", "Internal")
    ]
    assert sum(kinds) == total(table, "total_call_count")


@any_day
@few
def test_the_accounting_bills_every_call_in_its_details(seed: int, day: date) -> None:
    summary = build("extcallbilling", day, seed)
    details = build("extcallbillingdetails", day, seed)
    assert total(summary, "total_calls") == len(details.rows)
    assert total(summary, "total_talking_time") == total(details, "talking_time")
    charges = [
        sum(round(float(str(row[key])) * 100) for row in table.rows)
        for table, key in ((summary, "total_charge"), (details, "charge"))
    ]
    assert charges[0] == charges[1]


@any_day
@few
def test_every_caller_in_a_menu_pressed_one_key_or_none(seed: int, day: date) -> None:
    table = build("ivr", day, seed)
    for row in table.rows:
        keys = sum(total(table, f"press_{key}", ivr_num=row["ivr_num"]) for key in range(10))
        assert row["total_calls"] == keys + total(table, "press_timeout", ivr_num=row["ivr_num"])


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("queueperformanceactivity", "total_calls"),
        ("trunkactivity", "total_calls"),
        ("trunkdiddodactivity", "total_calls"),
        ("extcallactivity", "total_call_count"),
    ],
    ids=lambda value: value,
)
def test_hours_days_and_months_hold_the_same_calls(type_: str, key: str) -> None:
    start, end = datetime(2026, 2, 1), datetime(2026, 2, 28, 23, 59, 59)
    buckets: tuple[Bucket, ...] = ("hour", "day", "month")
    totals = {
        total(build_report(4, DIRECTORY, ReportQuery(REPORTS[type_], start, end, bucket)), key) for bucket in buckets
    }
    assert len(totals) == 1
    assert totals != {0}
