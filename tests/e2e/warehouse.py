"""The warehouse that the nights are loaded into, and what must be in it: told by the simulated PBXs themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from airflow_provider_yeastar.simulator import PbxSimulator
from airflow_provider_yeastar.simulator.api.display import Display
from airflow_provider_yeastar.simulator.api.orders import ReportOrder, order_report
from airflow_provider_yeastar.simulator.reports import list_entries
from tests.integration.peers import PostgresServer

FIGURES = ("queue_num", "total_calls", "answered_calls", "missed_calls", "abandoned_calls", "average_talking_time")
_FILES = """
    CREATE TABLE files (
        night text, pbx text, period text, path text, worker text, content bytea, PRIMARY KEY (night, pbx, period)
    )
"""

_GATE = """
    CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$
"""
_AT_GATE = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"

Reports = Mapping[tuple[str, str], date]
"""What a night is to bring: connection and period, and the day that this is by the PBX's clock."""


def order(pbx: PbxSimulator, day: date) -> tuple[ReportOrder, Any]:
    """The report of a day as the PBX itself makes it, and the calls that it makes it from."""
    settings = pbx.settings
    display = Display(settings.date_format, settings.twelve_hour)
    begin, end = datetime.combine(day, datetime.min.time()), datetime.combine(day, datetime.max.time())
    log = pbx.state.call_log(end)
    query = {"type": "queueperformance", "queue_id_list": "1,2", "format": "csv", "duration_format": "seconds"}
    times = {"start_time": display.show(begin), "end_time": display.show(end.replace(microsecond=0))}
    return order_report(query | times, settings.data_version, settings, end, log), log


def file_of(pbx: PbxSimulator, day: date) -> bytes:
    """The file of a report, byte for byte."""
    made, log = order(pbx, day)
    return made.render(log, pbx.settings.csv_layout)


@dataclass(frozen=True)
class Warehouse:
    """A PostgreSQL database, apart from Airflow's own."""

    server: PostgresServer
    pbxs: Mapping[str, PbxSimulator]

    def prepare(self) -> None:
        """Make the table of files, and what :meth:`gate` needs; the provider makes its own tables."""
        self.server.query(_FILES)
        self.server.query(_GATE)

    @contextmanager
    def gate(self, night: str) -> Iterator[None]:
        """Let loads of a table stand still in the midst of their transaction: after what they delete, as they insert.

        :param night: whose table; it has to be there.
        """
        trigger = f'CREATE TRIGGER gate AFTER INSERT ON "{night}" EXECUTE FUNCTION wait_at_gate()'
        self.server.query(trigger)
        with closing(self.server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(42)")
            yield
        # A load that was let through still holds the table.
        self.server.query(f'DROP TRIGGER gate ON "{night}"')

    def at_gate(self) -> int | None:
        """The process id of the backend that stands at the gate, None without one."""
        found = self.server.query(_AT_GATE)
        return found[0][0] if found else None

    def loaded(self, night: str) -> Counter[tuple[Any, ...]]:
        """Rows of a night's table, each with the PBX and the day that it says it is of."""
        columns = ", ".join(FIGURES)
        if not self.server.query(f"SELECT 1 FROM pg_tables WHERE tablename = '{night}'"):
            return Counter()
        return Counter(self.server.query(f'SELECT pbx_serial_number, period_start::date, {columns} FROM "{night}"'))

    def files(self, night: str) -> dict[tuple[str, str], bytes]:
        """The files of a night, by connection and period."""
        found = self.server.query(f"SELECT pbx, period, content FROM files WHERE night = '{night}'")
        return {(pbx, period): bytes(content) for pbx, period, content in found}

    def expected_rows(self, reports: Reports) -> Counter[tuple[Any, ...]]:
        """What a table must hold, and nothing else."""
        rows: Counter[tuple[Any, ...]] = Counter()
        for (name, _), day in reports.items():
            pbx = self.pbxs[name]
            made, log = order(pbx, day)
            entries, _ = list_entries(made.build(log), idle_members=pbx.settings.lists_idle_agents)
            rows.update((pbx.settings.serial_number, day, *(entry[key] for key in FIGURES)) for entry in entries)
        return rows

    def must_hold(self, night: str, reports: Reports) -> None:
        """Fail unless every row and file of these reports is there once, and nothing else.

        :param night: whose table and files.
        :param reports: which.
        """
        assert self.loaded(night) == self.expected_rows(reports)
        assert self.files(night) == {key: file_of(self.pbxs[key[0]], day) for key, day in reports.items()}
