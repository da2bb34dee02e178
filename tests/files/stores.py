"""Object stores that the tests reach: fsspec's memory store, and S3 as moto's server speaks it."""

from __future__ import annotations

import importlib
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

URL = "memory://lake@bucket/pbx/x.csv"


class BreakingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A store that takes part of an upload, keeps it, and then fails: what several back-ends do."""

    store: dict[str, Any] = {}  # noqa: RUF012 - fsspec's own way of sharing
    pseudo_dirs = [""]  # noqa: RUF012
    error: BaseException = OSError("the store went away")

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes()[:10])
        raise self.error


def register(protocol: str, conn_id: str | None, fs: Any) -> None:
    try:
        store_module = importlib.import_module("airflow.sdk.io")
    except ImportError:  # Airflow 2
        store_module = importlib.import_module("airflow.io.store")
    store_module.attach(protocol, conn_id, fs=fs)


class RefusingGate:
    """In front of a WSGI application: answers 403 to the second part of an upload, or to all but reading."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        self.closed = False
        self.read_only = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_refused = self.read_only and environ["REQUEST_METHOD"] != "GET"
        if is_refused or (self.closed and "partNumber=2" in environ.get("QUERY_STRING", "")):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        return self.application(environ, start_response)


@contextmanager
def s3_server() -> Iterator[tuple[str, RefusingGate]]:
    moto_server = pytest.importorskip("moto.server")
    serving = pytest.importorskip("werkzeug.serving")
    gate = RefusingGate(moto_server.DomainDispatcherApplication(moto_server.create_backend_app))
    server = serving.make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", gate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Bucket:
    """A fresh bucket, looked at with AWS's own client."""

    def __init__(self, url: str, gate: RefusingGate, connection: str) -> None:
        boto3 = pytest.importorskip("boto3")
        self.gate = gate
        self.name = f"lake-{uuid.uuid4().hex}"
        self.connection = connection
        self.client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client.create_bucket(Bucket=self.name)

    def url(self, key: str) -> str:
        return f"s3://{self.connection}@{self.name}/{key}"

    def objects(self) -> dict[str, bytes]:
        listing = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {
            entry["Key"]: self.client.get_object(Bucket=self.name, Key=entry["Key"])["Body"].read() for entry in listing
        }

    def unfinished_uploads(self) -> list[Any]:
        return list(self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))
