"""What the examples talk to besides a PBX: PostgreSQL, a mail server, an object store; all real, on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ports import reserved_port

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL server with nothing in it."""

    port: int

    @property
    def uri(self) -> str:
        return f"postgres://airflow@127.0.0.1:{self.port}/postgres"

    def connect(self) -> Any:
        return pytest.importorskip("psycopg2").connect(self.uri)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run PostgreSQL from the system's packages; the test is skipped where there is none."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian and Ubuntu: postgresql)")
    # It refuses to be run by root, and its owner must be able to reach its directory.
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="yeastar-postgres-"))

    def run(program: str, *arguments: str) -> None:
        log = home / f"{program}.log"
        with log.open("ab") as output:
            done = subprocess.run(
                [programs / program, "-D", home / "data", *arguments],
                stdout=output,
                stderr=output,
                user=user,
                cwd=home,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
        assert done.returncode == 0, log.read_text(encoding="utf-8")

    try:
        if user:
            shutil.chown(home, user)
        run("initdb", "--auth=trust", "--username=airflow", "--encoding=UTF8", "--locale=C", "--no-sync")
        with reserved_port() as port:
            options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
            run("pg_ctl", "start", "-w", "-t", f"{PATIENCE_SECONDS:.0f}", "-o", options)
            try:
                yield PostgresServer(port)
            finally:
                run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _postgres_programs() -> Path | None:
    """The directory of ``initdb`` and ``pg_ctl``; Debian keeps them off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@dataclass
class Mailbox:
    """What a mail server was given."""

    host: str
    port: int
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@contextlib.contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Run a mail server that keeps what it is given."""
    controller = pytest.importorskip("aiosmtpd.controller")
    with reserved_port() as port:
        mailbox = Mailbox("127.0.0.1", port)
        running = controller.Controller(
            mailbox, hostname=mailbox.host, port=mailbox.port, ready_timeout=PATIENCE_SECONDS
        )
        running.start()
        try:
            yield mailbox
        finally:
            running.stop()


@dataclass(frozen=True)
class Bucket:
    """A bucket of an object store, looked at with AWS's own client."""

    name: str
    endpoint: str
    client: Any

    @property
    def connection(self) -> dict[str, Any]:
        """An Airflow connection to the store."""
        return {
            "conn_type": "aws",
            "login": "test",
            "password": "test",
            "extra": {"endpoint_url": self.endpoint, "region_name": "us-east-1"},
        }

    def keys(self) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())


@contextlib.contextmanager
def object_store() -> Iterator[Bucket]:
    """Run an object store that speaks S3."""
    boto3, server = pytest.importorskip("boto3"), pytest.importorskip("moto.server")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        # All servers of one process have their buckets in common.
        urlopen(Request(f"{endpoint}/moto-api/reset", method="POST"), timeout=PATIENCE_SECONDS).close()
        client.create_bucket(Bucket="call-reports")
        yield Bucket("call-reports", endpoint, client)
    finally:
        running.stop()
