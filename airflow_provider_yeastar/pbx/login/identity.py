"""Identity: two addresses that tell one serial number lead to one PBX if it takes here a token that it gave there.

They may lead to two: to copies of a virtual machine, or to simulators. A token that is refused shows neither, because
one dies by its age, with a restart of the PBX, or by the next login.
"""

from __future__ import annotations

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.concurrency.silence import SilenceGuard

__all__ = ["Identity"]

_ENDPOINT = "openapi/v1.0/system/information"


class Identity:
    """Tries tokens of other addresses at one PBX; one that it has refused is not tried again.

    :param transport: to the PBX.
    :param pbx: ``host:port``, for messages.
    """

    def __init__(self, transport: SilenceGuard, pbx: str) -> None:
        self._transport = transport
        self._pbx = pbx
        self._refused: str | None = None

    def is_proven_by(self, token: str | None) -> bool:
        """Return whether the PBX takes an access token.

        :param token: that was got at another address; None for none that is live.
        """
        if token is None or token == self._refused:
            return False
        answer = self._transport.exchange("GET", _ENDPOINT, token=token)
        is_taken = wire.answer_error(answer, pbx=self._pbx, endpoint=_ENDPOINT) is None
        self._refused = None if is_taken else token
        return is_taken
