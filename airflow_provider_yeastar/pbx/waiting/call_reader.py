"""CallReader: the calls of a time window, read from a PBX page by page.

Which page is next and when all have come is decided in `calls.reading`; here the PBX is asked, and asked again after
what may pass.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, TypeVar

from airflow_provider_yeastar.pbx.calls.answers import decode_page, oldest_in, refuse_other_times
from airflow_provider_yeastar.pbx.calls.legs import DETAIL_ENDPOINT, decode_legs
from airflow_provider_yeastar.pbx.calls.query import CALL_APIS, CallApi, CallQuery, call_filters, choose_cdr_version
from airflow_provider_yeastar.pbx.calls.reading import Ask, Page, Row, read_calls
from airflow_provider_yeastar.pbx.calls.recordings import RECORDING_FILE_ENDPOINT
from airflow_provider_yeastar.pbx.calls.request import CallRequest
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import (
    IncompleteCallsError,
    InvalidSettingsError,
    NotFoundError,
    ParameterError,
    RecordingBusyError,
)
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.facts import PbxFacts
from airflow_provider_yeastar.pbx.report.periods import Window
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks
from airflow_provider_yeastar.pbx.waiting.older_calls import refuse_older_calls
from airflow_provider_yeastar.pbx.waiting.retrying import retrying
from airflow_provider_yeastar.pbx.wire import Processing, ReportFile, decode_report_answer

__all__ = ["CallReader", "Calls"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Run = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end; raises when the task is killed."""

_DOUBTFUL = timedelta(hours=1)
_DETAILS_AT_ONCE = 2
"""A PBX is small hardware: more requests at a time would only wait there."""


@dataclass(frozen=True)
class Calls:
    """What is known of a request for calls once it has been worked out for a PBX.

    :param query: how the PBX is asked.
    :param window: first and last second by the PBX's clock.
    :param is_over: whether the window has ended by that clock.
    :param serial_number: of the PBX.
    :param zone: of the PBX.
    :param requested_at: epoch seconds.
    """

    query: CallQuery
    window: Window
    is_over: bool
    serial_number: str
    zone: tzinfo
    requested_at: float


