"""What a person sees of the provider in Airflow 2.11's web UI; ``make ui-2.11.2`` renews the pictures."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from airflow_provider_yeastar.get_provider_info import get_provider_info
from tests.ui.conftest import AIRFLOW_2, WebUI, keep, tells_the_way

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.skipif(not AIRFLOW_2, reason="Airflow 3 has another web UI; test_web_ui.py looks at it")

(FORM,) = get_provider_info()["connection-types"]
STANDARD_FIELDS = ("host", "schema", "login", "password", "port")


def open_form(page: Page, web_ui: WebUI) -> None:
    """Open the form for a new connection of our type."""
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"{web_ui.airflow.api}/connection/add")
    page.locator("#conn_id").fill("pbx_berlin")
    # The list that a person sees is drawn over this one, which takes its choices.
    page.locator("#conn_type").select_option(label=FORM["hook-name"], force=True)
    page.get_by_label("Client ID").wait_for()


def fill_in(page: Page, web_ui: WebUI, **changes: str) -> None:
    for field in STANDARD_FIELDS:
        page.locator(f"#{field}").fill(changes.get(field, str(web_ui.pbx[field])))
    page.locator("#extra__yeastar__timezone").fill(web_ui.pbx["extra"]["timezone"])
    page.locator("#extra__yeastar__login_sharing").fill(changes.get("login_sharing", "none"))


def press_test(page: Page) -> Locator:
    """Press the button "Test" of the form.

    :return: the message that takes the warning's place.
    """
    with page.expect_response("**/connections/test"):
        page.get_by_role("button", name="Test").click()
    message = page.locator(".alert-success, .alert-error")
    message.wait_for()
    return message


def grid_url(web_ui: WebUI, task_id: str) -> str:
    query = f"dag_run_id={quote(web_ui.run_id, safe='')}&task_id={task_id}"
    return f"{web_ui.airflow.api}/dags/{web_ui.airflow.dag_id}/grid?{query}"


class TestConnectionForm:
    def test_the_fields_are_ours_and_all_are_used(self, page: Page, web_ui: WebUI) -> None:
        open_form(page, web_ui)

        extra_fields = FORM["conn-fields"].values()
        labels = [label.strip("* \n") for label in page.locator("label:visible").all_inner_texts()]
        assert labels[2:] == [
            "Description",
            *("Host", "Schema", "Client ID", "Client Secret", "Port"),
            *(field["label"] for field in extra_fields),
        ]
        placeholders = FORM["ui-field-behaviour"]["placeholders"]
        assert {name: page.locator(f"#{name}").get_attribute("placeholder") for name in placeholders} == placeholders
        assert page.locator("#password").get_attribute("type") == "password"
        text = page.locator("#model_form").inner_text()
        assert [field["description"] for field in extra_fields if field["description"] not in text] == []
        assert page.locator("#extra__yeastar__api_version").input_value() == "auto"
        keep(page.locator("#model_form"), "connection-form-airflow-2")

    def test_what_is_saved_is_a_connection_that_works(self, page: Page, web_ui: WebUI) -> None:
        open_form(page, web_ui)
        fill_in(page, web_ui)
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Added Row").wait_for()

        # Not by the button of its form: Airflow 2.11's script fails there for each type without the field Extra.
        tested = subprocess.run(
            [sys.executable, "-m", "airflow", "connections", "test", "pbx_berlin"],
            env=web_ui.airflow.environment,
            capture_output=True,
            text=True,
        )
        assert "Connection success!" in tested.stdout, tested.stderr


class TestTestButton:
    def test_it_tells_which_pbx_answered(self, page: Page, web_ui: WebUI) -> None:
        open_form(page, web_ui)
        fill_in(page, web_ui)

        text = press_test(page).inner_text()

        assert "Connected to Yeastar P570, serial number" in text
        assert "its clock shows" in text

    def test_it_tells_what_is_wrong(self, page: Page, web_ui: WebUI) -> None:
        open_form(page, web_ui)
        fill_in(page, web_ui, password="not-the-secret")

        text = press_test(page).inner_text()

        assert "Client Secret" in text
        assert "not-the-secret" not in text

    def test_it_tells_of_a_choice_that_is_none(self, page: Page, web_ui: WebUI) -> None:
        open_form(page, web_ui)
        fill_in(page, web_ui, login_sharing="all")

        assert "login_sharing is 'all', not one of host, none" in press_test(page).inner_text()


class TestRunOfTheExample:
    def test_the_grid_is_green(self, page: Page, web_ui: WebUI) -> None:
        page.goto(grid_url(web_ui, "fetch_queues"))
        page.get_by_text("fetch_queues").first.wait_for()

        states = {}
        for task_id in ("fetch_queues", "fetch_agents", "load_reports"):
            page.goto(grid_url(web_ui, task_id))
            states[task_id] = page.get_by_role("row", name="Status").inner_text()
        assert all("success" in state for state in states.values()), states

    def test_the_log_tells_the_way_of_the_report(self, page: Page, web_ui: WebUI) -> None:
        page.goto(f"{grid_url(web_ui, 'fetch_queues')}&tab=logs")
        log = page.locator("code").filter(has_text="Stored ")
        log.wait_for()

        text = log.inner_text()
        assert tells_the_way(text)
        assert web_ui.pbx["password"] not in text
        assert "access_token" not in text

    @pytest.mark.parametrize("task_id", ["fetch_queues", "fetch_agents"])
    def test_a_button_leads_to_the_pbx_s_portal(self, task_id: str, page: Page, web_ui: WebUI) -> None:
        page.goto(grid_url(web_ui, task_id))
        button = page.get_by_role("link", name="PBX web portal")
        button.wait_for()

        assert button.get_attribute("href") == "{schema}://{host}:{port}/".format(**web_ui.pbx)

    def test_a_task_that_asks_no_pbx_has_no_such_button(self, page: Page, web_ui: WebUI) -> None:
        page.goto(grid_url(web_ui, "load_reports"))
        page.get_by_text("More Details").wait_for()

        assert page.get_by_role("link", name="PBX web portal").count() == 0
