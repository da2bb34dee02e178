"""A real Airflow 2.11 beside a simulated PBX: what it has other than Airflow 3."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import ClassVar

from example_dags.local_airflow import START_SECONDS, LocalAirflow


class LocalAirflow2(LocalAirflow):
    """Airflow 2.11, whose web server has another form, another grid and another REST API; who comes is an admin."""

    rest: ClassVar = "api/v1"
    health: ClassVar = "health"
    parts: ClassVar = ("metadatabase", "scheduler", "triggerer")

    def start_parts(self) -> None:
        (self.home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
        settings = {
            "CORE__EXECUTOR": "SequentialExecutor",  # the only one that 2.11 allows with SQLite
            "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
            "WEBSERVER__BASE_URL": self.api,
            "WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "WEBSERVER__WEB_SERVER_PORT": self.api.rpartition(":")[2],
            "WEBSERVER__WORKERS": "1",
            "WEBSERVER__SECRET_KEY": secrets.token_hex(16),
        }
        self.environment |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
        # That executor looks for the command `airflow`.
        self.environment["PATH"] = f"{Path(sys.executable).parent}:{self.environment['PATH']}"
        self.start("webserver", "airflow", "webserver")
        self.start("triggerer", "airflow", "triggerer", "--skip-serve-logs")
        self.start("scheduler", "airflow", "scheduler", "--skip-serve-logs")
        self.wait_for("Airflow's start", START_SECONDS, self.is_healthy)
