"""All pages of a report's rows, or an error: what is counted has to come, and nothing twice. Pure.

Whether a PBX pages ``call_report/list`` is unknown [U], and so is what ``total_number`` counts there: rows, groups, or
the members of all groups (queueagentperformance [L]). So the count decides when it is met, and a page that a PBX
refuses, leaves out or repeats is judged by whether all that was counted has come by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import InterfaceError, NotAPbxError, NotFoundError, ParameterError
from airflow_provider_yeastar.pbx.report.rows import (
    Row,
    are_flat,
    check_says_something,
    counted_rows,
    flattened_rows,
    list_keys,
    listed_rows,
    members,
    names_list,
)

__all__ = ["row_pages"]

# Lists of groups whose `total_number` is that of all groups' members [L]. For others a page more settles it.
_COUNTED_BY_MEMBER = frozenset({"queue_agent_performance_list"})
_REFUSALS = (NotFoundError, ParameterError, InterfaceError)
_MOST_PAGES = 100_000
_REMEDY = "Ask for a shorter period or for fewer queues, extensions or trunks at once; nothing was written."


class _State(Enum):
    OPEN = "rows are to come"
    EXPLAINED = "the rows within groups make up for the count, another page may hold more groups"
    MET = "all rows have come"


class _Pages:
    """What is known of the pages so far; the rows themselves are not kept.

    ``next_page`` is the number of the page to ask for, None when all rows have come.
    """

    def __init__(self, pbx: str, endpoint: str) -> None:
        self._pbx, self._endpoint = pbx, endpoint
        self._total: int | None = None
        self._page_rows = 1
        self._levels: dict[int, int] = {}
        self._flat = 0
        self._keys: frozenset[str] = frozenset()
        self._fingerprints: set[int] = set()
        self._has_repeated = False
        self._rows_before: list[Row] = []
        self._hashes_before: frozenset[int] = frozenset()
        self._pages_in_any_order: set[int] = set()
        self._has_equal_rows = self._has_repeated_rows = False
        self._taken = 0
        self.next_page: int | None = 1

    def take(self, answer: Mapping[str, Any]) -> list[Row]:
        """Add a page, and say which one to ask for next.

        :return: the rows that it adds.
        :raises NotAPbxError: when the rows that were counted cannot all have come, or not once each; and for an answer
            that says nothing while no count tells whether rows are to come.
        """
        if self._total is None:
            check_says_something(answer, names_list(answer), pbx=self._pbx, endpoint=self._endpoint)
        # That a later page counts rows and lists none is judged with the pages before.
        named = not self._taken or list_keys(answer)
        rows = listed_rows(answer, pbx=self._pbx, endpoint=self._endpoint) if named else []
        if rows or self._total is None:
            self._take_count(answer, rows)
        if not rows:
            self.end()
            return rows
        hashes = _hashes(rows)
        # Numbers that differ may hash alike (-1 and -2), and texts never do.
        fingerprint = hash((repr(rows[0]), repr(rows[-1]), *hashes))
        is_repeated = fingerprint in self._fingerprints
        if is_repeated and self._state is _State.EXPLAINED:
            self.next_page = None  # the PBX pays no heed to the page, and there is none
            return []
        if self._is_beyond_the_end:
            raise self._error(
                f"The PBX pays no heed to the page, and lists {counted(self._page_rows, 'row')} of {self._total}"
            )
        self._taken += 1
        if self._taken > _MOST_PAGES:
            raise self._error(f"The PBX lists rows without end, {_MOST_PAGES} pages so far")
        self._check_key(answer)
        self._fingerprints.add(fingerprint)
        self._compare(rows, hashes, is_repeated)
        self._count(rows)
        self._choose_next(is_repeated)
        return rows

    def end(self) -> None:
        """Take the refusal of a page, or one without rows, for the end.

        :raises NotAPbxError: when rows that were counted are missing.
        """
        if self._is_beyond_the_end:  # as it should be
            self.next_page = None if self._state is _State.MET else self._taken + 1
            return
        self.next_page = None
        if self._state is _State.OPEN:
            raise self._error(
                f"The PBX counts {counted(self._total or 0, 'row')} and lists {self._levels.get(0, 0) or 'none'}"
            )

    @property
    def _is_beyond_the_end(self) -> bool:
        return self._has_repeated and self.next_page != self._taken + 1

    @property
    def _state(self) -> _State:
        if self._total is None:
            return _State.EXPLAINED
        by_member = self._keys <= _COUNTED_BY_MEMBER and self._total in self._levels.values()
        if self._levels.get(0, 0) >= self._total or by_member:
            return _State.MET
        is_explained = max(self._flat, *self._levels.values(), 0) >= self._total and not self._has_repeated
        return _State.EXPLAINED if is_explained else _State.OPEN

    def _take_count(self, answer: Mapping[str, Any], rows: list[Row]) -> None:
        total = counted_rows(answer, pbx=self._pbx, endpoint=self._endpoint)
        if rows and total == 0:
            total = None  # none are counted and some are listed: that tells nothing of how many are to come
        if total is not None and self._total is not None and total != self._total:
            raise self._error(
                f"The PBX counted {counted(self._total, 'row')} and then {total}: they changed while they were read"
            )
        self._total = self._total if total is None else total

    def _check_key(self, answer: Mapping[str, Any]) -> None:
        keys = list_keys(answer)
        if self._keys and keys != self._keys:
            raise self._error(f"Page {self._taken} of the rows is one of another list, {ascii(sorted(keys))[:80]}")
        self._keys = keys

    def _compare(self, rows: list[Row], hashes: list[int], is_repeated: bool) -> None:
        """Note whether rows of the page before or an earlier page came again, and whether a page holds equal rows."""
        these = frozenset(hashes)
        if len(these) < len(rows) or not these.isdisjoint(self._hashes_before):
            shown, shown_before = frozenset(map(repr, rows)), frozenset(map(repr, self._rows_before))
            self._has_equal_rows |= len(shown) < len(rows)
            self._has_repeated_rows |= not shown.isdisjoint(shown_before)
        in_any_order = hash(these)
        self._has_repeated_rows |= is_repeated or (len(rows) > 1 and in_any_order in self._pages_in_any_order)
        self._pages_in_any_order.add(in_any_order)
        self._rows_before, self._hashes_before = rows, these

    def finish(self) -> None:
        """Judge the rows of all pages, as many as were counted.

        :raises NotAPbxError: when some came again on another page, so that others may be missing. Rows that are truly
            equal stand on one page, too.
        """
        if self._has_repeated_rows and not self._has_equal_rows:
            raise self._error("The PBX lists rows of one page on another one again: they moved while they were read")

    def _count(self, rows: list[Row]) -> None:
        if self._taken == 1:
            self._page_rows = len(rows)
        flat = are_flat(rows)
        self._flat += len(rows if flat else flattened_rows(rows))
        level, depth = rows, 0
        while level:
            self._levels[depth] = self._levels.get(depth, 0) + len(level)
            level = [] if flat else [entry for row in level for entry in members(row)]
            depth += 1
        if self._taken > 1 and self._total is not None and self._levels[0] > self._total:
            raise self._error(
                f"The PBX counts {counted(self._total, 'row')} and lists {self._levels[0]}: some came twice"
            )

    def _choose_next(self, is_repeated: bool) -> None:
        """Choose the next page, none when all rows have come.

        Equal pages may be true ones, or those of a PBX that pays no heed to the page: one behind the last tells.
        """
        self.next_page = None if self._state is _State.MET else self._taken + 1
        if is_repeated and not self._has_repeated and self._total is not None:
            self._has_repeated = True
            self.next_page = max(-(-self._total // self._page_rows), self._taken) + 2

    def _error(self, what: str) -> NotAPbxError:
        return NotAPbxError(what, pbx=self._pbx, endpoint=self._endpoint, remedy=_REMEDY)


def _hashes(rows: list[Row]) -> list[int]:
    """Return hashes of rows; equal ones have equal hashes, others nearly never."""
    try:
        return list(map(hash, map(tuple, map(dict.values, rows))))
    except TypeError:  # a list or an object within a row
        return [_hash_of(row) for row in rows]


def _hash_of(row: Row) -> int:
    is_nested = any(isinstance(value, list | dict) for value in row.values())
    return hash(repr(row) if is_nested else tuple(row.values()))


def row_pages(ask: Callable[[int], Mapping[str, Any]], *, pbx: str, endpoint: str) -> Iterator[list[Row]]:
    """Yield the rows of a report page by page, as they stand in the answers; none of it is kept.

    They are complete only when the iterator ends without an error. 60001 to the first page is a report without rows.

    :param ask: gives the answer for a page, counted from 1.
    :param pbx: ``host:port``, for the messages.
    :param endpoint: the path that is called, for the messages.
    :raises NotAPbxError: when other rows came than were counted: fewer, more, some twice, those of another list.
    """
    pages = _Pages(pbx, endpoint)
    while pages.next_page is not None:
        try:
            answer = ask(pages.next_page)
        except _REFUSALS as refusal:
            if pages.next_page == 1 and not isinstance(refusal, NotFoundError):
                raise
            pages.end()
            continue
        if rows := pages.take(answer):
            yield rows
    pages.finish()
