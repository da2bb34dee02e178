"""What a soak draws from its seed: how each PBX is set up, which reports are asked for, and what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from airflow_provider_yeastar.simulator import Fault, SimulatorSettings

FIRST_DAY = date(2026, 1, 1)
DOWNLOAD = "call_report/download"

FAULTS = (
    Fault("status", DOWNLOAD, 502),
    Fault("json without errcode", DOWNLOAD),
    Fault("reset before", DOWNLOAD),
    Fault("reset after", DOWNLOAD),
    Fault("delay", "", 2),
    Fault("errcode", DOWNLOAD, -2),
    Fault("errcode", DOWNLOAD, 10004),
    Fault("errcode", DOWNLOAD, 70082),
    Fault("quote", DOWNLOAD, -1),
    Fault("without", DOWNLOAD, ("errcode",)),
    Fault("silent socket", "", 1),
    Fault("refused subscription"),
    Fault("event before answer"),
    Fault("duplicate event"),
    Fault("foreign event", "", "Queue-Performance-download-20260101000000-nobodys.csv"),
    Fault("late event", "", 2.0),
    Fault("no event"),
    Fault("failure event", "", "disk full"),
    Fault("drop sockets"),
    Fault("restart"),
    Fault("expire tokens"),
    Fault("processing"),
    Fault("cut answer"),
    Fault("url", "", "https://127.0.0.1:1/elsewhere.csv"),
    Fault("file name", "", "../../name.csv"),
    Fault("empty"),
    Fault("json body", "", 60001),
    Fault("html body"),
    Fault("other bytes", "", b"\0" * 100),
    Fault("longer", "", b"Sales<6400>,1,1,0,0\r\n"),
    Fault("no length"),
    Fault("redirect", "", (302, "http://127.0.0.1:1/")),
    Fault("truncated"),
    Fault("reset half-way"),
    Fault("stall half-way"),
)
"""One of each kind that a report may meet."""

LOST_LOGIN = Fault("reset after", "get_token")
"""Once for each PBX: after two logins that bring no token the next is sent after half an hour, longer than a soak."""


@dataclass(frozen=True)
class Job:
    """A report to fetch.

    :param fault: what goes wrong at its PBX as it is asked for; None for nothing.
    :param portal: a person downloads a report of the same kind there.
    :param kills: a host is killed as it is asked for.
    """

    number: int
    pbx: str
    day: date
    fault: Fault | None
    portal: bool
    kills: bool


@dataclass(frozen=True)
class Plan:
    """All that is drawn.

    :param shared: the PBXs that people use as well, which are not exclusive.
    """

    pbxs: dict[str, SimulatorSettings]
    shared: frozenset[str]
    jobs: tuple[Job, ...]


def draw(seed: int, reports: int, pbxs: int) -> Plan:
    """Draw a plan; the same for the same arguments.

    :param reports: how many in all.
    :param pbxs: how many PBXs they are spread over.
    """
    chance = random.Random(seed)
    settings = {f"pbx_{number}": _pbx(chance, number) for number in range(pbxs)}
    shared = frozenset(name for name in settings if chance.random() < 0.25)
    return Plan(settings, shared, tuple(_jobs(chance, reports, list(settings), shared)))


def _pbx(chance: random.Random, number: int) -> SimulatorSettings:
    return SimulatorSettings(
        serial_number=f"3692B{number:07}",
        client_secret=f"{chance.randbytes(16).hex()}",
        seed=number,
        timezone=chance.choice(("Europe/Berlin", "America/New_York", "Asia/Shanghai")),
        date_format=chance.choice(("YYYY/MM/DD", "DD/MM/YYYY", "MM-DD-YYYY")),
        twelve_hour=chance.random() < 0.5,
        parallel_jobs=chance.choice((1, 1, 3)),
        queued_jobs=chance.choice((0, 2)),
        announce_seconds=chance.choice((0.0, 0.3)),
        answer_has_id=chance.random() < 0.2,
        sync_announces=chance.random() < 0.3,
        event_text=chance.random() < 0.5,
        event_serial=chance.random() < 0.5,
        serves_ranges=chance.random() < 0.5,
    )


_KILL_EVERY = 250
"""Reports from one kill of a host to the next; a short soak has one in its middle."""


def _jobs(chance: random.Random, reports: int, names: list[str], shared: frozenset[str]) -> Iterator[Job]:
    loses_login = {name: chance.randrange(reports // len(names) + 1) for name in names}
    for number in range(reports):
        pbx, turn = names[number % len(names)], number // len(names)
        fault = chance.choice(FAULTS) if chance.random() < 0.4 else None
        yield Job(
            number=number,
            pbx=pbx,
            # Each report of a PBX is of another day, so that one is never like another.
            day=FIRST_DAY + timedelta(days=turn),
            fault=LOST_LOGIN if turn == loses_login[pbx] else fault,
            portal=pbx in shared and chance.random() < 0.2,
            kills=number > 0 and number % min(_KILL_EVERY, reports // 2) == 0,
        )
