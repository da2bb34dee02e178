"""Fixtures of the shared state."""

from __future__ import annotations

from tests.pbx.state.backends import opening, redis_of_the_session, state

__all__ = ["opening", "redis_of_the_session", "state"]
