"""A PBX that does not answer is asked once a minute; in between, all calls to it fail at once. Pure."""

from __future__ import annotations

from airflow_provider_yeastar.pbx.errors import NetworkError

__all__ = ["Silence"]

_PROBE_SECONDS = 60.0


class Silence:
    """Whether a PBX has said nothing for as long as a call may take, and when it is asked again."""

    def __init__(self) -> None:
        self._error: NetworkError | None = None
        self._until = 0.0

    def note(self, error: NetworkError, now: float) -> None:
        """Take note that a call has gone unanswered.

        :param error: that it ended in.
        :param now: seconds of a clock that only goes forward.
        """
        self._error, self._until = error, now + _PROBE_SECONDS

    def check(self, now: float) -> None:
        """Let the caller ask the PBX, or raise why not.

        :raises NetworkError: for a minute after an unanswered call; the first caller after that is let through.
        """
        error = self._error
        if error is None:
            return
        if now >= self._until:
            self._until = now + _PROBE_SECONDS  # the others wait for what this one finds
            return
        raise NetworkError(f"{error.what}; it is asked again in {self._until - now:.0f} seconds", pbx=error.pbx)

    def end(self) -> None:
        """Take note that the PBX has answered."""
        self._error = None
