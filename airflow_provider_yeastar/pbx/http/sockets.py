"""TCP connections whose every step is bounded: name resolution, connecting, and reading as a whole.

A time-out of a socket bounds one read only: a server that sends a byte now and then keeps a call for ever. So each read
here gets what is left of the call's own time (:class:`CallLimit`). Of several addresses the next is tried a quarter of
a second after the one before (RFC 8305), because the first may swallow connections.
"""

from __future__ import annotations

import errno
import math
import os
import queue
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

__all__ = ["CURRENT_LIMIT", "CallLimit", "LimitedSocket", "LimitedTlsSocket", "open_socket"]

_STAGGER_SECONDS = 0.25

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class CallLimit:
    """How long a call may take; :meth:`stop` ends it before.

    :param until: moment of the monotonic clock at which the whole call must be over.
    :param idle: seconds that a single read may take.
    :param connecting: seconds for connecting, where the answer of a call may take longer.
    """

    def __init__(self, until: float, idle: float, connecting: float = math.inf) -> None:
        self.until = until
        self.idle = idle
        self.connecting = connecting
        self._is_stopped = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def left(self) -> float:
        """Return the seconds for the next step.

        :raises TimeoutError: when the call's time is over.
        :raises ConnectionAbortedError: when the call was stopped.
        """
        if self._is_stopped:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the call was stopped")
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the call's time is over")
        return min(seconds, self.idle)

    def bind(self, opened: LimitedSocket | LimitedTlsSocket) -> None:
        """Bound the reads of the socket that the call uses from now on."""
        opened.limit = self
        with self._lock:
            self._socket = opened

    def release(self) -> None:
        """Leave the socket to other calls: it may be used again."""
        with self._lock:
            self._socket = None

    def stop(self) -> None:
        """End the call at once, from another thread; does not block."""
        with self._lock:
            self._is_stopped = True
            if self._socket:
                with suppress(OSError):  # it may be closed already
                    # Not that of TLS, whose state belongs to the thread that reads.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


CURRENT_LIMIT: ContextVar[CallLimit] = ContextVar("limit")
"""The limit of the call that is under way: connections are made deep inside urllib3."""


class LimitedSocket(socket.socket):
    """A socket each of whose reads takes no longer than its call has left."""

    limit: CallLimit | None = None

    def recv_into(self, *args: Any, **options: Any) -> int:
        _keep_to(self.limit, self)
        return super().recv_into(*args, **options)


class LimitedTlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    limit: CallLimit | None = None

    def recv_into(self, *args: Any, **options: Any) -> int:
        _keep_to(self.limit, self)
        return super().recv_into(*args, **options)


def _keep_to(limit: CallLimit | None, opened: socket.socket) -> None:
    seconds = limit.left() if limit else None
    if seconds is not None and seconds != opened.gettimeout():  # setting it costs a system call
        opened.settimeout(seconds)


def open_socket(host: str, port: int, limit: CallLimit) -> LimitedSocket:
    """Return a socket that is connected to a server.

    :param host: name or address.
    :param port: TCP port.
    :param limit: bounds name resolution and connecting together, and then the reads.
    :raises OSError: when there is no connection: ``socket.gaierror`` without an address, ``TimeoutError`` in time.
    """
    seconds = min(limit.left(), limit.connecting)
    connecting = CallLimit(time.monotonic() + seconds, seconds)
    opened = _first_to_connect(deque(_interleaved(_resolve(host, port, connecting))), connecting)
    try:
        opened.settimeout(connecting.left())  # for the handshake of TLS
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:  # out of time, or the other end is gone already
        opened.close()
        raise
    limit.bind(opened)
    return opened


def _resolve(host: str, port: int, limit: CallLimit) -> list[Address]:
    """Look a name up, on a thread of its own: the system's resolver may take half a minute and cannot be stopped."""
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(_look_up(host, port, 0))
        except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
            answers.put(error)

    try:
        threading.Thread(target=look_up, name="yeastar-resolver", daemon=True).start()
        answer = answers.get(timeout=limit.left())
    except RuntimeError:  # no more threads can be started
        raise OSError(errno.EAGAIN, "no thread could be started to look up the host's name") from None
    except queue.Empty:
        raise TimeoutError("the host's name was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _look_up(host: str, port: int, flags: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _interleaved(addresses: list[Address]) -> Iterable[Address]:
    """The addresses in their order, families by turns, so that a network without IPv6 costs one attempt."""
    first = addresses[0][0] if addresses else None
    same = [address for address in addresses if address[0] == first]
    other = [address for address in addresses if address[0] != first]
    for at in range(max(len(same), len(other))):
        yield from same[at : at + 1]
        yield from other[at : at + 1]


def _first_to_connect(addresses: deque[Address], limit: CallLimit) -> LimitedSocket:
    """Connect to all addresses, each a little after the one before or once that has failed; the first one wins."""
    with selectors.DefaultSelector() as attempts:
        try:
            return _race(addresses, attempts, limit)
        finally:
            for key in list(attempts.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # they are all sockets


def _race(addresses: deque[Address], attempts: selectors.BaseSelector, limit: CallLimit) -> LimitedSocket:
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    next_start = 0.0
    while addresses or attempts.get_map():
        if addresses and time.monotonic() >= next_start:
            failure = _start(addresses.popleft(), attempts) or failure
            next_start = time.monotonic() + _STAGGER_SECONDS if attempts.get_map() else 0.0
            continue
        wait = limit.left()
        for key, _ in attempts.select(min(wait, max(0.0, next_start - time.monotonic())) if addresses else wait):
            opened = key.fileobj
            assert isinstance(opened, LimitedSocket)
            attempts.unregister(opened)
            code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return opened
            opened.close()
            failure, next_start = _os_error(code), 0.0
    raise failure


def _start(address: Address, attempts: selectors.BaseSelector) -> OSError | None:
    family, target = address
    attempt: LimitedSocket | None = None
    try:
        attempt = LimitedSocket(family, socket.SOCK_STREAM)
        attempt.setblocking(False)
        code = attempt.connect_ex(target)
        if code in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            attempts.register(attempt, selectors.EVENT_WRITE)
            return None
        failure = _os_error(code)
    except OSError as error:  # this machine has no such family, or no more sockets
        failure = error
    if attempt:
        attempt.close()
    return failure


def _os_error(code: int) -> OSError:
    return OSError(code, os.strerror(code))
