"""The life of a token, as a rule. Pure.

Rules of this file:

1. Everything that decides between using, refreshing and logging in stands here; nothing here does it.
2. Time comes in as epoch seconds. Nothing here reads a clock.
3. A token is renewed a minute before the PBX would refuse it, because a call under way must not outlive it.

    no token, or refresh token too old ─> LOG_IN
    access token fresh                 ─> USE
    access token about to expire       ─> REFRESH      (a refused refresh falls back to LOG_IN)
    10004 for this very token          ─> LOG_IN
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = ["RENEWAL_MARGIN", "TokenStep", "Tokens", "next_step"]

RENEWAL_MARGIN = 60.0
"""Seconds before its end at which a token is no longer used."""


@dataclass(frozen=True)
class Tokens:
    """What a login gave, with its two ends of life in epoch seconds."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: float
    refresh_expires_at: float


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
    if now < tokens.access_expires_at - RENEWAL_MARGIN:
        return TokenStep.USE
    if now < tokens.refresh_expires_at - RENEWAL_MARGIN:
        return TokenStep.REFRESH
    return TokenStep.LOG_IN
