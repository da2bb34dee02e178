"""One PBX under two names (host name and address, https and http), whatever has become of the first one's token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.state.directory import DirectoryState
from airflow_provider_yeastar.pbx.state.interface import shared_name
from airflow_provider_yeastar.pbx.state.ledger import Ledger, ledger_name
from airflow_provider_yeastar.pbx.waiting.bounds import FinishedReport
from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
from tests.certificates import Certificate, make_certificate
from tests.integration.asking import label_of, pbx_that, request, ways
from tests.integration.fleet import age
from tests.integration.support import Wait
from tests.integration.tls_front import tls_front

SALES, SUPPORT = 1, 2
LABELS = {SALES: "Sales<6400>", SUPPORT: "Support<6401>"}


def nothing(pbx: PbxSimulator, state_dir: Path) -> None:
    """The token lives."""


def half_an_hour(pbx: PbxSimulator, state_dir: Path) -> None:
    pbx.advance(1900)
    age(pbx, state_dir, access_expires_at=time.time() - 100)


def reboot(pbx: PbxSimulator, state_dir: Path) -> None:
    pbx.restart()


def names_of(*waits: Wait) -> list[str]:
    """What each client, one after the other, takes for the PBX's proven name."""
    names = []
    for wait in waits:
        with wait.client() as client:
            client.get_information()
            names.append(client._session.pbx_id())
    return names


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextmanager
def another_name(pbx: PbxSimulator, kind: str, certificate: Certificate) -> Iterator[dict[str, Any]]:
    """Settings that name the PBX otherwise."""
    if kind == "host name":
        yield {"host": "localhost"}
        return
    with tls_front(pbx, certificate) as port:
        yield {"scheme": "https", "port": port, "ssl_fingerprint": certificate.fingerprint}


@pytest.mark.parametrize("kind", ["host name", "https"])
@pytest.mark.parametrize("one_token", [False, True], ids=["tokens-live-on", "a-login-ends-the-others"])
@pytest.mark.parametrize("fate", [nothing, half_an_hour, reboot])
def test_its_tasks_share_one_turn_and_one_ledger(
    fate: Callable[[PbxSimulator, Path], None],
    one_token: bool,
    kind: str,
    certificate: Certificate,
    tmp_path: Path,
) -> None:
    with (
        pbx_that(one_token=one_token, parallel_jobs=2, sync_announces=True, report_seconds=0.2) as pbx,
        another_name(pbx, kind, certificate) as other,
    ):
        first, second = Wait(pbx, tmp_path), Wait(pbx, tmp_path, other)
        first.run(request=request(SALES))
        fate(pbx, tmp_path)
        second.run(request=request(SUPPORT))

        async def both() -> list[FinishedReport]:
            asked = [(first, SALES), (second, SUPPORT)] * 2
            return await asyncio.gather(*(wait.start(request=request(queue)) for wait, queue in asked))

        reports = asyncio.run(both())

        assert [label_of(first.fetch(report)) for report in reports] == [LABELS[SALES], LABELS[SUPPORT]] * 2
        assert len(list(tmp_path.glob("*ledger*.json"))) == len(list(tmp_path.glob("*turn*.json"))) == 1


def test_they_are_one_again_as_soon_as_a_token_proves_it(tmp_path: Path) -> None:
    with pbx_that() as pbx:
        first, second = Wait(pbx, tmp_path), Wait(pbx, tmp_path, {"host": "localhost"})
        names_of(first)
        reboot(pbx, tmp_path)
        (apart,) = names_of(second)
        again = names_of(first, second)

        assert shared_name(apart) == pbx.settings.serial_number != apart
        assert again == [pbx.settings.serial_number] * 2
        assert len(pbx.state.tokens) == 1


def test_a_twin_s_restart_ends_no_job_of_the_other_one(tmp_path: Path) -> None:
    """Two PBXs that tell one serial number queue together, and their jobs stay apart."""
    with pbx_that() as pbx, PbxSimulator(SimulatorSettings()) as twin:
        ours, theirs = Wait(pbx, tmp_path), Wait(twin, tmp_path)
        names = names_of(ours, theirs)
        state, ledger = DirectoryState(tmp_path), ledger_name(pbx.settings.serial_number)
        hour_ago = state.now() - 3600
        for name in names:
            state.update(
                ledger,
                lambda entry, now, name=name: Ledger.read(entry, now).with_job(f"of {name}", hour_ago, name).to_entry(),
                keep_seconds=3600,
            )
        twin.restart()

        theirs.run()

        assert names == [pbx.settings.serial_number, f"{pbx.settings.serial_number}@url-{names[1].rpartition('-')[2]}"]
        assert [job.id for job in Ledger.read(*state.look(ledger)).jobs] == [f"of {names[0]}"]


def a_moment(state_dir: Path) -> None:
    """The place is taken by a standby: what the former one told of itself is still believed."""


def a_quarter_of_an_hour(state_dir: Path) -> None:
    for information in state_dir.glob("*information*"):
        information.unlink()


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("passes", [a_moment, a_quarter_of_an_hour])
def test_one_in_the_place_of_another_has_a_turn_and_a_ledger_of_its_own(
    passes: Callable[[Path], None], tmp_path: Path
) -> None:
    """What the state knows of the former one proves nothing: others may have the new one make reports already."""
    with pbx_that() as former:
        Wait(former, tmp_path).run(request=request(SALES))
    passes(tmp_path)
    settings = SimulatorSettings(serial_number="NEW", parallel_jobs=2, sync_announces=True, report_seconds=0.2)
    with PbxSimulator(settings, port=former.port) as pbx:
        known = Wait(pbx, tmp_path, past_is_known=False)
        unknown = Wait(pbx, tmp_path, {"host": "localhost"}, past_is_known=False)
        names_of(unknown)

        async def both() -> list[FinishedReport]:
            asked = [(known, SALES), (unknown, SUPPORT)] * 2
            return await asyncio.gather(*(wait.start(request=request(queue)) for wait, queue in asked))

        reports = asyncio.run(both())

        assert [label_of(known.fetch(report)) for report in reports] == [LABELS[SALES], LABELS[SUPPORT]] * 2
        assert ways(pbx) == ["0"] * 4
