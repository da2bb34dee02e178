"""HTTP to one PBX, written once, with `requests`: calls and their answers, files as streams.

The token travels in the query of every URL, and both `requests` and `urllib3` put whole URLs into their exceptions
and logs. So an exception of theirs is read inside its ``except`` block and ours is raised outside of it (a chained
exception would carry the URL along), and urllib3's records are redacted by a filter on its loggers.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from airflow_provider_yeastar import __version__
from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import (
    CertificateError,
    InvalidSettingsError,
    NetworkError,
    NotAPbxError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.http.ranges import FileVersion, RestOfFile
from airflow_provider_yeastar.pbx.http.tls import causes, certificate_complaint, make_ssl_context
from airflow_provider_yeastar.pbx.redaction import redact_text
from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["USER_AGENT", "FileStream", "Transport"]

USER_AGENT = f"airflow-provider-yeastar/{__version__}"
"""The PBX refuses requests without one (40002)."""

_CHUNK_BYTES = 256 * 1024
# What is raised while a body is read: by `requests` for most of them, by urllib3 where it is asked directly.
_READ_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)
_NEVER_SENT = (  # there was no connection on which the call could have been sent
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    ssl.SSLCertVerificationError,
    urllib3.exceptions.NewConnectionError,
)
_TOKEN_PARAMETER = "access_token"


class _RedactingFilter(logging.Filter):
    """Takes tokens out of the records of a library that logs whole URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact_text(record.getMessage()), ()
        return True


# A filter acts on its own logger only, not on those below it: here are all that are told a URL.
for _logger in ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry"):
    logging.getLogger(_logger).addFilter(_RedactingFilter())


class _PinningAdapter(HTTPAdapter):
    """Trusts one certificate; urllib3 is told the fingerprint too, or it would warn of an unverified connection."""

    def __init__(self, settings: PbxSettings) -> None:
        self._trust: dict[str, Any] = {
            "ssl_context": make_ssl_context(settings),
            "assert_fingerprint": settings.ssl_fingerprint,
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs | self._trust)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs | self._trust)


class FileStream:
    """A file on its way; to be closed.

    :param response: what answered with it.
    :param starts_at: the byte of the file with which the chunks begin.
    :param failed: makes an error of ours of one of `requests` or urllib3.
    """

    def __init__(
        self, response: requests.Response, starts_at: int, failed: Callable[[Exception], YeastarError]
    ) -> None:
        self.version = FileVersion.of(response.headers)
        self.starts_at = starts_at
        self._response = response
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
        while True:
            failure: YeastarError | None = None
            try:
                chunk = next(chunks, b"")
            except _READ_ERRORS as error:
                failure = self._failed(error)
            if failure:
                raise failure
            if not chunk:
                return
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


