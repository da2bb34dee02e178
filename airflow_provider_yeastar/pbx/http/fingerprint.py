"""The fingerprint of a server's certificate, for ``ssl_fingerprint``."""

from __future__ import annotations

import os
import time

from airflow_provider_yeastar.pbx.errors import NetworkError, YeastarError
from airflow_provider_yeastar.pbx.http.dialing import dial
from airflow_provider_yeastar.pbx.http.failures import CONNECTION_ERRORS, network_failure, system_words
from airflow_provider_yeastar.pbx.http.policy import choose_route
from airflow_provider_yeastar.pbx.http.sockets import CallLimit
from airflow_provider_yeastar.pbx.http.tls import fetch_fingerprint
from airflow_provider_yeastar.pbx.settings import PROXY_FROM_ENVIRONMENT

__all__ = ["server_fingerprint"]


def server_fingerprint(host: str, port: int, seconds: float) -> str:
    """Return the SHA-256 fingerprint, in lower-case hex, of the certificate that a server shows.

    A proxy is taken from the environment, as the connection does by default.

    :param host: name or address.
    :param port: TCP port.
    :param seconds: for connecting.
    :raises YeastarError: when there is no TLS server, or no way to it.
    """
    route = choose_route("https", host, port, PROXY_FROM_ENVIRONMENT, os.environ)
    failure: YeastarError
    try:
        return fetch_fingerprint(dial(route, host, port, CallLimit(time.monotonic() + seconds, seconds)), host)
    except CONNECTION_ERRORS as error:
        words = system_words(error)
        told = network_failure(error, route=route, seconds=seconds, pbx=f"{host}:{port}", endpoint="TLS")
        failure = NetworkError(words) if words and not route.proxy else told
    raise failure
