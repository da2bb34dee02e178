"""Pages that are hard to read; what is a whole report among them is shown in `test_whole`."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.files.markup import Page

BEGINNING = "<html><body><table><tr><td>Sales</td><td>5</td></tr>"
END = "</table></body></html>"


def read(text: str, characters: int) -> Page:
    """Read a page that comes in pieces of so many characters."""
    page = Page()
    rows = list(page.rows_of(text[at : at + characters] for at in range(0, len(text), characters)))
    assert [row.cells for row in rows] == [["Sales", "5"]]
    return page


PIECES = pytest.mark.parametrize("characters", [1000, 65_536, 10**9])


@PIECES
@pytest.mark.parametrize("junk", ["<t", "</t", "<!", "<![", "<?", "<a b='", '<a b="', "<!--", "<t&", "<t:", "< t="])
def test_markup_that_never_ends_is_not_tried_at_each_beginning(
    monkeypatch: pytest.MonkeyPatch, junk: str, characters: int
) -> None:
    """At the end of a page the base class does so, with all that has not ended: hours for a page of megabytes."""
    finished: list[int] = []
    goahead: Any = HTMLParser.goahead  # type: ignore[attr-defined]  # typeshed leaves it out

    def counted(page: Any, end: bool) -> None:
        if end:
            finished.append(len(page.rawdata))
        goahead(page, end)

    monkeypatch.setattr(HTMLParser, "goahead", counted)

    assert read(BEGINNING + junk * 50_000, characters).complaint() == "an HTML page without its end"
    assert all(rest < 10_000 for rest in finished)


@PIECES
@pytest.mark.parametrize("between", ["<!-- x -->", "<!-- x --> \n", "<?x y>", "<!DOCTYPE x>", "<![if x]>", " \n"])
def test_what_says_nothing_may_stand_at_the_end_however_long(between: str, characters: int) -> None:
    assert read(BEGINNING + END + between * 5_000, characters).complaint() is None
