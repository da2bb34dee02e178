"""Calls of older firmware, which v2.0 of the CDR interface does not list: a red task, and never one without them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.compat import AirflowFailException
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.operators.cdr import YeastarCdrOperator
from airflow_provider_yeastar.pbx.calls.query import CallQuery
from airflow_provider_yeastar.pbx.calls.reading import Ask, Page
from airflow_provider_yeastar.pbx.waiting.call_reader import CallReader
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.integration.recordings import Serve
from tests.integration.support import run_task

DAY = "2026-11-20"
FEW, NONE = {"last_status": "ABANDONED"}, {"call_from": "nobody"}


def operator(out: Path, **changes: Any) -> YeastarCdrOperator:
    return YeastarCdrOperator(task_id="calls", period=DAY, destination=f"{out}/", **changes)


def test_alone_are_never_green_and_empty(serve: Serve, out: Path) -> None:
    with serve(data_version="v1.0"), pytest.raises(AirflowFailException, match=r"older firmware .*api_version"):
        run_task(operator(out))

    assert list(out.iterdir()) == []


@pytest.mark.parametrize("filters", [None, FEW, NONE], ids=str)
@pytest.mark.parametrize("hour", [6, 12, 23])
def test_from_before_an_update_in_the_window_are_never_left_out(
    serve: Serve, out: Path, hour: int, filters: dict[str, str] | None
) -> None:
    with (
        serve(updated_at=datetime(2026, 11, 20, hour)),
        pytest.raises(AirflowFailException, match=r"older firmware .*api_version"),
    ):
        run_task(operator(out, filters=filters))

    assert list(out.iterdir()) == []


@pytest.mark.parametrize(("filters", "looks"), [(None, 1), (FEW, 2), (NONE, 1)], ids=str)
def test_a_window_after_the_update_is_read_by_v2(
    serve: Serve, out: Path, filters: dict[str, str] | None, looks: int
) -> None:
    with serve(updated_at=datetime(2026, 11, 20)) as pbx:
        _, xcoms = run_task(operator(out, filters=filters))

        assert xcoms["report"]["api_version"] == "v2.0"
        assert len([call for call in pbx.calls("cdr/search") if "start_time" in call.query]) == looks


def test_a_leg_with_a_time_of_its_own_is_none_of_them(pbx: PbxSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list(YeastarHook().iter_calls(period=DAY))
    stray = Page([{"new_id": "1"}], 1)
    ask = CallReader.page

    async def with_a_stray_leg(reader: CallReader, query: CallQuery, asked: Ask) -> Page:
        return stray if query.api.version == "v1.0" else await ask(reader, query, asked)

    monkeypatch.setattr(CallReader, "page", with_a_stray_leg)

    assert list(YeastarHook().iter_calls(period=DAY)) == expected


def test_a_pbx_without_v1_has_none_of_them(pbx: PbxSimulator) -> None:
    pbx.faults.add(Fault("errcode", "v1.0/cdr/search", 10001, times=10))

    assert len(list(YeastarHook().iter_calls(period=DAY))) > 10
