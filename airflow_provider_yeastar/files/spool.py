"""Spool: rows in a temporary file, gone over as often as needed. Memory does not grow with the rows."""

from __future__ import annotations

import marshal
import secrets
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, cast

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from airflow_provider_yeastar.exceptions import TaskKilledError
from airflow_provider_yeastar.files.destination import temporary_errors
from airflow_provider_yeastar.schemas.batches import Batch, Json, Texts, Values, batches_of

__all__ = ["Spool"]

_IN_MEMORY = 1 << 20
_LENGTH_BYTES = 8
_KEY_BYTES = 32


class Spool:
    """A collection of rows of JSON values. Use it in a ``with``: the file goes with its end.

    The rows never leave this process, so they are kept in Python's own fast notation, not as JSON. They are encrypted
    with a key that this process alone has: they may hold what ``protect`` hides from all destinations.

    :param killed: says whether the task was killed; going over the rows then ends.
    """

    def __init__(self, killed: Callable[[], bool] = lambda: False) -> None:
        self._killed = killed
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._file = cast(
            "BinaryIO",
            tempfile.SpooledTemporaryFile(_IN_MEMORY, prefix="yeastar-"),  # noqa: SIM115 - closed with the spool
        )
        self.count = 0
        self.keys: dict[str, None] = {}
        """The keys of all rows, in the order in which they came."""

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what was not written yet is needed no more
            self._file.close()

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows.

        :raises DestinationError: when the directory for temporary files is full or cannot be written.
        """
        for batch in batches_of(rows):
            part = self._crypt(marshal.dumps(_stored(batch)), self.count)
            with temporary_errors():
                self._file.write(len(part).to_bytes(_LENGTH_BYTES) + part)
            self.keys.update(dict.fromkeys(batch.keys))
            self.count += batch.size

    def clear(self) -> None:
        """Forget all rows.

        :raises DestinationError: as :meth:`extend`.
        """
        with temporary_errors():
            self._file.seek(0)
            self._file.truncate()
        self._key = secrets.token_bytes(_KEY_BYTES)  # no two batches of a key begin at the same row
        self.count = 0
        self.keys = {}

    def batches(self) -> Iterator[Batch]:
        """Yield the rows that are there now.

        :raises TaskKilledError: when the task was killed.
        :raises DestinationError: when the temporary file cannot be read, or the end of it not written.
        """
        with temporary_errors():
            self._file.seek(0)  # writes what is still in memory
        read, count = 0, self.count
        while read < count:
            if self._killed():
                raise TaskKilledError("The task was killed while it went over its rows")
            with temporary_errors(done="read"):
                length = int.from_bytes(self._file.read(_LENGTH_BYTES))
                part = self._file.read(length)
            batch = _restored(marshal.loads(self._crypt(part, read)))
            read += batch.size
            yield batch
        self._file.seek(0, 2)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            yield from batch.rows()

    def _crypt(self, part: bytes, first_row: int) -> bytes:
        """Encrypt a batch, or decrypt it, which is the same."""
        nonce = first_row.to_bytes(AES.block_size // 16) + bytes(AES.block_size // 16)
        return Cipher(AES(self._key), CTR(nonce)).encryptor().update(part)


def _stored(batch: Batch) -> tuple[Any, ...]:
    """Return a batch in values that `marshal` writes: it takes an array for its bytes."""
    return (batch.keys, tuple(map(_stored_column, batch.columns)), batch.size, batch.shapes, batch.shape_of)


def _restored(stored: tuple[Any, ...]) -> Batch:
    batch = Batch(*stored)
    return batch._replace(columns=tuple(_restored_column(column, batch.size) for column in batch.columns))


def _stored_column(values: Values) -> str | list[str] | array[int] | tuple[Any, ...]:
    if isinstance(values, Json):
        return [values.joined]
    return values.joined if isinstance(values, Texts) else values


def _restored_column(stored: Any, size: int) -> Values:
    if isinstance(stored, str):
        return Texts(stored, size)
    if isinstance(stored, list):
        return Json(stored[0], size)
    return array("q", stored) if isinstance(stored, bytes) else stored
