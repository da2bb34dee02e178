"""Airflow's names on the Airflow at hand; the matrix runs this on every line that is supported."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from unittest import mock

import airflow
import pytest

from airflow_provider_yeastar import compat
from tests.examples import AIRFLOW_2, RETRY_POLICIES

FROM_3_3 = {"RetryDecision", "RetryPolicy"}
NAMES = sorted(set(compat.__all__) - {"AIRFLOW_3", "get_async_connection"})


@pytest.fixture(autouse=True)
def each_name_is_looked_up_anew() -> Iterator[None]:
    with mock.patch.dict(vars(compat)):
        for name in NAMES:
            vars(compat).pop(name, None)
        yield


def declared_for_type_checkers() -> set[str]:
    (block,) = [node for node in ast.parse(inspect.getsource(compat)).body if isinstance(node, ast.If)]
    return {alias.name for line in block.body if isinstance(line, ast.ImportFrom) for alias in line.names}


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_there_as_far_as_this_airflow_has_it(self, name: str) -> None:
        if name in FROM_3_3 and not RETRY_POLICIES:
            with pytest.raises(
                AttributeError, match=f"no attribute '{name}' with Airflow {airflow.__version__}"
            ) as caught:
                getattr(compat, name)
            assert isinstance(
                caught.value.__cause__, ImportError | AttributeError
            )  # why, for who mends an installation
        else:
            assert getattr(compat, name) is not None

    def test_type_checkers_see_the_same_names(self) -> None:
        assert declared_for_type_checkers() == set(NAMES)

    def test_a_name_is_looked_up_once(self) -> None:
        first = compat.BaseOperator
        with mock.patch.object(compat, "import_module", autospec=True) as looked:
            assert compat.BaseOperator is first

        looked.assert_not_called()

    def test_one_that_is_no_name_of_airflow_is_an_import_error(self) -> None:
        with pytest.raises(ImportError, match="BaseOperatr"):
            from airflow_provider_yeastar.compat import BaseOperatr  # type: ignore[attr-defined]  # noqa: F401

    def test_an_optional_library_that_is_missing_is_an_import_error(self) -> None:
        with (
            mock.patch.dict(sys.modules, {"openlineage.client.generated.base": None}),
            pytest.raises(ImportError, match="InputDataset"),
        ):
            from airflow_provider_yeastar.compat import InputDataset  # noqa: F401

    def test_the_newest_home_is_taken_first(self) -> None:
        expected = "airflow.models.baseoperator" if AIRFLOW_2 else "airflow.sdk"

        assert import_module(expected).BaseOperator is compat.BaseOperator

    def test_what_was_called_otherwise_is_found(self) -> None:
        asset = compat.Asset("s3://lake/report.csv")

        assert (type(asset).__name__, asset.uri) == ("Dataset" if AIRFLOW_2 else "Asset", "s3://lake/report.csv")

    def test_it_tells_airflow_2_from_airflow_3(self) -> None:
        assert compat.AIRFLOW_3 is not AIRFLOW_2


class TestWhatAirflowItselfLooksFor:
    """Classes by which Airflow decides: another of the same name would go unnoticed."""

    @pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("Airflow")] + ["TaskDeferred"])
    def test_an_exception_is_the_one_that_the_task_runner_catches(self, name: str) -> None:
        runner = import_module("airflow.models.taskinstance" if AIRFLOW_2 else "airflow.sdk.execution_time.task_runner")
        known = getattr(runner, name, None)
        if known is None:  # as the runner does not import it, from where the exceptions of all Airflows are
            with warnings.catch_warnings(action="ignore"):
                known = getattr(import_module("airflow.exceptions"), name)

        assert getattr(compat, name) is known

    def test_the_hook_is_the_one_that_a_provider_s_hook_derives_from(self) -> None:
        from airflow.providers.http.hooks.http import HttpHook

        assert issubclass(HttpHook, compat.BaseHook)

    def test_a_secret_is_masked_in_what_airflow_prints(self) -> None:
        compat.mask_secret("t0ken-of-compat")

        redact = import_module(compat.mask_secret.__module__).redact
        assert redact("before t0ken-of-compat after") == "before *** after"


class TestAsyncConnection:
    @pytest.fixture(autouse=True)
    def connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_PBX_1", json.dumps({"conn_type": "yeastar", "host": "pbx.example.com"}))

    def test_it_is_found(self) -> None:
        assert asyncio.run(compat.get_async_connection("pbx_1")).host == "pbx.example.com"

    def test_one_that_is_missing_is_said_to_be(self) -> None:
        with pytest.raises(compat.AirflowNotFoundException, match="pbx_2"):
            asyncio.run(compat.get_async_connection("pbx_2"))

    def test_an_airflow_whose_accessor_blocks_is_asked_beside_the_loop(self) -> None:
        """Airflow 3.1 to 3.3.1 have `aget_connection`, too, which must not be called."""
        threads = []

        class Hook:
            @staticmethod
            def get_connection(conn_id: str) -> str:
                threads.append(threading.current_thread())
                return f"connection {conn_id}"

            @staticmethod
            async def aget_connection(conn_id: str) -> str:
                raise AssertionError(conn_id)

        assert asyncio.run(give(compat.get_async_connection, Hook, object)) == "connection pbx_1"
        assert threads
        assert threads[0] is not threading.main_thread()

    def test_an_airflow_whose_accessor_awaits_is_asked_by_it(self) -> None:
        class Hook:
            @staticmethod
            async def aget_connection(conn_id: str) -> str:
                return f"awaited {conn_id}"

        class Connection:
            async def aextra_dejson(self) -> dict[str, Any]:
                raise NotImplementedError

        assert asyncio.run(give(compat.get_async_connection, Hook, Connection)) == "awaited pbx_1"


async def give(get: Any, hook: type, connection: type) -> Any:
    """Ask for a connection where Airflow's names are these."""
    homes = {"BaseHook": hook, "Connection": connection}
    with mock.patch.object(compat, "__getattr__", autospec=True, side_effect=homes.__getitem__):
        return await get("pbx_1")
