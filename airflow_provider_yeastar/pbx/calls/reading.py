"""Read all calls of a window, each once, or refuse: which page to ask for next, and when everything has come. Pure.

The interface has no cursor. Rows that arrive while pages are read shift the others, ``total_number`` may be missing,
and a PBX may cap pages or counts, or ignore ``page``. So:

1. A row counts once, by its key.
2. Where the PBX counts, a span is complete when as many rows have come as it counts, and it still counts as many
   afterwards, and never counted more meanwhile, and begins as it did: a PBX that is full deletes its oldest row for
   each that it adds. Else the span is read again, at the most three times.
3. A page that brings nothing new before that, or a count of whole thousands, at which the known caps and maybe others
   lie, is not believed: both halves of the span are read instead, of the latter if they count more.
4. Where the PBX does not count, or not any more, a span is complete when its halves list as many rows as it did, and
   both list some, less than a full page where pages are repeated.
5. What can be split no further and still does not add up is an error, and so are rows in different parts of the window
   that have one key: together they are fewer than the PBX counts in all of it. So is a count of none after some.

:func:`read_calls` is a generator without I/O: it yields an :class:`Ask` and wants the :class:`Page` sent, or it yields
a list of new rows and wants nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from airflow_provider_yeastar.pbx.calls.keys import KeySet, digests_of
from airflow_provider_yeastar.pbx.calls.query import PAGE_ROWS, Span
from airflow_provider_yeastar.pbx.errors import IncompleteCallsError

__all__ = ["KNOWN_CAPS", "Ask", "Page", "Reading", "Row", "cap_doubt", "read_calls"]

Row = dict[str, Any]

KNOWN_CAPS = frozenset({5_000, 10_000, 50_000, 100_000})
"""Counts at which Yeastar's own exports stop."""

_ROUND = 1_000
"""A span that counts a multiple of it is looked at in halves, for others than the known caps there may be."""

_READINGS = 3


@dataclass(frozen=True)
class Ask:
    """One page to ask for.

    :param span: which calls.
    :param page: counted from 1.
    :param rows: at the most.
    """

    span: Span
    page: int = 1
    rows: int = PAGE_ROWS


@dataclass(frozen=True)
class Page:
    """What came.

    :param rows: of the page; none for one that is refused or not found.
    :param total: how many the PBX counts for the span, None where it does not say.
    """

    rows: Sequence[Row] = ()
    total: int | None = None


Reading = Generator[Ask | list[Row], Page | None, None]


def cap_doubt(count: int | None) -> str:
    """Return in one clause why a count may not be all that there is; empty for one that is no known cap.

    :param count: of rows or records, None where it is not known.
    """
    return f"the count is suspect, as lists of Yeastar end at {count}: there may be more" if count in KNOWN_CAPS else ""


def read_calls(span: Span, key: str, words: Callable[[Span], str] = str, what: str = "calls") -> Reading:
    """Yield the rows of a span, each once; in the PBX's order save for those that came late.

    :param span: the whole window.
    :param key: of a row.
    :param words: a span for messages.
    :param what: the rows for messages.
    :raises IncompleteCallsError: when they cannot be shown to be complete.
    """
    yield from _Reader(key, words, what).read_whole(span)


@dataclass
class _Facts:
    """What one reading of a span has brought: its keys, and the PBX's count, which shrinks when rows are deleted."""

    keys: KeySet = field(default_factory=KeySet)
    first_page: Sequence[int] = ()
    total: int | None = None
    has_shrunk: bool = False
    ended_early: bool = False
    ended_repeating: bool = False


