"""What a person sees of the provider in Airflow 3's web UI; ``make ui`` renews the pictures, which the docs show."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import airflow
import pytest

from airflow_provider_yeastar.get_provider_info import get_provider_info
from example_dags.local_airflow import RUN_SECONDS, START_SECONDS, LocalAirflow
from tests.ui.conftest import AIRFLOW_2, EVENT_DAG_ID, WebUI, keep, tells_the_way

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 has another web UI; test_web_ui_2.py looks at it")

AIRFLOW_3_0 = airflow.__version__.startswith("3.0.")
(FORM,) = get_provider_info()["connection-types"]
TALL_FORM = {"width": 1280, "height": 1400}
"""Room for a whole form, which else is seen in parts."""


@pytest.fixture
def labelled() -> None:
    """Skip where Airflow shows no provider's labels and extra fields."""
    if AIRFLOW_3_0 and not find_spec("flask_appbuilder"):
        pytest.skip("without Flask-AppBuilder, Airflow 3.0 shows the form of no provider")


def run_url(web_ui: WebUI) -> str:
    return f"{web_ui.airflow.api}/dags/{web_ui.airflow.dag_id}/runs/{web_ui.run_id}"


def event_run(airflow: LocalAirflow) -> str | None:
    """Return the id of a run that the PBX's event started, and that has ended in success."""
    runs = airflow.ask(f"dags/{EVENT_DAG_ID}/dagRuns?state=success&limit=1")["dag_runs"]
    return runs[0]["dag_run_id"] if runs else None


def open_form(page: Page, web_ui: WebUI) -> Locator:
    """Open the form for a new connection of our type."""
    page.goto(f"{web_ui.airflow.api}/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Connection ID").fill("pbx_berlin")
    form.get_by_role("combobox").first.fill(FORM["hook-name"])
    page.get_by_role("option", name=FORM["hook-name"], exact=True).click()
    form.get_by_label("Client ID").wait_for()
    return form


def open_extra_fields(form: Locator) -> None:
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("[name=element_timezone]").wait_for()


def press_test(page: Page, web_ui: WebUI, conn_id: str) -> Locator:
    """Press the button "Test" of a connection.

    :return: the message that appears.
    """
    page.goto(f"{web_ui.airflow.api}/connections")
    # By keyboard: the mouse would leave its tooltip over the next row's button.
    page.get_by_role("row").filter(has_text=conn_id).get_by_role("button", name="Test Connection").press("Enter")
    message = page.locator("[data-scope=toast][data-part=root]")
    message.wait_for()
    return message


@pytest.mark.usefixtures("labelled")
class TestConnectionForm:
    def test_the_standard_fields_are_ours_and_all_are_used(self, page: Page, web_ui: WebUI) -> None:
        page.set_viewport_size({"width": 1280, "height": 980})
        form = open_form(page, web_ui)

        labels = [label.strip("* \n").lower() for label in form.locator("label:visible").all_inner_texts()]
        assert labels[2:] == ["description", "host", "client id", "client secret", "port", "schema"]
        placeholders = FORM["ui-field-behaviour"]["placeholders"]
        shown = {name: form.locator(f"[name={name}]").get_attribute("placeholder") for name in placeholders}
        assert shown == placeholders
        assert form.locator("[name=password]").get_attribute("type") == "password"
        keep(form, "connection-form")

    def test_the_extra_fields_have_labels_explanations_and_nothing_that_looks_like_a_secret(
        self, page: Page, web_ui: WebUI
    ) -> None:
        page.set_viewport_size(TALL_FORM)
        form = open_form(page, web_ui)
        open_extra_fields(form)

        text = form.inner_text()
        expected = [words for field in FORM["conn-fields"].values() for words in (field["label"], field["description"])]
        assert [words for words in text.split("\n") if words in expected] == expected
        # A field that can be typed into, and before Airflow 3.2 a button that unfolds the list.
        api_version = form.locator("[name=element_api_version], [id='select:element_api_version:trigger']")
        assert api_version.evaluate("chosen => chosen.value || chosen.innerText") == "auto"
        assert form.locator("input").evaluate_all("all => all.filter(one => one.value.includes('***')).length") == 0
        keep(form, "connection-extra-fields")

    def test_what_is_saved_is_a_connection_that_works(self, page: Page, web_ui: WebUI) -> None:
        page.set_viewport_size(TALL_FORM)
        form = open_form(page, web_ui)
        for field in ("host", "login", "password", "port", "schema"):
            form.locator(f"[name={field}]").fill(str(web_ui.pbx[field]))
        open_extra_fields(form)
        form.locator("[name=element_timezone]").fill(web_ui.pbx["extra"]["timezone"])
        form.get_by_role("combobox", name="Token sharing").click()
        page.get_by_role("option", name="none", exact=True).click()
        form.get_by_role("button", name="Save").click()
        form.wait_for(state="hidden")

        if not AIRFLOW_3_0:
            assert "Test Connection Successful" in press_test(page, web_ui, "pbx_berlin").inner_text()


