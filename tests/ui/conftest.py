"""A real Airflow beside a simulated PBX, and a real browser that looks at it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import pytest

from example_dags.local_airflow import LocalAirflow, local_airflow

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent.parent
DAG_ID = "yeastar_nightly_warehouse_load"
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

    @property
    def run_url(self) -> str:
        return f"{self.airflow.api}/dags/{self.airflow.dag_id}/runs/{self.run_id}"


def _why_not() -> str | None:
    if "YEASTAR_UI_TESTS" not in os.environ:
        return "takes more than a minute; `make ui` runs it"
    if airflow.__version__.startswith("2."):
        return "looks at Airflow 3's web UI"
    if not importlib.util.find_spec("playwright"):
        return "needs playwright, of the dependency group ui"
    return None if CHROMIUM else "needs chromium; on Debian: apt-get install chromium"


@pytest.fixture(scope="session")
def web_ui() -> Iterator[WebUI]:
    """Airflow with a green run of the example DAG."""
    if reason := _why_not():
        pytest.skip(reason)
    # Its path is in the pictures; one of pytest's would tell who took them.
    with tempfile.TemporaryDirectory(prefix="airflow-") as home, local_airflow(Path(home), DAG_ID) as started:
        # The package need not be installed to be looked at.
        started.environment["PYTHONPATH"] = str(ROOT)
        pbx = started.start_pbx()
        started.start_airflow()
        run_id = started.wait_for_run()
        started.wait_for_success(run_id)
        yield WebUI(started, pbx, run_id)


@pytest.fixture
def page(web_ui: WebUI, tmp_path: Path) -> Iterator[Page]:
    """An empty page of a browser without a past."""
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
            yield browser.new_page()
        finally:
            browser.close()
