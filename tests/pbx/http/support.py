"""A call to a server that a test scripts, and an address that swallows connections."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.settings import PbxSettings

ENDPOINT = "openapi/v1.0/system/information"
OK = json.dumps({"errcode": 0, "data": {"sn": "369"}}).encode()
SECRET = "the-client-secret"
TOKEN = "5qcixSatPqNQfjsepgFdUsQBID1ZWnu8"


def call(address: str, *, token: str | None = TOKEN, **changes: Any) -> dict[str, Any]:
    settings = PbxSettings(address, "client", SECRET, **{"scheme": "http", "timeout": 5.0, **changes})
    with contextlib.closing(Transport(settings)) as transport:
        return transport.exchange("GET", ENDPOINT, token=token)


@contextlib.contextmanager
def black_hole() -> Iterator[tuple[str, int]]:
    """An address that takes no connection and refuses none: a full backlog, to which Linux answers nothing."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()
