"""What the filters do to each report's rows."""

from __future__ import annotations

from datetime import datetime

import pytest

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY as DIRECTORY
from airflow_provider_yeastar.simulator.calls.history import calls_between
from tests.simulator.reports.support import DAY, DAY_END, build, values

ID_PARAMETERS = {
    "extcallstatistics": "ext_id_list",
    "extcallactivity": "ext_id_list",
    "trunkactivity": "trunk_id_list",
    "trunkdiddodactivity": "trunk_id",
    "ivr": "ivr_id_list",
    "aireceptionistcallactivity": "ai_receptionist_id_list",
    "ringgroupstatistics": "ring_group_id_list",
    "extcallbilling": "trunk_id_list",
    "extcallbillingdetails": "trunk_id_list",
    "queueavgwaittalktime": "queue_id_list",
    "queueperformance": "queue_id_list",
    "queueperformanceactivity": "queue_id_list",
    "queuecallbackssummary": "queue_id_list",
    "queuecallbacksactivity": "queue_id_list",
    "queuesatisfaction": "queue_id",
    "queuesatisfactiondetail": "queue_id",
    "queueagentlogintime": "queue_id",
    "queueagentpausetime": "queue_id",
    "queueagentmisscalls": "queue_id",
    "queueagentperformance": "queue_id",
    "queueagentinoutcalls": "queue_id",
}


@pytest.mark.parametrize(("type_", "parameter"), ID_PARAMETERS.items(), ids=ID_PARAMETERS)
@pytest.mark.parametrize("given", ["999", "6401", "abc", "9" * 5000], ids=["unknown", "number", "word", "huge"])
def test_what_is_no_internal_id_gives_no_rows(type_: str, parameter: str, given: str) -> None:
    assert build(type_, {parameter: given}).rows == ()


def test_unknown_ids_beside_known_ones_are_passed_over() -> None:
    assert values(build("queueperformance", {"queue_id_list": "2, 999,1"}), "queue") == {"Sales", "Support"}


def test_extension_groups_and_extensions_are_chosen_by_one_list() -> None:
    table = build("extcallstatistics", {"ext_id_list": "53,11"})
    assert [row["ext_num"] for row in table.rows] == ["1000", "1012", "1013", "1014", "1015"]


def test_agents_are_chosen_by_their_ids() -> None:
    table = build("queueagentperformance", {"queue_id": "2", "agent_id_list": "16,20,11"})
    assert values(table, "agent_number") == {"1005", "1009"}


@pytest.mark.parametrize("type_", ["queueperformance", "queueagentperformance"])
def test_calls_abandoned_within_the_abandon_time_are_left_out(type_: str) -> None:
    start, end = datetime(2026, 11, 1), datetime(2026, 11, 30)
    plain = build(type_, {"queue_id": "2"}, start, end)
    at_once = build(type_, {"queue_id": "2", "abandon_time": "120"}, start, end)
    counted = [sum(int(str(row["total_calls"])) for row in table.rows) for table in (plain, at_once)]
    assert counted[1] < counted[0]
    assert sum(int(str(row["answered_calls"])) for row in at_once.rows) == sum(
        int(str(row["answered_calls"])) for row in plain.rows
    )


def test_abandon_time_leaves_out_exactly_the_calls_abandoned_up_to_it() -> None:
    calls = calls_between(1, DIRECTORY, DAY, DAY_END)
    waits = [call.queue.wait_seconds for call in calls if call.queue and call.queue.result == "abandoned"]
    limit = sorted(waits)[len(waits) // 2]
    table = build("queueperformance", {"abandon_time": str(limit)})
    assert sum(int(str(row["abandoned_calls"])) for row in table.rows) == sum(wait > limit for wait in waits)


@pytest.mark.parametrize("reason", DIRECTORY.pause_reasons)
def test_pauses_are_chosen_by_their_reason(reason: str) -> None:
    assert values(build("queueagentpausetime", {"reason": reason}), "reason") == {reason}


@pytest.mark.parametrize("missed", ["no_answer", "busy", "abandoned"])
def test_missed_calls_are_chosen_by_their_type(missed: str) -> None:
    table = build("unreturnmisscall", {"miss_call_type": missed}, start=datetime(2026, 1, 1), end=datetime(2026, 2, 28))
    assert values(table, "miss_call_type") == {missed}


@pytest.mark.parametrize(("parameter", "key"), [("call_from", "call_from_number"), ("call_to", "call_to_number")])
def test_missed_calls_are_chosen_by_their_ends(parameter: str, key: str) -> None:
    everyone = build("unreturnmisscall")
    one = everyone.rows[0][key]
    assert build("unreturnmisscall", {parameter: str(one)}).rows == tuple(
        row for row in everyone.rows if row[key] == one
    )


def test_a_missed_caller_reached_later_that_day_is_not_listed_even_if_the_window_ends_before() -> None:
    calls = calls_between(1, DIRECTORY, DAY, DAY_END)
    lost = [call for call in calls if call.communication == "Inbound" and not call.is_answered]
    reached = {call.callee: call for call in calls if call.communication == "Outbound" and call.is_answered}
    returned = next(call for call in lost if call.caller in reached)
    table = build("unreturnmisscall", start=returned.started, end=returned.started)
    assert returned.caller not in values(table, "call_from_number")
    assert len(build("unreturnmisscall").rows) < len(lost)


def test_internal_calls_count_only_on_demand() -> None:
    without = build("trunkactivity", {"include_internal": "0"})
    included = build("trunkactivity", {"include_internal": "1"})
    assert values(without, "internal_calls") == {0}
    assert values(included, "internal_calls") != {0}


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        pytest.param({"did_num_list": "4420300101"}, {"4420300101"}, id="one DID"),
        pytest.param({"did_num_list": "4420300100,4420300102"}, {"4420300100", "4420300102"}, id="two DIDs"),
        pytest.param({"dod_num_list": "4420300100"}, {"4420300100"}, id="one DOD"),
        pytest.param({"did_num_list": "1"}, set(), id="unknown number"),
    ],
)
def test_numbers_of_a_trunk_are_chosen_by_themselves(filters: dict[str, str], numbers: set[str]) -> None:
    table = build("trunkdiddodactivity", {"trunk_id": "31", **filters})
    assert values(table, "number") == numbers
    assert values(table, "type") <= {"DID" if "did_num_list" in filters else "DOD"}


def test_billed_calls_are_chosen_by_pin_code() -> None:
    assert values(build("extcallbillingdetails", {"pin_list": "7301,7304"}), "pin") <= {"7301", "7304"}
    assert build("extcallbillingdetails", {"pin_list": "7301,7304"}).rows


@pytest.mark.parametrize(
    "unknown",
    ["talk_time", "callback_result", "call_to_type", "unreturn_status", "status", "hold_time", "detail_type"],
)
def test_filters_of_unknown_meaning_change_nothing(unknown: str) -> None:
    for type_ in ("queueperformance", "queuecallbacksactivity", "unreturnmisscall"):
        assert build(type_, {unknown: "5"}) == build(type_)