@pytest.mark.skipif(AIRFLOW_3_0, reason="the web UI of Airflow 3.0 has no button Test")
class TestTestButton:
    def test_it_tells_which_pbx_answered(self, page: Page, web_ui: WebUI) -> None:
        web_ui.add_connection("pbx_hamburg")

        text = press_test(page, web_ui, "pbx_hamburg").inner_text()

        assert "Connected to Yeastar P570, serial number" in text
        assert "its clock shows" in text
        keep(page, "connection-test")

    def test_it_tells_what_is_wrong(self, page: Page, web_ui: WebUI) -> None:
        web_ui.add_connection("pbx_munich", password="not-the-secret")

        text = press_test(page, web_ui, "pbx_munich").inner_text()

        assert "Client Secret" in text
        assert "not-the-secret" not in text


class TestRunOfTheExample:
    def test_the_grid_is_green(self, page: Page, web_ui: WebUI) -> None:
        page.goto(run_url(web_ui))

        for task_id in ("fetch_queues", "fetch_agents", "load_reports"):
            row = page.get_by_role("row").filter(has=page.get_by_role("link", name=task_id))
            row.get_by_text("Success").wait_for()
        assert page.get_by_role("row").get_by_text("Failed").count() == 0
        keep(page, "grid")

    def test_the_log_tells_the_way_of_the_report(self, page: Page, web_ui: WebUI) -> None:
        page.goto(f"{run_url(web_ui)}/tasks/fetch_queues")
        page.get_by_text("Stored").wait_for()

        text = page.locator("body").inner_text()
        assert tells_the_way(text)
        assert web_ui.pbx["password"] not in text
        assert "access_token" not in text
        keep(page, "task-log")

    @pytest.mark.parametrize("task_id", ["fetch_queues", "fetch_agents"])
    def test_a_button_leads_to_the_pbx_s_portal(self, task_id: str, page: Page, web_ui: WebUI) -> None:
        page.goto(f"{run_url(web_ui)}/tasks/{task_id}/details")
        button = page.get_by_role("link", name="PBX web portal")
        button.wait_for()

        assert button.get_attribute("href") == "{schema}://{host}:{port}/".format(**web_ui.pbx)
        keep(page, "portal-link")

    def test_a_task_that_asks_no_pbx_has_no_such_button(self, page: Page, web_ui: WebUI) -> None:
        page.goto(f"{run_url(web_ui)}/tasks/load_reports/details")
        page.get_by_text("Task ID").first.wait_for()

        assert page.get_by_role("link", name="PBX web portal").count() == 0


class TestRunByEvent:
    def test_a_finished_report_runs_the_dag_that_waits_for_it(self, page: Page, web_ui: WebUI) -> None:
        airflow = web_ui.airflow

        def listens() -> bool | None:
            return "Listening to the report events" in (airflow.home / "triggerer.log").read_text() or None

        airflow.wait_for("The trigger of the PBX's events", START_SECONDS, listens)
        # The reports of the first run may have been finished before that.
        airflow.ask(f"dags/{airflow.dag_id}/dagRuns/{web_ui.run_id}/clear", {"dry_run": False, "only_failed": False})
        run_id = airflow.wait_for(f"A run of {EVENT_DAG_ID}", RUN_SECONDS, lambda: event_run(airflow))

        page.goto(f"{airflow.api}/dags/{EVENT_DAG_ID}/runs/{run_id}")

        row = page.get_by_role("row").filter(has=page.get_by_role("link", name="fetch_announced"))
        row.get_by_text("Success").wait_for()
        fetched = (airflow.home / "yeastar_event_reports").glob("*.csv")
        assert any(path.name.startswith(("Queue-Performance", "Agent-Performance")) for path in fetched)
