"""Each report's rows: their keys, their buckets, and their details."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.calls.history import calls_between
from airflow_provider_yeastar.simulator.reports import Bucket, ReportQuery, build_report, empty_report, list_entries
from airflow_provider_yeastar.simulator.reports.catalogue import (
    MY_REPORTS,
    REPORTS,
    SCHEDULED_REPORTS,
    MyReport,
    ScheduledReport,
)
from tests.simulator.reports.support import DAY, DAY_END, build


@pytest.mark.parametrize("type_", REPORTS)
class TestEveryReport:
    def test_a_weekday_has_rows_with_every_column(self, type_: str) -> None:
        table = build(type_)
        assert table.rows
        assert all(column.key in row for row in table.rows for column in table.columns)
        assert all(column.number_key in row for row in table.rows for column in table.columns if column.number_key)

    def test_the_same_question_has_the_same_answer(self, type_: str) -> None:
        assert build(type_) == build(type_)

    def test_values_are_of_their_columns_kind(self, type_: str) -> None:
        table = build(type_)
        for column in table.columns:
            for row in table.rows:
                value = row[column.key]
                match column.kind:
                    case "integer" | "seconds":
                        assert type(value) is int
                    case "percent":
                        assert isinstance(value, int | float)
                        assert 0 <= value == round(value, 2) <= 100
                        assert type(value) is int or not value.is_integer()
                    case "datetime":
                        assert isinstance(value, datetime) or value == ""
                    case "text":
                        assert isinstance(value, str)

    def test_the_empty_report_has_the_same_columns_and_no_rows(self, type_: str) -> None:
        empty = empty_report(REPORTS[type_])
        assert empty.columns == build(type_).columns
        assert empty.rows == ()
        assert list_entries(empty) == ([], 0)

    def test_json_rows_hold_plain_values(self, type_: str) -> None:
        for row in list_entries(build(type_))[0]:
            nested = [key for key in ("detail", "member_list") if key in row]
            counts = [row.pop(key) for key in ("press_count",) if key in row]
            for entry in [*row.pop(nested[0]), row] if nested else [*counts, row]:
                assert all(type(value) in (str, int, float) for value in entry.values())


@pytest.mark.parametrize(
    ("start", "end", "bucket", "first", "last", "count"),
    [
        pytest.param(DAY, DAY_END, "hour", "2026/11/23 00:00", "2026/11/23 23:00", 24, id="a day has hours"),
        pytest.param(
            datetime(2026, 2, 1), datetime(2026, 2, 28, 23, 59, 59), "day", "2026/02/01", "2026/02/28", 28,
            id="a month has days",
        ),
        pytest.param(
            datetime(2026, 1, 1), datetime(2026, 12, 31, 23, 59, 59), "month", "2026/01", "2026/12", 12,
            id="a year has months",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chosen", [True, False], ids=["bucket named", "bucket by length"])
def test_a_time_report_has_a_row_per_bucket(
    start: datetime, end: datetime, bucket: Bucket, first: str, last: str, count: int, chosen: bool
) -> None:
    table = build("trunkactivity", start=start, end=end, bucket=bucket if chosen else None)
    times = [row["time"] for row in table.rows]
    assert (times[0], times[-1], len(times)) == (first, last, count)
    assert len(set(times)) == count


@pytest.mark.parametrize("type_", ["ivr", "queueperformance", "queueperformanceactivity", "queueagentperformance"])
def test_details_list_the_calls_each_row_counts(type_: str) -> None:
    table = build(type_, need_detail=True)
    assert [row["total_calls"] for row in table.rows] == [len(calls) for calls in table.details]
    assert any(table.details)
    assert {column.key for column in table.detail_columns} == set(next(calls[0] for calls in table.details if calls))


@pytest.mark.parametrize("type_", ["trunkactivity", "unreturnmisscall", "queueagentmisscalls"])
def test_reports_without_details_do_not_show_any(type_: str) -> None:
    assert build(type_, need_detail=True) == build(type_)


RECORDED_KEYS = {
    "extcallstatistics": "ext_num ext_name answered_calls no_answer_calls busy_calls failed_calls voicemail_calls "
    "abandoned_calls total_call_count total_holding_time total_talking_time",
    "queueperformance": "queue queue_num total_calls answered_calls missed_calls abandoned_calls average_waiting_time "
    "all_call_average_waiting_time total_waiting_time answered_waiting_time "
    "average_talking_time max_waiting_time answered_rate missed_rate abandoned_rate sla",
    "queueagentperformance": "queue queue_num queue_id total_calls answered_calls missed_calls detail",
    "queueavgwaittalktime": "time total_calls answered_calls avg_wait_time all_call_avg_wait_time avg_talk_time",
    "queueagentinoutcalls": "agent_name agent_num queue_answered_calls outbound_calls outbound_answer_calls "
    "total_calls total_duration queue_talk_duration outbound_talk_duration average_talk_duration",
    "ringgroupstatistics": "group_name group_num total_calls answered_calls member_list",
    "ivr": "ivr_name ivr_num press_count",
    "unreturnmisscall": "time call_from call_from_name call_from_number call_to call_to_name call_to_number "
    "miss_call_type ring_duration",
}


@pytest.mark.parametrize(("type_", "keys"), RECORDED_KEYS.items(), ids=RECORDED_KEYS)
def test_json_rows_have_the_keys_of_recorded_answers(type_: str, keys: str) -> None:
    assert set(list_entries(build(type_))[0][0]) >= set(keys.split())


def test_json_rows_nest_the_agents_under_their_queue() -> None:
    (support,), total_number = list_entries(build("queueagentperformance", {"queue_id": "2"}))
    assert total_number == 6
    assert (support["queue"], support["queue_num"], support["queue_id"]) == ("Support", "6401", 2)
    assert len(support["detail"]) == 6
    assert {"agent_name", "agent_number", "total_calls", "answered_calls", "missed_calls"} <= set(support["detail"][0])
    assert "queue" not in support["detail"][0]
    (performance,), _ = list_entries(build("queueperformance", {"queue_id_list": "2"}))
    assert {key: support[key] for key in performance} == performance
    assert support["answered_calls"] == sum(agent["answered_calls"] for agent in support["detail"])


def test_agents_without_calls_may_be_missing() -> None:
    quiet = datetime(2026, 11, 22, 3)
    table = build("queueagentperformance", {"queue_id": "2"}, start=quiet, end=quiet + timedelta(hours=1))
    (support,), total_number = list_entries(table, idle_members=False)

    assert (total_number, support["detail"]) == (0, None)


def test_json_rows_nest_the_members_under_their_ring_group() -> None:
    groups, total_number = list_entries(build("ringgroupstatistics"))
    assert [(group["group_num"], len(group["member_list"])) for group in groups] == [("6300", 3), ("6301", 2)]
    assert total_number == 2


def test_the_ring_groups_answered_calls_are_those_of_the_history() -> None:
    calls = calls_between(1, DIRECTORY, DAY, DAY_END)
    table = build("ringgroupstatistics", {"ring_group_id_list": "61"})
    answered = sum(call.is_answered for call in calls if call.ring_group_id == 61)
    assert sum(int(str(row["answered_calls"])) for row in table.rows) == answered > 0


def test_a_login_of_the_window_only_is_listed() -> None:
    table = build("queueagentlogintime", start=DAY + timedelta(hours=12))
    assert table.rows
    assert all(isinstance(row["login_time"], datetime) and row["login_time"].hour >= 12 for row in table.rows)


@pytest.mark.parametrize("report", MY_REPORTS, ids=lambda report: report.name)
def test_a_user_created_report_is_built_from_its_own_selection(report: MyReport) -> None:
    assert build_report(1, DIRECTORY, ReportQuery(report.kind, DAY, DAY_END, None, report.filters)).rows


@pytest.mark.parametrize("report", SCHEDULED_REPORTS, ids=lambda report: report.name)
def test_a_scheduled_report_is_built_for_its_own_day(report: ScheduledReport) -> None:
    query = ReportQuery(report.kind, report.start, report.end, None, report.filters)
    assert build_report(1, DIRECTORY, query).rows
