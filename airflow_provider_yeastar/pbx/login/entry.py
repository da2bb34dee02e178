"""The entry of one application's login in the shared state: under the PBX's serial number, once that is known.

A PBX may have several names: an address and a host name, http and https. At first only the base URL is known, so a
login begins there. When the PBX has told its serial number, the login moves to an entry of that name, and the first
entry says where it went.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from airflow_provider_yeastar.pbx.errors import StateUnavailableError
from airflow_provider_yeastar.pbx.login.record import Attempt, LoginRecord
from airflow_provider_yeastar.pbx.login.stored import StoredLogin, application_key, joined
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import Entry, SharedState
from airflow_provider_yeastar.pbx.tokens import Tokens

__all__ = ["LoginEntry", "RecordChange"]

RecordChange = Callable[[LoginRecord, float], LoginRecord]
"""Makes the new record from the present one and the state's time; pure, may be called several times."""

_KEEP_SECONDS = 400 * 86400.0
_MOVED = "moved"
_MOST_MOVES = 4


class LoginEntry:
    """Where a login is kept.

    :param settings: the PBX and the application.
    :param state: that holds the entry.
    :param stored: reads and writes it.
    """

    def __init__(self, settings: PbxSettings, state: SharedState, stored: StoredLogin) -> None:
        self.home = settings.state_name
        """Names the PBX by its base URL."""
        self.pbx = self.home
        """Names the PBX: by its serial number if that is known."""
        self.own_tokens: Tokens | None = None
        """The tokens of a login that shares none; they stand in its record, but not in the state."""
        self.own_given_by: Attempt | None = None
        self._application = application_key(settings)
        self._state = state
        self._stored = stored

    def locate(self) -> Entry | None:
        """Find out where the login has moved to, as far as the state tells; return the entry there."""
        for _ in range(_MOST_MOVES):
            entry = self._state.read(self._name(self.pbx))
            if not self._follow(entry):
                return entry
        return None

    def read(self) -> LoginRecord:
        """Return the record."""
        return self._open(self.locate())

    def read_at(self, pbx: str) -> LoginRecord:
        """Return the record of the login at a PBX of another name."""
        return self._open(self._state.read(self._name(pbx)))

    def change(self, change: RecordChange) -> LoginRecord:
        """Replace the record atomically and return the new one; see :meth:`SharedState.update`."""
        for _ in range(_MOST_MOVES):
            entry = self._update(self.pbx, change)
            if not self._follow(entry):
                return self._open(entry)
        raise StateUnavailableError(f"{self._state.name}: a login has moved again and again")

    def move(self, pbx: str, change: RecordChange) -> LoginRecord:
        """Keep the login under another name of the PBX from now on; return its record there.

        :param pbx: the new name.
        :param change: of the record that is there already, if there is one.
        """
        source = self.locate()
        record = self._open(self._update(pbx, change, source))
        self._state.update(self._name(self.home), lambda entry, now: {_MOVED: pbx}, keep_seconds=_KEEP_SECONDS)
        self.pbx = pbx
        return record

    def _update(self, pbx: str, change: RecordChange, source: Entry | None = None) -> Entry | None:
        def changed(entry: Entry | None, now: float) -> Entry:
            if entry and _MOVED in entry:
                return entry
            return self._stored.write(change(self._open(entry), now), joined(entry, source))

        return self._state.update(self._name(pbx), changed, keep_seconds=_KEEP_SECONDS)

    def _follow(self, entry: Entry | None) -> bool:
        moved = (entry or {}).get(_MOVED)
        if not isinstance(moved, str) or not moved or moved == self.pbx:
            return False
        self.pbx = moved
        return True

    def _open(self, entry: Entry | None) -> LoginRecord:
        record = self._stored.read(entry)
        if self._stored.shares_tokens:
            return record
        return replace(record, tokens=self.own_tokens, given_by=self.own_given_by)

    def _name(self, pbx: str) -> str:
        return f"{pbx}/{self._application}/login"
