"""What is stored already: the files of a folder by size, and the length and SHA-256 of one of them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable

from airflow_provider_yeastar.files import object_store
from airflow_provider_yeastar.files.destination import open_stored, os_errors, probe
from airflow_provider_yeastar.files.paths import is_remote
from airflow_provider_yeastar.pbx.files.body import FileFacts
from airflow_provider_yeastar.pbx.files.whole import pieces_of

__all__ = ["facts_of", "sizes_in"]


def sizes_in(folder: str) -> dict[str, int]:
    """Return the sizes (bytes) of the files in a folder, by name; nothing where there is no such folder.

    :param folder: the folder of a path of :func:`.resolve_path`.
    :raises DestinationError: when it cannot be listed.
    """
    if is_remote(folder):
        return object_store.sizes_in(folder)
    with os_errors(folder, "listed"):
        found = probe(folder)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return {}
        # A file may go while its folder is listed.
        entries = {name: probe(os.path.join(folder, name)) for name in os.listdir(folder)}
        return {name: entry.st_size for name, entry in entries.items() if entry and stat.S_ISREG(entry.st_mode)}


def facts_of(path: str, look: Callable[[], None] = lambda: None) -> FileFacts:
    """Return length and SHA-256 of a stored file.

    :param path: from :func:`.resolve_path`.
    :param look: called now and then while the file is read; what it raises passes through.
    :raises OSError: when it cannot be read; an object store raises what it likes.
    """
    digest, size = hashlib.sha256(), 0
    with open_stored(path) as opened:
        for piece in pieces_of(opened, look):
            digest.update(piece)
            size += len(piece)
    return FileFacts(bytes=size, sha256=digest.hexdigest())
