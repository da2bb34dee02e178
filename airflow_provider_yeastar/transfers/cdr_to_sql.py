"""YeastarCdrToSqlOperator: the calls (CDR) of a period in a SQL table of Airflow's, replaced whole and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.pbx.calls.request import CallRequest, call_request
from airflow_provider_yeastar.tasks.calls import CallsTask
from airflow_provider_yeastar.transfers.to_sql import SqlTask

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.warehouse.answers import Answer
    from airflow_provider_yeastar.warehouse.periods import TablePeriod

__all__ = ["YeastarCdrToSqlOperator"]


class YeastarCdrToSqlOperator(CallsTask, SqlTask):
    """Load the calls of a time window into a SQL table; the XCom return value is the number of rows, an int.

    Calls are read as :class:`.YeastarCdrOperator` reads them: each once, complete or an error. The table is kept as
    :class:`.YeastarReportToSqlOperator` keeps it: in one transaction the rows of the same PBX, period and filters are
    deleted, those of the PBX's answer are inserted and counted; whatever fails leaves the table as it was.

    A row is a call with the key ``uid`` on v2.0 of the CDR interface, and a leg with the key ``new_id`` on v1.0. One
    table holds rows of one of them: a load of the other fails, for instance after an update of the firmware. The column
    of origin ``report`` tells which, ``cdr v2.0`` or ``cdr v1.0``. A second XCom, ``report``, holds table, rows,
    ``periods``, ``unknown_columns``, ``complete`` and what was asked for; asset events of the task's ``outlets`` and
    OpenLineage tell the same. Vendor's page: "Search CDR" of both versions.

    Templated: ``yeastar_conn_id``, ``period``, ``start_time``, ``end_time``, ``filters``, ``api_version``,
    ``sql_conn_id``, ``table``, ``schema``.

    :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words,
        counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
        ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
    :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
        offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
    :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
        ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
        ``data_interval_end``, the request ends one second earlier: the next window begins there.
    :param filters: mapping of the vendor's filters to texts, numbers or lists of them, such as ``{"call_from":
        "1001"}``; docs/calls.md lists them. Of ids, names and dialled numbers do.
    :param api_version: str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left out. Name it
        if the PBX's firmware may be updated: rows of both do not go into one table.
    :param sql_conn_id: str, id of the Airflow connection of the database; any whose hook offers SQLAlchemy.
    :param table: str, name of the table; it is created if it is not there, and gets columns that it lacks.
    :param schema: str, the database's schema of the table; the connection's if left out.
    :param replace: str, default ``selection``: replace the rows of the same filters; ``period`` replaces those of any.
    :param lookback: int, default ``0``: read so many earlier periods of the same length again, and replace those that
        changed.
    :param on_empty: str, what to do if there are no calls, default ``ok``: an empty answer, which never replaces rows.
        ``skip`` skips and ``fail`` fails the task, before the table is touched.
    :param allow_shrink: bool, default ``False``: fail rather than replace a period by one with fewer rows if the new
        one is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param on_schema_change: str, default ``evolve``: add columns that the table does not have, typed by their names;
        ``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and
        ``unknown_columns`` in XCom ``report`` name them.
    :param protect: mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``),
        ``mask`` (all but the last three characters) or ``drop``, default none. Covers columns derived from them, such
        as ``caller_number`` from ``caller``.
    :param wait_timeout: seconds or timedelta within which transient errors are retried, default ``1800``; also how long
        to wait for another load of the table.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid; raised at DAG-parse time. Templated arguments are validated
        at run time, and raise ``AirflowFailException``.
    :raises AirflowFailException: if a retry cannot help; the message names the cause: ``OlderCallsError``,
        ``SchemaError`` (such as a table of the other version), ``EmptyReportError`` (``on_empty`` fail) and others.
    :raises AirflowSkipException: if there are no calls and ``on_empty`` is ``skip``.
    :raises YeastarError: for a transient error that outlasted the retries, such as ``IncompleteCallsError`` or
        ``DestinationError`` (the database). docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``.
    """

    template_fields: Sequence[str] = (*CallsTask.template_fields, *SqlTask.template_fields[1:])
    ui_color = "#e3f2fb"

    def __init__(self, *, sql_conn_id: str, table: str, **kwargs: Any) -> None:
        super().__init__(sql_conn_id=sql_conn_id, table=table, **kwargs)

    @contextmanager
    def ask(self, context: Context, client: PbxClient, period: TablePeriod | None) -> Iterator[Answer]:
        """Read the calls of a period; they can be gone over in the ``with``.

        :param context: of the task.
        :param client: of the PBX.
        :param period: an earlier one; None for the period that the task is for.
        """
        from airflow_provider_yeastar.warehouse.call_answers import call_answer  # not needed to parse a DAG file

        request = self.call_request(context) if period is None else self._earlier(period)
        with self.fetched_calls(client, request) as answer:
            yield call_answer(answer.calls, answer.rows, self.on_schema_change, self.name_key(request))

    def _earlier(self, period: TablePeriod) -> CallRequest:
        return call_request(**period.arguments, filters=self.filters, api_version=self.api_version)
