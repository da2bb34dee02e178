"""A PBX to talk to: the P-Series API over real HTTP and WebSocket sockets, with a deterministic call history.

Written from the vendor's pages and from answers of real PBXs, and independent of the provider's own client: where the
two agree, two readings of the same page agree. Needs the extra: ``pip install 'airflow-provider-yeastar[simulator]'``.

    with PbxSimulator() as pbx:
        print(pbx.base_url, pbx.client_id, pbx.client_secret)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_yeastar.simulator.faults import Fault
    from airflow_provider_yeastar.simulator.server import PbxSimulator
    from airflow_provider_yeastar.simulator.settings import SimulatorSettings

__all__ = ["Fault", "PbxSimulator", "SimulatorSettings"]


def __getattr__(name: str) -> Any:
    """Load a name when it is used: ``python -m`` imports this first, and can then say which package is missing."""
    if name == "Fault":
        from airflow_provider_yeastar.simulator.faults import Fault

        return Fault
    if name == "PbxSimulator":
        from airflow_provider_yeastar.simulator.server import PbxSimulator

        return PbxSimulator
    if name == "SimulatorSettings":
        from airflow_provider_yeastar.simulator.settings import SimulatorSettings

        return SimulatorSettings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
