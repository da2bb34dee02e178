"""A line of cells before it is known what it is, and what tells a header by itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from airflow_provider_yeastar.pbx.errors import ReportLayoutError
from airflow_provider_yeastar.readers.cells import is_value
from airflow_provider_yeastar.readers.totals import is_total_word

__all__ = ["TABLE_CELLS", "Record", "is_like_header", "without_blank_end"]

TABLE_CELLS = 3
"""Filled cells of a row that is a table's for certain."""

_SHOWN_CHARACTERS = 200


class Record(NamedTuple):
    """One line of cells that are not all blank, before it is known what it is."""

    line: int
    cells: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The cells without surrounding blanks and tabs."""
        return tuple(cell.strip() for cell in self.cells)

    @property
    def filled(self) -> tuple[str, ...]:
        """The texts that are not blank."""
        return tuple(text for text in self.texts if text)

    @property
    def is_indented(self) -> bool:
        return not self.texts[0]

    @property
    def is_named_total(self) -> bool:
        return is_total_word(self.texts[0])

    def refused(self, why: str) -> ReportLayoutError:
        """Return an error that shows this row."""
        shown = repr(list(self.cells))
        cut = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"
        return ReportLayoutError(f"{why}, line {self.line}: {cut}")


def is_like_header(texts: Sequence[str]) -> bool:
    """Whether a row is like a header: no blank cell but at its end, no cell twice, and no value."""
    titles = without_blank_end(texts)
    return all(titles) and len(set(titles)) == len(titles) and not any(is_value(title) for title in titles)


def without_blank_end(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the cells without blank ones at the end."""
    width = max((number for number, text in enumerate(texts, 1) if text), default=0)
    return tuple(texts[:width])
