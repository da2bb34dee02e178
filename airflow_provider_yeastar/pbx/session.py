"""A logged-in session with one PBX: tokens, authenticated calls, and what one knows of the PBX after asking once.

Blocking; from asyncio code it is called through `threads`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.calls.oldest import History, read_history
from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard
from airflow_provider_yeastar.pbx.directory import Directory
from airflow_provider_yeastar.pbx.errors import ClockMismatchError, InvalidSettingsError
from airflow_provider_yeastar.pbx.http.ranges import RestOfFile
from airflow_provider_yeastar.pbx.http.transport import FileStream, Transport
from airflow_provider_yeastar.pbx.login.authentication import Login
from airflow_provider_yeastar.pbx.login.exchange import Exchange
from airflow_provider_yeastar.pbx.login.stored import Cipher
from airflow_provider_yeastar.pbx.report import clock
from airflow_provider_yeastar.pbx.report.facts import (
    PbxFacts,
    Plan,
    choose_api_version,
    facts_of,
    pbx_time,
    tell_of_window,
)
from airflow_provider_yeastar.pbx.report.frame import TimeFrame
from airflow_provider_yeastar.pbx.report.masking import refuse_masked
from airflow_provider_yeastar.pbx.report.paging import row_pages
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.report.rows import Row, flattened_rows
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.remembered import stored_information

__all__ = ["PbxSession"]

log = logging.getLogger(__name__)

_INFORMATION_ENDPOINT = "openapi/v1.0/system/information"
# What the PBX told of itself is believed for so many seconds. Should its display format change meanwhile, v2.0
# complains and the request is repeated in the new one. It is asked each time on v1.0, where a wrong one finds no rows,
# and where day and month may have changed places, which finds the rows of another day.
_INFORMATION_LIFE = 900.0


class PbxSession:
    """Logs in at the first call, renews its token, and logs in anew once when the PBX answers 10004.

    :param settings: the PBX and the application.
    :param state: shared by the processes of this deployment.
    :param cipher: encrypts the tokens there, None to write them as they are.
    :param announce_secret: is told every new token, on the thread of the caller of :meth:`announce_secrets`; Airflow's
        secrets masker hangs there, and must not be called from a thread of ours.
    """

    def __init__(
        self,
        settings: PbxSettings,
        state: SharedState,
        cipher: Cipher | None = None,
        announce_secret: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self._state = state
        self._announce_secret = announce_secret
        self._transport = Transport(settings)
        self._guarded = SilenceGuard(self._transport)
        self._login = Login(settings, state, self._guarded, cipher)
        self._exchange = Exchange(self._login, self._guarded, settings.address)
        self._is_settled = False
        self._facts: PbxFacts | None = None
        self._facts_until = 0.0
        self._doubts_facts = False
        self.directory = Directory(self.call, state, settings)

    def call(self, endpoint: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the PBX's successful answer to a GET; see :meth:`.Exchange.call`."""
        return self._exchange.call(endpoint, query)

    def token(self, rejected: str | None = None) -> str:
        """Return a live access token, after logging in or refreshing where that is due.

        :param rejected: the token that the PBX has just answered 10004 to.
        """
        return self._login.token(rejected)

    def known_token(self, rejected: str | None = None) -> str | None:
        """Return the token in use without blocking, None if there is no live one; see :meth:`token`."""
        return self._login.known_token(rejected)

    def forget_failures(self) -> None:
        """Let the next call log in although logins failed a while ago."""
        self._login.forget_failures()

    def hiding_secrets(self) -> AbstractContextManager[None]:
        """Take tokens and the Client Secret out of the errors that pass: a PBX may quote what it was sent."""
        return self._login.hiding_secrets()

    def information(self) -> wire.PbxInformation:
        """Return what the PBX says of itself now (vendor's page "Query PBX Information")."""
        information = wire.decode_information(self._exchange.call(_INFORMATION_ENDPOINT))
        self._settle(information.serial_number)
        return information

    def facts(self, *, fresh: bool = False) -> PbxFacts:
        """Return what the PBX says of itself, asked for once in a while; its clock is checked against ``timezone``.

        :param fresh: ask again, whatever is known.
        :raises ClockMismatchError: when they disagree.
        """
        fresh = fresh or self._doubts_facts
        if self._facts is None or fresh or time.time() >= self._facts_until:
            self._facts = self._learn(fresh)
            self._facts_until = time.time() + _INFORMATION_LIFE
            self._doubts_facts = False
        return self._facts

    def doubt_facts(self) -> None:
        """Ask the PBX for its facts anew before the next report: one that refuses a token may be another one."""
        self._doubts_facts = True

    def _learn(self, fresh: bool) -> PbxFacts:
        information = self._ask_information() if fresh else self._recent_information()
        try:
            return facts_of(information, self.settings)
        except ClockMismatchError:
            if fresh:
                raise
            return self._learn(fresh=True)  # what was remembered may be older than the correction of the clock

    def _recent_information(self) -> wire.PbxInformation:
        """What the PBX told lately, to whichever user of the state; it is asked only when that is old."""
        known = stored_information(*self._state.look(self._information_entry), _INFORMATION_LIFE)
        if known is None:
            return self._ask_information()
        self._settle(known.serial_number)
        return known

    def _ask_information(self) -> wire.PbxInformation:
        information = self.information()
        self._state.update(
            self._information_entry,
            lambda entry, now: {"information": asdict(information), "asked_at": now},
            keep_seconds=_INFORMATION_LIFE,
        )
        return information

    @property
    def _information_entry(self) -> str:
        # Under the URL: that two of them lead to the same PBX is proven for logins only.
        return f"{self.settings.state_name}/information"

    def pbx_id(self) -> str:
        """Return the name of this PBX in the shared state: its serial number, whatever address leads to it.

        The PBX is asked once; where it tells no serial number, the name is a hash of the base URL.
        """
        if not self._is_settled and not self._login.locate():
            self._recent_information()
        self._is_settled = True
        return self._login.pbx

    def _settle(self, serial_number: str) -> None:
        if serial_number:
            self.token()
            self._login.bind(serial_number)
        self._is_settled = True

    def api_version(self) -> str:
        """Return the API version for what this PBX recorded, as the connection or the firmware has it."""
        return choose_api_version(self.settings.api_version, self.facts().information.firmware)

    def plan(self, request: ReportRequest, *, as_rows: bool = False) -> Plan:
        """Return the request worked out for this PBX: its API version, display format, time zone and ids.

        :param as_rows: whether its rows are wanted in place of its file.
        """
        refuse_masked(dict(request.parameters))
        facts = self.facts()
        wanted = request.api_version or self.settings.api_version
        version = choose_api_version(wanted, facts.information.firmware, request)
        may_be_swapped = facts.display is not None and not facts.display.begins_with_year
        if (request.has_window and version == "v1.0") or ((request.has_window or as_rows) and may_be_swapped):
            facts = self.facts(fresh=True)
        if facts.display is None and version == "v1.0" and request.has_window:
            raise InvalidSettingsError(
                "The PBX does not tell its display format, and on API v1.0 a wrong one yields an empty report",
                pbx=self.settings.address,
                remedy="Set `date_format` and `time_format` in the Airflow connection.",
            )
        request = self.resolve(request)
        tell_of_window(request, datetime.now(facts.zone), facts.zone)
        return Plan(self.directory.resolve(request), facts, version, as_rows)

    def resolve(self, request: ReportRequest) -> ReportRequest:
        """Return the request with a period that is no longer in words.

        The PBX is only asked, for its present UTC offset, where the connection names no ``timezone``.

        :raises InvalidRequestError: when that offset does not tell what is asked for.
        :raises InvalidSettingsError: when the PBX does not tell its offset either.
        """
        return replace(request, frame=self.dated(request.frame))

    def dated(self, frame: TimeFrame) -> TimeFrame:
        """Return a time frame with dates in place of a period in words; see :meth:`resolve`."""
        now = datetime.now(UTC)
        if self.settings.timezone:
            return frame.dated(clock.zone_named(self.settings.timezone), now)
        facts = self.facts()
        if frame.is_relative and not pbx_time(facts.information, facts.display):
            raise InvalidSettingsError(
                f"The PBX does not tell its clock, by which `period` {str(frame.period)!r} is counted",
                pbx=self.settings.address,
                remedy="Set `timezone` in the Airflow connection.",
            )
        return frame.dated(facts.zone, now, zone_is_named=False)

    def request_report(self, plan: Plan, timeout: float | None = None) -> wire.ReportFile | wire.Processing:
        """Ask the PBX to make a report, and say whether it is ready or still being made.

        :param plan: from :meth:`plan`.
        :param timeout: seconds without an answer; a synchronous report takes as long as the PBX needs.
        """
        answer = self._ask(plan, {}, timeout)
        return wire.decode_report_answer(answer, pbx=self.settings.address, endpoint=plan.endpoint)

    def request_rows(self, plan: Plan, timeout: float | None = None) -> Iterator[list[Row]]:
        """Ask the PBX for the rows of a report and yield them page by page (vendor's "Query a Call Report" endpoint).

        They are complete only when the iterator ends without an error; see :func:`.row_pages` and :meth:`.Plan.within`.

        :param plan: from :meth:`plan`, with ``as_rows``.
        :param timeout: seconds without an answer.
        """

        def ask(page: int) -> dict[str, Any]:
            return self._ask(plan, {"page": str(page)} if page > 1 else {}, timeout)

        pages = row_pages(ask, pbx=self.settings.address, endpoint=plan.endpoint)
        return map(flattened_rows, plan.within(pages, self.settings.address))

    def _ask(self, plan: Plan, paging: Mapping[str, str], timeout: float | None) -> dict[str, Any]:
        plan = replace(plan, facts=self._facts or plan.facts)
        answer = self._exchange.exchange(plan.endpoint, {**plan.query, **paging}, timeout)
        complaint = wire.format_complaint(answer)
        display = clock.DisplayFormat.from_go_layout(complaint) if complaint else None
        if display and display != plan.facts.display:
            log.warning("The PBX wants times as %s %s; asking again so.", display.date_format, display.time_format)
            plan = replace(plan, facts=replace(plan.facts, display=display))
            self._facts = plan.facts
            answer = self._exchange.exchange(plan.endpoint, {**plan.query, **paging}, timeout)
        self._exchange.raise_error(answer, plan.endpoint, plan.query)
        return answer

    def open_file(self, url: str, rest: RestOfFile | None = None, *, new_token: bool = False) -> FileStream:
        """Open a finished report as a stream of chunks.

        :param url: ``download_resource_url`` as the PBX gave it.
        :param rest: what to ask for of a file whose beginning is there already.
        :param new_token: the PBX has just answered 10004 to the one in use.
        """
        rejected = self.token() if new_token else None
        with self.hiding_secrets():
            return self._transport.stream(url, self.token(rejected), rest)

    def history(self) -> History:
        """Return which calls the PBX still has; see :func:`.read_history`."""
        facts = self.facts()
        return read_history(self.call, facts.display, facts.zone, pbx=self.settings.address)

    def oldest_call(self) -> datetime | None:
        """Return when the oldest call began that the PBX still has, aware; None if it has none."""
        return self.history().oldest

    def announce_secrets(self) -> None:
        """Tell the tokens that have come since the last time."""
        for secret in self._login.take_unannounced():
            if self._announce_secret:
                self._announce_secret(secret)

    def close(self) -> None:
        """Close the connections; a token of one's own is given back."""
        self._login.revoke()
        self._transport.close()
