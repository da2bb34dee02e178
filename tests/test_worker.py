from __future__ import annotations

import asyncio

import pytest

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.worker import run_on_worker


async def _answer() -> str:
    await asyncio.sleep(0)
    return "answer"


async def _fail() -> None:
    raise LookupError("lost")


class _Endless:
    cleaned_up = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True


def test_the_coroutine_s_value_is_returned() -> None:
    assert run_on_worker(_answer(), lambda: False) == "answer"


def test_the_coroutine_s_error_is_raised() -> None:
    with pytest.raises(LookupError, match="lost"):
        run_on_worker(_fail(), lambda: False)


def test_a_killed_task_ends_with_an_error_after_cleaning_up() -> None:
    endless = _Endless()

    with pytest.raises(TaskKilledError):
        run_on_worker(endless.run(), lambda: True)

    assert endless.cleaned_up
