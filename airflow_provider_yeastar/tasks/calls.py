"""CallsTask: what tasks have in common that read the calls (CDR) of a time window, or their recordings."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.pbx.calls.query import CallApi
from airflow_provider_yeastar.pbx.calls.reading import Row
from airflow_provider_yeastar.pbx.calls.request import CallRequest, call_request, check_call_arguments
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.schemas.calls import CALL_SCHEMAS
from airflow_provider_yeastar.schemas.protection import Protection, check_protect
from airflow_provider_yeastar.schemas.recordings import hiding_file
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows, check_schema_arguments
from airflow_provider_yeastar.tasks.run_moment import run_moment
from airflow_provider_yeastar.tasks.schema_rows import connection_protection
from airflow_provider_yeastar.tasks.waiting import WaitingTask, on_worker

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.files.spool import Spool
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.waiting.call_reader import CallReader, Calls

__all__ = ["CallAnswer", "CallsTask", "ListedRows"]


@dataclass(frozen=True)
class CallAnswer:
    """All calls of a window, in their schema.

    :param calls: what is known of the request.
    :param rows: of the calls.
    :param raw: the same as the PBX sent them.
    :param reader: which read them; it may be asked for more.
    """

    calls: Calls
    rows: SchemaRows
    raw: Iterable[Row]
    reader: CallReader


@dataclass(frozen=True)
class ListedRows:
    """All rows of a window, as the PBX sends them.

    :param calls: what is known of the request.
    :param rows: of the calls, or of their recordings.
    :param reader: which read them; it may be asked for more.
    """

    calls: Calls
    rows: Spool
    reader: CallReader


class CallsTask(WaitingTask):
    """A task that reads calls or their recordings, on the worker. Its arguments are explained where they are used.

    :param filters: mapping of the vendor's filter names to values.
    """

    api: ClassVar[CallApi | None] = None
    """The interface that is asked; None for that of the CDR which the PBX has."""
    schemas: ClassVar[Mapping[str, Schema]] = CALL_SCHEMAS
    """The schema of each version of the interface, and of further files that the task writes."""

    template_fields: Sequence[str] = (
        *WaitingTask.template_fields,
        "period",
        "start_time",
        "end_time",
        "filters",
        "api_version",
    )

    def __init__(
        self,
        *,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        filters: Mapping[str, Any] | None = None,
        api_version: str | None = None,
        on_schema_change: str = "evolve",
        protect: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        # On the worker, and without the turn that reports wait for: the latter has no effect.
        super().__init__(deferrable=False, queue_timeout=1, **on_worker(kwargs))
        self.period = period
        self.start_time = start_time
        self.end_time = end_time
        self.filters = filters
        self.api_version = api_version
        self.on_schema_change = on_schema_change
        self.protect = protect
        frame = {"period": period, "start_time": start_time, "end_time": end_time}
        check_call_arguments(**frame, filters=filters, api_version=api_version, api=self.api)
        check_schema_arguments(on_schema_change, None)
        known = {key for schema in self.schemas.values() for key in schema.by_key}
        check_protect(protect, sorted(known), 'others are left out by `on_schema_change="drop"`')

    def call_request(self, context: Context) -> CallRequest:
        """Return the request that the rendered arguments make; a period in words is counted from the DAG run.

        :param context: of the task.
        :raises InvalidRequestError: for arguments that make none.
        """
        self.check_templates()
        request = call_request(
            period=self.period,
            start_time=self.start_time,
            end_time=self.end_time,
            filters=self.filters,
            api_version=self.api_version,
        )
        if not request.frame.is_relative:
            return request
        return call_request(period=self.period, filters=self.filters, api_version=self.api_version,
                            as_of=run_moment(context))  # fmt: skip

    @contextmanager
    def fetched_calls(self, client: PbxClient, request: CallRequest) -> Iterator[CallAnswer]:
        """Read all calls; in the ``with`` they can be gone over.

        :param client: of the PBX.
        :param request: what to ask for.
        :raises IncompleteCallsError: when they cannot be shown to be complete.
        """
        hidden = connection_protection(self.yeastar_conn_id, hiding_file(self.protect, "record_file"))
        with self.listed_rows(client, request) as listed:
            rows = self.in_schema(listed.calls, listed.rows, hidden)
            yield CallAnswer(listed.calls, rows, listed.rows, listed.reader)

    @contextmanager
    def listed_rows(self, client: PbxClient, request: CallRequest) -> Iterator[ListedRows]:
        """Read all rows as the PBX sends them; in the ``with`` they can be gone over.

        :param client: of the PBX.
        :param request: what to ask for.
        :raises IncompleteCallsError: when they cannot be shown to be complete.
        """
        from airflow_provider_yeastar.files.spool import Spool  # not needed to parse a DAG file

        reader = client.call_reader(time.time() + self.wait_timeout)
        calls = self.until_killed(reader.plan(request, self.api))
        query = calls.query
        with Spool(lambda: self.killed) as spool:
            for rows in reader.rows(calls, self.until_killed):
                spool.extend(rows)
            given = counted(spool.count, "row")
            self.log.info("The PBX gave %s of %s from %s.", given, query.api.rows, query.words(query.span))
            yield ListedRows(calls, spool, reader)

    def in_schema(self, calls: Calls, rows: Iterable[Mapping[str, Any]], hidden: Protection) -> SchemaRows:
        """Return rows in their schema, and tell of columns that it does not have.

        :param calls: what is known of the request.
        :param rows: that can be gone over more than once.
        :param hidden: what is hidden in them.
        """
        api = calls.query.api
        schema = self.schemas[api.version]
        found = SchemaRows(rows, schema, on_schema_change=self.on_schema_change, protection=hidden)
        if found.drift.unknown:
            self.log.warning(
                "%s have columns that the schema does not know: %s.",
                api.rows.title(),
                ", ".join(found.drift.told),
            )
        return found

    def until_killed(self, work: Any) -> Any:
        """Return what a coroutine returns.

        :param work: the coroutine.
        :raises TaskKilledError: when the task was killed meanwhile, or before.
        """
        if self.killed:  # one page or detail after the other may be too quick for a look at it
            work.close()
            raise TaskKilledError("The task was killed while it read its calls")
        return run_on_worker(work, lambda: self.killed)