class Transport:
    """One HTTP session with a PBX. Not for use by several threads at once.

    :param settings: where the PBX is; credentials are not used here.
    :raises InvalidSettingsError: when the CA bundle does not exist.
    """

    def __init__(self, settings: PbxSettings) -> None:
        if isinstance(settings.verify, str) and not Path(settings.verify).exists():
            raise InvalidSettingsError(f"`verify` names {settings.verify}, which does not exist", pbx=settings.address)
        self._settings = settings
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        # Given with each request: REQUESTS_CA_BUNDLE in the environment would win over the session's own setting.
        self._verify = settings.verify
        if settings.ssl_fingerprint:
            self._verify = False
            self._session.mount("https://", _PinningAdapter(settings))

    def close(self) -> None:
        self._session.close()

    def exchange(
        self,
        method: str,
        endpoint: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Send one call and return its decoded answer, whatever its errcode.

        :param method: ``GET`` or ``POST``.
        :param endpoint: path below the base URL, for instance ``openapi/v1.0/get_token``.
        :param query: parameters without the token.
        :param body: what goes out as JSON.
        :param token: access token, for all calls but the login's.
        :param timeout: seconds without an answer; the connection's ``timeout`` when left out.
        :raises NetworkError: when no answer came; it is then unknown whether the PBX carried the call out.
        :raises NotAPbxError: when the answer is not of the PBX's API.
        """
        parameters = dict(query or {}) | ({_TOKEN_PARAMETER: token} if token else {})
        response = self._send(method, endpoint, params=parameters, json=body, timeout=timeout)
        with closing(response):
            content = self._read(response, endpoint)
            return wire.decode_answer(content, response.status_code, pbx=self._settings.address, endpoint=endpoint)

    def stream(self, url: str, token: str, rest: RestOfFile | None = None) -> FileStream:
        """Open a file that the PBX announced; its body is read as the chunks are taken.

        :param url: ``download_resource_url`` of an answer or an event.
        :param token: access token.
        :param rest: what to ask for of a file whose beginning is there already; a server may send the whole of it.
        :raises UnsafeUrlError: when the URL leads away from the PBX.
        :raises NetworkError: when no answer came.
        :raises NotAPbxError: for an HTTP status that comes with no file, or with another part of it.
        """
        path = wire.file_url_path(url, self._settings.base_url, pbx=self._settings.address)
        endpoint = path.split("?")[0]
        # A compressed body's length would say nothing about the file's, and behind a connection's last answer it is
        # seen whether the length is true.
        headers = {"Accept-Encoding": "identity", "Connection": "close"} | (rest.headers if rest else {})
        # `requests` keeps a query that stands in the URL and adds to it.
        response = self._send("GET", path.lstrip("/"), params={_TOKEN_PARAMETER: token}, headers=headers, stream=True)
        status = response.status_code
        if status == requests.codes.ok:
            starts_at = 0
        elif status == requests.codes.partial and rest and rest.comes_with(response.headers):
            starts_at = rest.first
        else:
            response.close()
            part = " for another part than the one that was asked for" if status == requests.codes.partial else ""
            what = f"The file was refused with HTTP status {status}{part}"
            raise NotAPbxError(what, pbx=self._settings.address, endpoint=endpoint)
        return FileStream(response, starts_at, lambda error: self._failure(error, endpoint))

    def _send(self, method: str, endpoint: str, *, timeout: float | None = None, **options: Any) -> requests.Response:
        limits = (self._settings.timeout, timeout or self._settings.timeout)
        try:
            # A redirect would carry the token to wherever it points.
            response = self._session.request(
                method,
                f"{self._settings.base_url}/{endpoint}",
                timeout=limits,
                verify=self._verify,
                allow_redirects=False,
                **options,
            )
        # urllib3's complaint of a host that cannot be one passes through `requests`; it is a ValueError.
        except (requests.RequestException, ValueError) as error:
            failure = self._failure(error, endpoint)
            if isinstance(failure, NetworkError):
                failure.is_timeout = isinstance(error, requests.exceptions.Timeout)
            failure.was_received = not any(isinstance(cause, _NEVER_SENT) for cause in causes(error))
        else:
            if not response.is_redirect:
                return response
            response.close()
            failure = NotAPbxError(
                f"The answer was a redirect, HTTP status {response.status_code}, which is not followed",
                pbx=self._settings.address,
                endpoint=endpoint,
            )
        raise failure

    def _read(self, response: requests.Response, endpoint: str) -> bytes:
        try:
            return response.content
        except requests.RequestException as error:
            failure = self._failure(error, endpoint)
        raise failure

    def _failure(self, error: Exception, endpoint: str) -> YeastarError:
        where: dict[str, Any] = {"pbx": self._settings.address, "endpoint": endpoint}
        if isinstance(error, requests.exceptions.SSLError):
            complaint = certificate_complaint(error)
            if complaint:
                return CertificateError(f"The TLS certificate of the PBX was not accepted: {complaint}", **where)
            return NetworkError("The TLS connection to the PBX failed", **where)
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return NetworkError(f"The PBX could not be reached within {self._settings.timeout:g} seconds", **where)
        if isinstance(error, requests.exceptions.Timeout):
            return NetworkError("The PBX took the call but did not answer in time", **where)
        if isinstance(error, requests.exceptions.ProxyError):
            return NetworkError("The proxy did not let the call through", **where)
        if isinstance(error, ValueError):
            return NetworkError("The address of the PBX cannot be used", **where)
        cause = _root_cause(error)
        return NetworkError(
            f"The connection to the PBX failed: {cause}" if cause else "The connection to the PBX broke off", **where
        )


def _root_cause(error: BaseException) -> str:
    """The operating system's own words, the only part of such an exception that holds no URL."""
    for cause in causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
    return ""
