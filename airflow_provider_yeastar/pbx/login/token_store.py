"""Where a session keeps its tokens: in memory, or in a file that all processes of a host share.

The PBX allows eight live tokens per application and blocks an address after five refused logins. So the tasks,
triggers and processes of a host share one token through a file in the state directory, and a refused login is
remembered there for these very credentials. Whoever changes the file holds its lock, which the operating system takes
from a process that dies. What the file holds is believed only if it is our own, private and whole; anything else counts
as not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from airflow_provider_yeastar.pbx.errors import NetworkError
from airflow_provider_yeastar.pbx.report.listings import MenuOption
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.directory import state_errors
from airflow_provider_yeastar.pbx.tokens import Tokens
from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["Cipher", "LoginRecord", "MemoryTokenStore", "Menu", "SharedTokenStore", "TokenStore"]

_LAYOUT = 2
# A file holds a record for each Client Secret that was tried of late: a connection with an old secret must not cost the
# others their token.
_MAX_SECRETS = 4
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Menu:
    """What a look-up brought.

    :param options: what the PBX has; None where it does not let the application see that.
    :param asked_at: epoch seconds.
    """

    options: tuple[MenuOption, ...] | None
    asked_at: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Menu:
        """Return the menu that ``asdict`` made this of."""
        options = data["options"]
        return cls(None if options is None else tuple(MenuOption(**option) for option in options), data["asked_at"])


@dataclass(frozen=True)
class LoginRecord:
    """What is known of an application's login, and of the PBX by it.

    :param tokens: what the last login or refresh gave, None without one.
    :param refusal: :func:`.error_to_dict` of what the PBX answered to the last login, None if it was accepted.
    :param refused_at: epoch seconds of that.
    :param information: what the PBX told of itself, None if it was not asked.
    :param informed_at: epoch seconds of that.
    :param menus: what it has, by the menu's name; a queue's agents by that and the queue's id.
    """

    tokens: Tokens | None = None
    refusal: dict[str, Any] | None = None
    refused_at: float = 0.0
    information: PbxInformation | None = None
    informed_at: float = 0.0
    menus: Mapping[str, Menu] = field(default_factory=dict)


class Cipher(Protocol):
    """Encrypts what goes to disk; ``cryptography``'s Fernet classes are some."""

    def encrypt(self, msg: bytes) -> bytes: ...

    def decrypt(self, msg: bytes) -> bytes: ...


class MemoryTokenStore:
    """Tokens of one session alone, which are to be revoked at its end."""

    outlives_session = False

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._record = LoginRecord()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads from changing the record."""
        with self._lock:
            yield

    def load(self) -> LoginRecord:
        return self._record

    def save(self, record: LoginRecord) -> None:
        self._record = record


class SharedTokenStore:
    """Tokens that the processes of this host share.

    :param settings: the PBX and the application; the secret goes into the file's content as a hash only.
    :param state_dir: the state directory.
    :param cipher: encrypts the file, None to write it as it is (mode 0600).
    """

    outlives_session = True

    def __init__(self, settings: PbxSettings, state_dir: Path, cipher: Cipher | None = None) -> None:
        self._application = hashlib.sha256(f"{settings.base_url}\n{settings.client_id}".encode()).hexdigest()
        name = self._application[:16]
        self._directory = state_dir
        self._path = state_dir / f"{name}.token"
        self._cipher = cipher
        self._credentials = hashlib.sha256(f"{self._application}\n{settings.client_secret}".encode()).hexdigest()
        # A lock of one thread could not be seen by the next; the threads of a process are kept apart by their own.
        self._lock = FileLock(state_dir / f"{name}.token.lock", mode=_FILE_MODE, thread_local=False)
        self._threads = threading.RLock()
        self._pbx = settings.address
        self._patience = settings.timeout

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads and processes from changing the record.

        :raises NetworkError: when somebody else has not let go of it within the connection's ``timeout``, as a PBX that
            does not answer keeps whoever is logging in there.
        :raises InvalidSettingsError: when the state directory cannot be used.
        """
        with self._threads:
            with state_errors(self._directory):
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._acquire()
            try:
                yield
            finally:
                self._lock.release()

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=self._patience)
        except Timeout:  # an OSError, but none of the state directory
            raise NetworkError(
                f"Another task of this host has been logging in for {self._patience:g} seconds, and has no answer",
                pbx=self._pbx,
            ) from None

    def load(self) -> LoginRecord:
        """Return the record, an empty one where there is none to be trusted."""
        return self._load_all().get(self._credentials, LoginRecord())

    def save(self, record: LoginRecord) -> None:
        """Replace the record in one step.

        :raises InvalidSettingsError: when the state directory cannot be written.
        """
        others = {secret: known for secret, known in self._load_all().items() if secret != self._credentials}
        records = [*others.items(), (self._credentials, record)][-_MAX_SECRETS:]
        data = {"layout": _LAYOUT, "application": self._application, "records": {s: asdict(r) for s, r in records}}
        content = json.dumps(data).encode()
        with state_errors(self._directory):
            descriptor, temporary = tempfile.mkstemp(dir=self._directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    os.fchmod(descriptor, _FILE_MODE)  # whatever the umask
                    file.write(self._cipher.encrypt(content) if self._cipher else content)
                os.replace(temporary, self._path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)

    def _load_all(self) -> dict[str, LoginRecord]:
        try:
            data = json.loads(self._read())
            if data["layout"] != _LAYOUT or data["application"] != self._application:
                return {}
            return {secret: _record(known) for secret, known in data["records"].items()}
        except Exception:  # noqa: BLE001 - a corrupt file, another key or version: each cipher has errors of its own
            return {}

    def _read(self) -> bytes:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                raise PermissionError("not our own private file")
            content = file.read()
        return self._cipher.decrypt(content) if self._cipher else content


def _record(data: dict[str, Any]) -> LoginRecord:
    tokens, information = data["tokens"], data["information"]
    return LoginRecord(
        tokens=Tokens(**tokens) if tokens else None,
        refusal=data["refusal"],
        refused_at=float(data["refused_at"]),
        information=PbxInformation(**information) if information else None,
        informed_at=float(data["informed_at"]),
        menus={name: Menu.from_dict(menu) for name, menu in data["menus"].items()},
    )


TokenStore = MemoryTokenStore | SharedTokenStore
