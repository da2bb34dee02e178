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


def judged(text: str) -> str | None:
    page = Page()
    list(page.rows_of([text]))
    return page.complaint()


@pytest.mark.parametrize(
    "field",
    [
        "<input>",
        "<input name=user>",
        "<INPUT TYPE=Text>",
        "<input type='email'>",
        "<input type=tel>",
        "<input type=''>",
    ],
)
def test_a_page_that_wants_an_entry_is_no_report(field: str) -> None:
    assert judged(BEGINNING + END.replace("</body>", f"{field}</body>")) == (
        "an HTML page with a form or a frame, or one that leads to another"
    )


@pytest.mark.parametrize("field", ["<input type=button value=Print>", "<input type=hidden>", "<input type=search>"])
def test_a_report_may_have_buttons_and_a_field_that_filters_it(field: str) -> None:
    assert judged(BEGINNING + END.replace("</body>", f"{field}</body>")) is None


@pytest.mark.parametrize(
    "row",
    ["<td>Username:</td><td>Password:</td>", "<th>Note</th><td>Your session has ended</td>", "<td>!</td><td>Away</td>"],
)
def test_two_texts_side_by_side_are_no_table(row: str) -> None:
    assert judged(f"<table><tr>{row}</tr></table>") == "an HTML page whose only row may be a label and a text"


@pytest.mark.parametrize(
    "rows",
    [
        "<tr><td>Agent</td><td>State</td></tr><tr><td>Anna</td><td>Away</td></tr>",
        "<tr><td>Agent</td><td>Name</td><td>State</td></tr>",
        "<tr><th>Agent</th><th>State</th></tr>",
        "<tr><th>Agent</th><th>State</th></tr><tr><td>Anna</td><td>Away</td></tr>",
        "<thead><tr><td>Agent</td><td>State</td></tr></thead>",
        "<tr><td>Agent</td><td>5</td></tr>",
    ],
    ids=["two rows", "three cells", "a header", "a header and a row", "a header by its place", "a number"],
)
def test_what_may_be_the_header_or_a_row_of_a_table_is_one(rows: str) -> None:
    assert judged(f"<table>{rows}</table>") is None


LAYOUT = "<tr><td><img src=x>!</td><td>Please wait 5 minutes</td></tr><tr><td>Note</td><td>The PBX restarts</td></tr>"


@pytest.mark.parametrize("tag", ["title", "h1", "h2"])
@pytest.mark.parametrize(
    "title",
    [
        *("Login", "Please log in", "Sign in to P-Series", "Session expired", "Your session has ended", "Maintenance"),
        *("System Maintenance", "Please wait...", "Redirecting", "Loading...", "Too Many Requests", "PHP Error"),
        *("Error 17", "PBX unavailable"),
    ],
)
def test_a_layout_of_pairs_under_the_title_of_a_notice_is_no_report(title: str, tag: str) -> None:
    body = f"<html><{tag}>{title}</{tag}><body><table>{LAYOUT}</table></body></html>"
    assert judged(body) == "an HTML page of pairs under the title of a notice"


@pytest.mark.parametrize("row", ["<th>Agent</th><th>State</th>", "<td>Agent</td><td>Logins</td><td>State</td>"])
@pytest.mark.parametrize("title", ["Login", "Maintenance", "Dial Error"])
def test_a_report_may_be_called_like_a_notice(title: str, row: str) -> None:
    assert judged(f"<h1>{title}</h1><table><tr>{row}</tr>{LAYOUT}</table>") is None


@pytest.mark.parametrize(
    "title", ["Agent Login Activity", "Failed Calls", "Welcome", "Queue Maintenance Team", "Errors"]
)
def test_a_report_of_two_columns_may_be_called(title: str) -> None:
    assert (
        judged(f"<h1>{title}</h1><table><tr><td>Agent</td><td>Calls</td></tr><tr><td>Anna</td><td>5</td></tr></table>")
        is None
    )


def test_a_table_in_a_section_ends_with_it() -> None:
    table = BEGINNING.removeprefix("<html><body>") + "</table>"
    assert judged(f"<main><section>{table}</section></main>") is None
    assert judged(f"<main><section>{table}</section>") == "an HTML page without its end"
    assert judged(f"<section>{table}") == "an HTML page without its end"
    assert judged(f"<font>{table}</font>") == "an HTML page without its end"  # as PHP prints its errors
