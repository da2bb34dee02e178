"""Calls to one PBX over HTTP, with `requests`, and their answers; files as streams.

The token travels in the query of every URL, and both `requests` and `urllib3` put whole URLs into their exceptions
and logs. So an exception of theirs is read inside its ``except`` block and ours is raised outside of it (a chained
exception would carry the URL along), and urllib3's records are redacted by a filter on its loggers.
"""

from __future__ import annotations

import logging
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import requests
import urllib3

from airflow_provider_yeastar import __version__
from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import NotAPbxError, YeastarError
from airflow_provider_yeastar.pbx.http.dialing import PbxAdapter
from airflow_provider_yeastar.pbx.http.failures import CONNECTION_ERRORS, network_failure, proxy_refusal
from airflow_provider_yeastar.pbx.http.file_stream import FileStream
from airflow_provider_yeastar.pbx.http.policy import decide
from airflow_provider_yeastar.pbx.http.ranges import RestOfFile
from airflow_provider_yeastar.pbx.http.sockets import CURRENT_LIMIT, CallLimit
from airflow_provider_yeastar.pbx.http.tls import make_ssl_context
from airflow_provider_yeastar.pbx.redaction import redact_text
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.untrusted import MAX_JSON_BYTES

__all__ = ["USER_AGENT", "FileStream", "Transport"]

USER_AGENT = f"airflow-provider-yeastar/{__version__}"
"""The PBX refuses requests without one (40002)."""

_TOKEN_PARAMETER = "access_token"
_READ_BYTES = 64 * 1024
# gzip and zlib; with their headers, whichever comes.
_COMPRESSED = {"gzip": 47, "x-gzip": 47, "deflate": 47}
_PROXY_STATUSES = (403, 407, 502, 503, 504)


