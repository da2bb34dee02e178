"""JSON of many values in one call of the encoder, whose beginning takes longer than a value does. Pure."""

from __future__ import annotations

import json
import marshal
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

__all__ = ["APART", "NONE", "joined_json", "json_lines", "json_texts"]

APART, NONE = "\0", "\1"
"""What stands between two texts that are kept as one, and for None."""

_APART_WRITTEN, _NONE_WRITTEN = r"\u0000", r"\u0001"
_WITHOUT_REFERENCES = 2
"""The version of `marshal` in which equal values are equal bytes, and others (1, 1.0, True) never."""
# Not the text of a backslash and u0000, whose backslash is escaped itself.
_NUL_OR_ESCAPE = re.compile(r"\\u0000|(\\.)")
_encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_strictly = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def json_texts(values: Sequence[Any]) -> list[str]:
    """Return the JSON of each value, in their order; its texts lack NUL, which no warehouse takes.

    Half a character, which no encoding takes, is ``?``.

    :param values: at least one, of any JSON type.
    """
    together = _whole_characters(_encode(_interleaved(values))[1:-1])
    if together.count(_APART_WRITTEN) != len(values) - 1:  # a value holds the sign that stands between two
        return [_NUL_OR_ESCAPE.sub(r"\1", _whole_characters(_encode(value))) for value in values]
    return together.split(f', "{_APART_WRITTEN}", ')


def json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as newline-delimited JSON.

    :param rows: at least one.
    :raises ValueError: for a number that JSON does not have (``NaN``, infinity).
    """
    together = _encode_strictly(_interleaved(rows))[1:-1]
    if together.count(_APART_WRITTEN) != len(rows) - 1:
        return "".join(f"{_encode_strictly(row)}\n" for row in rows)
    return together.replace(f', "{_APART_WRITTEN}", ', "\n") + "\n"


def joined_json(values: Sequence[Any]) -> str | None:
    """Return the JSON of lists and objects as one text, NUL between two of them, U+0001 for None.

    :param values: at least one that is not None.
    :return: None if a text within them holds one of these signs, or half a character.
    """
    # The same queues and numbers come again and again; each is written once.
    shown = [None if value is None else marshal.dumps(value, _WITHOUT_REFERENCES) for value in values]
    different = dict(zip(shown, values, strict=True))
    different.pop(None, None)
    together = _encode(_interleaved(different.values()))[1:-1]
    is_clear = together.count(_APART_WRITTEN) == len(different) - 1 and _NONE_WRITTEN not in together
    if not is_clear or together != _whole_characters(together):
        return None
    texts = together.split(f', "{_APART_WRITTEN}", ')
    written = {None: NONE, **dict(zip(different, texts, strict=True))}
    return APART.join(map(written.__getitem__, shown))


def _whole_characters(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _interleaved(values: Iterable[Any]) -> list[Any]:
    return list(chain.from_iterable(zip(values, repeat(APART))))[:-1]