class _Reader:
    def __init__(self, key: str, words: Callable[[Span], str], what: str) -> None:
        self._key = key
        self._words = words
        self._what = what
        self._seen = KeySet()
        self._most_counted = 0
        self._largest_page = 0

    def read_whole(self, span: Span) -> Reading:
        """Yield what is in the whole window, and prove that no row was taken for another one in another part of it."""
        yield from self.read(span)
        if self._most_counted > len(self._seen):
            total = yield from self._counted(span)
            if not total or total > len(self._seen):
                raise self._incomplete(span, self._most_counted, len(self._seen))

    def read(self, span: Span) -> Reading:
        """Yield what is new in a span, and prove that the span is complete."""
        facts = _Facts()
        for _ in range(_READINGS):
            # The first reading of all sees nothing twice: one set of keys serves for both.
            facts = _Facts() if len(self._seen) else _Facts(keys=self._seen)
            yield from self._pages(span, facts)
            if facts.total is None:
                yield from self._confirm_by_halves(span, facts)
                return
            if facts.ended_early and (halves := span.halves()):
                yield from self._read_each(halves)
                return
            # A row that is deleted pulls those behind it forward, past the page that is asked for next.
            if len(facts.keys) == facts.total and not facts.has_shrunk and (yield from self._stands(span, facts)):
                return
        raise self._incomplete(span, facts.total, len(facts.keys))

    def _incomplete(self, span: Span, total: int | None, listed: int) -> IncompleteCallsError:
        return IncompleteCallsError(
            f"The PBX counts {total} {self._what} from {self._words(span)} and lists {listed} of them"
        )

    def _pages(self, span: Span, facts: _Facts) -> Reading:
        """Ask page after page, until the count is met or a page brings nothing that this reading had not."""
        number = 0
        while facts.total is None or len(facts.keys) < facts.total:
            number += 1
            page = yield Ask(span, number)
            assert page is not None
            if page.total is not None:
                facts.has_shrunk |= facts.total is not None and page.total < facts.total
                facts.total = page.total
                self._most_counted = max(self._most_counted, page.total)
            self._largest_page = max(self._largest_page, len(page.rows))
            had = len(facts.keys)
            if new := self._new(page.rows, facts):
                yield new
            if len(facts.keys) == had:
                facts.ended_early = facts.total is not None and had < facts.total
                facts.ended_repeating = bool(page.rows)
                return

    def _new(self, rows: Sequence[Row], facts: _Facts) -> list[Row]:
        digests = digests_of(rows, self._key)
        facts.first_page = facts.first_page or digests
        are_new = facts.keys.add_all(digests)
        if facts.keys is not self._seen:
            are_new = self._seen.add_all(digests)
        return list(compress(rows, are_new))

    def _stands(self, span: Span, facts: _Facts) -> Generator[Ask | list[Row], Page | None, bool]:
        """Whether a count that is met holds: it is the same afterwards, of the same rows, and no cap of the PBX."""
        page = yield Ask(span, rows=1)
        assert page is not None
        if page.total not in (None, facts.total) or not (yield from self._begins_as_before(span, page, facts)):
            return False
        if page.total is None:
            yield from self._confirm_by_halves(span, facts)
        elif page.total and page.total % _ROUND == 0:
            yield from self._look_below_cap(span, page.total)
        return True

    def _begins_as_before(self, span: Span, page: Page, facts: _Facts) -> Generator[Ask | list[Row], Page | None, bool]:
        """Whether a span still begins with the rows that it began with, in whichever order."""
        if digests_of(page.rows, self._key) == list(facts.first_page[:1]):
            return True
        again = yield Ask(span)
        assert again is not None
        return set(digests_of(again.rows, self._key)) == set(facts.first_page)

    def _look_below_cap(self, span: Span, total: int) -> Reading:
        """Read both halves of a span if they count more than it does.

        As long as one half counts all, it may be capped itself: then its own halves tell.
        """
        while halves := span.halves():
            counts = []
            for half in halves:
                counts.append((yield from self._counted(half)) or 0)
            if sum(counts) != total:
                yield from self._read_each(halves)
                return
            if all(counts):
                return
            span = halves[0] if counts[0] else halves[1]
        raise IncompleteCallsError(
            f"The PBX counts {total} {self._what} from {self._words(span)}, where its lists may end"
        )

    def _counted(self, span: Span) -> Generator[Ask | list[Row], Page | None, int | None]:
        page = yield Ask(span, rows=1)
        assert page is not None
        return page.total

    def _confirm_by_halves(self, span: Span, whole: _Facts) -> Reading:
        """Without a count, read both halves: a whole that was cut lists fewer rows than they do together.

        As long as one half lists all, or may be cut itself, its own halves tell.
        """
        listed, halves = len(whole.keys), span.halves()
        if listed and not halves and self._may_be_cut(whole):
            raise IncompleteCallsError(
                f"The PBX repeats its pages of {self._what} from {self._words(span)}, and may list more than {listed}"
            )
        if not listed or not halves:
            return
        parts = (_Facts(), _Facts())
        for half, part in zip(halves, parts, strict=True):
            yield from self._pages(half, part)
        counts = [len(part.keys) for part in parts]
        if sum(counts) == listed and all(counts) and not any(map(self._may_be_cut, parts)):
            return
        for half, part in zip(halves, parts, strict=True):
            yield from self._confirm_by_halves(half, part)

    def _may_be_cut(self, facts: _Facts) -> bool:
        """Whether a listing without a count ended at a full page, repeated in place of an empty one."""
        is_full = len(facts.keys) >= self._largest_page < len(self._seen)
        return facts.ended_repeating and is_full

    def _read_each(self, halves: tuple[Span, Span]) -> Reading:
        for half in halves:
            yield from self.read(half)