class CallReader:
    """Reads calls over one session.

    :param session: with the PBX; its calls block, and run in threads.
    :param until: epoch seconds until which what may pass is tried again.
    """

    def __init__(self, session: PbxSession, until: float) -> None:
        self._session = session
        self._pbx = session.settings.address
        self._until = until
        self._unix = True

    async def plan(self, request: CallRequest, api: CallApi | None = None) -> Calls:
        """Work out a request for this PBX: version, window, ids.

        :param request: what to ask for.
        :param api: which interface to ask; None for that of the CDR which the PBX has.
        :raises YeastarError: when it cannot be asked for, or the PBX cannot be reached.
        """
        return await self._patiently(lambda: in_thread(self._plan, request, api))

    def _plan(self, request: CallRequest, api: CallApi | None) -> Calls:
        # Rows of the CDR tell their time in Unix seconds too, those of others in the present display format alone.
        facts = self._session.facts(fresh=api is not None)
        if api is None:
            wanted = request.api_version or self._session.settings.api_version
            api = CALL_APIS[choose_cdr_version(wanted, facts.information.firmware)]
        if api.version == "v2.0" and facts.display and not facts.display.begins_with_year:
            # In a format that was changed meanwhile, the fifth of November may be the eleventh of May.
            facts = self._session.facts(fresh=True)
        window = self._session.dated(request.frame).window(facts.zone)
        filters = self._session.directory.filters(call_filters(request.filters, api), api.menus)
        query = CallQuery(window.start, window.end, api, facts.zone, self._display(facts), tuple(filters.items()))
        is_over = window.end < self._now(window, facts.zone)
        if not is_over:
            log.warning("%s is not over by the PBX's clock: calls that end later are missing.", query.words(query.span))
        return Calls(query, window, is_over, facts.information.serial_number, facts.zone, time.time())

    def _now(self, window: Window, zone: tzinfo) -> datetime:
        """Return what the PBX's clock shows; it is asked where a clock that is off by less than an hour matters."""
        now = datetime.now(UTC).astimezone(zone)
        if abs(window.end - now.replace(tzinfo=None)) < _DOUBTFUL:
            told = self._session.facts(fresh=True).information.timestamp
            now = datetime.fromtimestamp(told, zone) if told else now
        return now.replace(tzinfo=None)

    def _display(self, facts: PbxFacts) -> DisplayFormat:
        if facts.display is None:
            raise InvalidSettingsError(
                "The PBX does not tell its display format, and a wrong one yields no calls",
                pbx=self._pbx,
                remedy="Set `date_format` and `time_format` in the Airflow connection.",
            )
        return facts.display

    def rows(self, calls: Calls, run: Run) -> Iterator[list[Row]]:
        """Yield the rows of all calls, each once, page by page.

        :param calls: from :meth:`plan`.
        :param run: runs a coroutine.
        :raises IncompleteCallsError: when they cannot be shown to be complete.
        :raises NotAPbxError: when they are of other times than were asked for.
        :raises OlderCallsError: when v1.0 has some that v2.0 does not list.
        """
        query = calls.query
        read = read_calls(query.span, query.api.key, query.words, query.api.rows)
        oldest: datetime | None = None
        for rows in self.drive(read, lambda ask: self.page(query, ask), run):
            refuse_other_times(rows, query, pbx=self._pbx)
            oldest = min(filter(None, (oldest, oldest_in(rows, query))), default=None)
            yield rows
        tells_unix = query.api is CALL_APIS["v1.0"] and self._unix
        if not tells_unix and not query.display.begins_with_year:
            run(self._refuse_another_display(query))
        if query.api.version == "v2.0":
            run(refuse_older_calls(self.page, query, oldest, pbx=self._pbx))

    async def _refuse_another_display(self, query: CallQuery) -> None:
        """Refuse what was read while day and month changed places: pages before and after are of different days."""
        facts = await self._patiently(lambda: in_thread(partial(self._session.facts, fresh=True)))
        if facts.display != query.display:
            raise IncompleteCallsError(
                f"The PBX's display format changed while {query.api.rows} from {query.words(query.span)} were read",
                pbx=self._pbx,
            )

    def drive(self, read: Any, ask: Callable[[Ask], Coroutine[Any, Any, Page]], run: Run) -> Iterator[list[Row]]:
        """Yield the rows of a reading, and give it the pages that it asks for.

        :param read: of :func:`.read_calls`.
        :param ask: asks the PBX for a page.
        :param run: runs a coroutine.
        """
        page: Page | None = None
        while True:
            try:
                step = read.send(page)
            except StopIteration:
                return
            if isinstance(step, Ask):
                page = run(ask(step))
                self._session.announce_secrets()
            else:
                page = None
                yield step

    async def page(self, query: CallQuery, ask: Ask) -> Page:
        """Ask for one page of calls.

        :param query: of the whole window.
        :param ask: which page of which part of it.
        """
        query = replace(query, unix=self._unix)
        endpoint = query.api.endpoint
        try:
            return await self.ask(endpoint, query.parameters(ask.span, ask.page, ask.rows))
        except ParameterError:
            if ask.page > 1:
                return Page()  # no page of this number: the reading decides whether that may be
            # Some PBXs take the display format only; an administrator may have changed it meanwhile.
            facts = await in_thread(partial(self._session.facts, fresh=True))
            again = replace(query, unix=False, display=self._display(facts))
            if again.parameters(ask.span, ask.page, ask.rows) == query.parameters(ask.span, ask.page, ask.rows):
                raise
            page = await self.ask(endpoint, again.parameters(ask.span, ask.page, ask.rows))
            self._unix = False
            return page

    async def ask(self, endpoint: str, parameters: Mapping[str, str]) -> Page:
        """Ask an endpoint that lists rows; no rows where it finds none (60001).

        :param endpoint: path below the base URL.
        :param parameters: without the token.
        """
        try:
            return await self._patiently(lambda: in_thread(self._ask_once, endpoint, parameters))
        except NotFoundError:
            return Page((), 0 if parameters.get("page") == "1" else None)

    def _ask_once(self, endpoint: str, parameters: Mapping[str, str]) -> Page:
        return decode_page(self._session.call(endpoint, parameters), pbx=self._pbx, endpoint=endpoint)

    async def legs(self, uids: Sequence[str]) -> list[Row]:
        """Return the legs of calls of v2.0, call by call; two of them are asked for at a time.

        :param uids: of the calls.
        :raises IncompleteCallsError: if the PBX does not know one of them.
        """
        found: dict[str, list[Row]] = {}
        remaining = iter(uids)

        async def ask() -> None:
            for uid in remaining:
                found[uid] = await self._legs(uid)

        await asyncio.gather(*(ask() for _ in range(_DETAILS_AT_ONCE)))
        self._session.announce_secrets()
        return [leg for uid in uids for leg in found[uid]]

    async def _legs(self, uid: str) -> list[Row]:
        try:
            return await self._patiently(lambda: in_thread(self._legs_once, uid))
        except NotFoundError:
            raise IncompleteCallsError(
                "The PBX lists a call and has no detail of it", pbx=self._pbx, endpoint=DETAIL_ENDPOINT
            ) from None

    def _legs_once(self, uid: str) -> list[Row]:
        return decode_legs(self._session.call(DETAIL_ENDPOINT, {"uid": uid}), uid, pbx=self._pbx)

    async def locate(self, recording_id: str) -> ReportFile:
        """Ask for the URL of a recording, as long as another is being prepared.

        :param recording_id: the PBX's.
        :raises NotFoundError: when the PBX has no such file.
        :raises YeastarError: when it is not to be had in time.
        """
        try:
            return await self._patiently(lambda: in_thread(self._locate, recording_id))
        finally:
            self._session.announce_secrets()

    def _locate(self, recording_id: str) -> ReportFile:
        answer = self._session.call(RECORDING_FILE_ENDPOINT, {"id": recording_id})
        found = decode_report_answer(answer, pbx=self._pbx, endpoint=RECORDING_FILE_ENDPOINT)
        if isinstance(found, Processing):  # [U]: no PBX has been seen to answer so
            raise RecordingBusyError("The PBX prepares the recording", pbx=self._pbx, endpoint=RECORDING_FILE_ENDPOINT)
        return found

    async def _patiently(self, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        async for attempt in retrying(Setbacks(), until=lambda: self._until):
            with attempt:
                result = await call()
        return result
