"""What may be shown of a URL or of a text, and the one gate for texts of a PBX. Pure.

Of a query only the names are kept, never the values: a list of secret names would miss the next one. In a text,
the secrets that are known are replaced, raw and percent-encoded, and so is whatever follows ``…token=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

__all__ = ["HIDDEN", "clean_text", "drop_controls", "redact_text", "redact_url", "spellings"]

HIDDEN = "***"
_TOKEN_IN_TEXT = re.compile(r"((?:token|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+", re.IGNORECASE)
# Masking a very short secret would garble every text, and protect nothing.
_SHORTEST_SECRET = 4
# A terminal's escape sequences as a whole (ECMA-48): the strings (DCS, SOS, OSC, PM, APC), CSI, and the short ones.
_ESCAPES = re.compile(
    r"(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b(?:[ -/]*[0-~])?"
)
# Control characters but white space, unpaired surrogates, and what is invisible or changes the direction of a line:
# Unicode's category Cf, but for the two joiners (U+200C, U+200D) that names in Persian and Indic scripts need.
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff"
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f]"
)
_CUT = "…"


def redact_url(url: str) -> str:
    """Return the URL with its host and path, and the names of its query's parameters only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    names = "&".join(f"{name}={HIDDEN}" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    origin = f"{parts.scheme}://{host}{port}" if parts.scheme else ""
    return f"{origin}{parts.path}{'?' + names if names else ''}"


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the given secrets and without anything that stands behind ``token=``.

    :param text: whatever is to be logged or put into an exception.
    :param secrets: tokens and passwords that are in use.
    """
    for spelling in spellings(secrets):
        text = text.replace(spelling, HIDDEN)
    return _TOKEN_IN_TEXT.sub(rf"\1{HIDDEN}", text)


def spellings(secrets: Iterable[str]) -> list[str]:
    """Return every form in which secrets may stand in a text, longest first: raw and percent-encoded.

    :param secrets: tokens and passwords; very short ones are left out.
    """
    forms = {
        form
        for secret in secrets
        if len(secret) >= _SHORTEST_SECRET
        for form in (secret, quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace"))
    }
    return sorted(forms, key=len, reverse=True)


def clean_text(value: object, limit: int = 500, secrets: Iterable[str] = ()) -> str:
    """Return a text of a PBX as it may enter a message, a log line, an event or XCom: one bounded, printable line.

    Terminal escapes, control and invisible characters and unpaired surrogates go; white space becomes single spaces;
    secrets are redacted.

    :param value: the text; None is an empty one, anything else is written out.
    :param limit: how many characters it may have; a longer text ends in an ellipsis.
    :param secrets: tokens and passwords that are in use.
    """
    # Cut before anything is searched: a text of 20 MB must cost nothing. The factor leaves room for what is taken out.
    text = redact_text("" if value is None else _written(value)[: 8 * limit], secrets)
    text = " ".join(drop_controls(text).split())
    return text if len(text) <= limit else text[: limit - 1] + _CUT


def _written(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a structure of great depth
        return type(value).__name__


def drop_controls(text: str) -> str:
    """Return the text without terminal escapes, control and invisible characters; white space stays."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))
