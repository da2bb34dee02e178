"""Spool: rows in a temporary file, gone over as often as needed. Memory does not grow with the rows."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, BinaryIO, cast

from airflow_provider_yeastar.exceptions import DestinationError

__all__ = ["Spool"]

_IN_MEMORY = 1 << 20


class Spool:
    """A collection of rows of JSON values. Use it in a ``with``: the file goes with its end.

    The rows never leave this process, so they are kept in Python's own fast notation, not as JSON.
    """

    def __init__(self) -> None:
        self._file = cast(
            "BinaryIO",
            tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="yeastar-"),  # noqa: SIM115 - closed with the spool
        )
        self.count = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows.

        :raises DestinationError: when the directory for temporary files is full or cannot be written.
        """
        batch = [dict(row) for row in rows]
        try:
            marshal.dump(batch, self._file)
        except OSError as error:
            raise DestinationError(
                f"A temporary file in {tempfile.gettempdir()} cannot be written: {error.strerror or error}",
                remedy="Free space there, or set TMPDIR to another directory.",
            ) from error
        self.count += len(batch)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        left = self.count
        while left:
            batch = marshal.load(self._file)
            left -= len(batch)
            yield from batch
        self._file.seek(0, 2)
