"""Who and what is configured on the simulated PBX: extensions, queues, trunks, IVRs and ring groups.

Internal ids share no value with dialled numbers, nor one kind's ids with another's, so that a report asked for with the
wrong one comes back without rows, as it does from a PBX. Extensions and extension groups are one space of ids, because
``ext_id_list`` takes both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

__all__ = [
    "DEFAULT_DIRECTORY",
    "Agent",
    "AiReceptionist",
    "Directory",
    "Extension",
    "ExtensionGroup",
    "Ivr",
    "IvrKey",
    "Queue",
    "RingGroup",
    "Trunk",
]


class _Numbered(Protocol):
    @property
    def number(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Extension:
    """A user's telephone.

    :param pin: PIN code for restricted outbound routes; empty when the user needs none.
    """

    id: int
    number: str
    name: str
    pin: str = ""

    @property
    def first_name(self) -> str:
        """The name up to its first space."""
        return self.name.partition(" ")[0]

    @property
    def last_name(self) -> str:
        """The name after its first space; may be empty."""
        return self.name.partition(" ")[2]


@dataclass(frozen=True)
class ExtensionGroup:
    """Several extensions under one id; it has no number, the field is there because every entry has one.

    :param extension_ids: its members.
    """

    id: int
    number: str
    name: str
    extension_ids: tuple[int, ...]


@dataclass(frozen=True)
class Agent:
    """An extension in its role in one queue.

    :param id: the extension's id: whether a PBX uses that or another one for agents is unknown [U].
    :param static: set by the administrator; a dynamic agent logs in by himself. Both keep shifts here [U].
    """

    id: int
    number: str
    name: str
    static: bool = True


@dataclass(frozen=True)
class Queue:
    """A call queue."""

    id: int
    number: str
    name: str
    agents: tuple[Agent, ...]
    ring_strategy: str = "ring_all"


@dataclass(frozen=True)
class Trunk:
    """A line to the outside.

    :param did_numbers: numbers that reach the PBX over it, one at least.
    :param dod_numbers: numbers it shows on outbound calls, one at least.
    """

    id: int
    number: str
    name: str
    did_numbers: tuple[str, ...]
    dod_numbers: tuple[str, ...]


@dataclass(frozen=True)
class IvrKey:
    """Where a key of an IVR leads.

    :param target_id: id of the queue, ring group or extension.
    """

    key: str
    target: Literal["queue", "ring_group", "extension"]
    target_id: int


@dataclass(frozen=True)
class Ivr:
    """An interactive voice menu."""

    id: int
    number: str
    name: str
    keys: tuple[IvrKey, ...]


@dataclass(frozen=True)
class RingGroup:
    """Extensions that ring one after the other.

    :param extension_ids: its members in ringing order.
    """

    id: int
    number: str
    name: str
    extension_ids: tuple[int, ...]


@dataclass(frozen=True)
class AiReceptionist:
    """An automatic receptionist that talks to callers."""

    id: int
    number: str
    name: str


@dataclass(frozen=True)
class Directory:
    """All of the configuration that call reports speak about."""

    queues: tuple[Queue, ...]
    extensions: tuple[Extension, ...]
    ext_groups: tuple[ExtensionGroup, ...]
    trunks: tuple[Trunk, ...]
    ivrs: tuple[Ivr, ...]
    ring_groups: tuple[RingGroup, ...]
    pause_reasons: tuple[str, ...]
    ai_receptionists: tuple[AiReceptionist, ...] = ()

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name behind every dialled number of the PBX."""
        entries: tuple[_Numbered, ...] = (*self.ivrs, *self.ring_groups, *self.queues, *self.extensions)
        entries += self.ai_receptionists
        return {entry.number: entry.name for entry in entries}

    def party(self, key: str, number: str) -> dict[str, object]:
        """Return one end of a call as the PBX writes it: a label ``Name<number>``, the name, and the number.

        :param key: of the label, such as ``call_from``; the others are ``{key}_name`` and ``{key}_number``.
        :param number: an outside one has no name, and is its own label.
        """
        name = self.names.get(number, "")
        return {key: f"{name}<{number}>" if name else number, f"{key}_name": name, f"{key}_number": number}


_NAMES = (
    "Alice Hartmann",
    "Bob Nguyen",
    "Carla Rossi",
    "David Okafor",
    "Elena Petrova",
    "Farid Haddad",
    "Grace Lindqvist",
    "Hugo Fernández",
    "Ines Moreau",
    "Jonas Weber",
    "Katja Virtanen",
    "Liam Byrne",
    "Mei Tanaka",
    "Nadia Kowalska",
    "Omar Said",
    "Petra Jansen",
)

_EXTENSIONS = tuple(
    Extension(11 + index, str(1000 + index), name, pin=str(7301 + index) if index % 3 == 0 else "")
    for index, name in enumerate(_NAMES)
)


def _agents(static: tuple[int, ...], dynamic: tuple[int, ...]) -> tuple[Agent, ...]:
    by_id = {extension.id: extension for extension in _EXTENSIONS}
    return tuple(
        Agent(by_id[id_].id, by_id[id_].number, by_id[id_].name, static=id_ in static) for id_ in static + dynamic
    )


DEFAULT_DIRECTORY = Directory(
    queues=(
        Queue(1, "6400", "Sales", _agents((11, 12, 13, 14), (15,))),
        Queue(2, "6401", "Support", _agents((16, 17, 18, 19), (20, 15)), ring_strategy="least_recent"),
        Queue(3, "6402", "Billing", _agents((21, 22), (14,)), ring_strategy="memory_hunt"),
    ),
    extensions=_EXTENSIONS,
    ext_groups=(
        ExtensionGroup(51, "", "Default_All_Extensions", tuple(range(11, 27))),
        ExtensionGroup(52, "", "Sales", (11, 12, 13, 14, 15)),
        ExtensionGroup(53, "", "Back Office", (23, 24, 25, 26)),
    ),
    trunks=(
        Trunk(31, "4420300100", "SIP-London", ("4420300100", "4420300101", "4420300102"), ("4420300100",)),
        Trunk(32, "4930900200", "SIP-Berlin", ("4930900200", "4930900201"), ("4930900200", "4930900201")),
    ),
    ivrs=(
        Ivr(
            41,
            "6200",
            "Main Menu",
            (
                IvrKey("1", "queue", 1),
                IvrKey("2", "queue", 2),
                IvrKey("3", "queue", 3),
                IvrKey("4", "ring_group", 61),
                IvrKey("0", "extension", 11),
            ),
        ),
        Ivr(42, "6201", "After Hours", (IvrKey("1", "queue", 2), IvrKey("2", "ring_group", 62))),
    ),
    ring_groups=(
        RingGroup(61, "6300", "Reception", (11, 23, 24)),
        RingGroup(62, "6301", "Warehouse", (25, 26)),
    ),
    pause_reasons=("Lunch Break", "Meeting", "Training", "Paperwork"),
    ai_receptionists=(AiReceptionist(71, "6800", "Front Desk Assistant"),),
)
"""A small company with three queues; the queue "Support" has the number 6401, its first extension 1000."""
