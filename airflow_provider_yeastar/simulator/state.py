"""What a PBX remembers and by which rules: logins, tokens, finished files. No sockets; time comes in as epoch seconds.

A rule that is broken raises :class:`Refusal`, which is the vendor's answer itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_yeastar.simulator.calls.call import Call
from airflow_provider_yeastar.simulator.calls.log import CallLog, keeping
from airflow_provider_yeastar.simulator.calls.made import answered_call
from airflow_provider_yeastar.simulator.settings import SimulatorSettings

__all__ = ["PbxState", "Refusal", "StoredFile", "Token"]

_WORDS = {
    -2: "INTERNAL SERVER ERROR",
    -1: "FAILURE",
    1: "PARTIAL SUCCESS",
    2: "PROCESSING",
    10001: "INTERFACE NOT EXISTED",
    10002: "API VERSION OUT OF MAINTENANCE",
    10003: "API VERSION UNSUPPORTED",
    10004: "TOKEN EXPIRED",
    10005: "ACCESS DENIED",
    10009: "OPERATION FAILED",
    40001: "PARAMETER SYNTAX ERROR",
    40002: "PARAMETER ERROR",
    40003: "DUPLICATE KEY VALUE",
    40004: "FILE SIZE EXCEEDED",
    60001: "DATA NOT FOUND",
    60002: "MAX LIMITATION EXCEEDED",
    70004: "ACCOUNT IP BLOCKED",
    70082: "OVERLOAD_TASK_RUNNING",
    70087: "IP FORBIDDEN",
    # The words of these four are not known [U].
    70131: "RECORDING DISABLED",
    70651: "RECORDING BUSY",
    70656: "FUNCTION DISABLED",
    80010: "NO PERMISSION",
    70106: "RATE_NOT_EXISTED",
    70123: "API UNAVAILABLE",
}


class Refusal(Exception):  # noqa: N818 - it is the answer, not a failure
    """An errcode, as the PBX answers it.

    :param errcode: the vendor's code.
    :param invalid: entries of ``invalid_param_list``.
    """

    def __init__(self, errcode: int, invalid: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(errcode)
        self.answer: dict[str, Any] = {"errcode": errcode, "errmsg": _WORDS.get(errcode, "FAILURE")}
        if invalid:
            self.answer["invalid_param_list"] = list(invalid)


@dataclass(frozen=True)
class Token:
    """A login: both tokens and their ends."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_until: float
    refresh_until: float


@dataclass(frozen=True)
class StoredFile:
    """A finished report and the end of its URL."""

    content: bytes
    until: float


@dataclass
class PbxState:
    """The PBX's memory."""

    settings: SimulatorSettings
    tokens: dict[str, Token] = field(default_factory=dict)
    failed_logins: dict[str, int] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    logins: int = 0
    booted_at: float = 0.0
    added_calls: list[Call] = field(default_factory=list)

    def call_log(self, now: datetime) -> CallLog:
        """Return the calls that the PBX has: all, or the newest as far as it keeps them.

        :param now: what its clock shows.
        """
        settings = self.settings
        log = CallLog(settings.seed, settings.directory, settings.traffic, added=tuple(self.added_calls))
        return log if settings.kept_calls is None else keeping(log, settings.kept_calls, now)

    def add_call(self, started: datetime | None, now: datetime, **changes: Any) -> Call:
        """Write a further call into the log, and return it.

        :param started: its beginning, PBX-local; None for a call that ends now.
        :param now: what the PBX's clock shows.
        :param changes: fields of ``Call`` that differ from those of a call that a queue's agent answered.
        """
        number = len(self.added_calls) + 1
        call = answered_call(self.settings.directory, started or now, number, **changes)
        if started is None:
            began = call.started - timedelta(seconds=call.duration_seconds)
            call = answered_call(self.settings.directory, began, number, **changes)
        self.added_calls.append(call)
        return call

    def log_in(self, address: str, username: object, password: object, now: float) -> dict[str, Any]:
        """Answer ``get_token``: five refusals in a row block the address, and eight tokens are the most."""
        if self.failed_logins.get(address, 0) >= self.settings.login_limit:
            raise Refusal(70004)
        if (username, password) != (self.settings.client_id, self.settings.client_secret):
            self.failed_logins[address] = self.failed_logins.get(address, 0) + 1
            raise Refusal(-1, [{"field": "username or password", "value": "error"}])
        self.failed_logins.pop(address, None)
        if not self.settings.one_token:
            self._make_sure_of_room(now)
        self.logins += 1
        if self.settings.one_token:
            self.tokens.clear()
        return self._issue(now)

    def unblock(self) -> None:
        """Forget the failed logins, as a person does in the portal."""
        self.failed_logins.clear()

    def refresh(self, refresh_token: object, now: float) -> dict[str, Any]:
        """Answer ``refresh_token``: both tokens are new, the old ones are gone.

        Of a login whose access token expired it makes one live token more; that the cap answers as at a login is our
        reading [U].
        """
        for access, token in self.tokens.items():
            if token.refresh == refresh_token and now < token.refresh_until:
                if now >= token.access_until:
                    self._make_sure_of_room(now)
                del self.tokens[access]
                return self._issue(now)
        raise Refusal(10004)

    def revoke(self, access_token: str) -> dict[str, Any]:
        """Answer ``del_token``."""
        self.tokens.pop(access_token, None)
        return {}

    def authenticate(self, access_token: str | None, now: float) -> Token:
        """Return the token that a query carries, or refuse it."""
        token = self.tokens.get(access_token or "")
        if token is None or now >= token.access_until:
            raise Refusal(10004)
        return token

    def seconds_left(self, access_token: str, now: float) -> float:
        """Return for how long an access token is still good; 0 or less for one that is not."""
        token = self.tokens.get(access_token)
        return token.access_until - now if token else 0.0

    def keep(self, name: str, content: bytes, now: float) -> None:
        """Serve a file for as long as its URL lives."""
        self.files[name] = StoredFile(content, now + self.settings.file_life)

    def file(self, name: str, now: float) -> bytes:
        """Return a file, or refuse: what the PBX answers for an expired one is unknown beyond being no file [U]."""
        stored = self.files.get(name)
        if stored is None or now >= stored.until:
            raise Refusal(60001)
        return stored.content

    def restart(self, now: float) -> None:
        """Lose what a reboot loses; ``up_time`` counts from now."""
        self.tokens.clear()
        self.files.clear()
        self.booted_at = now

    def _make_sure_of_room(self, now: float) -> None:
        if sum(now < token.access_until for token in self.tokens.values()) >= self.settings.token_cap:
            raise Refusal(60002)

    def _random(self) -> str:
        text = secrets.token_hex(16)
        return f"{text[:8]}+/ %&={text[8:]}" if self.settings.awkward_tokens else text

    def _issue(self, now: float) -> dict[str, Any]:
        lives = (self.settings.access_token_life, self.settings.refresh_token_life)
        token = Token(self._random(), self._random(), now + lives[0], now + lives[1])
        self.tokens[token.access] = token
        return {
            "access_token_expire_time": int(lives[0]),
            "access_token": token.access,
            "refresh_token_expire_time": int(lives[1]),
            "refresh_token": token.refresh,
        }
