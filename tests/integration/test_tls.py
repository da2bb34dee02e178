"""How the certificate of an appliance is trusted, over https and wss."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests.certs

from airflow_provider_yeastar.pbx.errors import CertificateError, NetworkError
from airflow_provider_yeastar.pbx.events.websocket import subscribe
from airflow_provider_yeastar.pbx.http.tls import fetch_fingerprint
from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.certificates import Certificate, make_certificate
from tests.integration.delivering import operator
from tests.integration.support import ROOT, Wait, connect, run_task, settings_for
from tests.patience import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def another_bundle_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Companies set these for all programs; the connection's own choice must win over them."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, requests.certs.where())


@pytest.fixture
def pbx(certificate: Certificate) -> Iterator[PbxSimulator]:
    with PbxSimulator(ssl_context=certificate.context) as simulator:
        yield simulator


def test_an_unknown_certificate_stops_before_any_credential_is_sent(pbx: PbxSimulator, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="self-signed"):
        Wait(pbx, tmp_path).run()

    assert pbx.requests == []


def test_a_pinned_certificate_is_trusted(pbx: PbxSimulator, certificate: Certificate, tmp_path: Path) -> None:
    with_colons = ":".join(certificate.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()

    report = Wait(pbx, tmp_path, {"ssl_fingerprint": with_colons}).run()

    assert report.file.startswith("Queue-Performance")
    assert [call.endpoint for call in pbx.requests].count("subscribe") == 1


def test_another_certificate_than_the_pinned_one_is_shown_and_not_talked_to(
    pbx: PbxSimulator, certificate: Certificate, tmp_path: Path
) -> None:
    with pytest.raises(CertificateError, match=certificate.fingerprint):
        Wait(pbx, tmp_path, {"ssl_fingerprint": "0" * 64}).run()

    assert pbx.requests == []


def test_the_event_connection_is_pinned_by_itself(pbx: PbxSimulator) -> None:
    async def open_channel() -> None:
        async with subscribe(settings_for(pbx, ssl_fingerprint="0" * 64), "a-token", "test"):
            pytest.fail("it was not the pinned certificate")

    with pytest.raises(CertificateError, match="ssl_fingerprint"):
        asyncio.run(open_channel())

    assert pbx.requests == []


def test_a_bundle_is_trusted(pbx: PbxSimulator, certificate: Certificate, tmp_path: Path) -> None:
    assert Wait(pbx, tmp_path, {"verify": str(certificate.file)}).run().file.startswith("Queue-Performance")


@pytest.fixture
def default_pbx(
    pbx: PbxSimulator, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> PbxSimulator:
    """The PBX as `yeastar_default`, its certificate pinned."""
    extra = {"timezone": pbx.settings.timezone, "timeout": 5, "ssl_fingerprint": certificate.fingerprint}
    connect(pbx, monkeypatch, extra=extra)
    monkeypatch.setenv("AIRFLOW__YEASTAR__STATE_DIR", str(tmp_path / "state"))
    return pbx


FATES = (
    (None, 1),
    (Fault("stall half-way", value=10**6), 1),
    (Fault("no length"), 1),
    (Fault("longer", value=b"more"), 2),
    (Fault("truncated"), 2),
)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(("fault", "fetches"), FATES, ids=lambda fate: getattr(fate, "kind", None))
def test_the_end_of_a_file_is_seen_through_tls(
    default_pbx: PbxSimulator, fault: Fault | None, fetches: int, tmp_path: Path
) -> None:
    default_pbx.faults.add(*[fault] if fault else [])

    path, _ = run_task(operator(tmp_path / "x.csv", asynchronous=False))

    assert Path(path).read_bytes().startswith(b"\xef\xbb\xbfQueue,")
    assert not Path(path).read_bytes().endswith(b"more")
    assert len([call for call in default_pbx.requests if call.path.startswith("/api/download/")]) == fetches


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off(pbx: PbxSimulator, tmp_path: Path) -> None:
    assert Wait(pbx, tmp_path, {"verify": False}).run().file.startswith("Queue-Performance")


def test_the_fingerprint_is_fetched_without_a_word(pbx: PbxSimulator, certificate: Certificate) -> None:
    with socket.create_connection((pbx.host, pbx.port), 10) as plain:
        assert fetch_fingerprint(plain, pbx.host) == certificate.fingerprint
    assert pbx.requests == []


def test_the_command_prints_the_fingerprint_as_the_form_takes_it(
    pbx: PbxSimulator, certificate: Certificate, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "airflow_provider_yeastar", "fingerprint", f"{pbx.host}:{pbx.port}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )

    assert done.stdout == f"{certificate.fingerprint}\n"
    assert Wait(pbx, tmp_path, {"ssl_fingerprint": done.stdout}).run().file.startswith("Queue-Performance")


def test_the_doctor_shows_the_fingerprint_of_an_untrusted_certificate(
    pbx: PbxSimulator, certificate: Certificate, tmp_path: Path
) -> None:
    with Wait(pbx, tmp_path).client() as client:
        findings = list(client.examine())

    assert (findings[-1].subject, findings[-1].ok) == ("TLS", False)
    assert certificate.fingerprint in findings[-1].detail
    assert "ssl_fingerprint" in findings[-1].remedy

    with Wait(pbx, tmp_path, {"ssl_fingerprint": certificate.fingerprint}).client() as client:
        assert all(finding.ok for finding in client.examine())


def test_a_port_that_speaks_no_tls_is_named_and_counts_as_no_login(yeastar_pbx: PbxSimulator, tmp_path: Path) -> None:
    for _ in range(3):
        with (
            Wait(yeastar_pbx, tmp_path, {"scheme": "https"}).client() as client,
            pytest.raises(NetworkError, match=r"speaks no TLS.*Set Schema of the Airflow connection to http"),
        ):
            client.get_information()

    with Wait(yeastar_pbx, tmp_path).client() as client:
        assert client.get_information().model
