"""Reads the legs of calls on v2.0, one request for each call, and goes on where an earlier try was stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_yeastar.files.kept_rows import KeptRows
from airflow_provider_yeastar.files.spool import Spool
from airflow_provider_yeastar.pbx.calls.keys import KeySet, digest_of
from airflow_provider_yeastar.pbx.error_base import counted

__all__ = ["kept_if_stopped", "legs_path", "read_legs"]

log = logging.getLogger(__name__)

Rows = Iterable[Mapping[str, Any]]

_BATCH_CALLS = 100
_KEPT_CALLS = 1_000
_KEPT_SHARE = 4


def legs_path(path: str) -> str:
    """Return where the legs go: beside their calls, ``_legs`` behind the name.

    :param path: of the file of calls.
    """
    folder, separator, name = path.rpartition("/")
    file = PurePosixPath(name)
    return f"{folder}{separator}{file.stem}_legs{file.suffix}"


@contextmanager
def kept_if_stopped(legs: Spool, kept: KeptRows) -> Iterator[None]:
    """Leave legs for the next try if anything, a kill included, ends the ``with``; else none are kept any longer.

    :param legs: that were read.
    :param kept: where they are left.
    """
    try:
        yield
    except BaseException:
        if legs.count:
            kept.keep(legs)
        raise
    kept.remove()


def read_legs(calls: Rows, ask: Callable[[Sequence[str]], Rows], kept: KeptRows, legs: Spool) -> None:
    """Put the legs of all calls into a spool: first those that an earlier try has kept, then those that are asked for.

    For the sake of a process that is killed outright, legs are kept at every thousandth call too, and ever more rarely
    the more there are.

    :param calls: rows with a ``uid``, gone over more than once.
    :param ask: returns the legs of some calls.
    :param kept: where legs are kept between two tries.
    :param legs: takes the rows, each with the ``uid`` of its call.
    """
    read = _take_kept(calls, kept, legs)
    if len(read):
        log.info("The legs of %s were kept by an earlier try.", counted(len(read), "call"))
    remaining = (str(call.get("uid") or "") for call in calls if digest_of(call, "uid") not in read)
    done = kept_at = 0
    while uids := list(islice(remaining, _BATCH_CALLS)):
        legs.extend(ask(uids))
        done += len(uids)
        if done - kept_at >= max(_KEPT_CALLS, done // _KEPT_SHARE):
            kept.keep(legs)
            kept_at = done


def _take_kept(calls: Rows, kept: KeptRows, legs: Spool) -> KeySet:
    """Take the kept legs of calls that are there still, and return the keys of these calls."""
    there, read = KeySet(), KeySet()
    for call in calls:
        there.add(digest_of(call, "uid"))

    def wanted() -> Iterator[dict[str, Any]]:
        for leg in kept:
            if (digest := digest_of(leg, "uid")) in there:
                read.add(digest)
                yield leg

    legs.extend(wanted())
    return read
