"""YeastarHook: what a task, or a function of a DAG, may ask a PBX."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_yeastar.compat import BaseHook
from airflow_provider_yeastar.pbx.concurrency.running import run_coroutine
from airflow_provider_yeastar.pbx.errors import InvalidRequestError, YeastarError
from airflow_provider_yeastar.pbx.files.fetch_rules import MAX_FILE_BYTES, check_max_bytes
from airflow_provider_yeastar.pbx.settings import check_seconds

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import ObjectStoragePath
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.report.listings import MenuOption, MyReport, ScheduledReport
    from airflow_provider_yeastar.pbx.settings import PbxSettings
    from airflow_provider_yeastar.pbx.wire import PbxInformation
    from airflow_provider_yeastar.schemas.result import ReportRows

__all__ = ["YeastarHook"]


class YeastarHook(BaseHook):
    """Talks to a Yeastar P-Series PBX through its API.

    The constructor makes no call. Each method that asks the PBX logs in if there is no token, and blocks: never call
    one in a trigger. Vendor's page: "Authentication"; each method names the page of its endpoint.

    :param yeastar_conn_id: id of an Airflow connection of type ``yeastar``, default ``yeastar_default``.
    :raises YeastarError: by the methods: ``InvalidSettingsError`` for a connection that is missing or cannot be used,
        others as docs/errors.md lists them.
    """

    conn_name_attr = "yeastar_conn_id"
    default_conn_name = "yeastar_default"
    conn_type = "yeastar"
    hook_name = "Yeastar PBX"

    def __init__(self, yeastar_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.yeastar_conn_id = yeastar_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's extra fields for Airflow before 3.2; later ones read them from the provider info."""
        from airflow_provider_yeastar.hooks.form import form_widgets

        return form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the form for Airflow before 3.2."""
        from airflow_provider_yeastar.hooks.form import form_behaviour

        return form_behaviour()

    def get_conn(self) -> PbxClient:
        """Return a client of the PBX; close it, or use it in a ``with``, to give its token back.

        The PBX is not asked before the first call of a method. Vendor's page: "Authentication".
        """
        from airflow_provider_yeastar.hooks.connection import client_for, mask_token

        return client_for(self._get_settings(), announce_secret=mask_token)

    def get_portal_url(self) -> str:
        """Return the URL of the PBX's web portal, without asking the PBX: scheme, host and port of the connection.

        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        """
        return f"{self._get_settings().base_url}/"

    def _get_settings(self) -> PbxSettings:
        from airflow_provider_yeastar.hooks.connection import read_connection, settings_from_connection

        return settings_from_connection(read_connection(self.yeastar_conn_id))

    def get_information(self) -> PbxInformation:
        """Return serial number, model, firmware, clock and display format of the PBX.

        Vendor's page: "Query PBX Information".

        :raises YeastarError: when it cannot be had.
        """
        with self.get_conn() as client:
            return client.get_information()

    def list_menu_options(self, menu: str, queue_id: int | str | None = None) -> list[MenuOption]:
        """Return what ``parameters`` may name: each a :class:`.MenuOption` of ``id``, ``label``, ``number``, ``name``.

        Vendor's page: "Query Menu Options".

        :param menu: ``extension``, ``ext_group``, ``trunk``, ``ivr``, ``ring_group``, ``queue``, ``queue_agent`` or any
            other that the PBX knows.
        :param queue_id: id of the queue whose agents ``queue_agent`` means, an int or a text; for other menus left out.
        :raises YeastarError: when it cannot be had.
        """
        with self.get_conn() as client:
            return client.list_menu_options(menu, queue_id)

    def list_my_reports(self) -> list[MyReport]:
        """Return the user-created reports: each a :class:`.MyReport`, its ``id`` the ``my_report_id`` of a request.

        Vendor's page: "Query a List of My Reports".

        :raises YeastarError: when they cannot be had.
        """
        with self.get_conn() as client:
            return client.list_my_reports()

    def list_scheduled_reports(self) -> list[ScheduledReport]:
        """Return what was made by schedule: each a :class:`.ScheduledReport`, its ``id`` the ``scheduled_report_id``.

        Vendor's page: "Query a List of Scheduled Reports". It raises a ``YeastarError`` when they cannot be had.
        """
        with self.get_conn() as client:
            return client.list_scheduled_reports()

    def get_report_rows(
        self,
        *,
        report_type: str | None = None,
        my_report_id: int | str | None = None,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        check_ids: bool = True,
        api_version: str | None = None,
        wait_timeout: float = 1800,
        queue_timeout: float = 21600,
        columns: Mapping[str, str] | None = None,
    ) -> ReportRows:
        """Return a call report as rows: a list of dicts with the PBX's own keys and values in the report's schema.

        Numbers are numbers, durations whole seconds, rates percent points; phone numbers, extensions and ids are text,
        times ISO 8601 by the PBX's clock. ``to_arrow()`` and ``to_pandas()`` of what is returned give all columns of
        the report. A key that the schema does not have is typed by its name, and listed in ``unknown_columns``.

        Agents within a queue and members within a ring group become one row each, see :func:`.flattened_rows`. The rows
        are held in memory. It blocks: not for a trigger. Vendor's endpoint: ``call_report/list``.

        :param report_type: str, the vendor's name of a built-in report, such as ``queueperformance``; docs/reports.md
            lists them. Give exactly one of this and ``my_report_id``.
        :param my_report_id: int or text of digits, id of a user-created report; :meth:`.YeastarHook.list_my_reports`
            lists them.
        :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in
            words, counted from now: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
            ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
        :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
            offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
        :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
            ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
            ``data_interval_end``, the request ends one second earlier: the next window begins there.
        :param parameters: mapping of the vendor's parameter names to values, lists and bools as in Python. Of ids, an
            int is an internal id; a text is a dialled number or a name, or an id if it is neither. docs/reports.md
            lists all.
        :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
        :param api_version: str, ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's if left out.
        :param columns: mapping of column keys to ``text``, ``integer``, ``decimal``, ``duration``, ``percent`` or
            ``timestamp``: the columns of a user-created report, or other types than the schema's.
        :param wait_timeout: seconds from taking the lock on the PBX to the rows, default ``1800``.
        :param queue_timeout: seconds to wait for the lock on the PBX while other reports run, default ``21600``.
        :raises SchemaError: if a value does not fit its column.
        :raises InvalidRequestError: if an argument is invalid; nothing is sent then.
        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        :raises YeastarError: when no rows came; docs/errors.md lists the causes.
        """
        from airflow_provider_yeastar.pbx.report.request import build_request
        from airflow_provider_yeastar.pbx.waiting.bounds import Bounds
        from airflow_provider_yeastar.schemas.result import ReportRows
        from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows

        request = build_request(
            report_type=report_type,
            my_report_id=my_report_id,
            period=period,
            start_time=start_time,
            end_time=end_time,
            parameters=parameters,
            check_ids=check_ids,
            api_version=api_version,
            as_of=datetime.now(UTC),
        )
        check_seconds("`wait_timeout`", wait_timeout, InvalidRequestError)
        check_seconds("`queue_timeout`", queue_timeout, InvalidRequestError)
        with self.get_conn() as client:
            rows: list[dict[str, Any]] = []
            run_coroutine(client.fetch_rows(request, Bounds(time.time() + queue_timeout, wait_timeout), rows))
            schema = Schema.of(request.report_type, columns, label=request.label)
            return ReportRows(SchemaRows(rows, schema, display=lambda: client.facts().display))

    def iter_calls(
        self,
        *,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        filters: Mapping[str, Any] | None = None,
        api_version: str | None = None,
        wait_timeout: float = 1800,
    ) -> Iterator[dict[str, Any]]:
        """Yield the calls of a time window, each once, with the PBX's own keys and values.

        On v2.0 a row is a call with the key ``uid``, on v1.0 a leg with the key ``new_id``. The calls are complete only
        if the iterator ends without an error. It blocks: not for a trigger. Vendor's page: "Search CDR".

        :param period: str, by the PBX's clock: a day ``2026-11-22``, a month ``2026-11`` or a year ``2026``; or in
            words, counted from now: ``today``, ``yesterday``, ``last_7_days``, ``last_30_days``, ``this_month``,
            ``last_month``, ``this_year``, ``last_year``; or an Airflow partition key at midnight.
        :param start_time: datetime or ISO 8601 text, first second of the time window, instead of ``period``. With a UTC
            offset it needs ``timezone`` in the connection; without one it is by the PBX's clock.
        :param end_time: datetime or ISO 8601 text, last second of the time window, inclusive; offsets as for
            ``start_time``. If the window is a whole number of minutes long, as from ``data_interval_start`` to
            ``data_interval_end``, the request ends one second earlier: the next window begins there.
        :param filters: mapping of the vendor's filters to texts, numbers or lists of them, such as ``{"call_from":
            "1001"}``; docs/calls.md lists them. Of ids, names and dialled numbers do.
        :param api_version: str, ``auto``, ``v1.0`` or ``v2.0`` of the CDR interface; the connection's if left out.
        :param wait_timeout: seconds within which transient errors are retried, default ``1800``.
        :raises IncompleteCallsError: if the calls cannot be shown to be complete.
        :raises OlderCallsError: if older firmware recorded the window's calls, which only v1.0 lists.
        :raises YeastarError: if the PBX cannot be reached, or refuses.
        """
        from airflow_provider_yeastar.pbx.calls.request import call_request

        check_seconds("wait_timeout", wait_timeout, InvalidRequestError)
        frame = {"period": period, "start_time": start_time, "end_time": end_time}
        request = call_request(**frame, filters=filters, api_version=api_version, as_of=datetime.now(UTC))
        with self.get_conn() as client:
            reader = client.call_reader(time.time() + wait_timeout)
            for rows in reader.rows(run_coroutine(reader.plan(request)), run_coroutine):
                yield from rows

    def download_file(
        self,
        download_resource_url: str,
        destination: str | os.PathLike[str] | ObjectStoragePath,
        *,
        max_bytes: int | None = MAX_FILE_BYTES,
    ) -> str:
        """Fetch a finished report of which an event, or an answer of the PBX, told the URL; return the file's path.

        The file is checked, fetched once more if it is bad, and put in place in one step; its extension tells its
        format. The call blocks and looks for no kill of its task. Vendor's page: "Download a Call Report".

        :param download_resource_url: as the PBX gave it; it lives for 30 minutes.
        :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. In a
            directory the file keeps the PBX's name, made harmless.
        :param max_bytes: the greatest file that is accepted, in bytes, default 4 GiB; None for any.
        :raises YeastarError: when it cannot be had, is no report, or cannot be written.
        """
        from airflow_provider_yeastar.files.fetching import FileFetch, fetch_report
        from airflow_provider_yeastar.files.storage import require_store, resolve_path
        from airflow_provider_yeastar.pbx.files.body import format_of, safe_file_name

        name = safe_file_name(unquote(urlsplit(download_resource_url).path))
        file_format = format_of(name)
        path = resolve_path(destination, name)
        require_store(path)
        check_max_bytes(max_bytes)

        def download(new_token: bool) -> str:
            fetching = FileFetch(client, download_resource_url, killed=lambda: False, new_token=new_token)
            receiving = fetching.receive(path, file_format, max_bytes)
            with client.hiding_secrets(), fetching, receiving as received:
                received.put_in_place()
            return path

        with self.get_conn() as client:
            # Before the file, so that a refusal of the login is not taken for one of the file.
            run_coroutine(client.log_in(time.time()))
            return fetch_report(download)

    def test_connection(self) -> tuple[bool, str]:
        """Log in, ask the PBX who it is, and check its clock; for the button "Test" of the connection form.

        A refused login that was remembered is forgotten first. Vendor's pages: "Authentication", "Query PBX
        Information".

        :return: whether the PBX answered, and a sentence for the form.
        """
        try:
            with self.get_conn() as client:
                client.forget_failures()
                information = client.get_information()
        except YeastarError as error:
            return False, str(error)
        return True, (
            f"Connected to {information.model or 'the PBX'}, serial number {information.serial_number or 'unknown'}, "
            f"firmware {information.firmware or 'unknown'}; its clock shows {information.system_time or 'nothing'}."
        )
