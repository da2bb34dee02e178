"""A caller that the simulated PBX knows."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.simulator.support import Caller


@pytest.fixture
def caller(yeastar_pbx: PbxSimulator) -> Caller:
    logged_in = Caller(yeastar_pbx)
    logged_in.log_in()
    return logged_in