class _RedactingFilter(logging.Filter):
    """Takes tokens out of the records of a library that logs whole URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact_text(record.getMessage()), ()
        return True


# A filter acts on its own logger only, not on those below it: here are all that are told a URL.
for _logger in ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry"):
    logging.getLogger(_logger).addFilter(_RedactingFilter())


class Transport:
    """One HTTP session with a PBX. Not for use by several threads at once.

    :param settings: where the PBX is; of the credentials only the secret is used, to redact it in answers.
    :raises InvalidSettingsError: for a CA bundle or a proxy that cannot be used.
    """

    def __init__(self, settings: PbxSettings) -> None:
        self._settings = settings
        policy = decide(settings, os.environ)
        self._route = policy.route
        self._session = requests.Session()
        # Neither ~/.netrc nor any variable of the environment but those that the policy has read.
        self._session.trust_env = False
        self._session.headers["User-Agent"] = USER_AGENT
        if policy.route.proxy:
            self._session.proxies = {settings.scheme: policy.route.proxy.url}
        context = make_ssl_context(policy.trust) if settings.scheme == "https" else None
        self._session.mount(f"{settings.scheme}://", PbxAdapter(context, policy.trust))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def limit(self, timeout: float | None = None) -> CallLimit:
        """Return the bounds of a call that begins now.

        :param timeout: seconds for the whole call; the connection's ``timeout`` when left out.
        """
        seconds = timeout or self._settings.timeout
        return CallLimit(time.monotonic() + seconds, seconds, self._settings.timeout)

    def exchange(
        self,
        method: str,
        endpoint: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        token: str | None = None,
        limit: CallLimit | None = None,
    ) -> dict[str, Any]:
        """Send one call and return its decoded answer, whatever its errcode.

        :param method: ``GET`` or ``POST``.
        :param endpoint: path below the base URL, for instance ``openapi/v1.0/get_token``.
        :param query: parameters without the token.
        :param body: what goes out as JSON.
        :param token: access token, for all calls but the login's.
        :param limit: from :meth:`limit`; that of the connection's ``timeout`` when left out.
        :raises NetworkError: when no answer came in time; it is then unknown whether the PBX carried the call out.
        :raises NotAPbxError: when the answer is not of the PBX's API.
        """
        parameters = dict(query or {}) | ({_TOKEN_PARAMETER: token} if token else {})
        limit = limit or self.limit()
        options = {"params": parameters, "json": body, "headers": {"Accept-Encoding": "identity"}}
        with self._limited(limit), closing(self._send(method, endpoint, limit.idle, **options)) as response:
            content = self._read(response, endpoint)
        return self._decode(content, response.status_code, endpoint, token)

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
        seconds = self._settings.timeout
        limit = CallLimit(time.monotonic() + seconds, seconds)
        with self._limited(limit):
            # `requests` keeps a query that stands in the URL and adds to it.
            response = self._send("GET", path.lstrip("/"), seconds, params={_TOKEN_PARAMETER: token}, headers=headers)
        status = response.status_code
        if status == requests.codes.ok:
            starts_at = 0
        elif status == requests.codes.partial and rest and rest.comes_with(response.headers):
            starts_at = rest.first
        else:
            response.close()
            if self._is_of_proxy(status):
                raise proxy_refusal(status, self._route, pbx=self._settings.address, endpoint=endpoint)
            part = " for another part than the one that was asked for" if status == requests.codes.partial else ""
            what = f"The file was refused with HTTP status {status}{part}"
            raise NotAPbxError(what, pbx=self._settings.address, endpoint=endpoint)
        return FileStream(response, starts_at, limit, lambda error: self._failure(error, endpoint))

    @contextmanager
    def _limited(self, limit: CallLimit) -> Iterator[None]:
        entered = CURRENT_LIMIT.set(limit)
        try:
            yield
        finally:
            CURRENT_LIMIT.reset(entered)
            limit.release()

    def _send(self, method: str, endpoint: str, seconds: float, **options: Any) -> requests.Response:
        try:
            # A redirect would carry the token to wherever it points.
            response = self._session.request(
                method,
                f"{self._settings.base_url}/{endpoint}",
                timeout=seconds,
                allow_redirects=False,
                stream=True,
                **options,
            )
        except CONNECTION_ERRORS as error:
            failure = self._failure(error, endpoint)
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
            return _bounded_body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure: YeastarError = self._failure(error, endpoint)
        except ValueError as refused:
            failure = NotAPbxError(f"The answer {refused}", pbx=self._settings.address, endpoint=endpoint)
        raise failure

    def _decode(self, content: bytes, status: int, endpoint: str, token: str | None) -> dict[str, Any]:
        where = {"pbx": self._settings.address, "endpoint": endpoint}
        secrets = [secret for secret in (token, self._settings.client_secret) if secret]
        try:
            return wire.decode_answer(content, status, **where, secrets=secrets)
        except NotAPbxError:
            if not self._is_of_proxy(status):
                raise
        raise proxy_refusal(status, self._route, **where)

    def _is_of_proxy(self, status: int) -> bool:
        """Whether an answer that is not of the PBX is one of the proxy; in a tunnel of TLS none can be."""
        is_forwarded = self._route.proxy is not None and self._settings.scheme == "http"
        return status == requests.codes.proxy_authentication_required or (is_forwarded and status in _PROXY_STATUSES)

    def _failure(self, error: Exception, endpoint: str) -> YeastarError:
        settings = self._settings
        return network_failure(
            error, route=self._route, seconds=settings.timeout, pbx=settings.address, endpoint=endpoint
        )


def _bounded_body(response: requests.Response) -> bytes:
    """Return the body of an answer.

    :raises ValueError: with the end of a sentence, for one that is too long or in an encoding that was not asked for.
    """
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in _COMPRESSED and encoding not in ("", "identity"):
        raise ValueError("was compressed in a way that was not asked for")
    body, inflate = bytearray(), zlib.decompressobj(_COMPRESSED[encoding]) if encoding in _COMPRESSED else None
    while chunk := response.raw.read(_READ_BYTES, decode_content=False):
        try:
            body += inflate.decompress(chunk, MAX_JSON_BYTES + 1 - len(body)) if inflate else chunk
        except zlib.error:
            raise ValueError("was compressed in a way that cannot be read") from None
        if len(body) > MAX_JSON_BYTES:
            raise ValueError(f"is longer than {MAX_JSON_BYTES >> 20} MiB")
    if inflate and not inflate.eof:
        raise ValueError("was compressed, and is cut off")
    return bytes(body)
