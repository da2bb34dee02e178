"""The workflow files call what the Makefile has, and nothing that could be changed under them."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
OLDEST = "2.11.0"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job.get("steps", ())]


def matrix(job: str) -> dict[str, Any]:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))["jobs"]
    found: dict[str, Any] = jobs[job]["strategy"]["matrix"]
    return found


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def in_makefile(name: str) -> str:
    """The value of one of the Makefile's variables."""
    (value,) = re.findall(rf"^{re.escape(name)} := (.*)$", makefile(), re.MULTILINE)
    return str(value)


def minor(python: str) -> int:
    """14 for Python 3.14."""
    major, _, number = python.partition(".")
    assert major == "3"
    return int(number)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside(workflow: Path) -> None:
    lines = [line for line in workflow.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    lines = [line for line in lines if "uses: ./" not in line]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_make_is_called_with_targets_that_there_are(workflow: Path) -> None:
    commands = [step["run"] for step in steps(workflow) if step.get("run", "").startswith("make ")]
    assert commands
    for command in commands:
        target = command.split()[1].removesuffix("${{")
        assert has_target(target if not target.endswith("-") else f"{target}{OLDEST}"), command


def test_every_older_airflow_of_the_makefile_is_tested() -> None:
    assert matrix("older-airflow")["airflow"] == in_makefile("OLDER").split()
    assert matrix("web-ui")["older"] == ["", *(f"-{version}" for version in in_makefile("OLDER").split())]


def test_the_docs_table_has_each_airflow_of_the_matrix() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    (table,) = [after for page in pages if (after := page.partition("## Which Airflow, which Python")[2])]
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| (3\.\d+) \|", table, re.MULTILINE)
    assert [airflow for airflow, _ in rows] == [*in_makefile("OLDER").split(), in_makefile("NEWEST")]
    for airflow, python in rows:
        lowest, highest = in_makefile(f"PYTHONS_{airflow}").removeprefix("--newest ").split()
        assert minor(lowest) <= minor(python) <= minor(highest)


def combinations() -> list[Any]:
    """Each Airflow and Python that the workflow tests together."""
    newest = [(in_makefile("NEWEST"), python) for python in matrix("newest-airflow")["python"]]
    older = matrix("older-airflow")
    named = [(entry["airflow"], entry["python"]) for entry in older["include"]]
    assert older.keys() == {"airflow", "python", "include"}, "there is more to a matrix: read it here"
    return [*newest, *itertools.product(older["airflow"], older["python"]), *named]


@pytest.mark.parametrize(("airflow", "python"), combinations())
def test_a_python_of_the_workflow_is_one_that_the_makefile_allows_its_airflow(airflow: str, python: str) -> None:
    lowest, highest = in_makefile(f"PYTHONS_{airflow}").removeprefix("--newest ").split()
    assert minor(lowest) <= minor(python) <= minor(highest)


def test_no_combination_is_tested_twice() -> None:
    assert len(combinations()) == len(set(combinations()))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_environment_is_made_with_the_python_that_was_set_up(workflow: Path) -> None:
    """Without `PYTHON` a matrix of Pythons would be one in name only."""
    for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values():
        commands = [step["run"] for step in job.get("steps", ()) if step.get("run", "").startswith("make ")]
        assert all(command.endswith(' PYTHON="$(command -v python)"') for command in commands[:1]), commands


@pytest.mark.parametrize("airflow", [*in_makefile("OLDER").split(), in_makefile("NEWEST")])
def test_a_python_that_is_given_is_the_only_one_that_is_looked_at(airflow: str) -> None:
    """As the Makefile calls it: a Python of the machine that would do as well is no substitute."""
    command = [".ci/find-python", *in_makefile(f"PYTHONS_{airflow}").split(), "/no/such/python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "/no/such/python is not a Python 3.11 to 3." in done.stderr


def test_the_makefile_gives_every_environment_the_python_that_it_was_given() -> None:
    calls = re.findall(r"\$\(call make-venv,.*\)$", makefile(), re.MULTILINE)
    assert len(calls) == 3
    assert all(call.endswith(" $(PYTHON))") for call in calls)


def has_target(name: str) -> bool:
    """Whether the Makefile knows a target; nothing is run."""
    done = subprocess.run(["make", "--dry-run", "--question", name], cwd=ROOT, capture_output=True, check=False)
    return done.returncode in (0, 1)  # up to date or not; 2 is an error, such as no rule


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_a_job_alone_may_do_more(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}


def test_one_check_needs_all_others() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))["jobs"]
    needs = jobs["all-green"]["needs"]
    assert set(needs) == set(jobs) - {"all-green"}
    assert jobs["all-green"]["steps"][0]["run"].split('"')[-2].split() == ["success"] * len(needs)


