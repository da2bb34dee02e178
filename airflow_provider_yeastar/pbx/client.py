"""PbxClient: the few verbs with which the provider talks to a PBX."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType

from airflow_provider_yeastar.pbx import waiting
from airflow_provider_yeastar.pbx.doctor import Finding, examine
from airflow_provider_yeastar.pbx.errors import TokenCapError
from airflow_provider_yeastar.pbx.ranges import RestOfFile
from airflow_provider_yeastar.pbx.report_wait import ReportWait
from airflow_provider_yeastar.pbx.reports import ReportRequest
from airflow_provider_yeastar.pbx.session import PbxSession
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.threads import in_thread
from airflow_provider_yeastar.pbx.token_store import Cipher, MemoryTokenStore, SharedTokenStore
from airflow_provider_yeastar.pbx.transport import FileStream
from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["PbxClient"]

log = logging.getLogger(__name__)


class PbxClient:
    """One PBX and one API application on it. Close it, or use it in a ``with``.

    :param settings: where the PBX is and how to log in.
    :param state_dir: directory in which the processes of this host keep their tokens and whose turn it is at a PBX.
    :param cipher: encrypts the tokens there; None writes them as they are, in files of mode 0600.
    :param announce_secret: called with every token that comes into use, so that it can be masked in logs.
    """

    def __init__(
        self,
        settings: PbxSettings,
        *,
        state_dir: Path,
        cipher: Cipher | None = None,
        announce_secret: Callable[[str], None] | None = None,
    ) -> None:
        shared = settings.token_sharing == "host"
        store = SharedTokenStore(settings, state_dir, cipher) if shared else MemoryTokenStore()
        self._session = PbxSession(settings, store, announce_secret)
        self._state_dir = state_dir

    def __enter__(self) -> PbxClient:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """``host:port`` of the PBX, its name in messages."""
        return self._session.settings.address

    def close(self) -> None:
        """Close the connections, and revoke a token that is not shared."""
        self._session.close()

    def forget_refusal(self) -> None:
        """Let the next call log in although these credentials were refused a while ago."""
        self._session.forget_refusal()

    def get_information(self) -> PbxInformation:
        """Return what the PBX says of itself (vendor's page "Query PBX Information").

        :raises ClockMismatchError: when its clock contradicts the connection's ``timezone``.
        """
        try:
            return self._session.facts().information
        finally:
            self._session.announce_secrets()

    def examine(self) -> Iterator[Finding]:
        """Yield what stands between this machine and the PBX's reports, step by step."""
        return examine(self._session, self._state_dir)

    async def wait_for_report(self, request: ReportRequest, bounds: waiting.Bounds) -> waiting.FinishedReport:
        """Ask for a report and return where it can be fetched (vendor's page "Download a Call Report").

        :param request: what to ask for; ``asynchronous`` decides between the event and one long request.
        :param bounds: until when to wait.
        :raises YeastarError: see :meth:`ReportWait.run`.
        """
        return await ReportWait(self._session, request, bounds, self._state_dir).run()

    async def log_in(self, until: float) -> None:
        """Have a live token, waiting for one to come free where the application holds as many as it may (60002).

        :param until: epoch seconds.
        :raises TokenCapError: when none came free; other :class:`YeastarError` when there is none to be had.
        """
        attempt = 0
        while True:
            try:
                await in_thread(self._session.token)
                return
            except TokenCapError as error:
                attempt += 1
                delay = waiting.retry_delay(attempt, random.random())
                if time.time() + delay >= until:
                    raise
                if attempt == 1:
                    log.warning("%s Waiting for one.", error)
            finally:
                self._session.announce_secrets()
            await asyncio.sleep(delay)

    async def open_file(self, url: str, rest: RestOfFile | None = None, *, new_token: bool = False) -> FileStream:
        """Open a finished report; close what is returned.

        :param url: the path that :meth:`wait_for_report` gave.
        :param rest: what to ask for of a file whose beginning is there already.
        :param new_token: the PBX has just answered 10004 to the one in use.
        :raises YeastarError: see :meth:`Transport.stream`.
        """
        try:
            return await in_thread(partial(self._session.open_file, url, rest, new_token=new_token))
        finally:
            self._session.announce_secrets()
