"""RowsTask: what tasks have in common that take a report as rows in its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.report.parameters import is_open
from airflow_provider_yeastar.pbx.report.request import ReportRequest, check_arguments
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.schemas.protection import Protection, check_protect, protection
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows, check_schema_arguments
from airflow_provider_yeastar.tasks.arguments import ReportArguments
from airflow_provider_yeastar.tasks.waiting import WaitingTask, on_worker

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport

__all__ = ["RowsTask", "connection_protection"]


class RowsTask(ReportArguments, WaitingTask):
    """A task that asks for a report's rows, on the worker.

    :param columns: types by key: the columns of a user-created report, or other types than the report's schema has.
    :param on_schema_change: ``evolve``, ``freeze`` or ``drop``: what becomes of columns that the schema does not have.
    :param protect: ``hmac``, ``mask`` or ``drop`` by column.
    """

    def __init__(
        self,
        *,
        columns: Mapping[str, str] | None = None,
        on_schema_change: str = "evolve",
        protect: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(deferrable=False, **on_worker(kwargs))
        self.columns = columns
        self.on_schema_change = on_schema_change
        self.protect = protect
        check_arguments(**self.request_arguments)
        check_schema_arguments(on_schema_change, columns)
        if not is_open(self.report_type):
            check_protect(protect, list(self._schema(self.report_type).by_key))

    def request_of(self, context: Context) -> ReportRequest:
        """Return the request that the rendered arguments make, a period in words counted from the DAG run.

        :param context: of the task.
        :raises InvalidRequestError: for arguments that make none.
        """
        return self.resolved(self.build_request(), context)

    @contextmanager
    def fetched_rows(self, client: PbxClient, request: ReportRequest) -> Iterator[tuple[SchemaRows, FinishedReport]]:
        """Ask for the rows of a report, and tell of columns that its schema does not have.

        In the ``with`` the rows, in the report's schema, can be gone over; they are kept in a temporary file. With them
        comes what is known of the request.

        :param client: of the PBX.
        :param request: what to ask for.
        :raises SchemaError: with ``on_schema_change`` freeze, for a column that is new or has vanished.
        """
        from airflow_provider_yeastar.files.spool import Spool  # not needed to parse a DAG file

        schema = self._schema(request.report_type, request.label)
        check_protect(self.protect, list(schema.by_key))
        hidden = connection_protection(self.yeastar_conn_id, self.protect)
        with Spool(lambda: self.killed) as answer:
            report = run_on_worker(client.fetch_rows(request, self.new_bounds(), answer), lambda: self.killed)
            rows = SchemaRows(
                answer,
                schema,
                on_schema_change=self.on_schema_change,
                protection=hidden,
                display=lambda: client.facts().display,
            )
            if rows.drift.unknown:
                self.log.warning(
                    "The report %s has columns that its schema does not know: %s. They are %s; the list of known "
                    "columns stands in docs/reports.md.",
                    request.label,
                    ", ".join(rows.drift.told),
                    "left out" if self.on_schema_change == "drop" else "kept, typed by their names",
                )
            yield rows, report

    def _schema(self, report_type: str | None, label: str = "") -> Schema:
        return Schema.of(report_type, self.columns, label=label)


def connection_protection(conn_id: str, protect: Mapping[str, str] | None) -> Protection:
    """Return what hides personal data, keyed by the secret of a connection.

    :param conn_id: id of the Airflow connection of the PBX; looked up for ``hmac`` alone.
    :param protect: ``hmac``, ``mask`` or ``drop`` by column.
    :raises InvalidSettingsError: for ``hmac`` when the connection's ``protect_secret`` is missing or too short.
    """
    secret = None
    if "hmac" in (protect or {}).values():
        from airflow_provider_yeastar.hooks.connection import protect_secret, read_connection

        secret = protect_secret(read_connection(conn_id))
    return protection(protect, secret)
