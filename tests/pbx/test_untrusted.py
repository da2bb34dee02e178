"""What a PBX sends is bounded, storable and safe to show before anything relies on it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import YeastarError, error_from_dict, error_to_dict
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.untrusted import loads, whole_number

WHERE = {"pbx": "pbx:443", "endpoint": "openapi/v1.0/get_token"}

# Any JSON, with the values that break programs, also under the keys that the codec reads.
_KEYS = st.sampled_from(
    """errcode errmsg invalid_param_list field valid_msg value validation_type access_token refresh_token data sn type
    msg access_token_expire_time refresh_token_expire_time model_name firmware_version system_time system_date_format
    system_time_format timestamp file download_resource_url download_id result error""".split()  # noqa: SIM905 - legible
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(
        [30027, "30027", 10**18, -(10**18), 10**400, "0", "-1", 2, 0, "\ud800", "a\x00b", "\x1b[31m", "/api/x"]
    ),
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS | st.text(max_size=4), inner, max_size=6),
    max_leaves=20,
)
_TEXTS = _JSON.map(json.dumps) | st.text() | st.binary().map(lambda raw: raw.decode("latin-1"))


def assert_storable(value: Any) -> None:
    """PostgreSQL takes it as JSONB, and a log as text."""
    text = json.dumps(value, allow_nan=False)
    assert "\\u0000" not in text
    json.loads(text)
    json.dumps(value, ensure_ascii=False).encode()


@given(_TEXTS)
def test_whatever_is_read_is_storable_or_a_value_error(text: str) -> None:
    for form in (text, text.encode("utf-8", "surrogatepass")):
        try:
            value = loads(form)
        except ValueError:
            continue
        assert_storable(value)


@given(_TEXTS, st.integers(100, 599))
def test_every_decoder_returns_a_storable_value_or_a_yeastar_error(text: str, status: int) -> None:
    frame = wire.decode_frame(text, **WHERE)
    if isinstance(frame, wire.EventFrame):
        assert_storable(vars(frame))
    elif isinstance(frame, wire.RefusalFrame):
        assert_storable(error_to_dict(frame.error))
    try:
        answer = wire.decode_answer(text.encode("utf-8", "surrogatepass"), status, **WHERE)
    except YeastarError as error:
        assert_storable(error_to_dict(error))
        return
    _decode_all(answer)


@given(st.dictionaries(_KEYS, _JSON, max_size=12))
def test_every_decoder_bears_every_answer_that_was_read(answer: dict[str, Any]) -> None:
    try:
        clean = wire.decode_answer(json.dumps(answer | {"errcode": 0}).encode(), 200, **WHERE)
    except YeastarError:
        return
    _decode_all(clean | {"data": answer if loads_well(answer) else None})


def loads_well(value: object) -> bool:
    try:
        loads(json.dumps(value))
    except ValueError:
        return False
    return True


def _decode_all(answer: dict[str, Any]) -> None:
    error = wire.answer_error(answer, **WHERE, query={"my_report_id": "1"})
    if error:
        assert_storable(error_to_dict(error))
        assert len(str(error)) < 5000
    assert_storable(wire.format_complaint(answer))
    assert_storable(vars(wire.decode_information(answer)))
    for decode in (wire.decode_report_answer, lambda given, **where: wire.decode_tokens(given, 1e9, **where)):
        try:
            decoded = decode(answer, **WHERE)
        except YeastarError as failure:
            assert_storable(error_to_dict(failure))
        else:
            assert_storable(vars(decoded))
            if hasattr(decoded, "access_expires_at"):
                assert 1e9 < decoded.access_expires_at < 2e9
                assert math.isfinite(decoded.refresh_expires_at)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 33 + "]" * 33,
        "[" * 100_000,
        '{"a":' * 100_000,
        "NaN",
        "-Infinity",
        "1e400",
        str(2**63),
        "9" * 5000,
        "",
        "{",
    ],
    ids=["33-deep", "deep", "deep-objects", "nan", "infinity", "huge-float", "65-bits", "digits", "nothing", "cut"],
)
def test_what_no_pbx_sends_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize("values", ["0,", "[],", "{},", '{"a":[]},', "[" * 29 + "]" * 29 + ",", '"",'])
def test_so_many_values_that_they_fill_the_memory_are_refused_before_they_are_read(values: str) -> None:
    text = f"[{values * (4_200_000 // len(re.findall(r'[,{[]', values)))}0]"

    with pytest.raises(ValueError, match="too many values"):
        loads(text)


@pytest.mark.parametrize(("values", "count"), [('{"a":1.5},', 600_000), ("[0],", 1_200_000), ('"a":0,', 1_800_000)])
def test_an_object_a_list_and_a_key_count_as_what_they_take(values: str, count: int) -> None:
    """Without their weights none of these would be refused."""
    text = f"{{{values * count}}}" if values.startswith('"') else f"[{values * count}0]"

    with pytest.raises(ValueError, match="too many values"):
        loads(text)


def test_an_ordinary_answer_is_read_as_it_is() -> None:
    value = {"rows": [{"name": "Zoë\n\t<1001>", "calls": 7, "rate": 77.14, "id": 2**53 + 1, "none": None}] * 3}

    assert loads(json.dumps(value)) == value
    assert loads("[" * 32 + "]" * 32)
    assert loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_secrets_go_in_every_spelling_from_texts_and_keys() -> None:
    told = loads(json.dumps({"s3cr t": ["x s3cr t", "s3cr%20t", "s3cr+t"], "other": "s3"}), ["s3cr t"])

    assert told == {"***": ["x ***", "***", "***"], "other": "s3"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(max_size=8) | st.just('a s3cr/t\n"é'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.just("s3cr/t"), inner, max_size=4)
    ),
    max_leaves=12,
)


def escaped(text: str) -> str:
    """Return a JSON text in which every character of its texts is an escape, as a PBX may write them."""
    return re.sub(
        r'"((?:[^"\\]|\\.)*)"',
        lambda found: '"' + "".join(f"\\u{unit:04x}" for unit in utf_16(json.loads(found[0]))) + '"',
        text,
    )


def utf_16(text: str) -> tuple[int, ...]:
    encoded = text.encode("utf-16-be", "surrogatepass")
    return tuple(int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2))


def cleaned(value: Any) -> Any:
    """What has to come out, value by value."""
    if isinstance(value, str):
        return re.sub(r"[\x00\ud800-\udfff]", "", value).replace("s3cr/t", "***").replace("s3cr%2Ft", "***")
    if isinstance(value, dict):
        return {cleaned(key): cleaned(inner) for key, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list) else value


@given(VALUES, st.booleans())
def test_a_text_is_clean_however_it_is_escaped(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert loads(text, ["s3cr/t"]) == cleaned(value)
    assert loads(escaped(text), ["s3cr/t"]) == cleaned(value)
    assert loads(text.replace("/", "\\/").encode("utf-8", "surrogatepass"), ["s3cr/t"]) == cleaned(value)


_NUMBERS = st.from_regex(r"-?[0-9]{1,40}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(VALUES.map(json.dumps) | _NUMBERS | st.lists(_NUMBERS).map(lambda numbers: f'{{"a": [{", ".join(numbers)}]}}'))
def test_both_parsers_read_the_same(text: str) -> None:
    """What the fast one refuses, Python's own decides about."""
    try:
        value = loads(text, ["s3cr/t"])
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            json_loads_bounded(text)
        return
    assert repr(value) == repr(cleaned(json_loads_bounded(text)))


