"""Write ``llms.txt`` beside the pages: what each is about, for programs that read documentation (a hook of mkdocs).

The format is that of llmstxt.org: title, description, and for each section of the navigation its pages with their first
sentence. It is made from the pages, so that none is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

__all__ = ["first_sentence", "llms_txt", "on_nav", "on_page_markdown", "on_post_build"]

_first_sentences: dict[str, str] = {}
_navigation: list[Any] = []


def on_nav(nav: Any, **_: Any) -> Any:
    """Keep the navigation; mkdocs calls this before it reads the pages."""
    _navigation[:] = nav.items
    return nav


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Keep what a page begins with; mkdocs calls this for every page."""
    _first_sentences[page.url] = first_sentence(markdown)
    return markdown


def on_post_build(config: Any, **_: Any) -> None:
    """Write the file; mkdocs calls this when the pages are written."""
    text = llms_txt(config["site_name"], config["site_description"], config["site_url"] or "")
    (Path(config["site_dir"]) / "llms.txt").write_text(text, encoding="utf-8")


def llms_txt(name: str, description: str, site_url: str) -> str:
    """Return the file's content.

    :param name: text, of the site.
    :param description: text, one sentence about it.
    :param site_url: text, where the pages are; empty leaves the links relative.
    """
    sections = "\n".join(_sections(site_url))
    return f"# {name}\n\n> {description}\n{sections}\n"


def first_sentence(markdown: str) -> str:
    """Return the first sentence of a page's first paragraph, in one line; empty if it has none.

    :param markdown: text of the page, as it is written.
    """
    paragraphs = (" ".join(block.split()) for block in re.split(r"\n{2,}", markdown))
    prose = (text for text in paragraphs if text and text[0] not in "#<!|`-:")
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", next(prose, ""))
    return re.split(r"(?<=[.;]) (?=[A-Z`])", plain)[0].rstrip(":")


def _sections(site_url: str) -> Iterator[str]:
    """Yield a heading for each section of the navigation, and a line for each page."""
    loose = [item for item in _navigation if item.is_page]
    for title, pages in [("Start", loose), *((item.title, item.children) for item in _navigation if item.is_section)]:
        yield f"\n## {title}\n"
        for page in pages:
            about = _first_sentences.get(page.url, "")
            yield f"- [{page.title}]({urljoin(site_url, page.url)})" + (f": {about}" if about else "")
