"""What each target calls: the ways on which texts and bytes of others enter the package."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from itertools import count
from typing import Any

from requests.structures import CaseInsensitiveDict

from airflow_provider_yeastar.hooks.connection import settings_from_connection
from airflow_provider_yeastar.pbx import tokens, untrusted, wire
from airflow_provider_yeastar.pbx.calls.answers import decode_page
from airflow_provider_yeastar.pbx.calls.oldest import read_history
from airflow_provider_yeastar.pbx.calls.query import Span, choose_cdr_version
from airflow_provider_yeastar.pbx.calls.reading import Ask, read_calls
from airflow_provider_yeastar.pbx.errors import YeastarError
from airflow_provider_yeastar.pbx.files.body import FileCheck, format_of, safe_file_name
from airflow_provider_yeastar.pbx.files.contradiction import Expected, contradiction
from airflow_provider_yeastar.pbx.files.delimited import decoded, lines_of
from airflow_provider_yeastar.pbx.files.emptiness import Content, content_of, rows_in
from airflow_provider_yeastar.pbx.files.whole import pieces_of, whole_complaint
from airflow_provider_yeastar.pbx.http.policy import decide
from airflow_provider_yeastar.pbx.http.ranges import FileVersion, RestOfFile
from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.pbx.login.stored import StoredLogin
from airflow_provider_yeastar.pbx.report import listings
from airflow_provider_yeastar.pbx.report.clock import DisplayFormat
from airflow_provider_yeastar.pbx.report.facts import choose_api_version, facts_of
from airflow_provider_yeastar.pbx.report.paging import row_pages
from airflow_provider_yeastar.pbx.report.rows import flattened_rows
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.readers import parse_report
from airflow_provider_yeastar.runtime.outcome import read_event
from airflow_provider_yeastar.schemas.schema import Schema, SchemaRows

WHERE = {"pbx": "pbx.example.com:8088", "endpoint": "openapi/v1.0/x"}
NOW = 1_763_800_000.0
SETTINGS = PbxSettings("pbx.example.com", "id", "secret", port=8088, timezone="Europe/Berlin")
WITHOUT_ZONE = PbxSettings("pbx.example.com", "id", "secret", port=8088)
DISPLAY = DisplayFormat("DD/MM/YYYY", "hh:mm:ss AM")
EXPECTED = Expected(
    date(2026, 11, 20), date(2026, 11, 22), date(2026, 11, 23), frozenset({"6401"}), frozenset({"6402"})
)
_CUT = 1000


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _answer(data: bytes) -> dict[str, Any]:
    """Decode an answer as the transport and the exchange do."""
    answer = wire.decode_answer(data, 200, **WHERE, secrets=["secret"])
    if error := wire.answer_error(answer, **WHERE, query={"type": "ivr"}):
        DisplayFormat.from_go_layout(wire.format_complaint(answer) or "")
        raise error
    return answer


def frame(data: bytes) -> object:
    return wire.decode_frame(data, **WHERE, secrets=["secret"])


def trigger_event(data: bytes) -> object:
    return read_event(json.loads(data) if _is_json(data) else None)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def report_answer(data: bytes) -> object:
    answer = wire.decode_report_answer(_answer(data), **WHERE)
    if isinstance(answer, wire.ReportFile):
        wire.file_url_path(answer.url, SETTINGS.base_url, pbx=SETTINGS.address)
    return answer


def information(data: bytes) -> object:
    told = wire.decode_information(_answer(data))
    choose_cdr_version("auto", told.firmware)
    choose_api_version("auto", told.firmware)
    return [facts_of(told, settings) for settings in (WITHOUT_ZONE, SETTINGS)]


def login(data: bytes) -> object:
    found = wire.decode_tokens(_answer(data), NOW, **WHERE)
    stored = StoredLogin.of(SETTINGS, None)
    entry = json.loads(json.dumps(stored.write(LoginRecord(tokens=found), None)))
    assert stored.read(entry).tokens == found
    return tokens.next_step(found, NOW)


def login_entry(data: bytes) -> object:
    entry = json.loads(data) if _is_json(data) else {}
    return StoredLogin.of(SETTINGS, None).read(entry if isinstance(entry, dict) else {})


def listing(data: bytes) -> object:
    answer = _answer(data)
    options = listings.menu_options(answer)
    return [
        listings.matching_ids("6401", options),
        listings.gather_pages(lambda page: answer, listings.my_reports, **WHERE),
        listings.gather_pages(lambda page: answer, listings.scheduled_reports, **WHERE),
    ]


def rows(data: bytes) -> object:
    lines = data.split(b"\n")
    found = []
    for page in row_pages(lambda number: _answer(lines[min(number, len(lines)) - 1]), **WHERE):
        found += flattened_rows(page)
    return list(SchemaRows(found, Schema.of("queueperformance"), display=lambda: DISPLAY))


def calls(data: bytes) -> object:
    """Read calls from a PBX that answers one page after another, and then all over again."""
    lines = data.split(b"\n")
    reading, found, page = read_calls(Span(0, 7), "uid"), [], None
    read_history(lambda endpoint, query: _answer(lines[0]), DISPLAY, UTC, pbx=WHERE["pbx"])
    for number in count():
        try:
            asked = reading.send(page)
        except StopIteration:
            return list(SchemaRows(found, Schema("calls", ()), display=lambda: DISPLAY))
        found += [] if isinstance(asked, Ask) else asked
        page = decode_page(_answer(lines[number % len(lines)]), **WHERE) if isinstance(asked, Ask) else None
    raise AssertionError


@dataclass(frozen=True)
class File:
    """What was found in a body that was taken for a file."""

    complaint: str | None
    content: Content | None
    rows: int


def _received(data: bytes, file_format: str, cut: int) -> str:
    check = FileCheck(file_format, announced_bytes=None, max_bytes=None, **WHERE)
    try:
        for at in range(0, len(data), cut):
            check.feed(data[at : at + cut])
        facts = check.finish()
    except YeastarError as error:
        return str(error)
    assert (facts.bytes, facts.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return ""


def body(data: bytes, file_format: str) -> object:
    verdict = _received(data, file_format, len(data) or 1)
    assert _received(data, file_format, _CUT) == verdict, "the verdict depends on how the file was cut"
    if verdict:
        return File(verdict, None, 0)
    file = io.BytesIO(data)
    complaint = whole_complaint(file, len(data))
    if file_format not in ("csv", "html"):
        return File(complaint, None, 0)
    if file_format == "csv":
        contradiction(lines_of(decoded(pieces_of(file))), EXPECTED)
    return File(complaint, content_of(pieces_of(file), file_format), rows_in(pieces_of(file), file_format))


def read_report(data: bytes) -> object:
    table = parse_report(data.decode("utf-8", "replace"), report_type="queueperformance")
    return table.columns, table.to_arrow()


def file_name(data: bytes) -> object:
    name = safe_file_name(_text(data))
    assert safe_file_name(name) == name
    format_of(_text(data))
    return name


def url(data: bytes) -> object:
    return wire.file_url_path(untrusted.download_url(_text(data)), SETTINGS.base_url, pbx=SETTINGS.address)


def headers(data: bytes) -> object:
    found = CaseInsensitiveDict(
        (name.strip(), value.strip()) for name, colon, value in map(_parted, _text(data).split("\n")) if colon
    )
    version = FileVersion.of(found)
    rest = version.rest_from(10) or RestOfFile(10, 20, '"x"')
    return version, rest.headers, rest.comes_with(found)


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


@dataclass(frozen=True)
class Stored:
    """An Airflow connection, as far as it is looked at."""

    conn_id: str
    host: str
    login: str
    password: str
    port: int | None
    schema: str
    extra: str


def connection(data: bytes) -> object:
    host, login_id, password, port, schema, *extra = [*_text(data).split("\n"), *[""] * 5]
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 10 else None
    stored = Stored("pbx", host, login_id, password, number, schema, "\n".join(extra[:-5]) or "")
    settings = settings_from_connection(stored)  # type: ignore[arg-type]  # all that it looks at
    route = decide(settings, {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8,.example.org,[::1]:8088"})
    return settings.base_url, settings.events_url, settings.state_name, str(route.route), str(route.trust)


def texts_in(value: object) -> Iterator[str]:
    """Yield all texts of a value that is made of plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts_in(key)
            yield from texts_in(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from texts_in(inner)
    elif hasattr(value, "__dataclass_fields__"):
        yield from texts_in(vars(value))
