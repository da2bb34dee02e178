"""Where a download goes on that broke off, with headers only."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from airflow_provider_yeastar.pbx.http.ranges import FileVersion, RestOfFile

DATE = "Wed, 25 Nov 2026 10:00:00 GMT"


def version(**headers: str) -> FileVersion:
    return FileVersion.of(CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize(
    ("headers", "whole_bytes"),
    [
        ({"content_length": "100"}, 100),
        ({}, None),
        ({"content_length": "-1"}, None),
        ({"content_length": "\u0661"}, None),
        ({"content_length": "100", "content_encoding": "gzip"}, None),
    ],
    ids=["announced", "not announced", "negative", "other digits", "compressed"],
)
def test_the_length_is_that_of_the_file_itself(headers: dict[str, str], whole_bytes: int | None) -> None:
    assert version(**headers).whole_bytes == whole_bytes


def test_the_rest_is_asked_for_of_the_same_version() -> None:
    rest = version(content_length="100", etag='"a1"', last_modified=DATE).rest_from(40)

    assert rest == RestOfFile(40, 100, '"a1"')
    assert rest.headers == {"Range": "bytes=40-", "If-Range": '"a1"'}


@pytest.mark.parametrize(
    "headers",
    [{"last_modified": DATE}, {"etag": 'W/"a1"', "last_modified": DATE}, {"etag": 'W/"a1"'}, {}],
    ids=["date", "weak etag and date", "weak etag", "nothing"],
)
def test_what_another_file_may_share_is_no_reason_to_ask_for_a_part(headers: dict[str, str]) -> None:
    assert version(content_length="100", **headers).rest_from(40) is None


@pytest.mark.parametrize(
    ("whole_bytes", "received"), [(100, 0), (100, 100), (None, 40)], ids=["nothing came", "all came", "no length"]
)
def test_only_the_whole_can_be_asked_for(whole_bytes: int | None, received: int) -> None:
    assert FileVersion(whole_bytes, '"a1"').rest_from(received) is None


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [
        ("bytes 40-99/100", True),
        ("Bytes 40-99/100", True),
        ("bytes 39-99/100", False),
        ("bytes 40-100/101", False),
        ("bytes 40-99/*", False),
        ("bytes */100", False),
        ("", False),
    ],
)
def test_the_rest_is_known_by_its_place_and_by_the_length_of_the_whole(content_range: str, expected: bool) -> None:
    assert RestOfFile(40, 100, '"a1"').comes_with({"Content-Range": content_range}) is expected


@pytest.mark.parametrize(("etag", "expected"), [('"a1"', True), ('"b2"', False)])
def test_the_rest_of_another_file_is_refused(etag: str, expected: bool) -> None:
    headers = CaseInsensitiveDict({"Content-Range": "bytes 40-99/100", "ETag": etag})

    assert RestOfFile(40, 100, '"a1"').comes_with(headers) is expected
