"""The login of one session: it has a live token, from the store, by a refresh, or by a login of its own.

Whoever renews the token holds the store's lock, so of all processes that wait for it one does so and the others find
what it got: a token, or the refusal that it met. The rules of a token's life stand in `tokens`.
Vendor's page: "Authentication".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import (
    AnswerError,
    CredentialsError,
    NetworkError,
    NotAPbxError,
    TokenCapError,
    YeastarError,
    error_from_dict,
    error_to_dict,
)
from airflow_provider_yeastar.pbx.http.transport import Transport
from airflow_provider_yeastar.pbx.login.token_store import LoginRecord, TokenStore
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.tokens import Tokens, TokenStep, next_step

__all__ = ["Login"]

log = logging.getLogger(__name__)

_REFRESH_ENDPOINT = "openapi/v1.0/refresh_token"
_REVOKE_ENDPOINT = "openapi/v1.0/del_token"
# For so many seconds after a refused login no task of this host tries these credentials again: five wrong ones block
# the address, and many that wait for a free token must not ask more often than one would.
_REFUSAL_MEMORY = 60.0
_REFUSAL_MEMORIES: Mapping[type[YeastarError], float] = {CredentialsError: 3600.0, TokenCapError: 15.0}


class Login:
    """The tokens of one session.

    :param settings: the PBX and the application.
    :param store: where the tokens are kept, and shared.
    :param transport: the way to the PBX.
    """

    def __init__(self, settings: PbxSettings, store: TokenStore, transport: Transport) -> None:
        self._settings = settings
        self._store = store
        self._transport = transport
        self._tokens: Tokens | None = None
        self._secrets = {settings.client_secret}
        self._unannounced: list[str] = []

    def token(self, rejected: str | None = None) -> str:
        """Return a live access token, after logging in or refreshing where that is due.

        :param rejected: the token that the PBX has just answered 10004 to.
        :raises YeastarError: when there is none to be had.
        """
        tokens = self._tokens
        if tokens and next_step(tokens, time.time(), rejected=rejected) is TokenStep.USE:
            return tokens.access_token
        with self._store.locked():
            self._tokens = tokens = self._renew(rejected)
        self._secrets |= {tokens.access_token, tokens.refresh_token}
        self._unannounced += [tokens.access_token, tokens.refresh_token]
        return tokens.access_token

    def forget_refusal(self) -> None:
        """Let the next call log in although these credentials were refused a while ago."""
        with self._store.locked():
            self._store.save(replace(self._store.load(), refusal=None))

    def revoke(self) -> None:
        """Give a token of one's own back, since the PBX allows only eight; one that is shared lives on."""
        if not self._store.outlives_session:
            # A killed task may still be logging in, on a thread of its own; that token is to be given back too.
            with self._store.locked():
                tokens = self._store.load().tokens
                self._store.save(LoginRecord())
            if tokens:
                with suppress(NetworkError, NotAPbxError):  # it then expires by itself
                    self._transport.exchange("GET", _REVOKE_ENDPOINT, token=tokens.access_token)
        self._tokens = None

    def take_unannounced(self) -> list[str]:
        """Return the tokens that have come since the last time."""
        secrets, self._unannounced = self._unannounced, []
        return secrets

    @contextmanager
    def hiding_secrets(self) -> Iterator[None]:
        """Take tokens and the Client Secret out of the errors that pass: a PBX may quote what it was sent."""
        try:
            yield
        except YeastarError as error:
            error.hide(self._secrets)
            raise

    def _renew(self, rejected: str | None) -> Tokens:
        """Return live tokens. The store is locked; another thread or process may have renewed them meanwhile."""
        record = self._store.load()
        tokens, step = record.tokens, next_step(record.tokens, time.time(), rejected=rejected)
        if tokens and step is TokenStep.REFRESH:
            tokens = self._refresh(tokens)
        if not tokens or step is TokenStep.LOG_IN:
            tokens = self._log_in(record)
        if tokens != record.tokens:
            self._store.save(replace(record, tokens=tokens, refusal=None))
        return tokens

    def _log_in(self, record: LoginRecord) -> Tokens:
        if record.refusal:
            self._repeat(record.refusal, time.time() - record.refused_at)
        credentials = {"username": self._settings.client_id, "password": self._settings.client_secret}
        try:
            return self._obtain_tokens(wire.LOGIN_ENDPOINT, credentials)
        except AnswerError as refusal:
            self._store.save(replace(record, tokens=None, refusal=error_to_dict(refusal), refused_at=time.time()))
            raise

    def _repeat(self, refusal: Mapping[str, Any], age: float) -> None:
        """Raise a refusal that is so many seconds old, while it is remembered."""
        ago = f"{age:.0f} seconds" if age < 120 else f"{age / 60:.0f} minutes"
        error = error_from_dict({**refusal, "what": f"{refusal['what']}, {ago} ago; it was not asked again"})
        if isinstance(error, CredentialsError):
            error.remedy = "Correct them in the Airflow connection, or press Test there to have them tried once more."
        if 0 <= age < _REFUSAL_MEMORIES.get(type(error), _REFUSAL_MEMORY):
            raise error

    def _refresh(self, tokens: Tokens) -> Tokens | None:
        self._secrets.add(tokens.refresh_token)
        try:
            return self._obtain_tokens(_REFRESH_ENDPOINT, {"refresh_token": tokens.refresh_token})
        except AnswerError as refusal:
            log.info("The PBX would not refresh the token (errcode %s); logging in.", refusal.errcode)
            return None

    def _obtain_tokens(self, endpoint: str, body: Mapping[str, str]) -> Tokens:
        answer = self._transport.exchange("POST", endpoint, body=body)
        error = wire.answer_error(answer, pbx=self._settings.address, endpoint=endpoint)
        if error:
            with self.hiding_secrets():
                raise error
        return wire.decode_tokens(answer, time.time(), pbx=self._settings.address, endpoint=endpoint)
