"""Draw the Mermaid blocks of the docs as SVG at build time (a hook of mkdocs).

The pages then need no script from elsewhere. Where the renderer is not installed, a block stays readable as text.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["on_page_markdown"]

_BLOCK = re.compile(r"^```mermaid\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each Mermaid block by its picture; mkdocs calls this for every page."""
    try:
        from merman import Merman
    except ImportError:
        return markdown

    def draw(block: re.Match[str]) -> str:
        # An HTML block of Markdown ends at an empty line.
        lines = Merman().render_svg(block["source"], None).splitlines()
        return f'<div class="diagram">{"".join(line.strip() for line in lines)}</div>'

    return _BLOCK.sub(draw, markdown)
