"""Whether a workbook is whole: archives and OLE2 documents with holes, without a part, or made to harm."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

import pytest

from airflow_provider_yeastar.pbx.files.whole import whole_complaint
from tests.pbx.files.samples import ole2, xls, xlsx
from tests.pbx.files.support import SPREADSHEET_XML, complaint


@pytest.mark.parametrize("make", [xlsx, xls], ids=["xlsx", "xls"])
def test_a_workbook_with_a_hole_is_refused(make: Callable[[], bytes]) -> None:
    content = make()
    chance = random.Random(7)
    for _ in range(100):
        at = chance.randrange(1, len(content) // 512 - 1) * 512
        holed = content[:at] + bytes(512) + content[at + 512 :]
        assert holed == content or complaint(holed) is not None, at


def repacked(change: Callable[[str, bytes], bytes | None], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return the workbook with parts changed or left out, in an archive that is whole."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx())) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return out.getvalue()


def pointing(sheet: bytes, number: bytes) -> bytes:
    """Return a sheet whose first shared text is another one."""
    changed = re.sub(rb'(t="s"[^>]*><v>)\d+', lambda found: found[1] + number, sheet, count=1)
    assert changed != sheet
    return changed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, part: None if name.endswith("sheet2.xml") else part, "without one of its sheets"),
        (lambda name, part: None if name == "xl/workbook.xml" else part, "that is no workbook"),
        (lambda name, part: None if name == "[Content_Types].xml" else part, "that is no workbook"),
        (lambda name, part: part[: len(part) // 2] if "sheet1" in name else part, "is no whole XML"),
        (lambda name, part: b"" if "sheet1" in name else part, "is no whole XML"),
        (lambda name, part: part.replace(b"<row", b"\0row", 1), "is no whole XML"),
        (lambda name, part: None if name == "xl/_rels/workbook.xml.rels" else part, "without one of its sheets"),
        (lambda name, part: part.replace(b'r:id="rId2"', b'r:id="rId99"'), "without one of its sheets"),
        (lambda name, part: None if name == "xl/sharedStrings.xml" else part, "without one of its parts"),
        (lambda name, part: None if name == "docProps/app.xml" else part, "without one of its parts"),
        (lambda name, part: b"<sst/>" if name == "xl/sharedStrings.xml" else part, "without the texts of its cells"),
        (lambda name, part: pointing(part, b"99999") if "sheet1" in name else part, "without the texts of its cells"),
        (lambda name, part: pointing(part, b"-1") if "sheet1" in name else part, "without the texts of its cells"),
        (lambda name, part: pointing(part, b"") if "sheet1" in name else part, "without the texts of its cells"),
        (
            lambda name, part: pointing(part, b"7" * 10_000_000) if "sheet1" in name else part,
            "without the texts of its",
        ),
        (lambda name, part: b"<html><p>502</p></html>" if "sheet1" in name else part, "else in place of a part"),
        (lambda name, part: b"<html/>" if name == "xl/workbook.xml" else part, "else in place of a part"),
        (lambda name, part: b"<a><si/></a>" if name == "xl/sharedStrings.xml" else part, "else in place of a part"),
    ],
    ids=[
        *("a sheet", "the workbook", "the types", "half a sheet", "an empty sheet", "a NUL", "the relations"),
        *("the relation of a sheet", "the texts", "the properties", "every text"),
        *("the text of a cell", "a text before the first", "which text", "a number of use"),
        *("an error page", "no workbook"),
        "other texts",
    ],
)
def test_an_archive_that_lacks_a_part_of_the_workbook_is_refused(
    change: Callable[[str, bytes], bytes | None], words: str
) -> None:
    assert words in str(complaint(repacked(change)))


LINK = b'<Relationship Id="rId77" Type="http://x/relationships/%s" Target="%s"%s/></Relationships>'


@pytest.mark.parametrize(
    "change",
    [
        lambda name, part: part.replace(b'Target="worksheets', b'Target="/xl/worksheets'),
        lambda name, part: part.replace(b'Target="worksheets', b'Target="../xl/Worksheets'),
        lambda name, part: part.replace(b"</Relationships>", LINK % (b"hyperlink", b"#Calls!A1", b"")),
        lambda name, part: part.replace(b"</Relationships>", LINK % (b"image", b"../NULL", b"")),
        lambda name, part: part.replace(
            b"</Relationships>", LINK % (b"hyperlink", b"https://example.com/", b' TargetMode="External"')
        ),
        lambda name, part: (
            re.sub(rb"<(/?)(sst|si|t)(?=[ >])", rb"<\1x:\2", part).replace(b"<x:sst", b"<x:sst xmlns:x='y'")
            if name == "xl/sharedStrings.xml"
            else part
        ),
    ],
    ids=["absolute", "in capitals", "a place within", "a lost picture", "a link", "prefixes"],
)
def test_what_leads_to_a_part_may_be_written_in_many_ways(change: Callable[[str, bytes], bytes]) -> None:
    assert complaint(repacked(change)) is None


@pytest.mark.parametrize("body", [b"<Workbook/>", SPREADSHEET_XML.replace(b"<Worksheet/>", b"<Styles/>")], ids=range(2))
def test_a_workbook_in_xml_has_a_sheet(body: bytes) -> None:
    declared = body if body.startswith(b"<?xml") else b"<?xml version='1.0'?>" + body
    assert complaint(declared) == "a workbook without a sheet"


@pytest.mark.parametrize("body", [b"PK\x03\x04xxxx", b"PK\x03\x04" + bytes(4000), b"x" + xlsx()[1:]], ids=range(3))
def test_the_beginning_of_an_archive_is_no_workbook(body: bytes) -> None:
    assert complaint(body) is not None


def test_bytes_before_an_archive_or_within_it_are_seen() -> None:
    content = xlsx()
    assert complaint(content[:400] + b"junk" + content[400:]) is not None


@pytest.mark.parametrize("encoding", ["x-none", "hex", "big5"], ids=["unknown", "of no text", "of several bytes"])
def test_xml_in_an_encoding_that_is_not_read_is_refused(encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    body = SPREADSHEET_XML.replace(b'<?xml version="1.0"?>', declaration)
    assert complaint(body) == "an XML document in an encoding that is not known"
    packed = repacked(lambda name, part: declaration + b"<a/>" if "sheet1" in name else part)
    assert complaint(packed) == "a workbook with a part in an encoding that is not known"


def test_entities_have_no_place_in_a_workbook() -> None:
    declared = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]>'
    assert complaint(SPREADSHEET_XML.replace(b'<?xml version="1.0"?>', declared)) == "an XML document with entities"
    packed = repacked(lambda name, part: declared + b"<a>&b;</a>" if "sheet1" in name else part)
    assert complaint(packed) == "a workbook with a part with entities"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_only_the_compression_of_workbooks_is_read(method: int) -> None:
    # Others make gigabytes of a few kilobytes, and LZMA raises errors of its own.
    packed = repacked(lambda name, part: part, method)
    assert complaint(packed) == "a ZIP archive with a part that cannot be read"


def test_parts_that_lie_in_one_another_are_not_read() -> None:
    """Such an archive makes of each of its bytes as many as it likes."""
    content = bytearray(xlsx())
    entries = [found.start() for found in re.finditer(b"PK\x01\x02", content)]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        largest = max(range(len(entries)), key=lambda number: archive.infolist()[number].compress_size)
    looks: list[None] = []
    for entry in entries:
        # Compressed size and length, and the place of the part; its name stays its own.
        content[entry + 20 : entry + 28] = content[entries[largest] + 20 : entries[largest] + 28]
    assert whole_complaint(io.BytesIO(content), len(content), lambda: looks.append(None)) is not None
    assert not looks


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), "without a whole header"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "without a whole header"),
        (ole2("WordDocument", bytes(5000)), "is no workbook"),
        (ole2("Workbook", bytes(5000)), "a hole in it"),
        (xls() + bytes(100), "something behind its end"),
        (xls()[:44] + b"\xff\xff\xff\x7f" + xls()[48:], "ends before"),
        (xls()[:48] + b"\xff\xff\xff\x00" + xls()[52:], "do not hang together"),
    ],
    ids=["a signature", "a header of zeros", "a text document", "zeros", "more bytes", "a huge table", "no directory"],
)
def test_an_ole2_document_that_is_no_whole_workbook_is_refused(body: bytes, words: str) -> None:
    assert words in str(complaint(body))


def test_a_killed_task_does_not_read_a_large_workbook_to_its_end() -> None:
    looks = []

    def look() -> None:
        looks.append(1)
        raise KeyboardInterrupt

    content = xlsx()
    with pytest.raises(KeyboardInterrupt):
        whole_complaint(io.BytesIO(content), len(content), look)
    assert looks == [1]
