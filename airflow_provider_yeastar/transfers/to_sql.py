"""YeastarReportToSqlOperator: a period of a report in a SQL table of Airflow's, replaced whole and counted."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_yeastar.compat import Asset
from airflow_provider_yeastar.exceptions import FewerRowsError
from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.links.portal import publish_portal_link
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.files.shrink import check_tolerance
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.on_empty import check_on_empty, refuse_empty_report
from airflow_provider_yeastar.tasks.schema_rows import RowsTask
from airflow_provider_yeastar.tasks.sql import sql_engine
from airflow_provider_yeastar.tasks.templates import check_rendered_name
from airflow_provider_yeastar.tasks.waiting import WaitingTask
from airflow_provider_yeastar.warehouse.rules import Shrink

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from airflow_provider_yeastar.compat import Context, OperatorLineage
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.warehouse.answers import Answer
    from airflow_provider_yeastar.warehouse.periods import TablePeriod
    from airflow_provider_yeastar.warehouse.record import LoadRecord

__all__ = ["YeastarReportToSqlOperator"]

_REPLACE = ("selection", "period")


class SqlTask(WaitingTask):
    """A task that loads periods into a table, wherever their rows come from; its XCom is the number of rows.

    Who derives from it says in :meth:`ask` how a period is asked for. The arguments are those of
    :class:`YeastarReportToSqlOperator`.
    """

    template_fields: Sequence[str] = (*WaitingTask.template_fields, "sql_conn_id", "table", "schema")

    def __init__(
        self,
        *,
        sql_conn_id: str,
        table: str,
        schema: str | None = None,
        allow_shrink: bool = False,
        shrink_tolerance: float | None = None,
        replace: str = "selection",
        lookback: int = 0,
        on_empty: str = "ok",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check_load(replace, lookback)
        check_tolerance(shrink_tolerance)
        check_on_empty(on_empty)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self._names_given = {"table": str(table), "schema": str(schema)}
        self.allow_shrink = allow_shrink
        self.shrink_tolerance = shrink_tolerance
        self.replace = replace
        self.lookback = lookback
        self.on_empty = on_empty
        self.record: LoadRecord | None = None

    def check_templates(self) -> None:
        """Reject arguments that rendered to nothing, and names of the database of which a part is nothing.

        :raises InvalidRequestError: with the argument and its template.
        """
        super().check_templates()
        for name, given in self._names_given.items():
            check_rendered_name(name, getattr(self, name), given, "name")

    @abstractmethod
    def ask(self, context: Context, client: PbxClient, period: TablePeriod | None) -> AbstractContextManager[Answer]:
        """Ask the PBX for the rows of a period; they can be gone over in the ``with``.

        :param context: of the task.
        :param client: of the PBX.
        :param period: an earlier one; None for the period that the task is for.
        """

    def execute(self, context: Context) -> int:
        """Load the period, and those before it that have changed.

        :param context: of the task.
        :return: the rows of all periods.
        """
        with errors_for_airflow(), sql_engine(self.sql_conn_id) as engine:
            # Not needed to parse a DAG file.
            from airflow_provider_yeastar.warehouse.loading import look_at_table
            from airflow_provider_yeastar.warehouse.record import LoadRecord

            until = time.time() + self.wait_timeout
            look_at_table(engine, self.table, self.schema, until=until, killed=lambda: self.killed)
            publish_portal_link(context, self.yeastar_conn_id)
            self.record = LoadRecord(self.sql_conn_id, self.table, self.schema, engine.url)
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                self._load_all(context, client, engine, self.record)
            self._tell(context, self.record)
            return self.record.rows

    def _load_all(self, context: Context, client: PbxClient, engine: Engine, record: LoadRecord) -> None:
        from airflow_provider_yeastar.warehouse.periods import previous_periods

        with self.ask(context, client, None) as answer:
            if not answer.rows.count:
                refuse_empty_report(self.on_empty)
            earlier = previous_periods(answer.period, self.lookback)  # refused before anything is written
            self._load(context, client, engine, answer, record)
        refusal: FewerRowsError | None = None
        for period in earlier:
            try:
                with self.ask(context, client, period) as again:
                    self._load(context, client, engine, again, record, only_changes=True)
            except FewerRowsError as error:  # the other periods are none the worse for it
                self.log.error("%s", error)
                refusal = refusal or error
        if refusal:
            raise refusal

    def _load(
        self,
        context: Context,
        client: PbxClient,
        engine: Engine,
        answer: Answer,
        record: LoadRecord,
        *,
        only_changes: bool = False,
    ) -> None:
        from airflow_provider_yeastar.warehouse.loading import Load, load_period

        load = Load(
            table=self.table,
            schema=self.schema,
            origin=answer.origin(context["dag_run"].run_id),
            rows=answer.rows,
            apart_from=answer.apart_from,
            on_schema_change=answer.on_schema_change,
            replace=self.replace,
            shrink=Shrink(self.allow_shrink, self.shrink_tolerance),
            only_changes=only_changes,
            oldest_call=lambda: self._oldest_call(client),
            until=time.time() + self.wait_timeout,
            killed=lambda: self.killed,
        )
        loaded = load_period(engine, load)
        record.add(answer, loaded)
        self.log.info(
            "%s, %s to %s: %s in %s, %s %d.",
            answer.report,
            answer.period.start,
            answer.period.end,
            counted(loaded.rows, "row"),
            self.table,
            "in place of" if loaded.changed else "unchanged, as before",
            loaded.replaced,
        )
        if loaded.others:
            self.log.warning(
                "The table %s keeps %s of the same period and other parameters: `replace` is %s.",
                self.table,
                counted(loaded.others, "row"),
                self.replace,
            )

    def _oldest_call(self, client: PbxClient) -> datetime | None:
        """Return when the PBX's oldest call began, naive, by its clock."""
        oldest = run_on_worker(client.oldest_call(), lambda: self.killed)
        return oldest.astimezone(client.facts().zone).replace(tzinfo=None) if oldest else None

    def _tell(self, context: Context, record: LoadRecord) -> None:
        context["ti"].xcom_push(key="report", value=record.to_dict())
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(record.to_dict())

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:
        """Return the lineage of what was loaded, None without it; for Airflow's OpenLineage provider."""
        return self.record.to_lineage() if self.record and self.record.periods else None


