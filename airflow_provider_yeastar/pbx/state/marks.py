"""Marks: digests by which the ledger of a PBX tells announced files from one another. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from airflow_provider_yeastar.pbx.untrusted import decoded_path

if TYPE_CHECKING:
    from airflow_provider_yeastar.pbx.wire import EventFrame

__all__ = ["event_mark", "file_mark"]

_DIGITS = 16


def file_mark(url: str) -> str:
    """Return a short digest of a file's URL: the state need not hold the names of reports.

    It is one for all ways to write the path: relative or absolute, percent-encoded or not, with whatever query.
    """
    return _digest(decoded_path(url))


def event_mark(event: EventFrame) -> str:
    """Return a short digest of what an event is about: the same for the same file, announced however often."""
    if event.succeeded:
        return file_mark(event.url)
    return _digest(f"failure {event.download_id} {event.file} {event.url} {event.error}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
