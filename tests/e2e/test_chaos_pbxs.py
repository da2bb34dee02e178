"""What happens to a PBX, or on the way to it, in the midst of a night."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from airflow_provider_yeastar.simulator import PbxSimulator
from tests.certificates import make_certificate
from tests.e2e.cluster import NIGHT_SECONDS
from tests.e2e.deployment import SHARED, TLS, Night
from tests.e2e.network import Relay

CUT_SECONDS = 120
PORTAL = {"type": "queueperformance", "queue_id_list": "1,2", "format": "csv"}


def hold(night: Night, name: str, days: int = 2) -> PbxSimulator:
    """Have reports waiting at a PBX, one of them in the making."""
    pbx = night.deployment.pbxs[name]
    pbx.hold_reports()
    night.start(name, days=days)
    pbx.wait_until(lambda pbx: pbx.busy, NIGHT_SECONDS)
    return pbx


@pytest.mark.parametrize("name", ["pbx_1", TLS, SHARED])
def test_a_pbx_reboots(night: Night, name: str) -> None:
    pbx = hold(night, name)

    pbx.restart()
    pbx.release_reports()

    night.must_end_well()


def test_the_display_format_is_changed_between_two_requests(night: Night) -> None:
    pbx = hold(night, "pbx_1")
    before = pbx.settings.date_format

    change_date_format(pbx, "DD.MM.YYYY")
    pbx.release_reports()

    night.must_end_well()
    change_date_format(pbx, before)


def change_date_format(pbx: PbxSimulator, date_format: str) -> None:
    """Do what an administrator does in System > Date and Time; all parts of a simulated PBX share its settings."""
    object.__setattr__(pbx.settings, "date_format", date_format)


def test_the_network_is_cut_for_two_minutes(night: Night) -> None:
    with Relay(night.deployment.pbxs["pbx_1"].port) as relay:
        night.deployment.connect("pbx_1", port=relay.port)
        pbx = hold(night, "pbx_1")

        relay.cut(CUT_SECONDS)
        pbx.release_reports()
        relay.wait_until_mended(2 * CUT_SECONDS)

        assert relay.refused >= 3
        night.must_end_well(2 * NIGHT_SECONDS)
    night.deployment.connect("pbx_1")


def test_another_application_takes_all_tokens(night: Night) -> None:
    pbx = night.deployment.pbxs["pbx_1"]
    pbx.state.tokens.clear()  # those of this deployment expired
    cap = pbx.settings.token_cap
    others = [pbx.state.log_in("127.0.0.2", pbx.client_id, pbx.client_secret, pbx.now()) for _ in range(cap)]
    tried = len(pbx.calls("get_token"))
    night.start("pbx_1", days=2)
    pbx.wait_until(lambda pbx: len(pbx.calls("get_token")) > tried, NIGHT_SECONDS)

    for token in others:
        pbx.state.revoke(str(token["access_token"]))

    night.must_end_well()


def test_a_pbx_gets_another_certificate(night: Night, tmp_path: Path) -> None:
    """Red, with the new fingerprint in its words; green when a person has put that into the connection."""
    renewed = make_certificate(tmp_path)
    night.deployment.context.load_cert_chain(renewed.file)
    night.start(TLS)

    assert renewed.fingerprint in night.must_fail().replace(":", "").lower()

    night.deployment.fingerprints[TLS] = renewed.fingerprint
    night.deployment.connect(TLS)
    night.clear()
    night.must_end_well()


@pytest.mark.parametrize("name", ["pbx_1", SHARED])
def test_a_person_downloads_reports_in_the_portal_all_night(night: Night, name: str) -> None:
    """Of the same kind and format, and at a PBX of which it was said that nobody does, too."""
    with a_person_at(night.deployment.pbxs[name]) as downloaded:
        night.start(name, days=6)
        night.must_end_well(2 * NIGHT_SECONDS)

    assert len(downloaded) > 1


@contextmanager
def a_person_at(pbx: PbxSimulator) -> Iterator[list[object]]:
    """Let a person download a report in the portal again and again."""
    goes_home, downloaded = threading.Event(), []

    def work() -> None:
        while not goes_home.wait(0.5):
            downloaded.append(pbx.download_in_portal(**PORTAL))

    person = threading.Thread(target=work)
    person.start()
    try:
        yield downloaded
    finally:
        goes_home.set()
        person.join()


def test_the_disk_of_a_worker_is_full(night: Night) -> None:
    """Red, and green when there is room and a person has cleared the task."""
    with full_disk(night.deployment.cluster.home / "host-1" / "tmp"):
        night.start("pbx_1")
        assert "No space left on device" in night.must_fail()

    night.clear()
    night.must_end_well()


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Mount a file system without a free byte; the test is skipped where that is not allowed."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system of a few pages is not allowed here")
    try:
        with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
