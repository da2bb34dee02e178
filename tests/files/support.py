"""What the tests of stored files share: a file in chunks, and a way to put it in place."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from airflow_provider_yeastar.exceptions import EmptyReportError
from airflow_provider_yeastar.files.storage import StoredFile, receive
from airflow_provider_yeastar.pbx.files.body import FileCheck

OLD = b"Queue,Total\nold,1\n"
NEW = b"Queue,Total\nSupport<6401>,12\nSales<6402>,7\n"
CHUNKS = [NEW[:10], NEW[10:30], NEW[30:]]
MIB = 1024 * 1024


def new_check(announced: int | None = None) -> FileCheck:
    return FileCheck(
        "csv", announced_bytes=announced, max_bytes=None, pbx="pbx.example:8088", endpoint="/api/download/x.csv"
    )


def store(
    chunks: Iterable[bytes],
    path: str,
    check: FileCheck,
    *,
    accept: Callable[[Path], object] | None = None,
    metadata: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> StoredFile:
    """Receive a file, look at it and put it in place, as a task does."""
    with receive(chunks, path, check, clock=clock) as received:
        if accept is not None:
            accept(received.temporary)
        received.put_in_place(metadata)
    return received.stored


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def stored(path: str, content: bytes) -> StoredFile:
    return StoredFile(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def broken_off(error: BaseException) -> Iterator[bytes]:
    yield CHUNKS[0]
    raise error


def refuse(path: Path) -> None:
    raise EmptyReportError(f"{path.stat().st_size} bytes and no row")
