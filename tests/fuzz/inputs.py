"""How inputs are made: seeds of the corpus with their parts altered, grammars of the formats, and garbled bytes."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

__all__ = [
    "CORPUS",
    "MOST_BYTES",
    "documents",
    "garbled_seeds",
    "pages",
    "repeated",
    "seeds",
    "tables",
    "web_pages",
    "workbooks",
]

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 256 * 1024
_MOST_EDITS = 4
_ALTERED = 12
"""One value in so many is altered, and one in so many left out."""

Inputs = st.SearchStrategy[bytes]

_NUMBERS = (0, 1, -1, 2, 10004, 60001, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, 253402300799, 253402300800, 0.5, 1e300)
_TEXTS = (
    *("", " ", "0", "-", "1e999", "nan", "SUCCESS", "\u0000", "\ud800", "\u0661\u0662", "\u202e", "\x1b[2J", "\ufeff"),
    *(
        "../../etc/passwd",
        "//host/api/x",
        "%252e%252e/",
        "Support<6401>",
        "01:02:03",
        "99.99%",
        "31/12/9999 11:59:59 PM",
    ),
)
_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(_NUMBERS), st.sampled_from(_TEXTS), st.text()
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def seeds(target: str) -> list[Path]:
    """Return the corpus of a target: documented samples, and findings of earlier runs."""
    return sorted((CORPUS / target).iterdir())


@cache
def _content(seed: Path) -> bytes:
    return seed.read_bytes()


def _contents(target: str) -> list[bytes]:
    return [_content(seed) for seed in seeds(target)]


def garbled_seeds(target: str) -> Inputs:
    """Make the seeds of a target, with up to four edits each."""
    return garbled(st.sampled_from(seeds(target)).map(_content))


def repeated(part: bytes, times: int, room: int) -> bytes:
    """Return a part so many times, or as often as there is room (bytes)."""
    return part * min(times, room // max(1, len(part)))


@st.composite
def garbled(draw: st.DrawFn, contents: Inputs) -> bytes:
    """Make up to four edits: a part is left out, replaced, or repeated up to the greatest length."""
    content = draw(contents)
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        first = draw(st.integers(0, len(content)))
        last = min(len(content), first + draw(st.sampled_from((0, 1, 2, 4, 16, 64, 1024, MOST_BYTES))))
        part = content[first:last]
        if draw(st.booleans()):
            part = repeated(part, draw(st.sampled_from((2, 3, 100, MOST_BYTES))), MOST_BYTES - len(content))
        else:
            part = draw(st.binary(max_size=16))
        content = (content[:first] + part + content[last:])[:MOST_BYTES]
    return content


def _written(value: Any) -> Inputs:
    ways = st.booleans().map(lambda is_ascii: json.dumps(value, ensure_ascii=is_ascii))
    return ways.map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def _altered(draw: st.DrawFn, value: Any) -> Any:
    chance = draw(st.integers(0, _ALTERED))
    if chance == 1:
        return draw(_values)
    if isinstance(value, dict):
        altered = {key: draw(_altered(inner)) for key, inner in value.items() if draw(st.integers(0, _ALTERED)) != 1}
        return {**altered, draw(st.text(max_size=8)): draw(_values)} if chance == 2 else altered
    if isinstance(value, list):
        return [draw(_altered(inner)) for inner in value] * draw(st.sampled_from((1, 1, 1, 0, 2)))
    return value


def documents(target: str) -> Inputs:
    """Make JSON documents: seeds with values altered, left out and added, or garbled."""
    samples = []
    for content in _contents(target):
        try:
            samples.append(json.loads(content))
        except (ValueError, RecursionError):
            continue  # a finding that is no JSON
    structured = st.sampled_from(samples).flatmap(_altered).flatmap(_written)
    return structured | garbled_seeds(target)


def pages(target: str) -> Inputs:
    """Make several JSON documents, one a line."""
    lines = [line for content in _contents(target) for line in content.split(b"\n") if line.startswith(b"{")]
    samples = [json.loads(line) for line in lines if line.endswith(b"}")]
    structured = st.sampled_from(samples).flatmap(_altered).flatmap(_written)
    return st.lists(structured, min_size=1, max_size=4).map(b"\n".join) | garbled_seeds(target)


_CELLS = st.sampled_from(
    (
        "Queue",
        "Total",
        "Calls",
        "Support<6401>",
        "6401-Support",
        "12",
        "0",
        "-",
        "12.50%",
        "00:01:02",
        "",
        " ",
        "Total:",
    )
) | st.text(max_size=6)
_ENDS = st.sampled_from(("\r\n", "\n", "\r", "\n\n", ""))
_ENCODINGS = st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"))


@st.composite
def tables(draw: st.DrawFn, target: str) -> bytes:
    """Make delimited text: rows of a few widths, quoted or not, in several encodings; or garbled seeds."""
    if draw(st.booleans()):
        return draw(garbled_seeds(target))
    delimiter, quote, end = draw(st.sampled_from(",;\t")), draw(st.sampled_from(('"', ""))), draw(_ENDS)
    row = st.lists(_CELLS, max_size=5).map(lambda cells: delimiter.join(f"{quote}{cell}{quote}" for cell in cells))
    text = end.join([*draw(st.lists(row, max_size=8)), ""])
    return draw(garbled(st.just(text.encode(draw(_ENCODINGS), "replace"))))


_TAGS = (
    "html",
    "head",
    "title",
    "body",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "p",
    "script",
    "form",
    "!--",
    "br",
)
_MARKUP = st.one_of(
    st.sampled_from([form.format(tag) for tag in _TAGS for form in ("<{}>", "</{}>", "<{} ", "<{}", "<{} a='")]),
    st.sampled_from(("-->", "<![CDATA[", "]]>", "<?xml ", "?>", "<!", "&", "&#", "&lt;", "&#xd800;", '"', "'", ">")),
    _CELLS,
)


@st.composite
def web_pages(draw: st.DrawFn, target: str) -> bytes:
    """Make pages of tags and texts in any order, or garbled seeds."""
    if draw(st.booleans()):
        return draw(garbled_seeds(target))
    text = draw(st.sampled_from(("<html>", "<!DOCTYPE html><table>", "<table><tr><th>"))) + "".join(
        draw(st.lists(_MARKUP, max_size=20))
    )
    return draw(garbled(st.just(text.encode(draw(_ENCODINGS), "replace"))))


_METHODS = st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
_DECLARATION = st.sampled_from(
    ("", *(f"<?xml version='1.0' encoding='{name}'?>" for name in ("utf-16", "hex", "x", "big5")))
)
_NAMES = (
    "[Content_Types].xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/worksheets/sheet1.xml",
    "../x",
    "a",
)
_XML = (
    "<a/>",
    "<a>",
    "<Relationships><Relationship Type='t/worksheet' Target='worksheets/sheet1.xml'/></Relationships>",
    "<!DOCTYPE a [<!ENTITY b 'bb'>]><a>&b;</a>",
    "<Workbook><Worksheet/></Workbook>",
)


@st.composite
def _archives(draw: st.DrawFn) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in draw(st.lists(st.sampled_from(_NAMES), unique=True)):
            part = draw(_DECLARATION) + draw(st.sampled_from(_XML))
            archive.writestr(name, part, compress_type=draw(_METHODS))
    return content.getvalue()


def workbooks(target: str) -> Inputs:
    """Make archives with parts of several names and methods, workbooks in one XML document, or garbled seeds."""
    xml = st.tuples(_DECLARATION.filter(bool), st.sampled_from(_XML)).map(lambda parts: "".join(parts).encode())
    return st.one_of(_archives(), garbled(_archives()), garbled(xml), garbled_seeds(target))