class TestPublishing:
    JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))[
        "jobs"
    ]

    def test_what_is_published_is_attested(self) -> None:
        (step,) = [step for step in self.JOBS["publish"]["steps"] if "pypi-publish" in step.get("uses", "")]

        assert step["with"] == {"attestations": True}
        assert self.JOBS["publish"]["permissions"] == {"id-token": "write"}

    def test_a_list_of_what_an_installation_brings_is_kept_apart_from_what_is_published(self) -> None:
        """The publishing action uploads all that is in `dist`."""
        kept = {
            step["with"]["name"]: step["with"]["path"]
            for step in self.JOBS["build"]["steps"]
            if "upload-artifact" in step.get("uses", "")
        }
        (taken,) = [
            step["with"] for step in self.JOBS["publish"]["steps"] if "download-artifact" in step.get("uses", "")
        ]

        assert kept == {"dist": "dist/", "sbom": "sbom/airflow-provider-yeastar.cdx.json"}
        assert taken == {"name": "dist", "path": "dist/"}

    def test_newer_actions_are_proposed(self) -> None:
        config = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))

        assert {update["package-ecosystem"] for update in config["updates"]} == {"github-actions", "pip"}


class TestConstraints:
    AIRFLOWS = (*in_makefile("OLDER").split(), in_makefile("NEWEST"))

    @pytest.mark.parametrize("airflow", AIRFLOWS)
    def test_each_airflow_has_its_contemporaries(self, airflow: str) -> None:
        pins = (ROOT / "constraints" / f"airflow-{airflow}.txt").read_text(encoding="utf-8")

        assert f"\napache-airflow=={airflow}\n" in pins
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", in_makefile(f"DATE_{airflow}"))

    def test_none_is_there_without_its_airflow(self) -> None:
        files = {path.stem.partition("-")[2] for path in (ROOT / "constraints").glob("airflow-*.txt")}

        assert files == set(self.AIRFLOWS)

    @pytest.mark.parametrize("file", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda path: path.stem)
    def test_none_names_where_its_packages_were_found(self, file: Path) -> None:
        assert not re.search(r"https?://|file:|--\w|/", file.read_text(encoding="utf-8"))

    @pytest.mark.parametrize(
        ("airflow", "common_compat"),
        [("2.11.0", "1.7.0"), ("3.0.1", "1.7.0"), ("3.0.6", "1.7.3"), ("2.11.2", "1.14.1"), ("3.2.2", "1.15.0")],
    )
    def test_the_compatibility_provider_is_the_one_that_airflow_pins(self, airflow: str, common_compat: str) -> None:
        """Not the newest that these packages allow: managed services enforce the versions of the release's day."""
        pins = (ROOT / "constraints" / f"airflow-{airflow}.txt").read_text(encoding="utf-8")

        assert f"\napache-airflow-providers-common-compat=={common_compat}\n" in pins


def printed(target: str) -> list[str]:
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", target], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_ci_runs_each_line_and_of_the_oldest_all_that_can_differ() -> None:
    older = in_makefile("OLDER").split()

    assert printed("print-matrix") == [f"part-{version}" for version in older]
    alike = in_makefile("ALIKE").split()
    assert all((ROOT / "tests" / path).exists() for path in alike)
    assert "make -s print-matrix" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_ci_runs_examples_on_the_lines_between() -> None:
    examples = printed("print-ci-examples")

    assert len(examples) > 1
    for example in examples:
        file, _, name = example.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
