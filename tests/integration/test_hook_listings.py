"""What the hook lists of a simulated PBX, through an Airflow connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.simulator import PbxSimulator
from tests.integration.support import connection_to


@pytest.fixture
def hook(yeastar_pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> YeastarHook:
    monkeypatch.setenv("AIRFLOW_CONN_YEASTAR_DEFAULT", connection_to(yeastar_pbx))
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path))
    return YeastarHook()


@pytest.mark.parametrize(
    ("menu", "first"),
    [
        ("extension", (11, "1000", "Alice Hartmann")),
        ("ext_group", (51, "", "Default_All_Extensions")),
        ("trunk", (31, "4420300100", "SIP-London")),
        ("ivr", (41, "6200", "Main Menu")),
        ("ring_group", (61, "6300", "Reception")),
        ("queue", (1, "6400", "Sales")),
    ],
)
def test_each_menu_has_ids_numbers_and_names(hook: YeastarHook, menu: str, first: tuple[int, str, str]) -> None:
    option = hook.list_menu_options(menu)[0]

    assert (option.id, option.number, option.name) == first


def test_the_agents_of_a_queue(hook: YeastarHook) -> None:
    assert [agent.number for agent in hook.list_menu_options("queue_agent", queue_id=3)] == ["1010", "1011", "1003"]


def test_reports_to_ask_for(hook: YeastarHook) -> None:
    assert [report.id for report in hook.list_my_reports()] == [1, 2, 3, 5]
    assert [report.format for report in hook.list_scheduled_reports()] == ["csv", "xls", "pdf"]
