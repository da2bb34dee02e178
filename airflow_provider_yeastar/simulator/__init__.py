"""A PBX to talk to: the P-Series API over real HTTP and WebSocket sockets, with a deterministic call history.

Written from the vendor's pages and from answers of real PBXs, and independent of the provider's own client: where the
two agree, two readings of the same page agree. Needs the extra: ``pip install 'airflow-provider-yeastar[simulator]'``.

    with PbxSimulator() as pbx:
        print(pbx.base_url, pbx.client_id, pbx.client_secret)
"""

from __future__ import annotations

from airflow_provider_yeastar.simulator.faults import Fault
from airflow_provider_yeastar.simulator.server import PbxSimulator
from airflow_provider_yeastar.simulator.settings import SimulatorSettings

__all__ = ["Fault", "PbxSimulator", "SimulatorSettings"]
