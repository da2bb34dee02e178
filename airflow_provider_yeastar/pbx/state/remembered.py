"""What a PBX told of itself, and of what it has, as entries of the shared state. Pure.

Each entry has an age, and is believed only while that is below a limit; one from the future is not believed at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_yeastar.pbx.report.listings import MenuOption
from airflow_provider_yeastar.pbx.state.interface import Entry, number
from airflow_provider_yeastar.pbx.wire import PbxInformation

__all__ = ["Menu", "menu_entry", "stored_information", "stored_menu"]

_CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True)
class Menu:
    """What a look-up brought.

    :param options: what the PBX has; None where it does not let the application see that.
    :param asked_at: epoch seconds.
    """

    options: tuple[MenuOption, ...] | None
    asked_at: float


def menu_entry(menu: Menu) -> dict[str, Any]:
    """Return a menu as an entry."""
    options = None if menu.options is None else [asdict(option) for option in menu.options]
    return {"options": options, "asked_at": menu.asked_at}


def stored_menu(entry: Entry | None, now: float, life: float) -> Menu | None:
    """Return the menu of an entry, None if it is too old or of no use.

    :param now: epoch seconds.
    :param life: seconds for which it is believed.
    """
    asked_at = _recent(entry, now, life)
    if entry is None or asked_at is None:
        return None
    options = entry.get("options")
    try:
        return Menu(None if options is None else tuple(MenuOption(**option) for option in options), asked_at)
    except TypeError:
        return None


def stored_information(entry: Entry | None, now: float, life: float) -> PbxInformation | None:
    """Return what a PBX told of itself, None if it is too old or of no use.

    :param now: epoch seconds.
    :param life: seconds for which it is believed.
    """
    information = (entry or {}).get("information")
    if _recent(entry, now, life) is None or not isinstance(information, dict):
        return None
    try:
        return PbxInformation(**information)
    except TypeError:
        return None


def _recent(entry: Mapping[str, Any] | None, now: float, life: float) -> float | None:
    asked_at = number((entry or {}).get("asked_at"))
    return asked_at if asked_at is not None and asked_at - _CLOCK_TOLERANCE <= now < asked_at + life else None
