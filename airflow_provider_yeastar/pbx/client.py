"""PbxClient: the few verbs with which the provider talks to a PBX."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from types import TracebackType

from airflow_provider_yeastar.pbx.calls.request import CallRequest
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.doctor import Finding, examine
from airflow_provider_yeastar.pbx.errors import AmbiguousFileError, FileReplacedError
from airflow_provider_yeastar.pbx.events.shared import SharedConnection, shared_connection
from airflow_provider_yeastar.pbx.events.topics import EndedCall
from airflow_provider_yeastar.pbx.http.ranges import RestOfFile
from airflow_provider_yeastar.pbx.http.transport import FileStream
from airflow_provider_yeastar.pbx.login.stored import Cipher
from airflow_provider_yeastar.pbx.report.facts import PbxFacts
from airflow_provider_yeastar.pbx.report.listings import MenuOption, MyReport, ScheduledReport
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.waiting import bounds as waiting
from airflow_provider_yeastar.pbx.waiting.call_reader import CallReader
from airflow_provider_yeastar.pbx.waiting.job_ledger import JobLedger, doubt_after_fetch
from airflow_provider_yeastar.pbx.waiting.kept_reports import KeptReports
from airflow_provider_yeastar.pbx.waiting.report_wait import ReportWait
from airflow_provider_yeastar.pbx.waiting.report_watch import watch_calls, watch_reports
from airflow_provider_yeastar.pbx.waiting.retrying import retrying
from airflow_provider_yeastar.pbx.waiting.rows_wait import RowStore, RowsWait
from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["PbxClient"]


class PbxClient:
    """One PBX and one API application on it. Close it, or use it in a ``with``.

    :param settings: where the PBX is and how to log in.
    :param state: holds tokens, and whose turn it is at a PBX, for all processes that share it.
    :param cipher: encrypts the tokens there; None writes them as they are.
    :param announce_secret: called with every token that comes into use, so that it can be masked in logs.
    """

    def __init__(
        self,
        settings: PbxSettings,
        *,
        state: SharedState,
        cipher: Cipher | None = None,
        announce_secret: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._cipher = cipher
        self._announce_secret = announce_secret

    @cached_property
    def _session(self) -> PbxSession:
        """This client's own session; a client that only waits has none, waiters share one."""
        return self._make_session()

    def _make_session(self) -> PbxSession:
        return PbxSession(self._settings, self._state, self._cipher, self._announce_secret)

    def twin(self, announce_secret: Callable[[str], None]) -> PbxClient:
        """Return a client of the same PBX with a session of its own, for use in another thread; close it.

        :param announce_secret: as for this one; called in that thread.
        """
        return PbxClient(self._settings, state=self._state, cipher=self._cipher, announce_secret=announce_secret)

    def connected(self) -> AbstractAsyncContextManager[SharedConnection]:
        """Keep what the waiters of this PBX share, its socket above all, open meanwhile."""
        return shared_connection((self._settings, self._state), lambda: (self._make_session(), self._state))

    def __enter__(self) -> PbxClient:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """``host:port`` of the PBX, its name in messages."""
        return self._settings.address

    def close(self) -> None:
        """Close the connections, and revoke a token that is not shared."""
        if "_session" in self.__dict__:
            self._session.close()

    def forget_failures(self) -> None:
        """Let the next call log in although logins failed a while ago."""
        self._session.forget_failures()

    def hiding_secrets(self) -> AbstractContextManager[None]:
        """Take tokens and the Client Secret out of the errors that pass: a PBX may quote what it was sent."""
        return self._session.hiding_secrets()

    def get_information(self) -> PbxInformation:
        """Return what the PBX says of itself now (vendor's page "Query PBX Information").

        :raises ClockMismatchError: when its clock contradicts the connection's ``timezone``.
        """
        with self._announcing():
            return self._session.facts(fresh=True).information

    def facts(self) -> PbxFacts:
        """Return what the PBX told of itself lately: information, display format, time zone.

        :raises YeastarError: when it has to be asked and cannot.
        """
        with self._announcing():
            return self._session.facts()

    def list_menu_options(self, menu: str, queue_id: int | str | None = None) -> list[MenuOption]:
        """Return what ``parameters`` may name, with the internal ids (vendor's page "Query Menu Options").

        :param menu: ``extension``, ``ext_group``, ``trunk``, ``ivr``, ``ring_group``, ``queue``, ``queue_agent`` or any
            other that the PBX knows.
        :param queue_id: id of the queue whose agents ``queue_agent`` means.
        :raises YeastarError: when it cannot be had.
        """
        with self._announcing():
            return self._session.directory.menu_options(menu, queue_id)

    def list_my_reports(self) -> list[MyReport]:
        """Return the user-created reports (vendor's page "Query a List of My Reports").

        :raises YeastarError: when it cannot be had.
        """
        with self._announcing():
            return self._session.directory.my_reports()

    def list_scheduled_reports(self) -> list[ScheduledReport]:
        """Return the reports that were made by schedule (vendor's page "Query a List of Scheduled Reports").

        :raises YeastarError: when it cannot be had.
        """
        with self._announcing():
            return self._session.directory.scheduled_reports(self._session.api_version())

    @contextmanager
    def _announcing(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._session.announce_secrets()

    def examine(self) -> Iterator[Finding]:
        """Yield what stands between this machine and the PBX's reports, step by step."""
        return examine(self._session, self._state)

    async def wait_for_report(self, request: ReportRequest, bounds: waiting.Bounds) -> waiting.FinishedReport:
        """Ask for a report and return where it can be fetched (vendor's page "Download a Call Report").

        :param request: what to ask for.
        :param bounds: until when to wait.
        :raises YeastarError: see :meth:`ReportWait.run`.
        """
        async with self.connected() as connection:
            return await ReportWait(connection, request, bounds).run()

    async def watch_reports(self) -> AsyncGenerator[waiting.AnnouncedReport]:
        """Yield every finished report that the PBX announces from now on, whoever asked for it; never ends.

        See :func:`.watch_reports`.
        """
        async with self.connected() as connection, aclosing(watch_reports(connection)) as reports:
            async for report in reports:
                yield report

    async def watch_calls(self) -> AsyncGenerator[EndedCall]:
        """Yield every call of which the PBX says from now on that it ended; never ends. See :func:`.watch_calls`."""
        async with self.connected() as connection, aclosing(watch_calls(connection)) as calls:
            async for call in calls:
                yield call

    async def fetch_rows(
        self, request: ReportRequest, bounds: waiting.Bounds, rows: RowStore
    ) -> waiting.FinishedReport:
        """Ask for a report's rows, page by page, and return what is known of the request (the list endpoint).

        :param request: what to ask for; what concerns its file does not count.
        :param bounds: until when to wait.
        :param rows: takes the rows; it holds all of them when this returns.
        :raises YeastarError: see :meth:`ReportWait.run`; or what ``rows`` raises.
        """
        async with self.connected() as connection:
            return await RowsWait(connection, request, bounds, rows).run()

    def call_reader(self, until: float) -> CallReader:
        """Return a reader of calls over this client's session.

        :param until: epoch seconds until which transient errors are retried.
        """
        return CallReader(self._session, until)

    async def dated(self, request: CallRequest, until: float) -> CallRequest:
        """Return a request for calls whose period is no longer in words.

        :param request: what to ask for.
        :param until: epoch seconds until which a login is retried.
        """
        if self._settings.timezone is None:
            await self.log_in(until)
        try:
            return replace(request, frame=await in_thread(self._session.dated, request.frame))
        finally:
            self._session.announce_secrets()

    async def resolve(self, request: ReportRequest, until: float) -> ReportRequest:
        """Return a request whose period is no longer in words.

        The PBX is only asked, for its present UTC offset, where the connection names no ``timezone``.

        :param request: what to ask for.
        :param until: epoch seconds until which a login is tried.
        :raises YeastarError: when the PBX's offset cannot be had, or does not tell what is asked for.
        """
        if self._settings.timezone is None:
            await self.log_in(until)
        try:
            return await in_thread(partial(self._session.resolve, request))
        finally:
            self._session.announce_secrets()

    async def contest(self, why: str) -> None:
        """Remember that somebody else makes reports at this PBX, so that its events are not believed for a day.

        :param why: what shows it, one clause.
        """
        async with self.connected() as connection:
            await JobLedger(connection, await connection.pbx_id()).contest(why)

    async def kept_reports(self) -> KeptReports:
        """Return the reports of this PBX that tries of tasks could not store."""
        async with self.connected() as connection:
            return KeptReports(self._state, await connection.pbx_id())

    async def refuse_replaced(self, report: waiting.FinishedReport, request: ReportRequest) -> None:
        """Refuse a file whose place another report's may have taken; note that its task has fetched it.

        :param report: one that was waited for, whose file has just been fetched.
        :param request: that it answers.
        :raises FileReplacedError: if another report's file may have been served.
        :raises AmbiguousFileError: if that cannot be told here, however often the report is requested.
        :raises StateUnavailableError: when the shared state does not tell for ten minutes.
        """
        name, exclusive = self._settings.state_name, self._settings.exclusive
        doubt = await doubt_after_fetch(self._state, report, request, name, exclusive=exclusive)
        if doubt:
            error = FileReplacedError if exclusive else AmbiguousFileError
            raise error(f"The file {report.file!r} may be another report's: {doubt}", pbx=self.address)

    async def log_in(self, until: float) -> None:
        """Ensure a valid token; retries errors that may pass, such as that all tokens are taken (60002).

        :param until: epoch seconds.
        :raises YeastarError: if there is none until then.
        """
        async for attempt in retrying(waiting.Setbacks(), until=lambda: until):
            with attempt, self._announcing():
                await in_thread(self._session.token)

    async def oldest_call(self) -> datetime | None:
        """Return when the oldest call began that the PBX still has, aware; None if it has none.

        :raises YeastarError: when the PBX does not tell.
        """
        try:
            return await in_thread(self._session.oldest_call)
        finally:
            self._session.announce_secrets()

    async def open_file(self, url: str, rest: RestOfFile | None = None, *, new_token: bool = False) -> FileStream:
        """Open a finished report; close what is returned.

        :param url: the path that :meth:`wait_for_report` gave.
        :param rest: what to ask for of a file whose beginning is there already.
        :param new_token: the PBX has just answered 10004 to the one in use, default ``False``.
        :raises YeastarError: see :meth:`Transport.stream`.
        """
        try:
            work = partial(self._session.open_file, url, rest, new_token=new_token)
            return await in_thread(work, discard=FileStream.close)
        finally:
            self._session.announce_secrets()
