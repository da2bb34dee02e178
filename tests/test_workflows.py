"""The workflow files call what the Makefile has, and nothing that could be changed under them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
OLDEST = "2.11.2"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside(workflow: Path) -> None:
    lines = [line for line in workflow.read_text(encoding="utf-8").splitlines() if "uses:" in line]
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
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))["jobs"]
    (older,) = re.findall(r"^OLDER := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert jobs["older-airflow"]["strategy"]["matrix"]["airflow"] == older.split()


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
