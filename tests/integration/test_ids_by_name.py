"""Names and dialled numbers in place of internal ids, looked up on the PBX; and what the PBX lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError, ParameterError, PermissionDeniedError
from airflow_provider_yeastar.pbx.report.listings import MenuOption, MyReport, ScheduledReport
from airflow_provider_yeastar.simulator import Fault, PbxSimulator, SimulatorSettings
from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY, Extension, ExtensionGroup, Queue
from tests.integration.support import Wait

MENUS = "system/get_menuoptions"


def ask(waiting: Wait, report_type: str | None, parameters: Mapping[str, Any], **changes: Any) -> Mapping[str, str]:
    """Ask for a report; return what was asked of the PBX."""
    request = {"report_type": report_type, "period": "2026-11-20", "asynchronous": False, "parameters": parameters}
    waiting.run(request=request | changes)
    return waiting.pbx.calls("call_report/download")[-1].query


@pytest.fixture
def forbidding(tmp_path: Path) -> Iterator[Wait]:
    """A wait at a PBX that does not let the application read its menus."""
    with PbxSimulator(SimulatorSettings(denied=frozenset({MENUS}))) as pbx:
        yield Wait(pbx, tmp_path / "state")


class TestWhatIsSent:
    @pytest.mark.parametrize(
        ("report_type", "parameters", "sent"),
        [
            ("queueperformance", {"queue_id_list": ["Support", "6402", 1]}, {"queue_id_list": "2,3,1"}),
            ("queueperformance", {"queue_id_list": "Support, 6402,1"}, {"queue_id_list": "2,3,1"}),
            ("queueperformance", {"queue_id_list": "6401-Support"}, {"queue_id_list": "2"}),
            ("queueperformance", {"queue_id_list": ["Support", "6401", 2, 1]}, {"queue_id_list": "2,1"}),
            ("queueagentperformance", {"queue_id": "Support"}, {"queue_id": "2"}),
            (
                "queueagentperformance",
                {"queue_id": "6401", "agent_id_list": ["1005", "Grace Lindqvist"]},
                {"queue_id": "2", "agent_id_list": "16,17"},
            ),
            ("extcallstatistics", {"ext_id_list": ["1000", "Back Office"]}, {"ext_id_list": "11,53"}),
            ("trunkdiddodactivity", {"trunk_id": "SIP-Berlin"}, {"trunk_id": "32"}),
            ("trunkactivity", {"trunk_id_list": ["4420300100", 32]}, {"trunk_id_list": "31,32"}),
            ("ivr", {"ivr_id_list": ["Main Menu", "6201"]}, {"ivr_id_list": "41,42"}),
            ("ringgroupstatistics", {"ring_group_id_list": "Reception"}, {"ring_group_id_list": "61"}),
            # No menu of AI receptionists is known.
            ("aireceptionistcallactivity", {"ai_receptionist_id_list": "Desk"}, {"ai_receptionist_id_list": "Desk"}),
        ],
        ids=lambda value: ",".join(map(str, value.values())) if isinstance(value, dict) else value,
    )
    def test_are_internal_ids(
        self, waiting: Wait, report_type: str, parameters: dict[str, Any], sent: dict[str, str]
    ) -> None:
        assert sent.items() <= ask(waiting, report_type, parameters).items()

    def test_is_what_was_given_without_a_check(self, waiting: Wait) -> None:
        query = ask(waiting, "queueperformance", {"queue_id_list": ["6401", 99]}, check_ids=False)

        assert query["queue_id_list"] == "6401,99"
        assert waiting.pbx.calls(MENUS) == []

    def test_agents_of_a_user_created_report_are_sent_as_they_are(self, waiting: Wait) -> None:
        parameters = {"agent_id_list": [11]}

        assert ask(waiting, None, parameters, my_report_id=3)["agent_id_list"] == "11"


class TestWhatIsUnknown:
    @pytest.mark.parametrize("wanted", [6401, 99, "Nobody", "99", "support"], ids=repr)
    def test_fails_and_the_known_are_listed(self, waiting: Wait, wanted: object) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            ask(waiting, "queueperformance", {"queue_id_list": [wanted]})

        assert f"knows no {wanted!r} for queue_id_list (PBX {waiting.pbx.host}:" in str(raised.value)
        assert "6400-Sales (id 1), 6401-Support (id 2), 6402-Billing (id 3)." in str(raised.value)
        assert waiting.pbx.calls("call_report/download") == []

    def test_of_many_no_more_than_twenty_are_listed(self, tmp_path: Path) -> None:
        many = tuple(Extension(100 + index, str(2000 + index), f"User {index}") for index in range(50))
        directory = replace(DEFAULT_DIRECTORY, extensions=(*DEFAULT_DIRECTORY.extensions, *many))
        with (
            PbxSimulator(SimulatorSettings(directory=directory)) as pbx,
            pytest.raises(InvalidRequestError) as raised,
        ):
            ask(Wait(pbx, tmp_path), "extcallstatistics", {"ext_id_list": "9999"})

        assert str(raised.value).count("(id ") == 20
        assert str(raised.value).endswith("and 49 more.")

    def test_two_of_one_name_are_ambiguous_and_the_number_helps(self, tmp_path: Path) -> None:
        twin = Queue(9, "6409", "Sales", ())
        directory = replace(DEFAULT_DIRECTORY, queues=(*DEFAULT_DIRECTORY.queues, twin))
        with PbxSimulator(SimulatorSettings(directory=directory)) as pbx:
            waiting = Wait(pbx, tmp_path)
            with pytest.raises(InvalidRequestError, match=r"'Sales' in queue_id_list is ambiguous.*1, 9"):
                ask(waiting, "queueperformance", {"queue_id_list": "Sales"})

            assert ask(waiting, "queueperformance", {"queue_id_list": "6409"})["queue_id_list"] == "9"

    def test_an_extension_and_a_group_of_one_name_are_ambiguous(self, tmp_path: Path) -> None:
        twin = ExtensionGroup(59, "", "Alice Hartmann", (11,))
        directory = replace(DEFAULT_DIRECTORY, ext_groups=(*DEFAULT_DIRECTORY.ext_groups, twin))
        with (
            PbxSimulator(SimulatorSettings(directory=directory)) as pbx,
            pytest.raises(InvalidRequestError, match="ambiguous"),
        ):
            ask(Wait(pbx, tmp_path), "extcallstatistics", {"ext_id_list": "Alice Hartmann"})

    def test_an_agent_of_another_queue(self, waiting: Wait) -> None:
        with pytest.raises(InvalidRequestError, match="knows no 'Alice Hartmann' for agent_id_list"):
            ask(waiting, "queueagentperformance", {"queue_id": "Support", "agent_id_list": "Alice Hartmann"})

    def test_an_agent_s_name_without_a_queue(self, waiting: Wait) -> None:
        with pytest.raises(InvalidRequestError, match="without a queue"):
            ask(waiting, None, {"agent_id_list": "Alice Hartmann"}, my_report_id=3)


class TestLookUps:
    def test_one_is_made_for_each_kind_and_request_although_many_are_named(self, waiting: Wait) -> None:
        ask(waiting, "extcallstatistics", {"ext_id_list": ["1000", "1001", "Sales"]})

        assert [call.query["menu"] for call in waiting.pbx.calls(MENUS)] == ["extension", "ext_group"]

    def test_ids_are_looked_up_once_for_all_that_share_a_state(self, waiting: Wait) -> None:
        for _ in range(3):
            ask(waiting, "queueperformance", {"queue_id_list": [1, "2"]})

        assert len(waiting.pbx.calls(MENUS)) == 1

    def test_a_number_that_another_queue_has_got_leads_to_that_queue_at_once(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Queues are rearranged while a waiter keeps the connection open."""
        rearranged = (Queue(1, "6499", "Old sales", ()), Queue(7, "6400", "Sales", ()))

        async def ask_twice() -> None:
            with waiting.client() as client:
                async with client.connected():
                    for number in ("6400", "Sales"):
                        await waiting.start(request={**request, "parameters": {"queue_id_list": number}})
                        newer = replace(DEFAULT_DIRECTORY, queues=rearranged)
                        monkeypatch.setitem(vars(waiting.pbx.settings), "directory", newer)

        request = {"report_type": "queueperformance", "period": "2026-11-20", "asynchronous": False}
        asyncio.run(ask_twice())

        assert [call.query["queue_id_list"] for call in waiting.pbx.calls("call_report/download")] == ["1", "7"]

    def test_a_queue_that_came_since_is_found_before_it_is_refused(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask(waiting, "queueperformance", {"queue_id_list": "Sales"})
        newer = replace(DEFAULT_DIRECTORY, queues=(*DEFAULT_DIRECTORY.queues, Queue(4, "6403", "Returns", ())))
        monkeypatch.setitem(vars(waiting.pbx.settings), "directory", newer)

        assert ask(waiting, "queueperformance", {"queue_id_list": "Returns"})["queue_id_list"] == "4"
        assert len(waiting.pbx.calls(MENUS)) == 2

    def test_what_was_kept_is_looked_up_again_after_some_minutes(
        self, waiting: Wait, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ask(waiting, "queueperformance", {"queue_id_list": [1]})
        monkeypatch.setattr("airflow_provider_yeastar.pbx.directory._MENU_LIFE", 0.0)
        asked = len(waiting.pbx.calls(MENUS))
        ask(waiting, "queueperformance", {"queue_id_list": [1]})

        assert len(waiting.pbx.calls(MENUS)) > asked


class TestAPbxThatDoesNotTell:
    def test_numeric_ids_pass_with_one_warning(self, forbidding: Wait, caplog: pytest.LogCaptureFixture) -> None:
        query = ask(forbidding, "queueagentperformance", {"queue_id": 2, "agent_id_list": ["16", 17]})

        assert (query["queue_id"], query["agent_id_list"]) == ("2", "16,17")
        warnings = [record for record in caplog.records if record.levelname == "WARNING"]
        assert [record.message for record in warnings] == [
            f"Ids are sent to PBX {forbidding.pbx.host}:{forbidding.pbx.port} as they are given, "
            "for they cannot be looked up there."
        ]

    def test_a_name_fails_with_what_to_do(self, forbidding: Wait) -> None:
        with pytest.raises(InvalidRequestError, match=r"'Support'.*cannot be looked up.*Grant it that"):
            ask(forbidding, "queueperformance", {"queue_id_list": "Support"})

    @pytest.mark.parametrize("errcode", [10001, 10005, 40002])
    def test_a_firmware_without_menus_is_taken_so(self, waiting: Wait, errcode: int) -> None:
        waiting.pbx.faults.add(Fault("errcode", MENUS, errcode))

        assert ask(waiting, "queueperformance", {"queue_id_list": 2})["queue_id_list"] == "2"

    def test_a_refusal_is_not_asked_for_again_by_the_next_task(self, forbidding: Wait) -> None:
        for _ in range(3):
            ask(forbidding, "queueperformance", {"queue_id_list": "2"})

        assert len(forbidding.pbx.calls(MENUS)) == 1

    def test_an_empty_menu_knows_nothing(self, waiting: Wait) -> None:
        waiting.pbx.faults.add(Fault("errcode", MENUS, 60001))

        with pytest.raises(InvalidRequestError, match="It knows none at all"):
            ask(waiting, "queueperformance", {"queue_id_list": 2})


class TestWhatIsListed:
    def test_menu_options_hold_id_number_and_name(self, waiting: Wait) -> None:
        with waiting.client() as client:
            assert client.list_menu_options("queue")[1] == MenuOption(2, "6401-Support", "6401", "Support")
            assert [option.number for option in client.list_menu_options("queue_agent", 3)] == ["1010", "1011", "1003"]

    def test_user_created_reports_come_from_all_pages(self, waiting: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.directory._PAGE_SIZE", 3)
        with waiting.client() as client:
            reports = client.list_my_reports()

        assert [report.id for report in reports] == [1, 2, 3, 5]
        assert reports[0] == MyReport(1, "Daily queue overview", "Queue Performance", "default_report", "admin")
        assert [call.query["page"] for call in waiting.pbx.calls("myreport/list")] == ["1", "2"]

    def test_scheduled_reports_come_from_all_pages(self, waiting: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_provider_yeastar.pbx.directory._PAGE_SIZE", 2)
        with waiting.client() as client:
            reports = client.list_scheduled_reports()

        assert reports[1] == ScheduledReport(2, "Extension statistics", "xls", "2026/11/23")
        assert [call.path for call in waiting.pbx.calls("call_schedule_report/list")] == [
            "/openapi/v2.0/call_schedule_report/list"
        ] * 2

    def test_scheduled_reports_of_older_firmware_are_listed_by_its_api(self, tmp_path: Path) -> None:
        with PbxSimulator(SimulatorSettings(firmware="20.0.90", data_version="v1.0")) as pbx:
            with Wait(pbx, tmp_path).client() as client:
                assert len(client.list_scheduled_reports()) == 3
            assert pbx.calls("call_schedule_report/list")[0].path.startswith("/openapi/v1.0/")

    def test_a_menu_that_the_pbx_does_not_know_is_its_error(self, waiting: Wait) -> None:
        with waiting.client() as client, pytest.raises(ParameterError, match="menu"):
            client.list_menu_options("dinner")

    def test_a_missing_permission_is_told(self, forbidding: Wait) -> None:
        with forbidding.client() as client, pytest.raises(PermissionDeniedError):
            client.list_menu_options("queue")
