"""Exchange: authenticated calls to one PBX, with one new login when it answers 10004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard
from airflow_provider_yeastar.pbx.errors import AnswerError, TokenExpiredError
from airflow_provider_yeastar.pbx.login.authentication import Login

__all__ = ["Exchange"]


class Exchange:
    """Sends calls with the token of a login.

    :param login: of the application.
    :param transport: to the PBX.
    :param pbx: ``host:port``, for messages.
    """

    def __init__(self, login: Login, transport: SilenceGuard, pbx: str) -> None:
        self._login = login
        self._transport = transport
        self._pbx = pbx

    def call(self, endpoint: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the PBX's successful answer to a GET.

        :param endpoint: path below the base URL.
        :param query: parameters without the token.
        :raises AnswerError: for any errcode but success; other :class:`YeastarError` when no such answer came.
        """
        answer = self.exchange(endpoint, query)
        self.raise_error(answer, endpoint)
        return answer

    def exchange(
        self, endpoint: str, query: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> dict[str, Any]:
        """Return the PBX's answer to a GET, whatever its errcode but 10004.

        :param endpoint: path below the base URL.
        :param query: parameters without the token.
        :param timeout: seconds, None for the connection's.
        """
        token = self._login.token()
        answer = self._transport.exchange("GET", endpoint, query=query, token=token, timeout=timeout)
        if isinstance(self._error(answer, endpoint), TokenExpiredError):
            token = self._login.token(rejected=token)
            answer = self._transport.exchange("GET", endpoint, query=query, token=token, timeout=timeout)
        if isinstance(self._error(answer, endpoint), TokenExpiredError):
            self._login.reject(token)
        else:
            self._login.prove(token)
        return answer

    def raise_error(self, answer: Mapping[str, Any], endpoint: str, query: Mapping[str, str] | None = None) -> None:
        """Raise the error that an answer stands for.

        :param answer: of the PBX.
        :param endpoint: path that was called.
        :param query: parameters that were sent.
        """
        error = self._error(answer, endpoint, query)
        if error:
            with self._login.hiding_secrets():
                raise error

    def _error(
        self, answer: Mapping[str, Any], endpoint: str, query: Mapping[str, str] | None = None
    ) -> AnswerError | None:
        return wire.answer_error(answer, pbx=self._pbx, endpoint=endpoint, query=query)
