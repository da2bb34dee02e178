"""Airflow's names, wherever this Airflow keeps them: the only module that knows which Airflow is installed.

Airflow 3 offers them in ``airflow.sdk``, Airflow 2.11 in modules that Airflow 3 removed or deprecated, and some moved
between 3.0 and 3.3. Every other module of the provider, the tests and the example DAGs take them from here.
A name is loaded when it is first used, so that a DAG file pays only for what it imports. To import a name that this
Airflow does not have, such as ``RetryPolicy`` before 3.3, raises ``ImportError``.

Triggers take ``BaseTrigger`` and ``TriggerEvent`` from ``airflow.triggers.base``, which is the same everywhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow import __version__ as _version

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage as OperatorLineage
    from airflow.sdk import (
        DAG as DAG,
        Asset as Asset,
        BaseHook as BaseHook,
        BaseOperator as BaseOperator,
        BaseOperatorLink as BaseOperatorLink,
        BaseSensorOperator as BaseSensorOperator,
        Connection as Connection,
        Context as Context,
        ObjectStoragePath as ObjectStoragePath,
        PokeReturnValue as PokeReturnValue,
        XComArg as XComArg,
        dag as dag,
        task as task,
    )
    from airflow.sdk.configuration import conf as conf
    from airflow.sdk.definitions.retry_policy import RetryDecision as RetryDecision, RetryPolicy as RetryPolicy
    from airflow.sdk.exceptions import (
        AirflowException as AirflowException,
        AirflowFailException as AirflowFailException,
        AirflowNotFoundException as AirflowNotFoundException,
        AirflowSensorTimeout as AirflowSensorTimeout,
        AirflowSkipException as AirflowSkipException,
        AirflowTaskTimeout as AirflowTaskTimeout,
        TaskDeferred as TaskDeferred,
    )
    from airflow.sdk.execution_time.xcom import XCom as XCom
    from airflow.sdk.io.fs import has_fs as has_fs
    from airflow.sdk.log import mask_secret as mask_secret
    from airflow.sdk.types import TaskInstanceKey as TaskInstanceKey
    from openlineage.client.generated.base import InputDataset as InputDataset, OutputDataset as OutputDataset
    from openlineage.client.generated.output_statistics_output_dataset import (
        OutputStatisticsOutputDatasetFacet as OutputStatisticsOutputDatasetFacet,
    )
    from openlineage.client.generated.schema_dataset import (
        SchemaDatasetFacet as SchemaDatasetFacet,
        SchemaDatasetFacetFields as SchemaDatasetFacetFields,
    )

AIRFLOW_3 = not _version.startswith("2.")
"""Whether this is Airflow 3: what it does differently under the same name depends on it."""

_EXCEPTIONS = ("airflow.sdk.exceptions", "airflow.exceptions")
_RETRY_POLICY = ("airflow.sdk.definitions.retry_policy",)

_HOMES: dict[str, tuple[str, ...]] = {
    "DAG": ("airflow.sdk", "airflow.models.dag"),
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "Connection": ("airflow.sdk", "airflow.models.connection"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "XComArg": ("airflow.sdk", "airflow.models.xcom_arg"),
    "dag": ("airflow.sdk", "airflow.decorators"),
    "task": ("airflow.sdk", "airflow.decorators"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "XCom": ("airflow.sdk.execution_time.xcom", "airflow.models.xcom"),
    "TaskInstanceKey": ("airflow.sdk.types", "airflow.models.taskinstancekey"),
    "mask_secret": (
        "airflow.sdk.log",  # from 3.1 on: also told to the process that writes the task's log
        "airflow.sdk.execution_time.secrets_masker",
        "airflow.utils.log.secrets_masker",
    ),
    "has_fs": ("airflow.sdk.io.fs", "airflow.io"),
    "AirflowException": _EXCEPTIONS,
    "AirflowFailException": _EXCEPTIONS,
    "AirflowNotFoundException": _EXCEPTIONS,
    "AirflowSensorTimeout": _EXCEPTIONS,
    "AirflowSkipException": _EXCEPTIONS,
    "AirflowTaskTimeout": _EXCEPTIONS,
    "TaskDeferred": _EXCEPTIONS,
    "RetryDecision": _RETRY_POLICY,
    "RetryPolicy": _RETRY_POLICY,
    # Only where the OpenLineage provider is installed.
    "OperatorLineage": ("airflow.providers.openlineage.extractors",),
    "InputDataset": ("openlineage.client.generated.base",),
    "OutputDataset": ("openlineage.client.generated.base",),
    "OutputStatisticsOutputDatasetFacet": ("openlineage.client.generated.output_statistics_output_dataset",),
    "SchemaDatasetFacet": ("openlineage.client.generated.schema_dataset",),
    "SchemaDatasetFacetFields": ("openlineage.client.generated.schema_dataset",),
}
"""For each name its modules, the newest Airflow's first; ``module:name`` where it was called otherwise."""

__all__ = ["AIRFLOW_3", "get_async_connection", *_HOMES]


def __getattr__(name: str) -> Any:
    """Return one of Airflow's names, from the first of its modules that has it.

    :param name: a key of the table above.
    :raises AttributeError: if it is no such key, or if this Airflow does not have the name.
    """
    cause: Exception | None = None
    for home in _HOMES.get(name, ()):
        module, _, older_name = home.partition(":")
        try:
            found = getattr(import_module(module), older_name or name)
        except (ImportError, AttributeError) as error:
            cause = error  # this Airflow keeps it elsewhere, or a library is missing
            continue
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r} with Airflow {_version}") from cause


async def get_async_connection(conn_id: str) -> Connection:
    """Return an Airflow connection within an event loop, without blocking it.

    ``BaseHook.aget_connection`` exists from Airflow 3.1. Until 3.3.2 it registers the connection's secrets for masking
    with a blocking call, which fails as soon as another trigger awaits an answer in the same loop
    (``DeadlockImminentError``); ``Connection.aextra_dejson`` came with the remedy. Older Airflows are asked in a worker
    thread of ``asgiref``: it hands calls to the loop's own channel, which a thread of another origin cannot use.
    Source: ``airflow.providers.common.compat.connection``, 1.23.0.

    :param conn_id: text, the id of the connection.
    :return: the connection.
    :raises AirflowNotFoundException: if Airflow does not have it.
    """
    hook: Any = __getattr__("BaseHook")
    connection: Connection
    if hasattr(__getattr__("Connection"), "aextra_dejson"):
        connection = await hook.aget_connection(conn_id)
    else:
        from asgiref.sync import sync_to_async

        connection = await sync_to_async(hook.get_connection)(conn_id)
    return connection
