"""The life of a token, as a rule. Pure.

Rules of this file:

1. What decides between using, refreshing and logging in stands here; nothing here does it.
2. Time comes in as epoch seconds. Nothing here reads a clock.
3. A token is renewed a minute before the PBX would refuse it, because a call under way must not outlive it; one that
   lives for less than four minutes, a quarter of its life before.

    no token, or refresh token too old or used ─> LOG_IN
    access token fresh                         ─> USE
    access token about to expire               ─> REFRESH      (a refused refresh falls back to LOG_IN)
    issued in the future: a clock was ahead    ─> REFRESH
    10004 for this very token                  ─> LOG_IN
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = [
    "ACCESS_TOKEN_LIFE",
    "REFRESH_TOKEN_LIFE",
    "RENEWAL_MARGIN",
    "TokenStep",
    "Tokens",
    "live_token",
    "next_step",
    "token_life",
]

ACCESS_TOKEN_LIFE, REFRESH_TOKEN_LIFE = 1800.0, 86400.0
"""Seconds, as the vendor documents them."""
_LONGEST_LIFE = 31 * 86400.0

RENEWAL_MARGIN = 60.0
"""Seconds before its end at which a token is no longer used."""
_CLOCK_TOLERANCE = 60.0


@dataclass(frozen=True)
class Tokens:
    """What a login gave, with its ends of life and the time at which it came, in epoch seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: float
    refresh_expires_at: float
    issued_at: float = 0.0

    @property
    def margin(self) -> float:
        """Seconds before the end of the access token at which it is renewed."""
        return min(RENEWAL_MARGIN, max(0.0, self.access_expires_at - self.issued_at) / 4)


class TokenStep(Enum):
    USE = "use"
    REFRESH = "refresh"
    LOG_IN = "log in"


def next_step(tokens: Tokens | None, now: float, *, rejected: str | None = None) -> TokenStep:
    """Return what to do before the next call.

    :param tokens: what is known, None before the first login.
    :param now: epoch seconds.
    :param rejected: the access token that the PBX has just answered 10004 to.
    """
    if tokens is None or tokens.access_token == rejected:
        return TokenStep.LOG_IN
    if tokens.issued_at - _CLOCK_TOLERANCE <= now < tokens.access_expires_at - tokens.margin:
        return TokenStep.USE
    if now < tokens.refresh_expires_at - tokens.margin:
        return TokenStep.REFRESH
    return TokenStep.LOG_IN


def live_token(tokens: Tokens | None, now: float, rejected: str | None = None) -> str | None:
    """Return the access token if it can be used as it is; see :func:`next_step`."""
    is_live = next_step(tokens, now, rejected=rejected) is TokenStep.USE
    return tokens.access_token if tokens and is_live else None


def token_life(value: object, documented: float) -> float:
    """Return the seconds for which a token lives.

    :param value: as the PBX gave it: seconds, as a number or as text; anything else counts as not given.
    :param documented: the vendor's value, for a life that is not given.
    """
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (OverflowError, ValueError):
        seconds = 0.0
    return seconds if 0.0 < seconds <= _LONGEST_LIFE else documented
