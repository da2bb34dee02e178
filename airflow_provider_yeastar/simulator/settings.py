"""How a simulated PBX is set up; the defaults are those of a new appliance."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY, Directory
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout

__all__ = ["CdrTimes", "SimulatorSettings"]

CdrTimes = Literal["both", "unix", "display"]

_EDITIONS = {"appliance": 37, "software": 83, "cloud": 84}


@dataclass(frozen=True)
class SimulatorSettings:
    """A PBX, its API application and its administrator's choices. Lives and durations are in seconds.

    :param client_id: the application's Client ID, default ``simulated-client-id``.
    :param client_secret: the application's Client Secret, default ``simulated-client-secret``.
    :param edition: default ``appliance``; or ``software``, ``cloud``: decides the first number of the firmware's
        version.
    :param firmware: the other numbers, default ``23.0.123``.
    :param model: ``model_name``, default ``Yeastar P570``.
    :param hardware_version: default ``V1.00``.
    :param serial_number: default ``3692A1234567``.
    :param tells_display: default ``True``; False for older firmware, whose information lacks display formats and
        timestamp.
    :param timezone: IANA name, default ``Europe/Berlin``; no endpoint tells it.
    :param date_format: default ``YYYY/MM/DD``; the three parts in any order, with ``-``, ``/`` or ``.`` between them.
    :param twelve_hour: a 12-hour clock, default ``False``.
    :param data_version: the API version that finds rows, default ``v2.0``, or ``v1.0``; the other one answers success
        without any.
    :param updated_at: when its firmware became one with v2.0 of the calls, PBX-local: v2.0 finds none that began
        before, None for before all of them.
    :param seed: of the call history, default ``1``.
    :param directory: who and what is configured, default ``DEFAULT_DIRECTORY`` of ``simulator.calls.directory``:
        extensions, queues, trunks and so on.
    :param traffic: how many times as many calls as usual, which is 110 to 190 on a working day, default ``1.0``.
    :param kept_calls: how many calls the PBX keeps: older ones are gone, from reports too, and none lies in the
        future. None for an endless history.
    :param csv_layout: which variant of CSV it writes, a ``CsvLayout`` of ``simulator.files.rendering``, default
        ``CsvLayout()``: with a byte order mark, without preamble or total row.
    :param report_seconds: how long making a report takes, default ``0.05``.
    :param parallel_jobs: how many reports are made at the same time, default ``1``.
    :param queued_jobs: how many more are accepted and made one after the other, default ``0``; a further one is refused
        (70082).
    :param announce_seconds: how long after a job's end its event is sent, default ``0.0``; the next job may begin
        meanwhile.
    :param answers_at_once: a report that was asked for asynchronously is answered with its URL, default ``False``.
    :param answer_has_id: PROCESSING carries the ``download_id`` of the event to come, default ``False``; no firmware is
        known to do so.
    :param sync_limit: the connection of a synchronous request is cut after so long while its job goes on, None for
        never.
    :param sync_says_processing: synchronous requests are answered PROCESSING, and an event follows, default ``False``.
    :param plain_names: files are named after their report alone, as in the vendor's sample of the event, so that one
        takes the place of its predecessor, default ``False``.
    :param sync_announces: an event follows a synchronous answer as well, default ``False``.
    :param one_token: a new login ends all older tokens, default ``False``.
    :param event_text: ``msg`` of an event is a JSON string instead of an object, default ``False``.
    :param event_serial: events carry ``sn``, default ``True``.
    :param null_errmsg: ``errmsg`` of a success is null, default ``False``.
    :param call_rate_set: call accounting is possible, default ``True``.
    :param serves_ranges: a file can be asked for in parts, default ``False``.
    :param serves_etags: a file that can be asked for in parts has an ETag, default ``True``.
    :param my_reports_fail: a user-created report ends in -2, as on firmware 37.23.0.123, default ``False``.
    :param stray_bucket: reports by hours, days or months have one row more, of the time after, default ``False``.
    :param lists_idle_agents: queueagentperformance lists agents without calls, default ``True``.
    :param lists_names: ``extension/list`` has names, default ``True``.
    :param strict_handshake: a WebSocket needs a User-Agent as all calls do, default ``False``.
    :param rows_per_page: rows that ``call_report/list`` gives at once, None for all; whether it pages is unknown [U].
    :param cdr_times: what v1.0 of ``cdr/search`` takes for a time, default ``both``; or ``unix`` (seconds), ``display``
        (the display format).
    :param cdr_page_cap: the greatest page of ``cdr/*``, whatever ``page_size`` says; None for the vendor's 10,000.
    :param cdr_result_cap: how many rows of a search can be reached and are counted, None for all.
    :param cdr_download_range: what ``cdr/download`` of v2.0 holds, default ``list``; or ``transaction`` (legs),
        ``list_transaction``, ``all``.
    :param recordings_as_mp3: recordings are converted on demand, in ``report_seconds`` and one at a time (70651),
        default ``False``.
    :param recordings_as_attachments: their URLs lie below ``/api/downloadattachment/``, default ``False``.
    :param encodes_recording_urls: their URLs are percent-encoded, default ``False``.
    :param awkward_recording_names: their names hold a blank and a plus sign, default ``False``.
    :param denied: endpoints for which the application lacks the permission, default ``frozenset()``.
    :param awkward_tokens: tokens hold characters that a URL has to encode, default ``False``.
    :param access_token_life: default ``1800``.
    :param refresh_token_life: default ``86400``.
    :param token_cap: how many tokens may live at once, default ``8``; one more is refused (60002).
    :param login_limit: refused logins in a row after which an address is blocked (70004), default ``5``.
    :param file_life: how long a file can be fetched, default ``1800``.
    :param idle_limit: how long a WebSocket may be silent before it is closed, default ``60``.
    :raises ValueError: for an unknown time zone or date format, and for numbers out of range.
    """

    client_id: str = "simulated-client-id"
    client_secret: str = "simulated-client-secret"
    edition: Literal["appliance", "software", "cloud"] = "appliance"
    firmware: str = "23.0.123"
    model: str = "Yeastar P570"
    hardware_version: str = "V1.00"
    serial_number: str = "3692A1234567"
    tells_display: bool = True
    timezone: str = "Europe/Berlin"
    date_format: str = "YYYY/MM/DD"
    twelve_hour: bool = False
    data_version: Literal["v1.0", "v2.0"] = "v2.0"
    updated_at: datetime | None = None
    seed: int = 1
    directory: Directory = DEFAULT_DIRECTORY
    traffic: float = 1.0
    kept_calls: int | None = None
    csv_layout: CsvLayout = field(default_factory=CsvLayout)
    report_seconds: float = 0.05
    parallel_jobs: int = 1
    queued_jobs: int = 0
    announce_seconds: float = 0.0
    answers_at_once: bool = False
    answer_has_id: bool = False
    sync_limit: float | None = None
    sync_says_processing: bool = False
    plain_names: bool = False
    sync_announces: bool = False
    one_token: bool = False
    event_text: bool = False
    event_serial: bool = True
    null_errmsg: bool = False
    call_rate_set: bool = True
    serves_ranges: bool = False
    serves_etags: bool = True
    my_reports_fail: bool = False
    stray_bucket: bool = False
    lists_idle_agents: bool = True
    lists_names: bool = True
    strict_handshake: bool = False
    rows_per_page: int | None = None
    cdr_times: CdrTimes = "both"
    cdr_page_cap: int | None = None
    cdr_result_cap: int | None = None
    cdr_download_range: Literal["list", "transaction", "list_transaction", "all"] = "list"
    recordings_as_mp3: bool = False
    recordings_as_attachments: bool = False
    encodes_recording_urls: bool = False
    awkward_recording_names: bool = False
    denied: frozenset[str] = frozenset()
    awkward_tokens: bool = False
    access_token_life: float = 1800
    refresh_token_life: float = 86400
    token_cap: int = 8
    login_limit: int = 5
    file_life: float = 1800
    idle_limit: float = 60

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"There is no time zone {self.timezone!r}; use an IANA name.") from None
        parts = re.fullmatch(r"(YYYY|MM|DD)([-/.])(YYYY|MM|DD)\2(YYYY|MM|DD)", self.date_format)
        if not parts or len(set(parts.groups())) < 4:
            raise ValueError(f"{self.date_format!r} is no date format; an example is DD/MM/YYYY.")
        if self.parallel_jobs < 1 or self.queued_jobs < 0:
            raise ValueError("A PBX makes one report at a time or more: parallel_jobs >= 1, queued_jobs >= 0.")
        if self.traffic < 0 or (self.kept_calls or 0) < 0:
            raise ValueError("Numbers of calls are not negative: traffic >= 0, kept_calls >= 0.")

    @property
    def success(self) -> str | None:
        """The words that come with errcode 0."""
        return None if self.null_errmsg else "SUCCESS"

    @property
    def firmware_version(self) -> str:
        """Edition and firmware, as the PBX tells them."""
        return f"{_EDITIONS[self.edition]}.{self.firmware}"
