"""What may be shown of a URL or of a text. Pure.

Of a query only the names are kept, never the values: a list of secret names would miss the next one. In a text,
the secrets that are known are replaced, raw and percent-encoded, and so is whatever follows ``…token=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

__all__ = ["redact_text", "redact_url"]

HIDDEN = "***"
_TOKEN_IN_TEXT = re.compile(r"((?:token|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+", re.IGNORECASE)
# The masking of a very short secret would tear every text apart, and hide nothing.
_SHORTEST_SECRET = 4


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
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for spelling in (secret, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(spelling, HIDDEN)
    return _TOKEN_IN_TEXT.sub(rf"\1{HIDDEN}", text)
