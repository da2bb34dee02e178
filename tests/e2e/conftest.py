"""One deployment for all tests of this folder; each test has a night of its own, and leaves everything running."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.e2e.deployment", "tests.e2e.warehouse")

from tests.e2e.deployment import SETTINGS, Deployment, Night, running_deployment  # noqa: E402 - rewritten


def _why_not() -> str | None:
    if "YEASTAR_E2E_TESTS" not in os.environ:
        return "a whole deployment, for minutes; `make e2e` and `make chaos` run it"
    if not importlib.util.find_spec("airflow.providers.celery"):
        return "needs the Celery provider, of the dependency group e2e"
    return None


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """What runs, and must not have leaked a token or a secret in the end."""
    if reason := _why_not():
        pytest.skip(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended in any case
    home = Path(tempfile.mkdtemp(prefix="yeastar-e2e-"))
    with running_deployment(home, SETTINGS) as started:
        started.cluster.unpause("night")
        yield started
        assert not started.leaks()
    if not request.session.testsfailed:  # else its logs tell why
        shutil.rmtree(home)


@pytest.fixture
def night(request: pytest.FixtureRequest, deployment: Deployment) -> Iterator[Night]:
    """A night without a report as yet; whatever the test breaks is mended after it."""
    yield Night(deployment, re.sub(r"\W+", "_", request.node.name)[-50:].strip("_"))
    deployment.mend()
