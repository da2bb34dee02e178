"""Fixtures of the shared state."""

from __future__ import annotations

from tests.pbx.state.backends import opening, state

__all__ = ["opening", "state"]
