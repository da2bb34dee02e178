"""The handshake of a PBX's WebSocket: an open connection, or the one error that says why there is none.

The socket is opened by `http`, as for a call, so both take the same way and trust the same certificate; `websockets`
only gets the open socket. It then neither picks a proxy, nor resolves a name in the event loop's default thread pool
(which a killed task would have to wait for), nor follows a redirect, which would carry the token to another host.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.threads import in_thread
from airflow_provider_yeastar.pbx.errors import NetworkError, NotAPbxError, YeastarError
from airflow_provider_yeastar.pbx.http.dialing import dial
from airflow_provider_yeastar.pbx.http.failures import CONNECTION_ERRORS, network_failure
from airflow_provider_yeastar.pbx.http.policy import Policy, Trust, decide
from airflow_provider_yeastar.pbx.http.sockets import CallLimit, LimitedSocket
from airflow_provider_yeastar.pbx.http.tls import causes, make_ssl_context
from airflow_provider_yeastar.pbx.settings import PbxSettings

__all__ = ["ENDPOINT", "shake_hands"]

ENDPOINT = "openapi/v1.0/subscribe"

_CLOSE_TIMEOUT = 1.0
_MAX_FRAME_BYTES = 1 << 20
_REDIRECTS = range(300, 400)

# The library logs the handshake's request line, token included, at DEBUG: it gets a logger that keeps silent.
_silent = logging.getLogger(f"{__name__}.websocket")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False


async def shake_hands(settings: PbxSettings, token: str, user_agent: str) -> ClientConnection:
    """Return an open WebSocket of a PBX.

    :param settings: where the PBX is, and how to trust it; its ``timeout`` bounds all of this.
    :param token: access token.
    :param user_agent: the PBX refuses requests without one.
    :raises YeastarError: when there is none to be had.
    """
    limit = CallLimit(time.monotonic() + settings.timeout, settings.timeout)
    policy, context, opened = await in_thread(_open, settings, limit, discard=lambda found: found[-1].close())
    failure: YeastarError
    try:
        return await connect(
            f"{settings.events_url}?access_token={quote(token, safe='')}",
            sock=opened,
            user_agent_header=user_agent,
            ssl=context,
            # Frames are short, and the windows of zlib would be most of the memory that a channel takes.
            compression=None,
            open_timeout=max(0.1, limit.until - time.monotonic()),
            # The PBX has a heartbeat of its own; whether it answers the protocol's pings is not documented.
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT,
            max_size=_MAX_FRAME_BYTES,
            logger=_silent,
        )
    # A redirect is a ValueError here, as an open socket leads nowhere else; one to several places is a LookupError.
    except (OSError, TimeoutError, ValueError, LookupError, WebSocketException) as error:
        failure = _failure(error, settings, policy, token)
        opened.close()
    # Raised outside of the except block: what the library raised can hold the URL with its token.
    raise failure


def _open(settings: PbxSettings, limit: CallLimit) -> tuple[Policy, ssl.SSLContext | None, LimitedSocket]:
    policy = decide(settings, os.environ)
    context = _ssl_context(policy.trust) if settings.scheme == "https" else None
    try:
        return policy, context, dial(policy.route, settings.host, settings.effective_port, limit)
    except CONNECTION_ERRORS as error:
        failure = _network_failure(error, settings, policy)
    raise failure


# Channels that trust alike share a context while one of them is open: one that holds the system's CAs takes half a MB.
_contexts: WeakValueDictionary[Trust, ssl.SSLContext] = WeakValueDictionary()


def _ssl_context(trust: Trust) -> ssl.SSLContext:
    context = _contexts.get(trust)
    if context is None:
        context = _contexts[trust] = make_ssl_context(trust)
    return context


def _network_failure(error: BaseException, settings: PbxSettings, policy: Policy) -> YeastarError:
    return network_failure(
        error,
        route=policy.route,
        seconds=settings.timeout,
        pbx=settings.address,
        endpoint=ENDPOINT,
        subject="event connection",
    )


def _failure(error: Exception, settings: PbxSettings, policy: Policy, token: str) -> YeastarError:
    refused = next((cause for cause in causes(error) if isinstance(cause, InvalidStatus)), None)
    if refused:
        return _refusal(refused, settings, token)
    if isinstance(error, OSError):
        return _network_failure(error, settings, policy)
    through = f", {policy.route}" if policy.route.proxy else ""
    what = f"The event connection to the PBX failed: no WebSocket handshake{through}"
    return NetworkError(what, pbx=settings.address, endpoint=ENDPOINT)


def _refusal(error: InvalidStatus, settings: PbxSettings, token: str) -> YeastarError:
    """The PBX, or something before it, answered the handshake with plain HTTP, and may quote what it was sent."""
    status, body = error.response.status_code, bytes(error.response.body or b"")
    where: dict[str, Any] = {"pbx": settings.address, "endpoint": ENDPOINT}
    if status in _REDIRECTS:
        return NotAPbxError(f"The answer was a redirect, HTTP status {status}, which is not followed", **where)
    try:
        answer = wire.decode_answer(body, status, **where, secrets=[settings.client_secret, token])
    except NotAPbxError as not_a_pbx:
        return not_a_pbx
    return wire.answer_error(answer, **where) or NotAPbxError("The event connection was not opened", **where)
