"""Where a file goes, as a text: a local path or an object store's URL, its sidecar's, and names for temporary files."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

from airflow_provider_yeastar.exceptions import InvalidDestinationError

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import ObjectStoragePath

__all__ = [
    "LEFT_BEHIND_SECONDS",
    "as_folder",
    "is_remote",
    "is_temporary",
    "resolve_path",
    "sidecar_path",
    "temporary_name",
]

LEFT_BEHIND_SECONDS = 24 * 3600
"""A temporary file that nobody has written to for so long belongs to a process that was killed."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
# A store may drop them: the file would lie elsewhere than told.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOCAL_SCHEMES = frozenset({"file", "local"})
_TEMPORARY = re.compile(r"\.yeastar-[0-9a-f]{16}\.part")


def resolve_path(destination: str | os.PathLike[str] | ObjectStoragePath, file_name: str) -> str:
    """Return where the file goes: an absolute local path, or an object store's URL as it was given.

    ``~`` is refused rather than expanded, because every worker has another home directory.

    :param destination: a file, or a directory if it ends in ``/``; a local path, ``file:///…`` or any URL of
        ``ObjectStoragePath``, such as ``s3://conn@bucket/key``; or a path object, which never ends in ``/``.
    :param file_name: the file's name in a directory.
    :raises InvalidDestinationError: when it names no file.
    """
    destination = _text_of(destination)
    where = destination + file_name if destination.endswith("/") else destination
    if not destination:
        raise InvalidDestinationError("`destination` is empty")
    if _CONTROLS.search(where):
        raise InvalidDestinationError(
            "`destination` holds a control character",
            remedy="Take out the line break, tab or NUL, which a template may have left at its end.",
        )
    url = _URL.match(where)
    if url is None and "://" in where:
        raise InvalidDestinationError(f"`destination` {destination} is no URL that ObjectStoragePath knows")
    if url is not None and url["scheme"].lower() not in _LOCAL_SCHEMES:
        if not url["rest"].partition("/")[2].strip("/"):
            raise InvalidDestinationError(f"`destination` {destination} names a bucket but no file in it")
        return where
    local = where if url is None else url["rest"].removeprefix("localhost")
    if url is not None and not local.startswith("/"):
        raise InvalidDestinationError(f"`destination` {destination} lacks a slash: a local file is file:///path")
    if local.startswith("~"):
        raise InvalidDestinationError(
            f"`destination` {destination} begins with ~, which is another directory for each worker"
        )
    return os.path.abspath(local)


def as_folder(destination: str | os.PathLike[str] | ObjectStoragePath) -> str:
    """Return a destination that is a directory in any case, as :func:`resolve_path` takes it.

    :param destination: as for :func:`resolve_path`; the slash at its end may lack.
    :raises InvalidDestinationError: when it is none.
    """
    text = _text_of(destination)
    return text if text.endswith("/") or not text else f"{text}/"


def _text_of(destination: object) -> str:
    if isinstance(destination, str):
        return destination
    # An ObjectStoragePath in a cloud is no os.PathLike; what all path objects have is this.
    if not isinstance(destination, os.PathLike) and not hasattr(destination, "as_posix"):
        raise InvalidDestinationError(f"`destination` is a {type(destination).__name__}, neither a text nor a path")
    return str(destination)


def sidecar_path(path: str) -> str:
    """Return where the metadata of a file go: beside it, its whole name with ``.report.json`` behind it."""
    return f"{path}.report.json"


def is_remote(path: str) -> bool:
    """Return whether a path of :func:`resolve_path` is that of an object store."""
    return _URL.match(path) is not None


def temporary_name() -> str:
    """Return a new name for a temporary file."""
    return f".yeastar-{secrets.token_hex(8)}.part"


def is_temporary(name: str) -> bool:
    """Return whether a name is one of :func:`temporary_name`."""
    return _TEMPORARY.fullmatch(name) is not None
