"""The login of one session: it takes a live token from the shared state, refreshes it, or logs in.

Whoever refreshes or logs in says so in the state first, so of all processes and hosts one does it and the others find
what it got: a token, or the failure that it met. The rules stand in `record`. Vendor's page: "Authentication".
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard
from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    InvalidSettingsError,
    NetworkError,
    NotAPbxError,
    StateUnavailableError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.login.entry import LoginEntry, RecordChange
from airflow_provider_yeastar.pbx.login.farewell import at_the_end_of_this_process, process_name
from airflow_provider_yeastar.pbx.login.identity import Identity
from airflow_provider_yeastar.pbx.login.record import Attempt, LoginRecord, LoginStep, next_login_step
from airflow_provider_yeastar.pbx.login.stored import Cipher, StoredLogin
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import SharedState, proven_name, unproven_name
from airflow_provider_yeastar.pbx.tokens import Tokens, live_token

__all__ = ["Login"]

log = logging.getLogger(__name__)

_REFRESH_ENDPOINT = "openapi/v1.0/refresh_token"
_REVOKE_ENDPOINT = "openapi/v1.0/del_token"
_POLL_SECONDS = 0.1
"""Between two looks whether another's login has ended."""
_LONGEST_LEASE = 29.0
"""Seconds after which the login of a process that died is nobody's any more."""
_FAREWELL_SECONDS = 2.0


