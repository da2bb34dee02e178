"""How far a download has come, told now and then in the task's log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

__all__ = ["watch"]

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 10.0


def watch(
    chunks: Iterable[bytes], path: str, announced_bytes: int | None, clock: Callable[[], float]
) -> Iterator[bytes]:
    """Pass the chunks of a file on; log one line for each period of ten seconds in which something came.

    :param path: where the file goes, for the line.
    :param announced_bytes: its length, where that is known; the line then has a percentage.
    :param clock: seconds, monotonic.
    """
    done = told_bytes = 0
    told_at = clock()
    for chunk in chunks:
        done += len(chunk)
        now = clock()
        if now - told_at >= _PERIOD_SECONDS:
            share = f" of {announced_bytes} bytes ({100 * done // announced_bytes} %)" if announced_bytes else " bytes"
            rate = (done - told_bytes) / (now - told_at) / 1024**2
            log.info("Downloaded %d%s for %s, %.1f MiB/s", done, share, path, rate)
            told_at, told_bytes = now, done
        yield chunk