class YeastarReportToSqlOperator(RowsTask, SqlTask):
    """Load a period of a call report into a SQL table; the XCom return value is the number of rows, an int.

    The table is created when it is not there, and gets columns that it lacks. In one transaction the rows of the same
    PBX, report, period and parameters are deleted, those of the PBX's answer are inserted and counted; whatever fails
    leaves the table as it was (new columns may stay where the database commits them at once, as MySQL does). A run that
    is repeated replaces its own rows. Two loads of one table at once follow one another.

    Every row has columns of origin: ``pbx_serial_number``, ``report``, ``period_start``, ``period_end`` (by the PBX's
    clock), ``pbx_timezone``, ``selection`` (hash of the parameters), ``source_sha256``, ``loaded_at`` (UTC) and
    ``dag_run_id``; then all columns of the report's schema (docs/reports.md), under the vendor's names in lower case.
    A second XCom, ``report``, holds table, rows, ``periods``, ``unknown_columns`` and what was asked for; asset events
    of the task's ``outlets`` and OpenLineage tell the same. It takes any connection whose hook offers SQLAlchemy, and
    stays on the worker. Vendor's endpoint: ``call_report/list``.

    Templated: ``report_type``, ``my_report_id``, ``period``, ``start_time``, ``end_time``, ``parameters``,
    ``api_version``, ``yeastar_conn_id``, ``sql_conn_id``, ``table``, ``schema``.

    :param report_type: str, the vendor's name of a built-in report, such as ``queueperformance``; docs/reports.md lists
        them. Give exactly one of this and ``my_report_id``.
    :param my_report_id: int or text of digits, id of a user-created report; :meth:`.YeastarHook.list_my_reports` lists
        them.
    :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in words,
        counted from the DAG run: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
        ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
    :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
        offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
    :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
        ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
        ``data_interval_end``, the request ends one second earlier: the next window begins there.
    :param parameters: mapping of the vendor's parameter names to values, lists and bools as in Python. Of ids, an int
        is an internal id; a text is a dialled number or a name, or an id if it is neither. docs/reports.md lists all.
    :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
    :param api_version: str, ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's if left out.
    :param sql_conn_id: str, id of the Airflow connection of the database; any whose hook offers SQLAlchemy.
    :param table: str, name of the table; it is created if it is not there, and gets columns that it lacks.
    :param schema: str, the database's schema of the table; the connection's if left out.
    :param replace: str, default ``selection``: replace the rows of the same parameters; ``period`` replaces those of
        any.
    :param lookback: int, default ``0``: read so many earlier periods of the same length again, and replace those that
        changed.
    :param on_empty: str, what to do if the report has no rows, default ``ok``: an empty answer, which never replaces
        rows. ``skip`` skips and ``fail`` fails the task, before the table is touched.
    :param allow_shrink: bool, default ``False``: fail rather than replace a period by one with fewer rows if the new
        one is empty or the PBX no longer has all calls of the period. True replaces it in any case.
    :param shrink_tolerance: float from 0 to 1, default None: also fail if more than this share of the rows would go.
    :param columns: mapping of column keys to ``text``, ``integer``, ``decimal``, ``duration``, ``percent`` or
        ``timestamp``: the columns of a user-created report, or other types than the schema's.
    :param on_schema_change: str, default ``evolve``: add columns that the table does not have, typed by their names;
        ``drop`` leaves them out; ``freeze`` fails the task for a new or vanished column. The log and
        ``unknown_columns`` in XCom ``report`` name them.
    :param protect: mapping of columns to ``hmac`` (HMAC-SHA256 in hex, keyed by the connection's ``protect_secret``),
        ``mask`` (all but the last three characters) or ``drop``, default none. Covers columns derived from them, such
        as ``caller_number`` from ``caller``.
    :param wait_timeout: seconds or timedelta from taking the lock on the PBX to the rows, default ``1800``; also how
        long to wait for another load of the table.
    :param queue_timeout: seconds or timedelta to wait for the lock on the PBX while other reports run, default
        ``21600``.
    :param yeastar_conn_id: str, id of the Airflow connection, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid, when the DAG is parsed. Templated arguments are validated
        when the task runs, and then end in ``AirflowFailException``.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence: ``FewerRowsError``,
        ``SchemaError``, ``EmptyReportError`` (``on_empty`` fail), ``ParameterError`` and others.
    :raises AirflowSkipException: for a report without a row, with ``on_empty`` skip.
    :raises YeastarError: for what may pass: ``DestinationError`` (the database), ``WaitTimeoutError`` and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``.
    """

    template_fields: Sequence[str] = (*RowsTask.template_fields, *SqlTask.template_fields)
    ui_color = "#e3f2fb"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.period is None and (self.start_time is None or self.end_time is None):
            raise InvalidRequestError(
                "A table's rows belong to a period; give `period`, or `start_time` and `end_time`"
            )

    @contextmanager
    def ask(self, context: Context, client: PbxClient, period: TablePeriod | None) -> Iterator[Answer]:
        """Ask the PBX for the rows of a period; they can be gone over in the ``with``.

        :param context: of the task.
        :param client: of the PBX.
        :param period: an earlier one; None for the period that the task is for.
        """
        from airflow_provider_yeastar.warehouse.answers import report_answer  # not needed to parse a DAG file

        request = self.request_of(context) if period is None else self._earlier(period)
        with self.fetched_rows(client, request) as (rows, report):
            yield report_answer(request, report, rows, self.on_schema_change, self.name_key(request))

    def _earlier(self, period: TablePeriod) -> ReportRequest:
        return build_request(**self.request_arguments | period.arguments)


def _check_load(replace: str, lookback: object) -> None:
    if replace not in _REPLACE:
        raise InvalidRequestError(f"`replace` is {replace!r}, not one of {', '.join(_REPLACE)}")
    if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 0:
        raise InvalidRequestError(f"`lookback` is {lookback!r}, not a number of periods")
