"""A report's file on its way: over as many connections as it takes (FileFetch), and as many fetches (fetch_report)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.pbx.errors import BadFileError, NetworkError, YeastarError
from airflow_provider_yeastar.pbx.files.body import FileCheck
from airflow_provider_yeastar.pbx.files.fetch_rules import NextStep, as_final, next_step
from airflow_provider_yeastar.pbx.files.whole import sound_complaint, whole_complaint
from airflow_provider_yeastar.pbx.waiting.bounds import Setbacks
from airflow_provider_yeastar.pbx.waiting.retrying import retrying_blocking
from airflow_provider_yeastar.runtime.worker import iterate_on_worker, run_on_worker

if TYPE_CHECKING:
    from tenacity import Retrying

    from airflow_provider_yeastar.files.storage import ReceivedFile, StoredFile
    from airflow_provider_yeastar.pbx.client import PbxClient
    from airflow_provider_yeastar.pbx.http.ranges import RestOfFile
    from airflow_provider_yeastar.pbx.http.transport import FileStream

__all__ = ["FileFetch", "fetch_report"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_MOST_INTERRUPTIONS = 5


class FileFetch:
    """One file, fetched once; use it in a ``with``.

    A connection that breaks off is made again, at most five times, with growing pauses: the PBX is asked for the rest
    of the file, or sends the whole of it again, and what has come already is then compared and passed over.

    :param client: of the PBX.
    :param url: the path of the file.
    :param killed: says whether the task was killed; every wait here ends soon after that.
    :param new_token: the PBX has just answered 10004 to the token in use.
    """

    def __init__(self, client: PbxClient, url: str, *, killed: Callable[[], bool], new_token: bool = False) -> None:
        self._client = client
        self._url = url
        self._endpoint = url.partition("?")[0]
        self._killed = killed
        self._new_token = new_token
        self._interruptions = Setbacks(most=_MOST_INTERRUPTIONS)
        self._stream: FileStream

    def __enter__(self) -> FileFetch:
        for attempt in self._attempts():
            with attempt:
                self._stream = self._open(None)
        self._version = self._stream.version
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.stop()
        self._stream.close()

    @contextmanager
    def receive(self, path: str, file_format: str, max_bytes: int | None) -> Iterator[ReceivedFile]:
        """Receive the file; in the ``with`` it lies whole in a temporary place, and can be put at its destination.

        A body that neither announces its length nor comes in chunks cannot be told from one that was cut: it is fetched
        a second time, and has to be the same.

        :param path: where it is to go, from :func:`.resolve_path`.
        :param file_format: what it is to be.
        :param max_bytes: the greatest file that is accepted, None for any.
        :raises BadFileError: when it is not the whole report; others as :meth:`chunks` and :func:`.storage.receive`.
        """
        check = self.new_check(file_format, max_bytes)
        with storage.receive(self.chunks(check), path, check) as received:
            with received.opened() as file:
                complaint = self._complaint(file, received.stored.bytes, file_format)
            if complaint:
                raise self._bad(f"The PBX sent {complaint} in place of the {file_format} file")
            if not self._version.has_end:
                self._compare(file_format, max_bytes, received.stored)
            yield received

    def _complaint(self, file: BinaryIO, size: int, file_format: str) -> str | None:
        if file_format == "recording":
            return sound_complaint(file, size)
        return whole_complaint(file, size, self._look, is_length_known=self._version.has_end)

    def new_check(self, file_format: str, max_bytes: int | None = None) -> FileCheck:
        """Return the check of this file on its way.

        :param file_format: what it is to be.
        :param max_bytes: the greatest file that is accepted, None for any.
        """
        return FileCheck(
            file_format,
            announced_bytes=self._version.whole_bytes,
            max_bytes=max_bytes,
            pbx=self._client.address,
            endpoint=self._endpoint,
        )

    def chunks(self, check: FileCheck) -> Iterator[bytes]:
        """Yield the file's bytes.

        :param check: is fed with each chunk before the next is taken; it knows what has come.
        :raises NetworkError: when the connection broke off once too often.
        :raises BadFileError: when what came after an interruption belongs to another file.
        :raises TaskKilledError: when the task was killed.
        """
        chunks = self._stream.chunks
        for attempt in self._attempts():
            with attempt:
                if attempt.retry_state.attempt_number > 1:
                    self._stream.close()
                    self._stream = self._open(self._version.rest_from(check.received))
                    chunks = self._stream.chunks if self._stream.starts_at else check.pass_over(self._stream.chunks)
                yield from iterate_on_worker(chunks, killed=self._killed, stop=self._stream.stop)

    def _attempts(self) -> Retrying:
        return retrying_blocking(
            self._interruptions,
            may_pass=lambda error: isinstance(error, NetworkError),
            sleep=lambda seconds: run_on_worker(asyncio.sleep(seconds), self._killed),
            then="The download goes on",
        )

    def _open(self, rest: RestOfFile | None) -> FileStream:
        stream = run_on_worker(self._client.open_file(self._url, rest, new_token=self._new_token), self._killed)
        self._new_token = False
        if stream.version.complaint:
            stream.close()
            raise self._bad(f"The PBX {stream.version.complaint}")
        return stream

    def _compare(self, file_format: str, max_bytes: int | None, stored: StoredFile) -> None:
        log.info("The PBX tells neither length nor end of the file; it is fetched a second time and compared.")
        with FileFetch(self._client, self._url, killed=self._killed) as again:
            check = again.new_check(file_format, max_bytes)
            for chunk in again.chunks(check):
                check.feed(chunk)
        if check.finish().sha256 != stored.sha256:
            raise self._bad("The PBX sent two different files under one URL, without saying how long they are")

    def _look(self) -> None:
        if self._killed():
            raise TaskKilledError("The task was killed while it fetched its report")

    def _bad(self, what: str) -> BadFileError:
        return BadFileError(what, pbx=self._client.address, endpoint=self._endpoint)


def fetch_report(download: Callable[[bool], Result], ready_at: float | None = None) -> Result:
    """Return what a download returns; a bad file is fetched once more, after 10004 with a new token.

    These are no retries with back-off: each failure leads to another step, at once, and none is taken twice.

    :param download: fetches the file once; is told whether the PBX has just answered 10004 to the token in use.
    :param ready_at: epoch seconds since which the PBX has the file, None where that is unknown.
    :raises FileExpiredError: when it is gone; other errors as :func:`.next_step` has them.
    """
    tried: set[NextStep] = set()
    step: NextStep | None = None
    while True:
        try:
            return download(step is NextStep.FETCH_WITH_NEW_TOKEN)
        except YeastarError as failure:
            error = failure
        minutes = (time.time() - ready_at) / 60 if ready_at is not None else 0.0
        step = next_step(error, minutes, tried)
        if step is NextStep.GIVE_UP:
            raise error
        if step is NextStep.ASK_FOR_ANOTHER:
            raise as_final(error, minutes)
        tried.add(step)
        log.warning("%s It is fetched once more.", error)
