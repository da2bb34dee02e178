"""What ``llms.txt`` of the docs says."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest

from tests.docs.pages import DOCS
from tests.examples import import_file


@pytest.fixture
def llms() -> ModuleType:
    return import_file(DOCS / "_tools" / "llms.py")


def page(title: str, url: str) -> SimpleNamespace:
    return SimpleNamespace(title=title, url=url, is_page=True, is_section=False)


def section(title: str, *children: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(title=title, children=children, is_page=False, is_section=True)


@pytest.fixture
def built(llms: ModuleType) -> ModuleType:
    """The hook, after mkdocs has read two pages."""
    overview, files = page("Overview", "index.html"), page("Files", "files.html")
    nav = SimpleNamespace(items=[overview, section("Using it", files)])
    assert llms.on_nav(nav) is nav
    assert llms.on_page_markdown("# Title\n\nFetches reports. More.\n", page=overview).startswith("# Title")
    llms.on_page_markdown("# Nothing but a title\n", page=files)
    return llms


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        pytest.param("# T\n\nOne\nsentence. Another one.", "One sentence.", id="the-first-of-two"),
        pytest.param("# T\n\nIn `3.0.1` and later. B", "In `3.0.1` and later.", id="a-version-is-no-end"),
        pytest.param("# T\n\nSee [the API](api.md). B", "See the API.", id="a-link-is-its-text"),
        pytest.param(
            "<!-- made -->\n\n# T\n\n!!! note\n\nText: (default: `x`) ends.", "Text: (default: `x`) ends.", id="marks"
        ),
        pytest.param("# T\n\nTwo commands:\n\n```\nx\n```", "Two commands", id="before-a-block"),
        pytest.param("# T", "", id="none"),
    ],
)
def test_a_page_is_told_by_its_first_sentence(llms: ModuleType, markdown: str, expected: str) -> None:
    assert llms.first_sentence(markdown) == expected


def test_each_page_has_its_line_in_its_section(built: ModuleType) -> None:
    lines = built.llms_txt("Site", "About it", "").splitlines()

    assert lines[:3] == ["# Site", "", "> About it"]
    assert [line for line in lines[3:] if line] == [
        *("## Start", "- [Overview](index.html): Fetches reports."),
        *("## Using it", "- [Files](files.html)"),
    ]


def test_links_are_absolute_where_the_address_of_the_site_is_known(built: ModuleType) -> None:
    assert "(https://docs.example.com/yeastar/files.html)" in built.llms_txt(
        "Site", "About it", "https://docs.example.com/yeastar/"
    )
