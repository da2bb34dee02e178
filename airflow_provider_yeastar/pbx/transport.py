"""HTTP to one PBX, written once, with `requests`: calls and their answers, files as streams.

The token travels in the query of every URL, and both `requests` and `urllib3` put whole URLs into their exceptions
and logs. So an exception of theirs is read inside its ``except`` block and ours is raised outside of it (a chained
exception would carry the URL along), and urllib3's records are redacted by a filter on its loggers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
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
from airflow_provider_yeastar.pbx.redaction import redact_text
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.tls import causes, certificate_complaint, make_ssl_context

__all__ = ["USER_AGENT", "FileStream", "Transport"]

USER_AGENT = f"airflow-provider-yeastar/{__version__}"
"""The PBX refuses requests without one (40002)."""

_CHUNK_BYTES = 64 * 1024
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


@dataclass(frozen=True)
class FileStream:
    """A file on its way: the length the PBX announced (bytes, None if it did not) and its chunks."""

    announced_bytes: int | None
    chunks: Iterator[bytes]


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

    @contextmanager
    def stream(self, url: str, token: str) -> Iterator[FileStream]:
        """Open a file that the PBX announced; its body is read as the chunks are taken.

        :param url: ``download_resource_url`` of an answer or an event.
        :param token: access token.
        :raises UnsafeUrlError: when the URL leads away from the PBX.
        :raises NetworkError: also from the chunks, when the body stops on its way.
        :raises NotAPbxError: for any HTTP status but 200.
        """
        path = wire.file_url_path(url, self._settings.base_url, pbx=self._settings.address)
        # `requests` keeps a query that stands in the URL and adds to it.
        response = self._send("GET", path.lstrip("/"), params={_TOKEN_PARAMETER: token}, stream=True)
        with closing(response):
            if response.status_code != requests.codes.ok:
                raise NotAPbxError(
                    f"The file was refused with HTTP status {response.status_code}",
                    pbx=self._settings.address,
                    endpoint=path.split("?")[0],
                )
            # A compressed body's length says nothing about the file's.
            plain = not response.headers.get("Content-Encoding")
            announced = response.headers.get("Content-Length", "") if plain else ""
            yield FileStream(
                int(announced) if announced.isdigit() else None, self._chunks(response, path.split("?")[0])
            )

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

    def _chunks(self, response: requests.Response, endpoint: str) -> Iterator[bytes]:
        chunks = response.iter_content(_CHUNK_BYTES)
        while True:
            failure: YeastarError | None = None
            try:
                chunk = next(chunks, b"")
            except requests.RequestException as error:
                failure = self._failure(error, endpoint)
            if failure:
                raise failure
            if not chunk:
                return
            yield chunk

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