def json_loads_bounded(text: str) -> Any:
    value = json.loads(text, parse_constant=float)
    if any(abs(number) >= 2**63 for number in numbers_in(value)):
        raise ValueError("beyond 64 bits")
    return value


def numbers_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(inner)
    elif isinstance(value, int) or value in (math.inf, -math.inf):
        yield value


@pytest.mark.parametrize("form", [r"s3cr\/t", r"\u0073\u0033cr/t", r"s3cr\u002Ft", r"s3\u0000cr/t", r"s3\ud800cr/t"])
def test_a_secret_is_found_behind_escapes(form: str) -> None:
    assert loads(f'{{"a": "x {form}"}}', ["s3cr/t"]) == {"a": "x ***"}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[(7, 7), ("7", 7), (" -7 ", -7), (7.0, 7), (7.5, None), (True, None), ("7.0", None), ("", None), (None, None)],
        *[([7], None), ("\u0667", None), (10**19, None), (1e300, None), ("9" * 30, None), (float("nan"), None)],
    ],
)
def test_whole_numbers_come_in_three_types(value: object, number: int | None) -> None:
    assert whole_number(value) == number


class TestTheGateForTexts:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("Support <6400>", "Support <6400>"),
            ("two\nlines\r\n\tthree", "two lines three"),
            ("\x1b[31mred\x1b[0m \x1b]0;title\x07done", "red done"),
            ("\x9b31mred", "red"),
            ("a\x00b\x07\x7f", "ab"),
            ("\ud800lone\udfff", "lone"),
            ("\u202eevil\u2066", "evil"),
            ("Zoë 中文 👩‍💻", "Zoë 中文 👩‍💻"),
            ("access_token=abc123&x", "access_token=***&x"),
            ("", ""),
            (None, ""),
            (7, "7"),
        ],
    )
    def test_leaves_one_printable_line(self, text: object, clean: str) -> None:
        assert clean_text(text) == clean

    def test_names_the_type_of_what_cannot_be_written_out(self) -> None:
        assert clean_text(10**5000) == "int"

    def test_bounds_the_length_whatever_it_costs_to_read(self) -> None:
        assert clean_text("x" * 20_000_000, 100) == "x" * 99 + "…"
        assert clean_text("\x00" * 20_000_000) == ""

    @given(st.text(), st.integers(1, 50))
    def test_whatever_comes_out_is_one_bounded_storable_line(self, text: str, limit: int) -> None:
        clean = clean_text(text, limit)

        assert len(clean) <= limit
        assert len(clean.splitlines()) <= 1
        assert "\x1b" not in clean
        assert_storable(clean)
        assert clean_text(clean, limit) == clean


_ERROR_KEYS = ["error", "what", "pbx", "endpoint", "errcode", "remedy", "retry_after", "more"]


@given(st.dictionaries(st.sampled_from(_ERROR_KEYS), _JSON))
def test_an_error_of_any_version_is_read_from_any_event(event: dict[str, Any]) -> None:
    error = error_from_dict(event)

    assert isinstance(error, YeastarError)
    assert_storable(error_to_dict(error))
