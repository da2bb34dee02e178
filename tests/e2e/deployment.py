"""All that a night needs, on this machine: Airflow's hosts, PBXs, a lake, a warehouse, Redis."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.certificates import make_certificate
from tests.e2e.cluster import NIGHT_SECONDS, NIGHTS, TRIGGERERS, WORKERS, Cluster, Dags, running_cluster, state_url
from tests.e2e.leaks import files_with, tables_with
from tests.e2e.warehouse import Warehouse
from tests.integration.peers import Bucket, object_store, postgres_server
from tests.integration.support import know_the_past
from tests.pbx.state.redis_server import RedisServer, redis_server

FIRST_DAY = date(2026, 10, 5)
SETTINGS = {
    "pbx_1": SimulatorSettings(serial_number="3692A0000001", seed=1),
    "pbx_2": SimulatorSettings(
        serial_number="3692A0000002",
        seed=2,
        client_secret="second-client-secret",
        timezone="America/New_York",
        date_format="MM/DD/YYYY",
        twelve_hour=True,
        serves_ranges=True,
    ),
    "pbx_3": SimulatorSettings(
        serial_number="3692A0000003", seed=3, client_secret="third-client-secret", timezone="Asia/Shanghai"
    ),
}
"""An exclusive PBX, one over TLS whose certificate is pinned, one that others use as well."""
TLS, SHARED = "pbx_2", "pbx_3"


@dataclass(frozen=True)
class Deployment:
    """What runs.

    :param context: what the PBX that is asked over TLS shows its certificate with.
    :param fingerprints: that connections pin, by PBX.
    """

    cluster: Cluster
    warehouse: Warehouse
    pbxs: dict[str, PbxSimulator]
    lake: Bucket
    broker: RedisServer
    context: ssl.SSLContext
    fingerprints: dict[str, str]

    def connect(self, name: str, **changes: Any) -> None:
        """Give Airflow the connection to a PBX.

        :param changes: fields that differ from what reaches the PBX.
        """
        pbx = self.pbxs[name]
        extra = {"timezone": pbx.settings.timezone, "exclusive": name != SHARED, "timeout": 10}
        if pbx.scheme == "https":
            extra["ssl_fingerprint"] = self.fingerprints[name]
        fields = {
            "conn_type": "yeastar",
            "schema": pbx.scheme,
            "host": pbx.host,
            "port": pbx.port,
            "login": pbx.client_id,
            "password": pbx.client_secret,
            "extra": extra,
        }
        self.cluster.set_connection(name, fields | changes)

    def mend(self) -> None:
        """Start what a test has ended and let PBXs work again."""
        for pbx in self.pbxs.values():
            pbx.faults.clear()
            pbx.release_reports()
        missing = [name for name in (*WORKERS, *TRIGGERERS, "scheduler") if name not in self.cluster.running]
        for name in missing:
            self.start(name)

    def start(self, name: str) -> None:
        """Start a part once more."""
        if name in WORKERS:
            self.cluster.start_worker(name)
        elif name in TRIGGERERS:
            self.cluster.start_triggerer(name)
        else:
            self.cluster.start_scheduler()

    def leaks(self) -> list[str]:
        """The logs, files and tables of the databases, Airflow's own among them, that show a token or a secret."""
        calls = [call for pbx in self.pbxs.values() for call in pbx.requests]
        tokens = {call.query["access_token"] for call in calls if "access_token" in call.query}
        assert tokens
        refresh_tokens = {token.refresh for pbx in self.pbxs.values() for token in pbx.state.tokens.values()}
        secrets = {pbx.client_secret for pbx in self.pbxs.values()} | tokens | refresh_tokens
        servers = (self.warehouse.server, self.cluster.metadata)
        tables = [table for server in servers for table in tables_with(secrets, server)]
        return files_with(secrets, self.cluster.home) + tables


@contextmanager
def running_deployment(
    home: Path, settings: Mapping[str, SimulatorSettings], dags: Dags = NIGHTS
) -> Iterator[Deployment]:
    """Start everything, and end it.

    :param home: an empty directory.
    :param settings: of the PBXs, by the connection to each. No report was requested at any of them before.
    :param dags: what Airflow runs, as soon as it is unpaused.
    """
    certificate = make_certificate(home)
    with ExitStack() as stack:
        enter = stack.enter_context
        metadata, warehouse = enter(postgres_server()), enter(postgres_server())
        broker, lake = enter(redis_server("--appendonly", "yes")), enter(object_store())
        contexts = {TLS: certificate.context}
        fingerprints = {TLS: certificate.fingerprint}
        pbxs = {name: enter(PbxSimulator(each, ssl_context=contexts.get(name))) for name, each in settings.items()}
        hosts = home / "hosts"
        hosts.mkdir()
        cluster = enter(running_cluster(hosts, dags, metadata, broker))
        tables = Warehouse(warehouse, pbxs)
        deployment = Deployment(cluster, tables, pbxs, lake, broker, contexts[TLS], fingerprints)
        deployment.warehouse.prepare()
        cluster.set_connection("lake", lake.connection)
        fields = {"conn_type": "postgres", "host": "127.0.0.1", "port": warehouse.port, "login": "airflow"}
        cluster.set_connection("warehouse", fields | {"schema": "postgres"})
        for name, pbx in pbxs.items():
            deployment.connect(name)
            know_the_past(pbx, home, state_url(broker))
        yield deployment


@dataclass
class Night:
    """Reports that are asked for in one run after another, and the table that they end in.

    :param name: of the table.
    """

    deployment: Deployment
    name: str
    reports: dict[tuple[str, str], date] = field(default_factory=dict)
    run_id: str = ""

    def start(self, *pbxs: str, days: int = 1) -> None:
        """Ask PBXs for the reports of so many days more."""
        asked = [(pbx, FIRST_DAY + timedelta(len(self.reports) + day)) for day in range(days) for pbx in pbxs]
        self.reports |= {(pbx, day.isoformat()): day for pbx, day in asked}
        conf = [{"pbx": pbx, "period": day.isoformat(), "night": self.name} for pbx, day in asked]
        self.run_id = self.deployment.cluster.run("night", {"reports": conf})

    def wait_until_waiting(self, count: int) -> None:
        """Return when so many reports are waited for by triggerers."""
        self.deployment.cluster.wait_for_state("night", self.run_id, "report.fetch", "deferred", count)

    def must_end_well(self, seconds: float = NIGHT_SECONDS) -> None:
        """Fail unless the run succeeds by itself, and the warehouse holds what it must."""
        cluster = self.deployment.cluster
        assert cluster.wait_for_end("night", self.run_id, seconds) == "success", cluster.story("night", self.run_id)
        self.deployment.warehouse.must_hold(self.name, self.reports)

    def must_fail(self) -> str:
        """Fail unless the run fails; what its tasks say."""
        cluster = self.deployment.cluster
        assert cluster.wait_for_end("night", self.run_id) == "failed"
        return cluster.story("night", self.run_id)

    def clear(self) -> None:
        """Let what failed be done once more, as a person does."""
        self.deployment.cluster.clear("night", self.run_id, only_failed=True)