class Login:
    """The tokens of one session.

    :param settings: the PBX and the application.
    :param state: where logins are kept and shared; of a login that is not shared, all but its tokens.
    :param transport: the way to the PBX.
    :param cipher: encrypts the tokens in the state, None to write them as they are.
    """

    def __init__(
        self,
        settings: PbxSettings,
        state: SharedState,
        transport: SilenceGuard,
        cipher: Cipher | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._transport = transport
        self._cipher = cipher
        self._shares_tokens = settings.login_sharing != "none"
        self._identity = Identity(transport, settings.address)
        self._entry = LoginEntry(settings, state, StoredLogin.of(settings, cipher))
        self._threads = threading.RLock()
        self._tokens: Tokens | None = None
        self._given_by: Attempt | None = None
        self._secrets = {settings.client_secret}
        self._unannounced: list[str] = []
        self._nothing = threading.Event()

    @property
    def pbx(self) -> str:
        """Names the PBX in the state: by its serial number if that is known, else by its base URL."""
        return self._entry.pbx

    def locate(self) -> bool:
        """Find out from the state alone by which name the PBX is known; return False if it is by its base URL."""
        self._entry.locate()
        return self._entry.pbx != self._entry.home

    def token(self, rejected: str | None = None) -> str:
        """Return a live access token, after logging in or refreshing if necessary.

        :param rejected: the token that the PBX has just answered 10004 to.
        :raises YeastarError: if there is none.
        """
        if known := self.known_token(rejected):
            return known
        with self._threads:
            return self._renewed(rejected).access_token

    def known_token(self, rejected: str | None = None) -> str | None:
        """Return the token in use, None if it is not live; asks nobody. See :meth:`token`."""
        return live_token(self._tokens, time.time(), rejected)

    def prove(self, token: str) -> None:
        """Take note that a call with this token has succeeded."""
        if self._given_by and self._tokens and self._tokens.access_token == token:
            self._note(lambda record, now: record.proven(token))
            self._keep(self._tokens, None)

    def reject(self, token: str) -> None:
        """Take note that the PBX refuses this token although it is fresh."""
        self._note(lambda record, now: record.without_rejected(token))
        self._keep(None, None)

    def forget_failures(self) -> None:
        """Let the next call log in although logins failed a while ago."""
        self._entry.locate()
        self._entry.change(lambda record, now: record.forgiven())

    def bind(self, serial_number: str) -> None:
        """Keep this login under the PBX's serial number from now on.

        If there is a login of another address already, the tokens stay apart until it is proven that both are one PBX.

        :param serial_number: that a call with the present token has told.
        """
        pbx = proven_name(serial_number)
        if not pbx or self._entry.pbx == pbx:
            return
        apart = unproven_name(pbx, self._entry.home)
        with self._threads:
            there = self._entry.read_at(pbx).tokens if self._shares_tokens else None
            live = live_token(there, self._state.now())
            if there is None or there == self._tokens or self._identity.is_proven_by(live):
                self._move(pbx)
            elif self._entry.pbx != apart:
                self._move(apart)

    def revoke(self) -> None:
        """Give a token that is not shared back, since the PBX allows only eight; a shared one lives on."""
        # A killed task may still be logging in, on a thread of its own; that token is to be given back too.
        with self._threads:
            tokens = self._tokens
            self._keep(None, None)
            if tokens and not self._shares_tokens:
                self._give_back(tokens)

    def give_back_unshared(self) -> None:
        """Give the token back, if no other process has ever used this login."""
        taken: list[Tokens] = []

        def take(record: LoginRecord, now: float) -> LoginRecord:
            taken.clear()
            if record.is_shared or record.first_user != process_name() or record.tokens is None:
                return record
            taken.append(record.tokens)
            return replace(record, tokens=None, given_by=None)

        self._entry.locate()
        self._entry.change(take)
        for tokens in taken:
            self._give_back(tokens)

    def take_unannounced(self) -> Iterator[str]:
        """Yield the tokens that have come since the last time; one that the caller fails at comes again."""
        while self._unannounced:
            yield self._unannounced[0]
            self._unannounced.pop(0)

    @contextmanager
    def hiding_secrets(self) -> Iterator[None]:
        """Take tokens and the Client Secret out of the errors that pass: a PBX may quote what it was sent."""
        try:
            yield
        except YeastarError as error:
            error.hide(self._secrets)
            raise

    def _renewed(self, rejected: str | None) -> Tokens:
        until = time.monotonic() + self._settings.timeout
        while True:
            self._transport.check()
            step, record, attempt = self._begin(rejected)
            if step is LoginStep.USE and record.tokens:
                return self._take(record.tokens, record.given_by)
            failure = record.failure_now(attempt.at) if step is LoginStep.FAIL else None
            if failure:
                raise failure
            if step is LoginStep.REFRESH:
                if refreshed := self._refresh(record, attempt):
                    return self._take(refreshed, None)
            elif step is LoginStep.LOG_IN:
                return self._take(self._log_in(attempt), attempt)
            elif time.monotonic() >= until:
                raise NetworkError(
                    f"Another task has been logging in for {self._settings.timeout:g} seconds, and has no answer",
                    pbx=self._settings.address,
                )
            else:
                self._nothing.wait(_POLL_SECONDS)

    def _begin(self, rejected: str | None) -> tuple[LoginStep, LoginRecord, Attempt]:
        """Return what to do, and leave word in the state before anything is sent; the attempt tells the time."""
        key = uuid.uuid4().hex
        lease = min(self._settings.timeout + 1, _LONGEST_LEASE)
        found: list[tuple[LoginStep, LoginRecord, Attempt]] = []

        def begin(record: LoginRecord, now: float) -> LoginRecord:
            record = record.used_by(process_name())
            step, attempt = next_login_step(record, now, rejected), Attempt(key, now)
            record = record.without_rejected(rejected)
            found[:] = [(step, record, attempt)]
            return record.begun(step, attempt, lease) if step in (LoginStep.REFRESH, LoginStep.LOG_IN) else record

        known = self._entry.read()
        if begin(known, self._state.now()) != known:
            self._entry.change(begin)
        return found[0]

    def _log_in(self, attempt: Attempt) -> Tokens:
        credentials = {"username": self._settings.client_id, "password": self._settings.client_secret}
        try:
            tokens = self._obtain_tokens(wire.LOGIN_ENDPOINT, credentials)
        except YeastarError as error:
            failure = error  # the name in an except clause is gone behind it
            self._note(lambda record, now: record.failed(attempt, failure, now, was_received=failure.was_received))
            raise
        self._note(lambda record, now: record.succeeded(LoginStep.LOG_IN, attempt, tokens))
        return tokens

    def _refresh(self, record: LoginRecord, attempt: Attempt) -> Tokens | None:
        refresh_token = record.tokens.refresh_token if record.tokens else ""
        self._secrets.add(refresh_token)
        try:
            tokens = self._obtain_tokens(_REFRESH_ENDPOINT, {"refresh_token": refresh_token})
        except AnswerError as refusal:
            log.info("The PBX would not refresh the token (errcode %s); logging in.", refusal.errcode)
            self._note(lambda record, now: record.not_refreshed(attempt, was_received=True, is_refused=True))
            return None
        except YeastarError as error:
            received = error.was_received
            self._note(lambda record, now: record.not_refreshed(attempt, was_received=received, is_refused=False))
            raise
        self._note(lambda record, now: record.succeeded(LoginStep.REFRESH, attempt, tokens))
        return tokens

    def _obtain_tokens(self, endpoint: str, body: Mapping[str, str]) -> Tokens:
        answer = self._transport.exchange("POST", endpoint, body=body)
        error = wire.answer_error(answer, pbx=self._settings.address, endpoint=endpoint)
        if error:
            with self.hiding_secrets():
                raise error
        try:
            now = self._state.now()
        except StateUnavailableError:
            now = time.time()
        return wire.decode_tokens(answer, now, pbx=self._settings.address, endpoint=endpoint)

    def _take(self, tokens: Tokens, given_by: Attempt | None) -> Tokens:
        self._keep(tokens, given_by)
        new = {tokens.access_token, tokens.refresh_token} - self._secrets - {""}
        self._secrets |= new
        self._unannounced += sorted(new)
        if self._shares_tokens:
            at_the_end_of_this_process((self._settings, self._state), self._say_farewell)
        return tokens

    def _keep(self, tokens: Tokens | None, given_by: Attempt | None) -> None:
        self._tokens, self._given_by = tokens, given_by
        self._entry.own_tokens, self._entry.own_given_by = tokens, given_by

    def _give_back(self, tokens: Tokens) -> None:
        with suppress(NetworkError, NotAPbxError):  # it then expires by itself
            self._transport.exchange("GET", _REVOKE_ENDPOINT, token=tokens.access_token)

    def _say_farewell(self) -> None:
        brief = replace(self._settings, timeout=min(self._settings.timeout, _FAREWELL_SECONDS))
        transport = Transport(brief)
        with suppress(YeastarError):  # the token then expires by itself
            Login(brief, self._state, SilenceGuard(transport), self._cipher).give_back_unshared()
        transport.close()

    def _move(self, pbx: str) -> None:
        ours, moving = self._tokens, self._entry.read()

        def arrive(record: LoginRecord, now: float) -> LoginRecord:
            return record.joined_by(moving, now).used_by(process_name())

        there = self._entry.move(pbx, arrive)
        if self._shares_tokens and there.tokens and ours and there.tokens != ours:
            self._give_back(ours)
            self._take(there.tokens, there.given_by)

    def _note(self, change: RecordChange) -> None:
        """Write down what has happened; a state that cannot be written changes nothing about it."""
        try:
            self._entry.change(change)
        except (StateUnavailableError, InvalidSettingsError) as error:
            log.warning("%s What the login ended in is known to this task alone.", error)
