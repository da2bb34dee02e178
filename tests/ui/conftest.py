"""A real Airflow beside a simulated PBX, and a real browser that looks at it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import pytest

from example_dags.local_airflow import LocalAirflow, local_airflow
from tests.ui.airflow_2 import LocalAirflow2

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "docs" / "images"
DAG_ID = "yeastar_files_then_duckdb"
EVENT_DAG_ID = "yeastar_event_driven"
AIRFLOW_2 = airflow.__version__.startswith("2.")
NEWEST = "3.3."
CHROMIUM = shutil.which("chromium") or ""
# Nothing but the pages that are looked at: no graphics hardware, no first-run pages, no traffic of its own.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ACTION_MILLISECONDS = 60_000


@dataclass
class WebUI:
    """The Airflow that is looked at.

    :param pbx: the fields of the connection to the simulated PBX.
    :param run_id: a run of the example DAG that has ended in success.
    """

    airflow: LocalAirflow
    pbx: dict[str, Any]
    run_id: str

    def add_connection(self, conn_id: str, **changes: Any) -> None:
        """Add a connection to the simulated PBX through the REST API."""
        fields = {"connection_id": conn_id, **self.pbx, **changes}
        self.airflow.ask("connections", fields | {"extra": json.dumps(fields["extra"])})


def tells_the_way(log: str) -> bool:
    """Whether a task's log has the lines that tell the way of a report, in their order."""
    lines = (
        "Deferring: the triggerer asks for queueperformance and waits.",
        "for queueperformance (",
        "The PBX accepted the request and is making the report; waiting for its event.",
        "Event received: Queue-Performance-download-",
        "Stored ",
    )
    return re.search(".*".join(map(re.escape, lines)), log, re.DOTALL) is not None


def keep(shown: Page | Locator, name: str) -> None:
    """Keep a picture for the docs, without a blinking cursor in it.

    The lines between the newest and the oldest look as the newest does, and have no picture of their own.
    """
    if airflow.__version__.startswith(NEWEST) or AIRFLOW_2:
        IMAGES.mkdir(parents=True, exist_ok=True)
        Path(IMAGES / f"{name}.png").write_bytes(shown.screenshot(caret="hide", animations="disabled"))


def _why_not() -> str | None:
    if "YEASTAR_UI_TESTS" not in os.environ:
        return "takes more than a minute; `make ui` and `make ui-2.11.2` and its like run it"
    if not importlib.util.find_spec("playwright"):
        return "needs playwright, of the dependency group ui"
    return None if CHROMIUM else "needs chromium; on Debian: apt-get install chromium"


@pytest.fixture(scope="session")
def web_ui() -> Iterator[WebUI]:
    """Airflow with a green run of the example DAG."""
    if reason := _why_not():
        pytest.skip(reason)
    # Its path is in the pictures; one of pytest's would tell who took them.
    kind, also = (LocalAirflow2, ()) if AIRFLOW_2 else (LocalAirflow, (EVENT_DAG_ID,))
    with (
        tempfile.TemporaryDirectory(prefix="airflow-") as home,
        local_airflow(Path(home), DAG_ID, *also, kind=kind) as started,
    ):
        # The package need not be installed to be looked at.
        started.environment["PYTHONPATH"] = str(ROOT)
        pbx = started.start_pbx()
        started.start_airflow()
        run_id = started.wait_for_run()
        started.wait_for_success(run_id)
        yield WebUI(started, pbx, run_id)


@pytest.fixture
def page(web_ui: WebUI, tmp_path: Path) -> Iterator[Page]:
    """A page of a browser without a past."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            headless=True,
            args=CHROMIUM_FLAGS,
            viewport={"width": 1280, "height": 800},
        )
        browser.set_default_timeout(ACTION_MILLISECONDS)
        try:
            page = browser.new_page()
            if not AIRFLOW_2:
                # All are admins, but Airflow 3.1 sends who comes for the first time to its start page.
                page.goto(f"{web_ui.airflow.api}/auth/token/login")
            yield page
        finally:
            browser.close()
