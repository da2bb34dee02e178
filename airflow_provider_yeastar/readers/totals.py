"""Is the last row of a report its total row? Pure.

A row is dropped as a total only where that is proven: every column that can be added up agrees, over two rows or more.
A total that is taken for data would double all sums, a row of data that is taken for a total would be missing. So what
may be either is an error, and ``total_row`` says which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from airflow_provider_yeastar.readers.cells import figure, is_value, parse_label
from airflow_provider_yeastar.readers.columns import ColumnKind, is_understood
from airflow_provider_yeastar.schemas.columns import column_name
from airflow_provider_yeastar.schemas.values import NO_VALUE

__all__ = ["LastRow", "is_total_word", "judge_last_row"]

_TOTALS = frozenset(
    (
        *("total", "totals", "sum", "summary", "totale", "totaux", "gesamt", "summe", "insgesamt", "итого", "всего"),
        *("toplam", "razem", "suma", "celkem", "összesen", "totaal", "totalt", "yhteensä"),
        *("合计", "总计", "合計", "總計", "합계", "총계"),
    )
)
# Averages, greatest and smallest values are no sums, whatever they are of.
_NO_SUM = ("average", "avg", "max", "min", "longest", "shortest", "mean")
_PROOF_ROWS = 2
_PROOF_SUMS = 2


class LastRow(Enum):
    """What the last row of a report is."""

    DATA = "data"
    TOTAL = "total"
    UNKNOWN = "total or data"


def is_total_word(text: str) -> bool:
    """Whether a cell is a word for "total" in a language that is known here.

    :param text: of the cell.
    """
    return text.strip().rstrip(":\N{FULLWIDTH COLON}").rstrip().lower() in _TOTALS


def judge_last_row(header: Sequence[str], kinds: Sequence[ColumnKind], rows: Sequence[Sequence[str]]) -> LastRow:
    """Say what the last row is.

    It may be a total if its first cell is a word for one, or plain text where all rows above have a value or a label.
    Columns whose last cell is blank prove nothing. What is no known word may be the calls of ``Anonymous``, whose one
    figure is a sum by chance: that takes two different sums.

    :param header: the columns' titles.
    :param kinds: what the columns hold.
    :param rows: the cells' texts, all of one width; the last is the one in question.
    """
    *above, last = rows
    named = is_total_word(last[0])
    if not above:
        return LastRow.UNKNOWN if named else LastRow.DATA
    if not (named or _differs_from_keys(last[0], [row[0] for row in above])):
        return LastRow.DATA
    sums = _sums(header, kinds, above, last)
    if not any(sum_.agrees for sum_ in sums):
        blank = not any(cell.strip() for cell in last[1:])
        return LastRow.TOTAL if named and blank else LastRow.UNKNOWN if named and not sums else LastRow.DATA
    if not all(sum_.agrees for sum_ in sums):
        # A trunk called Suma; or a total beside columns that are no sums, in a language that is unknown here.
        certain = any(sum_.understood for sum_ in sums if not sum_.agrees)
        return LastRow.DATA if certain and not named else LastRow.UNKNOWN
    if not any(sum_.total for sum_ in sums):
        return LastRow.UNKNOWN  # zeros prove nothing
    if len(above) < _PROOF_ROWS:
        return LastRow.UNKNOWN if named else LastRow.DATA
    different = {sum_.total for sum_ in sums} - {0}
    return LastRow.TOTAL if named or len(different) >= _PROOF_SUMS else LastRow.UNKNOWN


class _Sum(NamedTuple):
    """The sum of a column, whether the last row has it, and whether the column is known to be one that adds up."""

    total: int
    agrees: bool
    understood: bool


def _differs_from_keys(first: str, above: Sequence[str]) -> bool:
    return not _is_key(first) and all(map(_is_key, above))


def _is_key(text: str) -> bool:
    return is_value(text.strip()) or parse_label(text) is not None


def _sums(
    header: Sequence[str], kinds: Sequence[ColumnKind], above: Sequence[Sequence[str]], last: Sequence[str]
) -> list[_Sum]:
    found = []
    for index, (title, kind) in enumerate(zip(header, kinds, strict=True)):
        figures = [figure(row[index].strip()) for row in above]
        known = [value for value in figures if value is not None]
        shown = last[index].strip()
        if index and len(known) == len(figures) and shown not in NO_VALUE and _is_summable(title, kind):
            total = sum(known)
            found.append(_Sum(total, figure(shown) == total, kind != "text"))
    return found


def _is_summable(title: str, kind: ColumnKind) -> bool:
    if kind in ("integer", "decimal", "duration"):
        return not column_name(title).startswith(_NO_SUM)
    return kind == "text" and not is_understood(title)
