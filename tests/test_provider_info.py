"""The provider's metadata: in Airflow's shapes, and about things that exist."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

import airflow_provider_yeastar
from airflow_provider_yeastar.get_provider_info import get_provider_info

DISTRIBUTION = "airflow-provider-yeastar"


def airflow_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((files("airflow") / name).read_text(encoding="utf-8"))
    return schema


def module_names() -> Iterator[str]:
    info = get_provider_info()
    for role in ("operators", "sensors", "triggers", "hooks"):
        for group in info.get(role, []):
            yield from group["python-modules"]


def class_names() -> Iterator[str]:
    info = get_provider_info()
    yield from (entry["hook-class-name"] for entry in info["connection-types"])
    yield from info.get("extra-links", [])


def defines(source: str, role: str) -> bool:
    """Whether a module has a public class of a role, such as ``hooks``."""
    return bool(re.search(rf"^class Yeastar\w*{role[:-1].title()}\(", source, re.MULTILINE))


class TestSchemas:
    def test_airflow_accepts_it_at_run_time(self) -> None:
        jsonschema.validate(get_provider_info(), airflow_schema("provider_info.schema.json"))

    def test_it_keeps_the_strict_shapes_of_a_provider_yaml(self) -> None:
        # What that schema requires on top (state, release dates) is about releases by the Airflow project.
        strict = airflow_schema("provider.yaml.schema.json")
        del strict["required"]
        info = get_provider_info()
        if "cli" not in strict["properties"]:  # before 3.2; what an Airflow reads at run time may hold more
            del info["cli"]

        jsonschema.validate(info, strict)

    def test_a_misspelt_part_of_the_form_would_be_refused(self) -> None:
        strict = airflow_schema("provider.yaml.schema.json")
        if "conn-fields" not in json.dumps(strict):
            pytest.skip("this Airflow reads the form from the hook's methods")
        del strict["required"]
        info = get_provider_info()
        info["connection-types"][0]["conn-fields"]["timeout"]["lable"] = "Time-out"

        with pytest.raises(jsonschema.ValidationError, match="lable"):
            jsonschema.validate(info, strict)


class TestNames:
    def test_the_package_is_the_distribution(self) -> None:
        assert get_provider_info()["package-name"] == DISTRIBUTION

    def test_the_version_is_written_once(self) -> None:
        assert get_provider_info()["versions"] == [airflow_provider_yeastar.__version__]
        assert distribution(DISTRIBUTION).version == airflow_provider_yeastar.__version__

    def test_the_entry_point_leads_to_it(self) -> None:
        (entry_point,) = distribution(DISTRIBUTION).entry_points.select(group="apache_airflow_provider")

        assert entry_point.load() is get_provider_info

    @pytest.mark.parametrize("name", list(module_names()))
    def test_every_module_that_is_named_exists(self, name: str) -> None:
        assert importlib.import_module(name).__name__ == name

    @pytest.mark.parametrize("name", list(class_names()))
    def test_every_class_that_is_named_exists(self, name: str) -> None:
        module, _, attribute = name.rpartition(".")

        assert isinstance(getattr(importlib.import_module(module), attribute), type)

    @pytest.mark.parametrize("name", get_provider_info()["cli"])
    def test_every_source_of_commands_gives_some(self, name: str) -> None:
        module, _, function = name.rpartition(".")

        (group,) = getattr(importlib.import_module(module), function)()

        assert [command.name for command in group.subcommands] == ["doctor", "fingerprint"]

    def test_every_module_of_a_role_is_named(self) -> None:
        """A module without a class of its role, such as the reading of the connection, is a part of another's."""
        package = files("airflow_provider_yeastar")
        present = {
            f"airflow_provider_yeastar.{role}.{file.name.removesuffix('.py')}"
            for role in ("operators", "sensors", "triggers", "hooks")
            if (package / role).is_dir()
            for file in (package / role).iterdir()
            if file.name.endswith(".py") and defines(file.read_text(encoding="utf-8"), role)
        }

        assert set(module_names()) == present


def test_each_call_returns_a_value_of_its_own() -> None:
    get_provider_info()["connection-types"].clear()

    assert get_provider_info()["connection-types"]


def test_reading_it_imports_neither_airflow_nor_the_rest_of_the_provider() -> None:
    program = (
        "import sys; from airflow_provider_yeastar.get_provider_info import get_provider_info; get_provider_info(); "
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in "
        "('airflow', 'airflow_provider_yeastar', 'requests', 'websockets', 'pendulum')))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["airflow_provider_yeastar", "airflow_provider_yeastar.get_provider_info"]
