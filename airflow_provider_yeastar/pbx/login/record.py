"""What is known of an application's login at a PBX, and what to do next. Pure.

The users of a shared state log in one at a time, and write that they will before they send anything. So whatever goes
wrong, at most two logins in a token's life bring no usable token: a third is not sent, whoever wants it.

    tokens fresh, not rejected                          ─> USE
    another user of the state logs in or refreshes      ─> WAIT
    access token about to expire                        ─> REFRESH
    these credentials failed a short while ago          ─> FAIL
    two logins of late brought no usable token          ─> FAIL
    else                                                ─> LOG_IN

An attempt is settled when a call with its token has succeeded. One that the PBX never received, and one that met the
cap of live tokens (60002), do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from airflow_provider_yeastar.pbx.errors import (
    CredentialsError,
    NetworkError,
    NotAPbxError,
    TokenCapError,
    TokenExpiredError,
    YeastarError,
    error_from_dict,
    error_to_dict,
)
from airflow_provider_yeastar.pbx.tokens import ACCESS_TOKEN_LIFE, Tokens, TokenStep, next_step

__all__ = ["TOKEN_LIFE", "Attempt", "Failure", "LoginRecord", "LoginStep", "next_login_step"]

TOKEN_LIFE = ACCESS_TOKEN_LIFE
"""Seconds for which a token that was given and lost takes one of the PBX's eight places."""
_MOST_ATTEMPTS = 2
_FOREVER = float("inf")
# For so many seconds after a failed login nobody tries these credentials again.
_MEMORY = 60.0
_MEMORIES: Mapping[type[YeastarError], float] = {
    CredentialsError: 3600.0,
    # Pods that share nothing give their tokens back; many that wait must not ask more often than one.
    TokenCapError: 15.0,
    # So that the next of many tasks does not take the second attempt before this one can know what went wrong.
    NetworkError: 2.0,
    NotAPbxError: 2.0,
}


class LoginStep(Enum):
    USE = "use the token"
    WAIT = "wait for the login of another"
    REFRESH = "refresh the token"
    FAIL = "raise what the last login ended in"
    LOG_IN = "log in"


@dataclass(frozen=True)
class Attempt:
    """A login that was sent, or is about to be.

    :param key: tells it from others.
    :param at: epoch seconds.
    """

    key: str
    at: float


@dataclass(frozen=True)
class Failure:
    """How the last login with these credentials ended.

    :param error: :func:`.error_to_dict` of it.
    :param at: epoch seconds.
    :param refusals: how often in a row the PBX has refused these very credentials.
    """

    error: Mapping[str, Any]
    at: float
    refusals: int = 0


