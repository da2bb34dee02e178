"""A file of a PBX while it is downloaded: its version, and its body in chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPResponse

import requests
import urllib3

from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.http.ranges import FileVersion
from airflow_provider_yeastar.pbx.http.sockets import CallLimit

__all__ = ["FileStream"]

_CHUNK_BYTES = 256 * 1024
_SLOWEST_BYTES_A_SECOND = 1024
"""Of a server that sends a byte now and then, a file would take for ever."""
# What is raised while a body is read: by `requests` for most of them, by urllib3 where it is asked directly.
_READ_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)


class FileStream:
    """A file on its way; to be closed.

    :param response: what answered with it.
    :param starts_at: the byte of the file with which the chunks begin.
    :param limit: of the call; from now on it bounds each 256 KiB, as a file takes as long as it is large.
    :param failed: makes an error of ours of one of `requests` or urllib3.
    """

    def __init__(
        self,
        response: requests.Response,
        starts_at: int,
        limit: CallLimit,
        failed: Callable[[Exception], YeastarError],
    ) -> None:
        self.version = FileVersion.of(response.headers)
        self.starts_at = starts_at
        self._response = response
        self._limit = limit
        self._failed = failed

    @property
    def announced_bytes(self) -> int | None:
        """The length of the file as the PBX announced it, None where it did not."""
        return self.version.whole_bytes

    @property
    def chunks(self) -> Iterator[bytes]:
        """The body, as it comes, and with it the first byte of what follows the announced length, if anything does.

        That byte is seen where the server ends the connection behind its answer, as it is asked to.

        :raises NetworkError: when it stops on its way.
        """
        last = self._last_answer()
        chunks = self._chunks_to_the_end(last) if last else self._response.iter_content(_CHUNK_BYTES)
        received = _CHUNK_BYTES
        while True:
            if received >= _CHUNK_BYTES:  # what comes at once may be a byte, if that is what the server sends
                self._limit.until = time.monotonic() + self._limit.idle + _CHUNK_BYTES / _SLOWEST_BYTES_A_SECOND
                received = 0
            failure: YeastarError | None = None
            try:
                chunk = next(chunks, b"")
            except _READ_ERRORS as error:
                failure = self._failed(error)
            if failure:
                raise failure
            if not chunk:
                return
            received += len(chunk)
            yield chunk

    def _last_answer(self) -> HTTPResponse | None:
        """The answer as http.client has it, if its body has a length and is the last that the connection carries."""
        # urllib3 has no public name for it; `requests` takes it for cookies.
        answer: HTTPResponse | None = getattr(self._response.raw, "_original_response", None)
        if answer is None or answer.length is None or self.version.whole_bytes is None:
            return None
        return answer if answer.will_close else None

    def _chunks_to_the_end(self, answer: HTTPResponse) -> Iterator[bytes]:
        # http.client reads no further than to the announced length: of a server that sends more, the beginning would
        # pass for the whole. Without that bound urllib3 still counts, and raises when less comes.
        raw = self._response.raw
        left, answer.length = answer.length, None
        while left:
            # Never beyond the length: when a read fails, what it has got so far is lost.
            chunk = raw.read(min(left, _CHUNK_BYTES), decode_content=False)
            left -= len(chunk)
            yield chunk
        # The file is there. Whether the connection is now closed, reset or, against the promise, kept does not matter.
        surplus = b""
        with suppress(*_READ_ERRORS):
            surplus = raw.read(1, decode_content=False)
        yield surplus

    def stop(self) -> None:
        """End the reading of chunks at once, even where another thread waits for one."""
        with suppress(OSError, RuntimeError, ValueError):  # there may be nothing left to read, or nobody to read from
            self._response.raw.shutdown()

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
