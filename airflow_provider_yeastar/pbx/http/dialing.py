"""Connections to a PBX as the policy has it, directly or through a proxy: for `requests` and for the WebSocket."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import make_headers

from airflow_provider_yeastar.pbx.http.policy import Proxy, Route, Trust
from airflow_provider_yeastar.pbx.http.sockets import (
    CURRENT_LIMIT,
    CallLimit,
    LimitedSocket,
    LimitedTlsSocket,
    open_socket,
)

__all__ = ["PbxAdapter", "dial"]


class _Limited(HTTPConnection):
    """A connection of urllib3 that is opened by :func:`open_socket` and keeps to the limit of the call under way."""

    def _new_conn(self) -> socket.socket:
        # urllib3 has no public place to open a socket elsewhere; its own SOCKS support overrides this too.
        try:
            return open_socket(self._dns_host, self.port, CURRENT_LIMIT.get())
        except (socket.gaierror, UnicodeError) as error:
            failure = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, failure) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "failed") from error

    def connect(self) -> None:
        super().connect()
        self._keep_to_limit()

    def request(self, *args: Any, **options: Any) -> None:
        self._keep_to_limit()  # the connection may be one that an earlier call has left
        super().request(*args, **options)

    def _keep_to_limit(self) -> None:
        if isinstance(self.sock, LimitedSocket | LimitedTlsSocket):
            limit = CURRENT_LIMIT.get()
            limit.bind(self.sock)
            limit.left()  # nothing is sent for a call that is over or was stopped


class _LimitedHttps(_Limited, HTTPSConnection):
    """The same over TLS."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Limited


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _LimitedHttps


class PbxAdapter(HTTPAdapter):
    """Sends requests over limited connections, with one TLS context; nothing of ``requests``' own trust remains.

    :param context: the TLS context.
    :param trust: what the context accepts.
    """

    def __init__(self, context: ssl.SSLContext | None, trust: Trust) -> None:
        # urllib3 is told the fingerprint too, or it would warn of an unverified connection.
        self._tls = {"ssl_context": context, "assert_fingerprint": trust.fingerprint} if context else {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options | self._tls)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options | self._tls)
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, dict(self._tls)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the connection's trust to the context; `requests` would add certifi's CAs."""


def dial(route: Route, host: str, port: int, limit: CallLimit) -> LimitedSocket:
    """Return a socket that is connected to a server, through a proxy's tunnel where the route has one.

    :param route: the way to it.
    :param host: name or address.
    :param port: TCP port.
    :param limit: bounds all of it; of later reads on the socket it bounds nothing.
    :raises OSError, urllib3.exceptions.HTTPError: when there is no connection.
    """
    opened = _tunnel(route.proxy, host, port, limit) if route.proxy else open_socket(host, port, limit)
    opened.limit = None
    return opened


def _tunnel(proxy: Proxy, host: str, port: int, limit: CallLimit) -> LimitedSocket:
    entered = CURRENT_LIMIT.set(limit)
    connection = _Limited(proxy.host, proxy.port)
    try:
        headers = make_headers(proxy_basic_auth=proxy.credentials)
        connection.set_tunnel(host, port, headers={"User-Agent": "airflow-provider-yeastar", **headers})
        connection.connect()
        opened, connection.sock = connection.sock, None
    finally:
        CURRENT_LIMIT.reset(entered)
        connection.close()
    assert isinstance(opened, LimitedSocket)
    return opened