@dataclass(frozen=True)
class LoginRecord:
    """The login of one application with one Client Secret.

    :param tokens: what the last login or refresh gave, None without one.
    :param given_by: the attempt that gave them, None once a call with them has succeeded.
    :param attempts: logins that have brought no usable token, whatever their Client Secret.
    :param failure: how the last login with this Client Secret ended, None if it succeeded.
    :param busy: who is logging in or refreshing, empty for nobody.
    :param busy_until: epoch seconds at which that counts as given up.
    :param first_user: the process that was the first to use this record.
    :param is_shared: whether another process has used it since.
    """

    tokens: Tokens | None = None
    given_by: Attempt | None = None
    attempts: tuple[Attempt, ...] = ()
    failure: Failure | None = None
    busy: str = ""
    busy_until: float = 0.0
    first_user: str = ""
    is_shared: bool = False

    def used_by(self, process: str) -> LoginRecord:
        """Return the record with the note that a process uses it."""
        if not self.first_user:
            return replace(self, first_user=process)
        return self if self.first_user == process else replace(self, is_shared=True)

    def without_rejected(self, rejected: str | None) -> LoginRecord:
        """Return the record without the token that the PBX has answered 10004 to; its attempt brought none of use."""
        if self.tokens is None or self.tokens.access_token != rejected:
            return self
        return _without_tokens(self)

    def begun(self, step: LoginStep, attempt: Attempt, busy_seconds: float) -> LoginRecord:
        """Return the record with the note that a login or a refresh is about to be sent."""
        busy = replace(self, busy=attempt.key, busy_until=attempt.at + busy_seconds)
        if step is not LoginStep.LOG_IN:
            return busy
        busy = _without_tokens(busy)
        return replace(busy, attempts=(*_recent(busy.attempts, attempt.at), attempt))

    def succeeded(self, step: LoginStep, attempt: Attempt, tokens: Tokens) -> LoginRecord:
        """Return the record with the tokens that an attempt has brought."""
        given_by = attempt if step is LoginStep.LOG_IN else None
        return replace(
            self._finished(attempt), tokens=tokens, given_by=given_by, attempts=self._without(attempt), failure=None
        )

    def failed(self, attempt: Attempt, error: YeastarError, now: float, *, was_received: bool) -> LoginRecord:
        """Return the record with how a login has ended.

        :param was_received: False if the PBX has surely never received it.
        """
        counts = was_received and not isinstance(error, TokenCapError)
        refusals = self.failure.refusals if self.failure else 0
        if isinstance(error, CredentialsError):
            refusals += 1
        return replace(
            self._finished(attempt),
            attempts=self.attempts if counts else self._without(attempt),
            failure=Failure(error_to_dict(error), now, refusals) if was_received else self.failure,
        )

    def not_refreshed(self, attempt: Attempt, *, was_received: bool, is_refused: bool) -> LoginRecord:
        """Return the record after a refresh that brought nothing; a refresh token is used once."""
        left = self._finished(attempt)
        if is_refused or left.tokens is None:
            return _without_tokens(left)
        return replace(left, tokens=replace(left.tokens, refresh_expires_at=0.0)) if was_received else left

    def proven(self, access_token: str) -> LoginRecord:
        """Return the record with the note that a call with this token has succeeded."""
        if self.tokens is None or self.tokens.access_token != access_token:
            return self
        return replace(self, given_by=None)

    def joined_by(self, other: LoginRecord, now: float) -> LoginRecord:
        """Return the record of a PBX after what is known of it by another of its names has come to it.

        :param other: that record; its tokens count if this one has none of use.
        :param now: epoch seconds.
        """
        known = self if self.first_user else replace(self, first_user=other.first_user, is_shared=other.is_shared)
        if next_step(known.tokens, now) is not TokenStep.USE:
            known = replace(known, tokens=other.tokens, given_by=other.given_by)
        attempts = {attempt.key: attempt for attempt in (*known.attempts, *other.attempts)}
        return replace(known, attempts=tuple(attempts.values()))

    def forgiven(self) -> LoginRecord:
        """Return the record without what it holds against another login: a person asked for one."""
        return replace(self, failure=None, attempts=())

    def _finished(self, attempt: Attempt) -> LoginRecord:
        return replace(self, busy="", busy_until=0.0) if self.busy == attempt.key else self

    def _without(self, attempt: Attempt) -> tuple[Attempt, ...]:
        return tuple(other for other in self.attempts if other.key != attempt.key)

    def failure_now(self, now: float) -> YeastarError | None:
        """Return why no login is to be sent now, None if one may be.

        :param now: epoch seconds.
        """
        if self.failure:
            age = now - self.failure.at
            error = _repeated(self.failure, age)
            if 0 <= age < self._memory(error):
                return error
        attempts = _recent(self.attempts, now)
        if len(attempts) < _MOST_ATTEMPTS:
            return None
        return self._exhausted(sorted(attempt.at for attempt in attempts)[-_MOST_ATTEMPTS] + TOKEN_LIFE - now)

    def _memory(self, error: YeastarError) -> float:
        if self.failure and self.failure.refusals > 1:
            return _FOREVER  # five in a row block the address, at whatever distance
        return next((seconds for kind, seconds in _MEMORIES.items() if isinstance(error, kind)), _MEMORY)

    def _exhausted(self, seconds: float) -> YeastarError:
        if self.failure:
            cause = error_from_dict(self.failure.error)
        else:
            cause = TokenExpiredError("Logins of this API application succeed, but their tokens are refused or lost")
        cause.what = f"{cause.what}; two logins brought no usable token, the next is sent in {seconds / 60:.0f} minutes"
        cause.args = (cause.what,)
        cause.retry_after = seconds
        return cause


def next_login_step(record: LoginRecord, now: float, rejected: str | None = None) -> LoginStep:
    """Return what to do before the next call; the table stands at the top of this file.

    :param record: what is known.
    :param now: epoch seconds.
    :param rejected: the access token that the PBX has just answered 10004 to.
    """
    record = record.without_rejected(rejected)
    step = next_step(record.tokens, now)
    if step is TokenStep.USE:
        return LoginStep.USE
    if record.busy and now < record.busy_until:
        return LoginStep.WAIT
    if step is TokenStep.REFRESH:
        return LoginStep.REFRESH
    return LoginStep.FAIL if record.failure_now(now) else LoginStep.LOG_IN


def _without_tokens(record: LoginRecord) -> LoginRecord:
    """Drop the tokens; if no call with them has succeeded, the login that gave them brought none of use."""
    attempts = (*record.attempts, record.given_by) if record.given_by else record.attempts
    return replace(record, tokens=None, given_by=None, attempts=attempts)


def _recent(attempts: tuple[Attempt, ...], now: float) -> tuple[Attempt, ...]:
    # One from the future was written by a clock that was ahead; it counts from now on.
    return tuple(replace(known, at=min(known.at, now)) for known in attempts if now < known.at + TOKEN_LIFE)


def _repeated(failure: Failure, age: float) -> YeastarError:
    ago = f"{age:.0f} seconds" if age < 120 else f"{age / 60:.0f} minutes"
    error = error_from_dict(
        {**failure.error, "what": f"{failure.error.get('what')}, {ago} ago; it was not asked again"}
    )
    if isinstance(error, CredentialsError):
        error.remedy = "Correct them in the Airflow connection, or press Test there to have them tried once more."
    return error
