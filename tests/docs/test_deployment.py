"""The files of docs/deployment: what they set exists, and what they start is Airflow's. No container is started."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from airflow.configuration import conf

from airflow_provider_yeastar.get_provider_info import get_provider_info
from tests.docs.pages import DOCS
from tests.examples import AIRFLOW_2

FOLDER = DOCS / "deployment"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
AIRFLOWS = {name: each for name, each in COMPOSE["services"].items() if "build" in each}
STATE_URL = "AIRFLOW__YEASTAR__STATE_URL"

# Of Airflow 3.
pytestmark = pytest.mark.skipif(AIRFLOW_2, reason="the files are for Airflow 3")


def settings() -> set[tuple[str, str]]:
    """Sections and keys that the two files set."""
    names = set(COMPOSE["x-airflow"]["environment"]) | {secret["envName"] for secret in VALUES["secret"]}
    found = {tuple(name.lower().removeprefix("airflow__").split("__")) for name in names if "__" in name}
    found |= {(section, key) for section, keys in VALUES["config"].items() for key in keys}
    # The Celery provider's own are not known without it.
    return {(section, key) for section, key in found if section != "celery"}


def test_every_setting_is_one_of_airflow_or_of_this_provider() -> None:
    ours = {(section, key) for section, each in get_provider_info()["config"].items() for key in each["options"]}
    airflows = {(section, key) for section, key in settings() if conf.get_default_value(section, key) is not None}

    assert ("yeastar", "state_url") in ours
    # This one has no default.
    assert settings() - ours - airflows == {("core", "execution_api_server_url")}


def test_all_parts_share_one_state_and_it_is_not_the_queue_of_celery() -> None:
    environments = [service["environment"] for service in AIRFLOWS.values()]

    assert {each[STATE_URL] for each in environments} == {environments[0][STATE_URL]}
    assert environments[0][STATE_URL] != environments[0]["AIRFLOW__CELERY__BROKER_URL"]
    assert STATE_URL in {secret["envName"] for secret in VALUES["secret"]}


def test_there_are_two_workers_and_two_triggerers() -> None:
    for part in ("worker", "triggerer"):
        assert COMPOSE["services"][part]["deploy"]["replicas"] == 2
    assert VALUES["workers"]["replicas"] == VALUES["triggerer"]["replicas"] == 2


def test_redis_writes_to_disk_and_evicts_nothing() -> None:
    command = COMPOSE["services"]["redis"]["command"]

    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_what_a_service_needs_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        named = {volume.partition(":")[0] for volume in service.get("volumes", ()) if not volume.startswith(".")}
        assert named <= set(COMPOSE["volumes"])


def test_only_loopback_is_published() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", sorted(set(AIRFLOWS) - {"worker"}))
def test_each_command_is_one_of_airflow(name: str) -> None:
    """That of the worker is the Celery provider's."""
    from airflow.cli.cli_parser import get_parser

    assert get_parser().parse_args(AIRFLOWS[name]["command"]).subcommand


def test_no_secret_stands_in_the_files() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    secrets = re.findall(r"^ *\w*(?:PASSWORD|SECRET|KEY|AUTH)\w*: (.*)$", text, re.MULTILINE)

    assert secrets
    assert all(re.fullmatch(r"\$\{\w+:\?\}", secret) for secret in secrets)
