"""KeptRows: what was read of a long reading that was stopped, kept beside its destination for the next try."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from airflow_provider_yeastar.exceptions import DestinationError
from airflow_provider_yeastar.files import storage
from airflow_provider_yeastar.files.rows import RowsDigest

__all__ = ["KeptRows"]

log = logging.getLogger(__name__)

_LINES = 1_000


class KeptRows:
    """Rows in a hidden file beside a destination, which those who look for finished files pass over.

    :param destination: path of the file that the rows are for, from :func:`.resolve_path`; None to keep nothing, for
        rows that must not be stored as the PBX sent them.
    """

    def __init__(self, destination: str | None) -> None:
        folder, separator, name = (destination or "").rpartition("/")
        self.path = f"{folder}{separator}.{name}.kept" if destination else None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of an earlier try; those behind a line that cannot be read are as good as not kept."""
        try:
            if self.path and storage.exists(self.path):
                with storage.open_stored(self.path) as file:
                    yield from map(json.loads, file)
        except Exception as error:  # noqa: BLE001 - an object store raises what it likes; the rows are read again
            log.warning("The rows kept at %s cannot be read (%s).", self.path, type(error).__name__)

    def keep(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep rows in place of those that were kept; an error is logged, as another one is on its way.

        :param rows: of JSON values.
        """
        if not self.path:
            return
        try:
            with storage.receive(_lines(rows), self.path, RowsDigest()) as received:
                received.put_in_place()
        except DestinationError as error:
            log.warning("%s The rows that were read are not kept.", error)

    def remove(self) -> None:
        """Forget what was kept.

        :raises DestinationError: if it cannot be removed.
        """
        if self.path:
            storage.remove(self.path)


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _LINES)):
        yield "".join(f"{json.dumps(row)}\n" for row in batch).encode()
