"""JSON, values and URLs that a PBX sent, checked before anything relies on them. Pure.

Whatever answers at the PBX's address may send anything: :func:`loads` bounds size, depth and numbers, and returns texts
that every database stores; :func:`file_url_path` accepts only a download URL of this PBX.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from airflow_provider_yeastar.pbx.errors import UnsafeUrlError
from airflow_provider_yeastar.pbx.redaction import HIDDEN, clean_text, drop_controls, spellings

if TYPE_CHECKING:
    import msgspec

__all__ = [
    "MAX_JSON_BYTES",
    "credential",
    "decoded_path",
    "download_url",
    "file_name",
    "file_url_path",
    "json_object",
    "loads",
    "short_text",
    "unread",
    "whole_number",
]

MAX_JSON_BYTES = 32 << 20
"""No answer of a PBX is larger: some 100,000 rows of a report."""

_MAX_DEPTH, _USUAL_DEPTH = 32, 6
"""The deepest documented answer nests five levels."""
_WEIGHTS = {b",": 1, b":": 1, b"[": 2, b"{": 4}
_WITHOUT_WEIGHT = bytes(set(range(256)).difference(*_WEIGHTS))
_MAX_WEIGHT = 3_500_000
"""Each unit takes up to 128 bytes: a comma is for a text or number, a colon for a key, a bracket for its container."""
_MAX_INTEGER = 2**63 - 1
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SHORT_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_DEFAULT_PORTS = {"https": 443, "http": 80}
_FILES_BELOW = "api"
_MOST_ENCODINGS = 4
_LONGEST_NAME, _LONGEST_URL, _LONGEST_TOKEN = 300, 2000, 1024
_TOKEN_IN_QUERY = re.compile(r"([?&])access_token=[^&#]*&?")


def loads(text: str | bytes, secrets: Iterable[str] = ()) -> Any:
    """Return what a JSON text says, in values that are safe to store and to show.

    Integers fit into 64 bits, floats are finite, texts hold neither NUL nor unpaired surrogates nor a secret.

    It takes at most some 450 MB beside the text, however the text is made.

    :param text: at most 32 MiB, nested at most 32 levels deep; its commas and colons, ``[`` twice and ``{`` four times
        add up to at most 3.5 million, also those within texts.
    :param secrets: tokens and passwords that the PBX may quote.
    :raises ValueError: for anything else.
    """
    import msgspec  # not needed to parse a DAG file, for which Airflow 2 does not load it

    if len(text) > MAX_JSON_BYTES:
        raise ValueError("too long")
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    structure = text.encode("utf-8", "surrogatepass").translate(None, _WITHOUT_WEIGHT)
    if sum(weight * structure.count(sign) for sign, weight in _WEIGHTS.items()) > _MAX_WEIGHT:
        raise ValueError("too many values")
    forms = spellings(secrets)
    if _is_clean(text, forms):
        # Twice as fast as Python's own parser, which decides about all that this one refuses.
        with suppress(msgspec.MsgspecError, RecursionError):
            return _decoder().decode(text)
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return _cleaned(value, forms, _MAX_DEPTH)


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    """Return a parser of the JSON that PBXs send: integers of 64 bits, finite numbers, no deeper than documented."""
    import msgspec

    integer = Annotated[int, msgspec.Meta(ge=-_MAX_INTEGER, le=_MAX_INTEGER)]
    value: Any = None | bool | integer | float | str
    scalar = value
    for _ in range(_USUAL_DEPTH):
        value = scalar | list[value] | dict[str, value]
    return msgspec.json.Decoder(value)


def unread(body: bytes, refused: ValueError) -> str:
    """Return in words what a body is that :func:`loads` has refused.

    :param body: of an answer.
    :param refused: what was raised.
    """
    if body.lstrip()[:1] == b"<":
        return "a web page"
    if isinstance(refused, json.JSONDecodeError | UnicodeDecodeError):
        return "something that is not JSON"
    return f"JSON that no PBX sends: {refused}"


def _is_clean(text: str, secrets: Sequence[str]) -> bool:
    """Whether a JSON text certainly holds neither a secret nor what cannot be stored.

    One look at the whole text is much faster than one at each value, and finds nothing in nearly all answers.
    """
    # One after the other: a list of all would take many times the text's memory.
    escapes = {found.groups("") for found in _ESCAPE.finditer(text)}
    escaped = "".join(_sign_of(*escape) for escape in escapes)
    # Only an escape that stands for a sign of a secret can hide one.
    hides_none = set(escaped).isdisjoint("".join(secrets))
    return hides_none and _is_storable(text) and _is_storable(escaped) and not any(secret in text for secret in secrets)


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _sign_of(code: str, short: str) -> str:
    return chr(int(code, 16)) if code else _SHORT_ESCAPES.get(short, short)


def _integer(digits: str) -> int:
    number = int(digits)  # raises ValueError above some thousand digits
    if abs(number) > _MAX_INTEGER:
        raise ValueError("an integer beyond 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number out of range")
    return number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _cleaned(value: Any, secrets: Sequence[str], depth: int) -> Any:
    """Return a value that is clean: containers are changed in place, as two copies may not fit into the memory."""
    if isinstance(value, str):
        return _clean(value, secrets)
    if isinstance(value, dict | list) and not depth:
        raise ValueError("nested too deep")
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        value[key] = _cleaned(inner, secrets, depth - 1)
    if isinstance(value, dict) and any(_clean(key, secrets) != key for key in value):
        return {_clean(key, secrets): inner for key, inner in value.items()}
    return value


def _clean(text: str, secrets: Sequence[str]) -> str:
    # PostgreSQL refuses NUL, and UTF-8 has no unpaired surrogates; JSON's escapes can hold both.
    clean = text.encode(errors="ignore").decode().replace("\0", "")
    for secret in secrets:
        clean = clean.replace(secret, HIDDEN)
    return text if clean == text else clean  # the same object: dicts share their keys


def json_object(text: object, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return the object that a JSON text holds, see :func:`loads`; an empty one for anything else."""
    try:
        data = loads(text, secrets) if isinstance(text, str) else None
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {}


def whole_number(value: object) -> int | None:
    """Return a whole number that came as an integer, a text or a float; None for anything else, True among it."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if type(value) is int and abs(value) <= _MAX_INTEGER else None


def short_text(value: object) -> str:
    """Return a text of at most 100 characters; a number is taken for one, anything else for nothing."""
    return clean_text(value, 100) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def credential(value: object) -> str:
    """Return a token if it can be one: printable, of at most 1,024 characters; else nothing."""
    return value if isinstance(value, str) and len(value) <= _LONGEST_TOKEN and value.isprintable() else ""


def file_name(value: object) -> str:
    """Return a file's name as it may be shown; it is no path."""
    return clean_text(value, _LONGEST_NAME) if isinstance(value, str) else ""


def download_url(value: object) -> str:
    """Return a URL as it may enter an event, without a token; :func:`file_url_path` checks it before it is used."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        return ""
    return drop_controls(_TOKEN_IN_QUERY.sub(r"\1", value)).rstrip("?&")


def file_url_path(url: str, base_url: str, *, pbx: str) -> str:
    """Return the path (and query, less any token) under which the PBX serves a file.

    :param url: ``download_resource_url`` as the PBX gave it: relative, or absolute on the PBX itself; below ``/api/``.
    :param base_url: the connection's own scheme, host and port.
    :param pbx: ``host:port``, for the message.
    :raises UnsafeUrlError: when it leads anywhere else; the token travels in the URL and must not go there.
    """
    try:
        # A person names a report, such as Queue #1; a URL of a PBX has no fragment.
        parts, own = urlsplit(url.replace("#", "%23")), urlsplit(base_url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        origin = (parts.scheme, parts.hostname, port) if parts.scheme or parts.netloc else None
        userinfo = parts.username or parts.password
    except ValueError:
        raise UnsafeUrlError("The PBX sent an invalid download URL", pbx=pbx) from None
    own_origin = (own.scheme, own.hostname, own.port)
    if userinfo or (origin and origin != own_origin):
        raise UnsafeUrlError("The PBX sent a download URL of another server", pbx=pbx)
    if not _is_below_files(url, parts.path):
        raise UnsafeUrlError(f"The PBX sent a download URL that does not lie below /{_FILES_BELOW}/", pbx=pbx)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "access_token"]
    path = f"/{parts.path.removeprefix('/')}"
    return f"{path}?{urlencode(query)}" if query else path


def decoded_path(url: str) -> str:
    """Return the path of a URL of a PBX, relative or absolute, without what percent-encodes it however often.

    :param url: one that cannot be read is returned as it is.
    """
    try:
        path = f"/{urlsplit(url.replace('#', '%23')).path.lstrip('/')}"
    except ValueError:
        return url
    return _decoded(path)


def _decoded(path: str) -> str:
    for _ in range(_MOST_ENCODINGS):
        path = unquote(path)
    return path


def _is_below_files(url: str, path: str) -> bool:
    """Whether a path names a file of the download folder, however often it is percent-encoded."""
    decoded = _decoded(path)
    segments = decoded.removeprefix("/").split("/")
    harmless = unquote(decoded) == decoded and "\\" not in url + decoded and _printable(url) and _printable(decoded)
    # `;` begins a parameter for some servers: they resolve `..;` as `..`.
    return (
        harmless
        and segments[0] == _FILES_BELOW
        and len(segments) > 1
        and all(segment.partition(";")[0] not in ("", ".", "..") for segment in segments)
    )


def _printable(text: str) -> bool:
    return not any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in text)
