"""How long tests wait for other processes: to see something start, go on or end."""

from __future__ import annotations

__all__ = ["PATIENCE_SECONDS"]

PATIENCE_SECONDS = 600.0
"""A guard against what hangs, and no measure of speed: what takes seconds takes minutes on a busy machine."""
