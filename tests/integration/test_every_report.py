"""Every report type and every parameter, over real sockets, in both API versions: rows come, and those that were meant.

Rows come back whether or not a filter was understood, so a parameter's rows are held against those without it wherever
the vendor tells what it does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, REPORT_TYPES
from airflow_provider_yeastar.pbx.report.request import build_request
from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.integration.support import Wait

DAY = "2026-11-20"
Rows = list[dict[str, Any]]

CHOICES: Mapping[str, Any] = {
    "ext_id_list": ["1000", "Back Office"],
    "trunk_id": "SIP-London",
    "trunk_id_list": ["SIP-London", "SIP-Berlin"],
    "ivr_id_list": "Main Menu",
    "ring_group_id_list": ["Reception"],
    "queue_id": "Support",
    "queue_id_list": ["Sales", "6401"],
}
"""What is given for a parameter without which a report is not made."""

ALSO_NEEDED = {
    "queueperformanceactivity": "queue_id_list",
    "queuecallbackssummary": "queue_id_list",
    "queuecallbacksactivity": "queue_id_list",
    "queuesatisfaction": "queue_id",
    "queuesatisfactiondetail": "queue_id",
    "queueagentpausetime": "queue_id",
    "queueagentmisscalls": "queue_id",
    "extcallbilling": "trunk_id_list",
    "extcallbillingdetails": "trunk_id_list",
}
"""What the simulated PBX needs beyond the catalogue, which knows as required only what is certain."""


def all_are(column: str, *values: object) -> Callable[[Rows], bool]:
    return lambda rows: {row[column] for row in rows} == set(values)


def none_has(column: str) -> Callable[[Rows], bool]:
    return lambda rows: sum(row[column] for row in rows) == 0


def some_have(column: str) -> Callable[[Rows], bool]:
    return lambda rows: sum(row[column] for row in rows) > 0


@dataclass(frozen=True)
class Use:
    """One use of a parameter.

    :param report: the report it is used with.
    :param value: as a user gives it.
    :param sent: as it has to arrive.
    :param shows: what holds for the rows with it and not for those without; None where the vendor does not tell.
    :param others: further parameters.
    """

    report: str
    value: Any
    sent: str
    shows: Callable[[Rows], bool] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)


USES: Mapping[str, Use] = {
    "ext_id_list": Use("extcallstatistics", "1001", "12", all_are("ext_num", "1001")),
    "trunk_id": Use("trunkdiddodactivity", "SIP-Berlin", "32", all_are("trunk", "SIP-Berlin")),
    "trunk_id_list": Use("extcallbillingdetails", ["SIP-Berlin"], "32", all_are("trunk", "SIP-Berlin")),
    "ivr_id_list": Use("ivr", "After Hours", "42", all_are("ivr_name", "After Hours")),
    "ring_group_id_list": Use("ringgroupstatistics", "6301", "62", all_are("group_name", "Warehouse")),
    "queue_id": Use("queueagentlogintime", "Billing", "3", all_are("queue_num", "6402")),
    "queue_id_list": Use("queueperformance", [3], "3", all_are("queue_num", "6402")),
    "agent_id_list": Use("queueagentperformance", ["1005"], "16", all_are("agent_number", "1005")),
    "ai_receptionist_id_list": Use("aireceptionistcallactivity", [71], "71", None),
    "abandon_time": Use("queueperformance", 3600, "3600", none_has("abandoned_calls")),
    "talk_time": Use("queueperformance", 5, "5"),
    "include_internal": Use("trunkactivity", True, "1", some_have("internal_calls")),
    "callback_result": Use("queuecallbacksactivity", "success", "success"),
    "reason": Use("queueagentpausetime", "Meeting", "Meeting", all_are("reason", "Meeting")),
    "communication_type": Use("extcallactivity", "Internal", "Internal", none_has("inbound_calls")),
    "call_from": Use("unreturnmisscall", "06032916270", "06032916270", all_are("call_from_number", "06032916270")),
    "call_to": Use("unreturnmisscall", "6200", "6200", all_are("call_to_number", "6200")),
    "call_to_type": Use("unreturnmisscall", "ivr", "ivr"),
    "miss_call_type": Use("unreturnmisscall", "abandoned", "abandoned", all_are("miss_call_type", "abandoned")),
    "unreturn_status": Use("unreturnmisscall", 1, "1"),
    "status": Use("queueperformance", "answered", "answered"),
    "ring_duration_range": Use("queueperformance", "0-10", "0-10"),
    "agent_speed_to_answer": Use("queueperformance", "10", "10"),
    "talk_time_range": Use("queueperformance", "0-60", "0-60"),
    "pure_talk_time": Use("queueperformance", "60", "60"),
    "hold_time": Use("queueperformance", "60", "60"),
    "agent_last_status": Use("queueagentperformance", "idle", "idle"),
    "process_result": Use("queueagentperformance", "returned", "returned"),
    "waiting_time_in_queue": Use("queueagentperformance", "60", "60"),
    "waiting_time_in_agent": Use("queueagentperformance", "60", "60"),
    "did_num_list": Use(
        "trunkdiddodactivity",
        ["4420300101", "4420300102"],
        "4420300101,4420300102",
        all_are("number", "4420300101", "4420300102"),
    ),
    "dod_num_list": Use("trunkdiddodactivity", "4420300100", "4420300100", all_are("type", "DOD")),
    "pin_list": Use("extcallbillingdetails", ["7301", "7304"], "7301,7304", all_are("pin", "7301", "7304")),
    "need_detail": Use("queueperformance", True, "1"),
    "detail_type": Use("ivr", "same_list", "same_list"),
}


@pytest.fixture(scope="session")
def _older_pbx() -> Iterator[PbxSimulator]:
    with PbxSimulator(SimulatorSettings(firmware="21.0.66", data_version="v1.0")) as pbx:
        yield pbx


@pytest.fixture(params=["v1.0", "v2.0"])
def waiting(
    request: pytest.FixtureRequest, yeastar_pbx: PbxSimulator, _older_pbx: PbxSimulator, tmp_path: Path
) -> Iterator[Wait]:
    """A wait at a PBX whose data one API version alone finds."""
    pbx = yeastar_pbx if request.param == "v2.0" else _older_pbx
    yield Wait(pbx, tmp_path / "state")
    _older_pbx.reset()


def arguments(report_type: str, parameters: Mapping[str, Any] = {}) -> dict[str, Any]:
    names = [*REPORT_TYPES[report_type].required, *filter(None, [ALSO_NEEDED.get(report_type)])]
    chosen = {name: CHOICES[name] for name in names}
    return {"report_type": report_type, "period": DAY, "parameters": {**chosen, **parameters}}


def rows_of(waiting: Wait, **request: Any) -> Rows:
    with waiting.client() as client:
        rows: Rows = []
        report = asyncio.run(client.fetch_rows(build_request(**request), Bounds(time.time() + 60, 60), rows))
    assert report.api_version == waiting.pbx.settings.data_version
    return rows


def exists_there(waiting: Wait, report_type: str) -> bool:
    return waiting.pbx.settings.data_version == "v2.0" or not REPORT_TYPES[report_type].v2_only


@pytest.mark.parametrize("report_type", REPORT_TYPES)
class TestEveryReportType:
    def test_it_has_rows(self, waiting: Wait, report_type: str) -> None:
        if not exists_there(waiting, report_type):
            with pytest.raises(InvalidRequestError, match=r"exists in API v2\.0 only"):
                rows_of(waiting, **arguments(report_type))
            assert waiting.pbx.calls("call_report/list") == []
            return

        assert rows_of(waiting, **arguments(report_type))

    def test_it_has_a_file_with_rows(self, waiting: Wait, report_type: str) -> None:
        if not exists_there(waiting, report_type):
            with pytest.raises(InvalidRequestError, match=r"exists in API v2\.0 only"):
                waiting.run(request=arguments(report_type) | {"asynchronous": False})
            assert waiting.pbx.calls("call_report/download") == []
            return

        report = waiting.run(request=arguments(report_type) | {"asynchronous": False})

        assert len(waiting.fetch(report).splitlines()) > 1
        (call,) = waiting.pbx.calls("call_report/download")
        assert (call.query["format"], call.query["is_async"]) == ("csv", "0")


def test_every_parameter_has_a_use() -> None:
    assert set(USES) == set(PARAMETERS)


@pytest.mark.parametrize("name", USES)
def test_every_parameter_arrives_and_does_what_it_says(waiting: Wait, name: str) -> None:
    use = USES[name]
    request = arguments(use.report, {**use.others, name: use.value})
    if not exists_there(waiting, use.report):
        with pytest.raises(InvalidRequestError, match=r"exists in API v2\.0 only"):
            rows_of(waiting, **request)
        return

    rows = rows_of(waiting, **request)

    assert waiting.pbx.calls("call_report/list")[-1].query[name] == use.sent
    assert rows
    if use.shows:
        assert use.shows(rows)
        assert not use.shows(rows_of(waiting, **arguments(use.report)))


def test_details_are_in_the_file(waiting: Wait) -> None:
    def lines(**parameters: bool) -> int:
        request = arguments("queueperformance", parameters) | {"asynchronous": False}
        return len(waiting.fetch(waiting.run(request=request)).splitlines())

    assert lines(need_detail=True) > lines(need_detail=False) == lines() == 3


def test_an_ai_receptionist_is_chosen_by_its_id(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    waiting = Wait(yeastar_pbx, tmp_path)
    chosen = arguments("aireceptionistcallactivity", {"ai_receptionist_id_list": 71})
    unknown = arguments("aireceptionistcallactivity", {"ai_receptionist_id_list": 99})

    assert rows_of(waiting, **chosen)
    assert not rows_of(waiting, **unknown)


class TestApiVersions:
    def test_older_data_on_newer_firmware_is_had_by_asking_for_v1(self, tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(data_version="v1.0")) as pbx:
            waiting = Wait(pbx, tmp_path)

            assert rows_of(waiting, **arguments("queueperformance"), api_version="v1.0")
            assert waiting.run(request=arguments("ivr") | {"api_version": "v1.0"}).api_version == "v1.0"

    def test_the_connection_s_version_counts_where_the_task_names_none(self, tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(data_version="v1.0")) as pbx:
            waiting = Wait(pbx, tmp_path, {"api_version": "v1.0"})

            assert rows_of(waiting, **arguments("queueperformance"))

    @pytest.mark.parametrize("edition", ["appliance", "software", "cloud"])
    @pytest.mark.parametrize(("firmware", "version"), [("21.0.66", "v1.0"), ("21.0.117", "v2.0")])
    def test_it_goes_by_the_firmware_in_each_edition(
        self, edition: Any, firmware: str, version: Any, tmp_path: Path
    ) -> None:
        with PbxSimulator(SimulatorSettings(edition=edition, firmware=firmware, data_version=version)) as pbx:
            assert rows_of(Wait(pbx, tmp_path), **arguments("queueperformance"))
