"""The pages of the documentation as tests see them: their blocks of code, and what runs such a block."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
SHELLS = ("bash", "console")

_BLOCK = re.compile(r"^ *```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language: str, *, containing: str = "", pages: Sequence[Path] = PAGES) -> list[Block]:
    """Return the blocks of a language; those that another file is included into are marked otherwise."""
    languages = SHELLS if language == "shell" else (language,)
    found = []
    for page in pages:
        content = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(content):
            text = textwrap.dedent(match["text"])
            if match["language"] in languages and containing in text:
                found.append(Block(page, content.count("\n", 0, match.start()) + 1, text))
    return found


def commands(*starts: str) -> dict[str, Block]:
    """Return the commands in the pages that begin so, without the prompt of a block that shows output as well.

    One that several pages have is named once, with its first block.
    """
    found: dict[str, Block] = {}
    for block in blocks("shell"):
        for line in block.text.splitlines():
            command = line.removeprefix("$ ")
            if command.startswith(starts):
                found.setdefault(command.partition("  #")[0].strip(), block)
    return found


def shell(line: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a page in a directory, with the Python of these tests."""
    return subprocess.run(
        line.replace("python ", f"{shlex.quote(sys.executable)} ", 1),
        shell=True,
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_COMMAND_SECONDS,
    )


@contextlib.contextmanager
def simulator(line: str) -> Iterator[int]:
    """Run the simulator as a page says, but on a free port, which is returned."""
    arguments = shlex.split(re.sub(r"--port \d+", "--port 0", line))[1:]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()
