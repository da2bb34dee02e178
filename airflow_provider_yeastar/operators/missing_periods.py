"""YeastarMissingPeriodsOperator: the days that a table or a folder lacks, for a task that is mapped over them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_yeastar.hooks.yeastar import YeastarHook
from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request, check_arguments
from airflow_provider_yeastar.runtime.outcome import errors_for_airflow
from airflow_provider_yeastar.runtime.worker import run_on_worker
from airflow_provider_yeastar.tasks.run_moment import run_moment
from airflow_provider_yeastar.tasks.sql import sql_engine
from airflow_provider_yeastar.tasks.templates import check_rendered_name
from airflow_provider_yeastar.tasks.waiting import WaitingTask, on_worker

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context
    from airflow_provider_yeastar.pbx.report.facts import PbxFacts

__all__ = ["YeastarMissingPeriodsOperator"]

_ROW_FORMATS = ("ndjson", "parquet")
_MARK = "{period}"
_ANY_DAY = "2026-01-01"


class YeastarMissingPeriodsOperator(WaitingTask):
    """List the days that a table or a folder lacks; the XCom return value is a list of periods, the oldest first.

    Another task is mapped over it: ``expand(period=missing.output)``. The oldest come first because the PBX deletes its
    oldest calls. A day on which the PBX has no rows stays missing in a table, as nothing tells of it there.
    Vendor's page: "Query PBX Information".

    Templated: ``yeastar_conn_id``, ``report_type``, ``my_report_id``, ``parameters``, ``sql_conn_id``, ``table``,
    ``schema``, ``destination``.

    :param report_type: name of a built-in report, for instance ``queueperformance``; docs/reports.md lists them.
        Exactly one of this and ``my_report_id``.
    :param my_report_id: id of a user-created report, an int or a text of digits.
    :param parameters: mapping of the report's parameters, as the task has them that loads a day.
    :param days: int, default ``30``: so many days up to yesterday, by the PBX's clock, counted from the DAG run.
    :param sql_conn_id: id of the Airflow connection of the database, with ``table``.
    :param table: name of the table of :class:`.YeastarReportToSqlOperator`, a text.
    :param schema: the database's schema of the table, a text; the connection's when left out.
    :param destination: in place of a table, the directory of the task that writes a day's file; ``{period}`` in it
        stands for the day.
    :param file_format: with ``destination``: default ``csv``; or ``xls``, ``pdf``, ``html``, or ``ndjson`` and
        ``parquet`` of :class:`.YeastarCallReportRowsOperator`.
    :param duration_format: with ``destination``: that of the task that writes the file, default ``seconds``.
    :param thin: float from 0 to 1, default None: with a table, also list days with fewer rows than this share of the
        median day's.
    :param wait_timeout: seconds or timedelta until a login must have succeeded, default ``1800``.
    :param queue_timeout: without effect, as no report is requested; default ``21600``.
    :param yeastar_conn_id: id of the Airflow connection of the PBX, default ``yeastar_default``.
    :raises InvalidRequestError: if an argument is invalid, when the DAG is parsed.
    :raises AirflowFailException: when no retry can mend it, with its cause in one sentence.
    :raises YeastarError: for what may pass: ``NetworkError``, ``DestinationError`` (the database) and others.
        docs/errors.md lists all causes and which of them Airflow retries.
    :raises AirflowTaskTimeout: if the task exceeds its ``execution_timeout``.
    """

    template_fields: Sequence[str] = (
        *WaitingTask.template_fields,
        "report_type",
        "my_report_id",
        "parameters",
        "sql_conn_id",
        "table",
        "schema",
        "destination",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    ui_color = "#e3f2fb"

    def __init__(
        self,
        *,
        report_type: str | None = None,
        my_report_id: int | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        days: int = 30,
        sql_conn_id: str | None = None,
        table: str | None = None,
        schema: str | None = None,
        destination: str | None = None,
        file_format: str = "csv",
        duration_format: str = "seconds",
        thin: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(deferrable=False, **on_worker(kwargs))
        self.report_type = report_type
        self.my_report_id = my_report_id
        self.parameters = parameters
        self.days = days
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self.destination = destination
        self._names_given = {"table": str(table), "schema": str(schema)}
        self._destination_given = str(destination)
        self.file_format = file_format
        self.duration_format = duration_format
        self.thin = thin
        self._check()
        check_arguments(**self._arguments(_ANY_DAY))

    def check_templates(self) -> None:
        """Reject arguments that rendered to nothing, a destination that is none, and names of which a part is nothing.

        :raises InvalidRequestError: with the argument and its template.
        :raises DestinationError: if this Airflow does not reach the destination's object store.
        """
        super().check_templates()
        for name, given in self._names_given.items():
            check_rendered_name(name, getattr(self, name), given, "name")
        check_rendered_name("destination", self.destination, self._destination_given)
        if self.destination:
            from airflow_provider_yeastar.files import storage  # not needed to parse a DAG file

            storage.require_store(storage.resolve_path(self.destination, "report"))

    def execute(self, context: Context) -> list[str]:
        """List the days that are missing or thin.

        :param context: of the task.
        """
        from airflow_provider_yeastar.warehouse.gaps import days_before, missing_days  # not needed to parse a DAG file

        with errors_for_airflow():
            with YeastarHook(self.yeastar_conn_id).get_conn() as client:
                run_on_worker(client.log_in(time.time() + self.wait_timeout), lambda: self.killed)
                facts = client.facts()
            days = days_before(run_moment(context).astimezone(facts.zone).date(), self.days)
            amounts = self._files(days) if self.destination else self._rows(facts)
            missing = missing_days(days, amounts, self.thin)
        self.log.info(
            "Missing or thin: %d of %s: %s", len(missing), counted(len(days), "day"), ", ".join(missing) or "none"
        )
        return missing

    def _rows(self, facts: PbxFacts) -> Mapping[str, int]:
        # Not needed to parse a DAG file.
        from airflow_provider_yeastar.warehouse.loading import rows_by_day
        from airflow_provider_yeastar.warehouse.periods import selection_of

        request = self._request(_ANY_DAY)
        keys = {
            "pbx_serial_number": facts.information.serial_number,
            "report": request.label,
            "selection": selection_of(request, self.name_key(request)),
        }
        with sql_engine(str(self.sql_conn_id)) as engine:
            until = time.time() + self.wait_timeout
            table = str(self.table)
            return rows_by_day(engine, table, self.schema, keys, until=until, killed=lambda: self.killed)

    def _files(self, days: Sequence[str]) -> Mapping[str, int]:
        from airflow_provider_yeastar.files import storage

        found: dict[str, int] = {}
        for day in days:
            request = self._request(day)
            folder = str(self.destination).replace(_MARK, day)
            path = storage.resolve_path(folder, f"{self.file_stem(request)}.{self.file_format}")
            if storage.exists(path):
                found[day] = 1
        return found

    def _request(self, day: str) -> ReportRequest:
        return build_request(**self._arguments(day))

    def _arguments(self, day: str) -> dict[str, Any]:
        rows = self.file_format in _ROW_FORMATS
        file = {} if rows else {"file_format": self.file_format, "duration_format": self.duration_format}
        identity = {"report_type": self.report_type, "my_report_id": self.my_report_id}
        return identity | {"parameters": self.parameters, "period": day} | file

    def _check(self) -> None:
        if bool(self.destination) == bool(self.sql_conn_id and self.table):
            raise InvalidRequestError(
                "Days are looked for in a table or a folder; give `sql_conn_id` and `table`, or `destination`"
            )
        days: object = self.days
        if isinstance(days, bool) or not isinstance(days, int) or days < 1:
            raise InvalidRequestError(f"`days` is {days!r}, not a number of days above 0")
        if self.thin is not None and (self.destination or not 0 <= self.thin <= 1):
            raise InvalidRequestError(f"`thin` is {self.thin!r}; it is a share from 0 to 1, for tables alone")
