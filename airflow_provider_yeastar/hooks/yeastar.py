"""YeastarHook: from an Airflow connection of type ``yeastar`` to a client of that PBX."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, conf

from airflow_provider_yeastar.pbx.concurrency.per_loop import PerLoop
from airflow_provider_yeastar.pbx.errors import InvalidSettingsError, YeastarError
from airflow_provider_yeastar.pbx.files.fetch_rules import MAX_FILE_BYTES, check_max_bytes
from airflow_provider_yeastar.pbx.settings import API_VERSIONS, LOGIN_SHARING, PbxSettings

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Connection, ObjectStoragePath

    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.login.stored import Cipher
    from airflow_provider_yeastar.pbx.report.listings import MenuOption, MyReport, ScheduledReport
    from airflow_provider_yeastar.pbx.state.interface import SharedState
    from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["YeastarHook", "client_for", "connect", "missing_connection", "settings_from_connection"]

_EXTRAS = (
    "api_version",
    "timezone",
    "date_format",
    "time_format",
    "verify",
    "ssl_fingerprint",
    "timeout",
    "login_sharing",
    "exclusive",
)
# Before the names of these fields in the form of Airflow 2.11, whose Test button sends each under both names.
_PREFIX_IN_FORM = "extra__yeastar__"


class YeastarHook(BaseHook):
    """Talks to a Yeastar P-Series PBX through its API.

    To create it asks nobody. Each method that asks the PBX logs in if no token is there, and blocks meanwhile: none is
    for a trigger. Vendor's page: "Authentication"; the methods name those of what they ask.

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
        from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import StringField
        from wtforms.validators import any_of

        def choices(schema: Mapping[str, Any]) -> list[Any]:
            # Airflow 3 makes a list of them. The form of 2.11 would refuse another value without a word, as its script
            # writes a warning over the field's error; there the Test button and the task say what is wrong.
            return [any_of(schema["enum"])] if AIRFLOW_V_3_0_PLUS and "enum" in schema else []

        return {
            name: StringField(
                lazy_gettext(field["label"]),
                validators=choices(field["schema"]),
                default=field["schema"].get("default"),
                description=field["description"],
                widget=BS3TextFieldWidget(),
            )
            for name, field in _connection_type()["conn-fields"].items()
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the form for Airflow before 3.2."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {
            "hidden_fields": behaviour["hidden-fields"],
            "relabeling": behaviour["relabeling"],
            "placeholders": behaviour["placeholders"],
        }

    def get_conn(self) -> PbxClient:
        """Return a client of the PBX; close it, or use it in a ``with``, to give its token back.

        The PBX is not asked before the first call of a method. Vendor's page: "Authentication".

        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        """
        return client_for(self._get_settings(), announce_secret=_mask)

    def get_portal_url(self) -> str:
        """Return the URL of the PBX's web portal, without asking the PBX: scheme, host and port of the connection.

        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        """
        return f"{self._get_settings().base_url}/"

    def _get_settings(self) -> PbxSettings:
        try:
            connection = self.get_connection(self.yeastar_conn_id)
        except AirflowNotFoundException:
            raise missing_connection(self.yeastar_conn_id) from None
        return settings_from_connection(connection)

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

        Vendor's page: "Query a List of Scheduled Reports".

        :raises YeastarError: when they cannot be had.
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
    ) -> list[dict[str, Any]]:
        """Return a call report as rows: the PBX's own keys, its values as it types them (durations in seconds).

        Agents within a queue and members within a ring group become one row each with the keys around them repeated;
        the rules stand at :func:`.flattened_rows`. The rows are held in memory. It blocks: not for a trigger.
        Vendor's endpoint: ``call_report/list``.

        :param report_type: name of a built-in report, for instance ``queueperformance``; docs/reports.md lists them.
            Exactly one of this and ``my_report_id``.
        :param my_report_id: id of a user-created report, an int or a text of digits; :meth:`list_my_reports` lists
            them.
        :param period: text ``2026-11-22``, ``2026-11`` or ``2026``: a whole day, month or year by the PBX's clock.
        :param start_time: datetime or ISO 8601 text, inclusive, in place of ``period``; without UTC offset it is by the
            PBX's clock.
        :param end_time: the same, inclusive.
        :param parameters: mapping of further parameters by the vendor's names; lists and bools as Python has them.
            Where ids are wanted, an int is an internal id; a text is a dialled number or a name, else an id.
            docs/reports.md lists all.
        :param check_ids: bool, default ``True``; False sends ids as they are given, without looking them up on the PBX.
        :param api_version: ``auto``, ``v1.0`` (data of older firmware) or ``v2.0``; the connection's when left out.
        :param wait_timeout: seconds from one's turn at the PBX to the rows, default ``1800``.
        :param queue_timeout: seconds until one's turn, behind the PBX's other reports, default ``21600``.
        :raises InvalidRequestError: for arguments that cannot be meant, before anything is sent.
        :raises InvalidSettingsError: when the connection is missing or cannot be used.
        :raises YeastarError: when no rows came; docs/errors.md lists the causes.
        """
        from airflow_provider_yeastar.pbx.report.request import build_request
        from airflow_provider_yeastar.pbx.waiting.bounds import Bounds

        request = build_request(
            report_type=report_type,
            my_report_id=my_report_id,
            period=period,
            start_time=start_time,
            end_time=end_time,
            parameters=parameters,
            check_ids=check_ids,
            api_version=api_version,
        )
        with self.get_conn() as client:
            rows, _ = asyncio.run(client.fetch_rows(request, Bounds(time.time() + queue_timeout, wait_timeout)))
        return rows

    def download_file(
        self,
        download_resource_url: str,
        destination: str | os.PathLike[str] | ObjectStoragePath,
        *,
        max_bytes: int | None = MAX_FILE_BYTES,
    ) -> str:
        """Fetch a finished report of which an event, or an answer of the PBX, told the URL; return the file's path.

        The file is checked, fetched once more if it is bad, and put in place in one step, as by the operators; its
        extension tells its format. It is not asked for again, as nothing here knows the request. The call blocks and
        looks for no kill of its task. Vendor's page: "Download a Call Report".

        :param download_resource_url: as the PBX gave it; it lives for 30 minutes.
        :param destination: a file, or a directory when it ends in ``/``; a local path or any ObjectStoragePath. In a
            directory the file keeps the PBX's name, made harmless.
        :param max_bytes: the greatest file that is accepted, in bytes, default 4 GiB; None for any.
        :raises YeastarError: when it cannot be had, is no report, or cannot be written.
        """
        from airflow_provider_yeastar.files.fetching import FileFetch, fetch_report
        from airflow_provider_yeastar.files.storage import receive, resolve_path
        from airflow_provider_yeastar.pbx.files.body import format_of, safe_file_name

        name = safe_file_name(unquote(urlsplit(download_resource_url).path))
        file_format = format_of(name)
        path = resolve_path(destination, name)
        check_max_bytes(max_bytes)

        def download(new_token: bool) -> str:
            fetching = FileFetch(client, download_resource_url, killed=lambda: False, new_token=new_token)
            with client.hiding_secrets(), fetching as fetch:
                check = fetch.new_check(file_format, max_bytes)
                with receive(fetch.chunks(check), path, check) as received:
                    received.put_in_place()
            return path

        with self.get_conn() as client:
            # Before the file, so that a refusal of the login is not taken for one of the file.
            asyncio.run(client.log_in(time.time()))
            return fetch_report(download)

    def test_connection(self) -> tuple[bool, str]:
        """Log in, ask the PBX who it is, and check its clock; for the button "Test" of the connection form.

        It raises no :class:`YeastarError`: what went wrong is the sentence that it returns. A refused login that was
        remembered on this host is forgotten first. Vendor's pages: "Authentication", "Query PBX Information".

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


def missing_connection(conn_id: str) -> InvalidSettingsError:
    """Return the error for a connection id that Airflow does not know.

    :param conn_id: that id.
    """
    return InvalidSettingsError(
        f"There is no Airflow connection {conn_id!r}",
        remedy=f"Create it (type Yeastar PBX), or set the task's `yeastar_conn_id`, now {conn_id!r}.",
    )


def client_for(settings: PbxSettings, announce_secret: Callable[[str], None] | None = None) -> PbxClient:
    """Return a client that keeps its state where this Airflow wants it.

    :param settings: from :func:`settings_from_connection`.
    :param announce_secret: is told each new token; left out in the triggerer, where masking would mean a blocking call
        to Airflow in the event loop.
    :raises InvalidSettingsError: if ``[core] fernet_key`` is no Fernet key, or ``[yeastar] state_url`` is invalid.
    """
    from airflow_provider_yeastar.pbx.client import PbxClient

    return PbxClient(settings, state=_state(), cipher=_cipher(), announce_secret=announce_secret)


_resolving: PerLoop[asyncio.Lock] = PerLoop()


async def connect(conn_id: str) -> PbxClient:
    """Return a client for a trigger; after this it makes no further call to Airflow.

    It waits for reports and needs not be closed.

    :param conn_id: id of the Airflow connection; resolved once, with the asynchronous accessor.
    :raises InvalidSettingsError: when the connection is missing or cannot be used.
    """
    from airflow.providers.common.compat.connection import get_async_connection

    from airflow_provider_yeastar.pbx.concurrency.threads import in_thread

    # One by one: a triggerer that starts with a thousand triggers has other things to do in between.
    async with _resolving.get(None, asyncio.Lock):
        try:
            connection = await get_async_connection(conn_id)
        except AirflowNotFoundException:
            raise missing_connection(conn_id) from None
    # In a thread, as the first client loads the libraries that speak with a PBX.
    return await in_thread(client_for, settings_from_connection(connection))


def _mask(secret: str) -> None:
    """Have a token masked in every spelling that a URL may give it."""
    from airflow.providers.common.compat.sdk import mask_secret

    for spelling in {secret, quote(secret, safe=""), quote_plus(secret)}:
        mask_secret(spelling)


def _connection_type() -> dict[str, Any]:
    from airflow_provider_yeastar.get_provider_info import get_provider_info

    connection_type: dict[str, Any] = get_provider_info()["connection-types"][0]
    return connection_type


def settings_from_connection(connection: Connection) -> PbxSettings:
    """Return the settings that an Airflow connection holds; no call to Airflow is made.

    :param connection: of type ``yeastar``; docs/connection.md explains its fields.
    :raises InvalidSettingsError: for what cannot be used, an unknown extra among it.
    """
    extras = _extras(connection)
    return PbxSettings(
        host=connection.host or "",
        client_id=connection.login or "",
        client_secret=connection.password or "",
        port=connection.port,
        scheme=connection.schema or _scheme_in(connection.host),
        api_version=_text(extras, "api_version") or API_VERSIONS[0],
        timezone=_text(extras, "timezone"),
        date_format=_text(extras, "date_format"),
        time_format=_text(extras, "time_format"),
        verify=_verify(extras.get("verify")),
        ssl_fingerprint=_text(extras, "ssl_fingerprint"),
        timeout=_seconds(extras.get("timeout")),
        login_sharing=_text(extras, "login_sharing") or LOGIN_SHARING[0],
        exclusive=_exclusive(extras.get("exclusive")),
    )


def _scheme_in(host: str | None) -> str:
    return "http" if (host or "").startswith("http://") else "https"


def _extras(connection: Connection) -> Mapping[str, Any]:
    try:
        extras = json.loads(connection.extra) if connection.extra else {}
    except ValueError:
        extras = None
    if not isinstance(extras, dict):
        raise InvalidSettingsError(f"The extra of connection {connection.conn_id!r} is not a JSON object")
    with_prefix = {name: value for name, value in extras.items() if name.startswith(_PREFIX_IN_FORM)}
    without = {name: value for name, value in extras.items() if name not in with_prefix}
    extras = {name.removeprefix(_PREFIX_IN_FORM): value for name, value in with_prefix.items()} | without
    unknown = sorted(set(extras) - set(_EXTRAS))
    if unknown:
        raise InvalidSettingsError(
            f"Connection {connection.conn_id!r} has the unknown extra {', '.join(unknown)}",
            remedy=f"Remove it; known are {', '.join(_EXTRAS)}.",
        )
    return extras


def _text(extras: Mapping[str, Any], name: str) -> str | None:
    value = extras.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidSettingsError(f"The extra {name} is {value!r}, not a text")
    return value.strip() or None if value else None


def _verify(value: object) -> bool | str:
    if value is None or value == "":
        return True
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise InvalidSettingsError(f"The extra verify is {value!r}, neither true nor false nor a CA bundle's path")
    return {"true": True, "false": False}.get(value.strip().lower(), value.strip())


def _exclusive(value: object) -> bool:
    where = "The extra exclusive"
    if value is None or (isinstance(value, str) and not value.strip()):
        where, value = "`[yeastar] exclusive`", conf.get("yeastar", "exclusive", fallback="") or False
    given = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).strip().lower())
    if given is None:
        raise InvalidSettingsError(f"{where} is {value!r}, neither true nor false")
    return given


def _seconds(value: object) -> float:
    if value is None or value == "":
        return PbxSettings.timeout
    try:
        return float(str(value))
    except ValueError:
        raise InvalidSettingsError(f"The extra timeout is {value!r}, not a number of seconds") from None


def _cipher() -> Cipher | None:
    """Airflow's Fernet keys, the first of which encrypts and any of which decrypts; None where Airflow has none."""
    from cryptography.fernet import Fernet, MultiFernet

    configured = conf.get("core", "fernet_key", fallback="")
    # Where no key was ever written, Airflow 3's task SDK hands out the placeholder of its template.
    keys = [] if configured == "{FERNET_KEY}" else [key.strip() for key in configured.split(",") if key.strip()]
    try:
        return MultiFernet([Fernet(key) for key in keys]) if keys else None
    except ValueError:
        raise InvalidSettingsError(
            "`[core] fernet_key` is not a Fernet key", remedy="Correct it in Airflow's configuration."
        ) from None


def _state() -> SharedState:
    """What `[yeastar] state_url` names, else the directory of `state_dir`; nothing is read or written yet."""
    from airflow_provider_yeastar.pbx.state.opening import open_state

    directory = conf.get("yeastar", "state_dir", fallback="")
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    url = conf.get("yeastar", "state_url", fallback="")
    return open_state(url, Path(directory).expanduser() if directory else home / "yeastar")
