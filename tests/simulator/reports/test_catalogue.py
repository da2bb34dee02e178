"""The simulator's reading of the vendor's page, held against the page's own lists."""

from __future__ import annotations

from datetime import datetime

import pytest

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY
from airflow_provider_yeastar.simulator.reports.catalogue import MY_REPORTS, PARAMETERS, REPORTS, SCHEDULED_REPORTS

TIME_REPORTS = {
    "extcallactivity",
    "trunkactivity",
    "trunkdiddodactivity",
    "queueavgwaittalktime",
    "queueperformanceactivity",
}
RECORDED_LIST_KEYS = {
    "extcallstatistics": "ext_call_statistics_list",
    "queueperformance": "queue_performance_list",
    "queueagentperformance": "queue_agent_performance_list",
    "queueavgwaittalktime": "queue_avg_wait_talk_time_list",
    "unreturnmisscall": "unreturn_miss_call_list",
    "ringgroupstatistics": "ring_group_statistics_list",
    "queueagentinoutcalls": "queue_agent_in_out_calls_list",
    "ivr": "ivr_list",
}


def test_all_twenty_four_types_are_known() -> None:
    assert len(REPORTS) == 24
    assert all(kind.type == type_ for type_, kind in REPORTS.items())


def test_just_the_activity_reports_take_the_time_parameter() -> None:
    assert {type_ for type_, kind in REPORTS.items() if kind.time == "time"} == TIME_REPORTS
    assert {type_ for type_, kind in REPORTS.items() if "time" in kind.required} == TIME_REPORTS


@pytest.mark.parametrize(("type_", "list_key"), RECORDED_LIST_KEYS.items(), ids=RECORDED_LIST_KEYS)
def test_recorded_answers_give_the_lists_key(type_: str, list_key: str) -> None:
    assert REPORTS[type_].list_key == list_key


def test_no_two_reports_share_a_list_key() -> None:
    assert len({kind.list_key for kind in REPORTS.values()}) == len(REPORTS)


def test_only_the_ai_receptionist_report_is_missing_from_the_older_version() -> None:
    assert [type_ for type_, kind in REPORTS.items() if "v1.0" not in kind.versions] == ["aireceptionistcallactivity"]
    assert all("v2.0" in kind.versions for kind in REPORTS.values())


def test_what_a_report_requires_is_a_parameter_of_the_endpoint() -> None:
    assert {name for kind in REPORTS.values() for name in kind.required} <= PARAMETERS


def test_the_endpoint_knows_the_parameters_of_the_vendors_page() -> None:
    assert len(PARAMETERS) == 43
    assert {"type", "my_report_id", "talk_time_range", "need_detail", "is_async"} <= PARAMETERS
    assert "access_token" not in PARAMETERS


def test_stored_selections_use_known_parameters_and_known_ids() -> None:
    known = {str(queue.id) for queue in DEFAULT_DIRECTORY.queues} | {
        str(group.id) for group in DEFAULT_DIRECTORY.ext_groups
    }
    for filters in [report.filters for report in MY_REPORTS] + [report.filters for report in SCHEDULED_REPORTS]:
        assert set(filters) <= PARAMETERS
        assert {id_ for ids in filters.values() for id_ in ids.split(",")} <= known


def test_stored_reports_have_ids_of_their_own() -> None:
    assert len({report.id for report in MY_REPORTS}) == len(MY_REPORTS)
    assert len({report.id for report in SCHEDULED_REPORTS}) == len(SCHEDULED_REPORTS)


def test_a_scheduled_report_covers_the_day_before_it_was_made() -> None:
    report = SCHEDULED_REPORTS[0]
    assert (report.start, report.end) == (datetime(2026, 11, 22), datetime(2026, 11, 22, 23, 59, 59))
