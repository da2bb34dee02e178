"""Directory: what a PBX has, asked for over a session, and the ids that stand behind names and numbers.

A name or dialled number is looked up afresh for each request, because it may stand for another queue since the last
one. Which internal ids there are is kept in the shared state and believed for some minutes; an id that is not among
them is looked up afresh before it is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_provider_yeastar.pbx.errors import (
    InterfaceError,
    InvalidRequestError,
    ParameterError,
    PermissionDeniedError,
)
from airflow_provider_yeastar.pbx.login.stored import application_key
from airflow_provider_yeastar.pbx.report import listings
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, QUEUE_AGENTS
from airflow_provider_yeastar.pbx.report.listings import Entry, MenuOption, MyReport, ScheduledReport
from airflow_provider_yeastar.pbx.report.parameters import ParameterValue
from airflow_provider_yeastar.pbx.report.request import ReportRequest
from airflow_provider_yeastar.pbx.settings import PbxSettings
from airflow_provider_yeastar.pbx.state.interface import SharedState
from airflow_provider_yeastar.pbx.state.remembered import Menu, menu_entry, stored_menu

__all__ = ["Directory"]

log = logging.getLogger(__name__)

_MENU_ENDPOINT = "openapi/v1.0/system/get_menuoptions"
_PAGE_SIZE = 100
_MENU_LIFE = 300.0
"""Seconds for which what a look-up brought is believed."""
_MOST_SHOWN = 20
_MOST_NUMBERS = 500
# The application may not ask, or the firmware has no such endpoint or menu: then ids cannot be checked.
_REFUSALS = (PermissionDeniedError, InterfaceError, ParameterError)


class Directory:
    """What one PBX has. Blocking.

    :param call: asks the PBX, and raises what it answers but success.
    :param state: where look-ups are kept.
    :param settings: the PBX and the application.
    """

    def __init__(
        self, call: Callable[[str, Mapping[str, str]], Mapping[str, Any]], state: SharedState, settings: PbxSettings
    ) -> None:
        self._call = call
        self._state = state
        self._pbx = settings.address
        self._entries = f"{settings.state_name}/{application_key(settings)}/menu"
        self._warned = False

    def menu_options(self, menu: str, queue_id: int | str | None = None) -> list[MenuOption]:
        """Return what the PBX offers in a menu now.

        :param menu: the vendor's name, such as ``queue``.
        :param queue_id: the queue whose agents ``queue_agent`` means.
        """
        query = {"menu": menu} | ({} if queue_id is None else {"id": str(queue_id)})

        def ask(page: int) -> Mapping[str, Any]:
            # No page is known of menus; were there one, `total_number` would tell.
            return self._call(_MENU_ENDPOINT, query if page == 1 else query | {"page": str(page)})

        return listings.gather_pages(ask, listings.menu_options, pbx=self._pbx, endpoint=_MENU_ENDPOINT)

    def my_reports(self) -> list[MyReport]:
        """Return the user-created reports."""
        return self._listed("openapi/v1.0/myreport/list", listings.my_reports)

    def scheduled_reports(self, api_version: str) -> list[ScheduledReport]:
        """Return the reports that were made by schedule.

        :param api_version: ``v1.0`` or ``v2.0``.
        """
        return self._listed(f"openapi/{api_version}/call_schedule_report/list", listings.scheduled_reports)

    def resolve(self, request: ReportRequest) -> ReportRequest:
        """Return the request with the PBX's own ids in place of names and dialled numbers.

        :raises InvalidRequestError: for what the PBX does not know, with what it does know, and for what is ambiguous.
        """
        if not request.check_ids:
            return request
        values = dict(request.parameters)
        asked: dict[str, Menu] = {}
        # Agents come last: they are those of a queue, whose id has to be known by then.
        for name in sorted(values, key=lambda name: QUEUE_AGENTS in _menus(name)):
            value = values[name]
            if _menus(name) and not isinstance(value, str):
                menus = _agent_menus(values) if QUEUE_AGENTS in _menus(name) else _menus(name)
                # Once each: a name and a number may stand for the same.
                values[name] = tuple(dict.fromkeys(self._id(name, item, menus, asked) for item in value))
        return replace(request, parameters=tuple(sorted(values.items())))

    def filters(self, values: Mapping[str, str | list[int | str]], menus: Mapping[str, str]) -> dict[str, str]:
        """Return filters of calls as the PBX takes them, names and dialled numbers replaced by its ids.

        :param values: by the vendor's names.
        :param menus: the menu of each filter that takes ids.
        :raises InvalidRequestError: for what the PBX does not know.
        """
        asked: dict[str, Menu] = {}

        def items_of(name: str, value: str | list[int | str]) -> list[int | str]:
            items: list[int | str] = [value] if isinstance(value, str) else value
            return [self._id(name, item, [menus[name]], asked) for item in items] if name in menus else items

        return {name: ",".join(map(str, items_of(name, value))) for name, value in values.items()}

    def numbers(self, request: ReportRequest) -> tuple[list[str], list[str]]:
        """Return the dialled numbers of what a request names, and of the others of the same kind that the PBX has.

        Both are empty where the PBX does not tell, or the request names none.

        :param request: with the PBX's own ids, from :meth:`resolve`.
        """
        asked: set[str] = set()
        known: set[str] = set()
        recent: dict[str, Menu] = {}
        for name, value in request.parameters if request.check_ids else ():
            menus = [menu for menu in _menus(name) if menu != QUEUE_AGENTS]
            if menus and not isinstance(value, str):
                looked_up = [self._recent(menu, recent) for menu in menus]
                by_id = {str(each.id): each.number for each in _options(looked_up)}
                if not all(by_id.get(str(item)) for item in value):
                    return [], []  # such as a group, which stands for extensions that are not named here
                known.update(filter(None, by_id.values()))
                asked.update(by_id[str(item)] for item in value)
        others = sorted(known - asked)
        return sorted(asked), others if len(others) <= _MOST_NUMBERS else []

    def _id(self, name: str, item: int | str, menus: Sequence[str], asked: dict[str, Menu]) -> int | str:
        looked_up = [self._recent(menu, asked) for menu in menus]
        ids = listings.matching_ids(item, _options(looked_up))
        is_known_id = bool(ids) and all(str(known) == str(item) for known in ids)
        if not is_known_id and (ids or not _passes_unchecked(item, looked_up)):
            looked_up = [self._fresh(menu, asked) for menu in menus]
            ids = listings.matching_ids(item, _options(looked_up))
        if len(ids) == 1:
            return next(iter(ids))
        if ids:
            raise InvalidRequestError(
                f"{item!r} in {name} is ambiguous: it may be any of the ids {', '.join(sorted(map(str, ids)))}",
                pbx=self._pbx,
                remedy="Give the dialled number, or the id as an int.",
            )
        if not _passes_unchecked(item, looked_up):
            raise self._unknown(name, item, looked_up)
        if not self._warned:
            log.warning("Ids are sent to PBX %s as they are given, for they cannot be looked up there.", self._pbx)
            self._warned = True
        return item

    def _unknown(self, name: str, item: int | str, looked_up: Sequence[Menu]) -> InvalidRequestError:
        if all(menu.options is not None for menu in looked_up) and looked_up:
            what, remedy = f"The PBX knows no {item!r} for {name}", _known(list(_options(looked_up)))
        elif looked_up:
            what = f"{item!r} in {name} cannot be looked up, the API application may not read the PBX's menus"
            remedy = "Grant it that in the PBX's web portal (Integrations > API), or give the internal id."
        else:
            what = f"{item!r} in {name} cannot be looked up without a queue"
            remedy = "Give `queue_id` too, or the agent's internal id."
        return InvalidRequestError(what, pbx=self._pbx, remedy=remedy)

    def _recent(self, menu: str, asked: dict[str, Menu]) -> Menu:
        """What a menu held some minutes ago, to whichever user of the state."""
        known = asked.get(menu) or stored_menu(*self._state.look(self._entry(menu)), _MENU_LIFE)
        return known or self._fresh(menu, asked)

    def _fresh(self, menu: str, asked: dict[str, Menu]) -> Menu:
        """What a menu holds, asked for once for each request."""
        if menu not in asked:
            options = self._look_up(menu)
            asked[menu] = Menu(options, self._state.now())
            self._state.update(
                self._entry(menu), lambda entry, now: menu_entry(Menu(options, now)), keep_seconds=_MENU_LIFE
            )
        return asked[menu]

    def _entry(self, menu: str) -> str:
        return f"{self._entries}/{menu}"

    def _look_up(self, menu: str) -> tuple[MenuOption, ...] | None:
        name, _, queue_id = menu.partition(":")
        try:
            return tuple(self.menu_options(name, queue_id or None))
        except _REFUSALS as refusal:
            log.info("%s", refusal)
            return None

    def _listed(self, endpoint: str, read: Callable[[Mapping[str, Any]], list[Entry]]) -> list[Entry]:
        def ask(page: int) -> Mapping[str, Any]:
            return self._call(endpoint, {"page": str(page), "page_size": str(_PAGE_SIZE)})

        return listings.gather_pages(ask, read, pbx=self._pbx, endpoint=endpoint)


def _menus(parameter: str) -> tuple[str, ...]:
    return PARAMETERS[parameter].menus if parameter in PARAMETERS else ()


def _agent_menus(values: Mapping[str, ParameterValue]) -> list[str]:
    """One menu for each queue that the request names, its id behind a colon."""
    queues = [*values.get("queue_id", ()), *values.get("queue_id_list", ())]
    return [f"{QUEUE_AGENTS}:{queue}" for queue in queues]


def _options(looked_up: Sequence[Menu]) -> Iterator[MenuOption]:
    for menu in looked_up:
        yield from menu.options or ()


def _passes_unchecked(item: int | str, looked_up: Sequence[Menu]) -> bool:
    """Whether a numeric id is believed, as not all of the menus can be read."""
    return str(item).isdigit() and (not looked_up or any(menu.options is None for menu in looked_up))


def _known(options: Sequence[MenuOption]) -> str:
    shown = [f"{option.label} (id {option.id})" for option in options[:_MOST_SHOWN]]
    more = f" and {len(options) - _MOST_SHOWN} more" if len(options) > _MOST_SHOWN else ""
    return f"It knows {', '.join(shown)}{more}." if shown else "It knows none at all."
