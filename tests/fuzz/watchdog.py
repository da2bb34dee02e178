"""Bounds for one input: processor time, which does not depend on how busy the machine is, and memory."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MOST_MEMORY_BYTES", "MOST_SECONDS", "TooSlowError", "bound_memory", "deadline"]

MOST_SECONDS = 20.0
"""Seconds of processor time for one input, which has at most :data:`.inputs.MOST_BYTES`; most take a millisecond."""

MOST_MEMORY_BYTES = 512 << 20
"""How much a process may take beyond what it has when it begins."""


class TooSlowError(BaseException):
    """An input took too long. No ``except Exception`` of the code under test may catch it."""


@contextmanager
def deadline(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Bound what runs in the ``with``, on the main thread.

    :param seconds: of the process's own time on the processor.
    :raises TooSlowError: out of whatever runs then, at the next instruction of Python.
    """

    def stop(*_: object) -> None:
        raise TooSlowError(f"still at work after {seconds:g} s on the processor")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def bound_memory(size: int = MOST_MEMORY_BYTES) -> None:
    """Let this process take so many bytes more, for all its life: then memory ends in a ``MemoryError``."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
