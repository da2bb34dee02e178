"""Whether the objects of a PDF are where its tables say; where it ends is shown in `test_whole`."""

from __future__ import annotations

import pytest

from tests.pbx.files.samples import pdf, updated_pdf
from tests.pbx.files.support import complaint


@pytest.mark.parametrize(
    "content", [pdf(), updated_pdf(), b"\r\n" * 400 + pdf()], ids=["once", "twice", "behind blanks"]
)
@pytest.mark.parametrize("filling", [b"\0", b" ", b"x"], ids=["NULs", "blanks", "letters"])
def test_a_pdf_with_a_hole_is_refused(content: bytes, filling: bytes) -> None:
    begin, end = content.index(b"%PDF-") + 20, content.index(b"\nxref")
    assert complaint(content) is None
    assert complaint(content[:begin] + filling * (end - begin) + content[end:]) == "a PDF document with a hole in it"


@pytest.mark.parametrize("number", range(1, 7))
def test_a_pdf_without_one_of_its_objects_is_refused(number: int) -> None:
    content = pdf()
    at = content.index(b"\n%d 0 obj" % number) + 1
    assert complaint(content[:at] + bytes(200) + content[at + 200 :]) == "a PDF document with a hole in it"


def test_an_object_that_a_table_places_beyond_the_end_is_missing() -> None:
    content = pdf()
    entry = content.index(b" 00000 n")
    assert complaint(content[: entry - 10] + b"9" * 10 + content[entry:]) == "a PDF document with a hole in it"


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
def test_the_places_of_objects_may_be_wrong_by_a_line_end(shift: int) -> None:
    content = pdf()
    entry = content.index(b" 00000 n")
    place = int(content[entry - 10 : entry]) + shift
    assert complaint(content[: entry - 10] + b"%010d" % place + content[entry:]) is None


def test_an_entry_without_a_place_is_of_no_object() -> None:
    content = pdf()
    entry = content.index(b" 00000 n")
    assert complaint(content[: entry - 10] + b"0" * 10 + content[entry:]) is None


def test_tables_that_name_one_another_end() -> None:
    content = updated_pdf()
    at = int(content.rpartition(b"startxref")[2].split()[0])
    head, _, tail = content.rpartition(b"/Prev ")
    assert complaint(head + b"/Prev %d" % at + tail[tail.index(b" >>") :]) is None
