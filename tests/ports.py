"""Ports of the loopback address that nobody else takes."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

__all__ = ["reserved_port"]


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """Keep a port for a server that is started later, or restarted; until then connections to it are refused.

    The socket here is bound and never listens. The kernel gives its port to nobody who asks for any, and still lets a
    server listen there that sets ``SO_REUSEADDR``, as servers do. A port that is only looked up is anybody's: initdb
    takes seconds, in which other tests start dozens of servers.
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])
