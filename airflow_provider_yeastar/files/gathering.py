"""Recordings on their way: each is asked for, fetched and stored by itself, several at a time.

A thread has a client of its own, because a session is not for several. URLs are asked for one at a time, as a PBX that
keeps MP3 prepares one recording at a time, and no sooner than a thread is free: a URL lives for 30 minutes.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.files.fetching import FileFetch, fetch_report
from airflow_provider_yeastar.files.inventory import facts_of
from airflow_provider_yeastar.files.storage import StoredFile
from airflow_provider_yeastar.pbx.calls.recordings import Recording, size_complaint
from airflow_provider_yeastar.pbx.errors import BadFileError, FileTooLargeError, NotFoundError, Reaction, YeastarError
from airflow_provider_yeastar.pbx.files.fetch_rules import another_report_may_help
from airflow_provider_yeastar.runtime.worker import run_on_worker

if TYPE_CHECKING:
    from airflow_provider_yeastar.files.storage import ReceivedFile
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.wire import ReportFile

__all__ = ["Gathered", "Gatherer", "Target", "failure_of"]

log = logging.getLogger(__name__)

_LOOK_INTERVAL = 0.25
"""Seconds between two looks at whether the task was killed."""
_ATTEMPTS = 2
_HEAD_BYTES = 8


@dataclass(frozen=True)
class Target:
    """A recording and where its file goes.

    :param path: from :func:`.resolve_path`.
    :param is_there: whether a file of its size is there already.
    """

    recording: Recording
    path: str
    is_there: bool


@dataclass(frozen=True)
class Gathered:
    """What became of a recording.

    :param result: its file, or why it cannot be had while others may.
    """

    target: Target
    result: StoredFile | YeastarError


class Gatherer:
    """Stores recordings; for one use.

    :param client: of the PBX.
    :param at_once: how many files to fetch at a time.
    :param max_bytes: the greatest file that is accepted, None for any.
    :param wait_timeout: seconds for which a recording's URL is asked for.
    :param killed: says whether the task was killed.
    :param publish: puts a received file at its destination.
    :param announce_secret: is told every new token, on the thread of the caller.
    """

    def __init__(
        self,
        client: PbxClient,
        *,
        at_once: int,
        max_bytes: int | None,
        wait_timeout: float,
        killed: Callable[[], bool],
        publish: Callable[[ReceivedFile], None],
        announce_secret: Callable[[str], None],
    ) -> None:
        self._client = client
        self._at_once = at_once
        self._max_bytes = max_bytes
        self._wait_timeout = wait_timeout
        self._killed = killed
        self._publish = publish
        self._announce_secret = announce_secret
        self._secrets: SimpleQueue[str] = SimpleQueue()
        self._idle: SimpleQueue[PbxClient] = SimpleQueue()
        self._asking = threading.Lock()
        self._stopped = False
        self._cause: BaseException | None = None
        """What stopped all threads."""

    def gather(self, targets: Iterable[Target]) -> Generator[Gathered]:
        """Yield what became of each, as it ends.

        :param targets: are taken as threads come free.
        :raises TaskKilledError: when the task was killed.
        :raises YeastarError: for what would keep the other recordings from arriving, too.
        """
        pending: set[Future[Gathered]] = set()
        with ExitStack() as clients, ThreadPoolExecutor(self._at_once, "yeastar-recording") as threads:
            for _ in range(self._at_once):
                self._idle.put(clients.enter_context(self._client.twin(self._secrets.put)))
            try:
                for target in targets:
                    # The thread's log lines are the task's, by its context.
                    pending.add(threads.submit(contextvars.copy_context().run, self._store, target))
                    while len(pending) > self._at_once:
                        yield from self._ended(pending)
                while pending:
                    yield from self._ended(pending)
            finally:
                self._stopped = True

    def _ended(self, pending: set[Future[Gathered]]) -> Iterator[Gathered]:
        done, _ = wait(pending, _LOOK_INTERVAL, FIRST_COMPLETED)
        while not self._secrets.empty():
            self._announce_secret(self._secrets.get())
        if self._cause and not self._killed():
            raise self._cause
        self._look()
        for future in done:
            pending.discard(future)
            yield future.result()

    def _is_over(self) -> bool:
        return self._stopped or self._killed()

    def _look(self) -> None:
        if self._is_over():
            raise TaskKilledError(
                "The task was killed while it fetched recordings",
                remedy="Those that are stored stay; the next run fetches the others and writes the manifest.",
            )

    # -- in a thread -------------------------------------------------------------------------------------------------

    def _store(self, target: Target) -> Gathered:
        client = self._idle.get()
        try:
            self._look()
            stored = self._facts(target) if target.is_there else None
            return Gathered(target, stored or self._fetch(client, target))
        except BaseException as error:
            if not self._stopped:  # else it only followed
                self._cause, self._stopped = error, True
            raise
        finally:
            self._idle.put(client)

    def _facts(self, target: Target) -> StoredFile | None:
        try:
            facts = facts_of(target.path, self._look)
        except TaskKilledError:
            raise
        except Exception as error:  # noqa: BLE001 - an object store raises what it likes, also to who may only write
            log.warning("%s cannot be read (%s); it is fetched again.", target.path, type(error).__name__)
            return None
        return StoredFile(target.path, facts.bytes, facts.sha256)

    def _fetch(self, client: PbxClient, target: Target) -> StoredFile | YeastarError:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                file = self._locate(client, target.recording)
            except NotFoundError as error:
                return error
            try:
                return fetch_report(partial(self._download, client, target, file.url), time.time())
            except YeastarError as error:
                failure = error
            if not another_report_may_help(failure):
                break
            if attempt < _ATTEMPTS:
                log.warning("%s The recording is asked for once more.", failure)
        if another_report_may_help(failure) or isinstance(failure, FileTooLargeError):
            return failure
        raise failure

    def _locate(self, client: PbxClient, recording: Recording) -> ReportFile:
        with self._asking:
            self._look()
            reader = client.call_reader(time.time() + self._wait_timeout)
            return run_on_worker(reader.locate(recording.id), self._is_over)

    def _download(self, client: PbxClient, target: Target, url: str, new_token: bool) -> StoredFile:
        fetching = FileFetch(client, url, killed=self._is_over, new_token=new_token)
        receiving = fetching.receive(target.path, "recording", self._max_bytes)
        with _naming(target.recording), client.hiding_secrets(), fetching, receiving as received:
            with received.opened() as file:
                complaint = size_complaint(target.recording.size, received.stored.bytes, file.read(_HEAD_BYTES))
            if complaint:
                raise BadFileError(complaint, pbx=client.address)
            self._look()
            self._publish(received)
        return received.stored


@contextmanager
def _naming(recording: Recording) -> Iterator[None]:
    """Let errors name the recording by its id: in its URL stands the PBX's name of the file, with both numbers."""
    try:
        yield
    except YeastarError as error:
        error.endpoint = f"recording {recording.id}"
        raise


def failure_of(failures: Sequence[YeastarError], count: int) -> YeastarError:
    """Return one error for all recordings that could not be had: one that is worth a retry, if there is any.

    :param failures: one at least.
    :param count: of all recordings.
    """
    first = next((error for error in failures if error.reaction is not Reaction.GIVE_UP), failures[0])
    advice = "Raise the task's `max_bytes`. " if isinstance(first, FileTooLargeError) else ""
    return type(first)(
        f"{len(failures)} of {count} recordings could not be stored, one because: {first.what}",
        pbx=first.pbx,
        endpoint=first.endpoint,
        errcode=first.errcode,
        remedy=f"{advice}The others are stored; the next run fetches what is missing and writes the manifest.",
    )
