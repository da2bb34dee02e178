"""A PBX that does not answer is asked once a minute; in between, all calls to it fail at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_yeastar.pbx.concurrency.threads import about_to_wait
from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.pbx.http.transport import Transport

__all__ = ["SilenceGuard"]

_PROBE_SECONDS = 60.0


class SilenceGuard:
    """Calls to one PBX, for all that share a session.

    :param transport: the way to the PBX.
    :param clock: returns seconds, and only goes forward.
    """

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._error: NetworkError | None = None
        self._until = 0.0

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
        """Send one call; see :meth:`Transport.exchange`.

        A call with a ``timeout`` of its own may wait for a report: it is stopped if its caller is cancelled. Others are
        short, and a login's answer must not be lost.

        :param timeout: seconds, None for the connection's.
        :raises NetworkError: also for a minute after a call that was not answered in the connection's ``timeout``.
        """
        if self._error and self._clock() >= self._until:
            self._until = self._clock() + _PROBE_SECONDS  # the others wait for what this call finds
        else:
            self.check()
        limit = self._transport.limit(timeout)
        about_to_wait(None if timeout is None else limit.stop)
        try:
            answer = self._transport.exchange(method, endpoint, query=query, body=body, token=token, limit=limit)
        except NetworkError as error:
            # With a timeout of its own, a call may end before its PBX could answer: a report takes long.
            if error.is_timeout and timeout is None:
                self._error, self._until = error, self._clock() + _PROBE_SECONDS
            raise
        self._error = None
        return answer

    def check(self) -> None:
        """Raise at once what a call would raise at once, before anything is prepared for it.

        :raises NetworkError: for a minute after a call that was not answered.
        """
        left = self._until - self._clock()
        if self._error and left > 0:
            what = f"{self._error.what}; the next call is made in {left:.0f} seconds"
            repeated = NetworkError(what, pbx=self._error.pbx)
            repeated.was_received = False
            raise repeated
