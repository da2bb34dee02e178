"""What a PBX lists: menu options with their internal ids, user-created and scheduled reports; pages; ids by name.

Pure. Vendor's pages: "Query Menu Options", "Query a List of My Reports", "Query a List of Scheduled Reports".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from airflow_provider_yeastar.pbx.error_base import counted
from airflow_provider_yeastar.pbx.errors import NotFoundError, ParameterError
from airflow_provider_yeastar.pbx.redaction import clean_text
from airflow_provider_yeastar.pbx.report.rows import check_says_something

__all__ = [
    "Entry",
    "MenuOption",
    "MyReport",
    "ScheduledReport",
    "gather_pages",
    "matching_ids",
    "menu_options",
    "my_reports",
    "scheduled_reports",
]

log = logging.getLogger(__name__)

Entry = TypeVar("Entry")
_NO_ENTRIES: Mapping[str, Any] = {"data": None}

# How a label is made of number and name differs by firmware and page.
_LABELS = (re.compile(r"(?P<number>\+?\d+)\s*-\s*(?P<name>.+)"), re.compile(r"(?P<name>.+?)\s*<(?P<number>\+?\d+)>"))


@dataclass(frozen=True)
class MenuOption:
    """Something that can be chosen for a report, such as a queue.

    :param id: the internal id that ``parameters`` takes; a text only where the PBX's id is no number.
    :param label: as the web portal shows it.
    :param number: what is dialled to reach it; empty where the label holds none.
    :param name: the label without the number.
    """

    id: int | str
    label: str
    number: str
    name: str


@dataclass(frozen=True)
class MyReport:
    """A user-created report.

    :param id: the ``my_report_id`` of a request; a text only where the PBX's id is no number.
    :param name: as its creator called it.
    :param dataset: what it counts, in the PBX's words.
    :param type: ``custom_report`` or ``default_report``, as the PBX has it.
    :param creator: who made it, in the PBX's words.
    """

    id: int | str
    name: str
    dataset: str
    type: str
    creator: str


@dataclass(frozen=True)
class ScheduledReport:
    """A report that the PBX made by schedule.

    :param id: the ``scheduled_report_id`` of a request; a text only where the PBX's id is no number.
    :param name: as the PBX shows it.
    :param format: of its file.
    :param date: as the PBX writes it.
    """

    id: int | str
    name: str
    format: str
    date: str


def menu_options(answer: Mapping[str, Any]) -> list[MenuOption]:
    """Return the options of a ``system/get_menuoptions`` answer."""
    return [_menu_option(_text(entry, "text"), entry.get("value")) for entry in _entries(answer, "value")]


def _menu_option(label: str, value: object) -> MenuOption:
    for pattern in _LABELS:
        if match := pattern.fullmatch(label):
            return MenuOption(_id(value), label, match["number"], match["name"])
    return MenuOption(_id(value), label, "", label)


def my_reports(answer: Mapping[str, Any]) -> list[MyReport]:
    """Return the reports of one page of ``myreport/list``."""
    names = ("name", "dataset", "type", "creator")
    return [MyReport(_id(entry["id"]), *(_text(entry, name) for name in names)) for entry in _entries(answer, "id")]


def scheduled_reports(answer: Mapping[str, Any]) -> list[ScheduledReport]:
    """Return the reports of one page of ``call_schedule_report/list``."""
    names = ("name", "format", "date")
    return [
        ScheduledReport(_id(entry["id"]), *(_text(entry, name) for name in names)) for entry in _entries(answer, "id")
    ]


def _entries(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return what stands under ``data``, less entries without an id."""
    data = answer.get("data")
    entries = data if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and entry.get(key) not in (None, "")]


def _id(value: object) -> int | str:
    text = clean_text(value, 100)
    return int(text) if re.fullmatch(r"\d+", text, re.ASCII) else text


def _text(entry: Mapping[str, Any], name: str) -> str:
    return clean_text(entry.get(name), 200)


def gather_pages(
    ask: Callable[[int], Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], list[Entry]],
    *,
    pbx: str,
    endpoint: str,
) -> list[Entry]:
    """Return the entries of all pages of a directory.

    Whether an endpoint pages need not be known: a further page is asked for only while ``total_number`` says that there
    is more, and one that is refused, empty or repeats an earlier one (the PBX does not page, or counts something else)
    is the end. 60001 is an empty page. The log tells when fewer came than were counted; a report's rows are held to
    their count, see :mod:`.paging`.

    :param ask: gives the answer for a page, counted from 1.
    :param read: gives the entries of an answer.
    :param pbx: ``host:port``, for the message.
    :param endpoint: the path that is called, for the message.
    :raises NotAPbxError: for a first page that says nothing.
    """
    gathered: list[Entry] = []
    pages: list[list[Entry]] = []
    total = 0
    for number in count(1):
        try:
            answer = ask(number)
        except (NotFoundError, ParameterError) as refusal:
            if number == 1 and isinstance(refusal, ParameterError):
                raise
            answer = _NO_ENTRIES
        if number == 1:
            check_says_something(answer, "data" in answer, pbx=pbx, endpoint=endpoint)
        entries = read(answer)
        total = _counted(answer) or total
        if not entries or entries in pages:
            break
        gathered += entries
        pages.append(entries)
        if len(gathered) >= total:
            break
    if len(gathered) < total:
        log.warning("The PBX counts %s and lists %d.", counted(total, "entry", "entries"), len(gathered))
    return gathered


def _counted(answer: Mapping[str, Any]) -> int:
    """Return how many entries an answer counts, on all pages together; 0 where it does not say."""
    total = answer.get("total_number")
    if isinstance(total, str) and re.fullmatch(r"\d{1,18}", total.strip(), re.ASCII):
        return int(total)
    return total if type(total) is int else 0


def matching_ids(wanted: int | str, options: Iterable[MenuOption]) -> set[int | str]:
    """Return the ids that something wanted may stand for: none where it is unknown, several where it is ambiguous.

    :param wanted: an int is an id; a text is a dialled number, a name or a label, and an id where it is none of them.
    :param options: all there are.
    """
    known = list(options)
    if isinstance(wanted, str):
        wanted = clean_text(wanted, 200)  # as the labels were
    named = {option.id for option in known if wanted in (option.number, option.name, option.label)}
    return named or {option.id for option in known if str(option.id) == str(wanted)}
