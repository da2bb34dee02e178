"""Simulated PBXs in a process of their own, over https and wss with a pinned certificate, as appliances are."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

SEED = 13


def be_the_fleet(certificate: str, pbxs: int) -> None:
    """Run the simulators; say where they are, then obey a command per line."""
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings

    sys.setswitchinterval(0.0005)  # 100 threads share this interpreter: let none delay the others' events
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with ExitStack() as stack:
        # By its serial number a PBX is known in the shared state.
        settings = [SimulatorSettings(serial_number=serial_number(number)) for number in range(pbxs)]
        fleet = [stack.enter_context(PbxSimulator(each, ssl_context=context)) for each in settings]
        for pbx in fleet:
            pbx.hold_reports()
        say([pbx.port for pbx in fleet])
        for line in sys.stdin:
            if line.strip() == "all asked":
                for pbx in fleet:
                    pbx.wait_until(lambda pbx: pbx.busy and pbx.subscribers > 0, 120)
                say(None)
            elif line.strip() == "release":
                for pbx in fleet:
                    pbx.release_reports()
            elif line.startswith("release within "):
                release_one_by_one(fleet, *map(int, line.split()[2:]))
            elif line.strip() == "tell":
                say(
                    {
                        "sockets": sum(len(pbx.calls("subscribe")) for pbx in fleet),
                        "open": sum(pbx.sockets for pbx in fleet),
                        "logins": sum(pbx.state.logins for pbx in fleet),
                        "sent": {event.message["file"]: event.at for pbx in fleet for event in pbx.events},
                    }
                )


def release_one_by_one(fleet: list[Any], seconds: int, reports: int) -> None:
    """Let each PBX finish so many reports at moments that are spread over some seconds, always the same ones."""
    chance = random.Random(SEED)
    moments = sorted((chance.uniform(0, seconds), number) for number in range(len(fleet)) for _ in range(reports))
    released: set[tuple[int, int]] = set()
    started, nothing = time.monotonic(), threading.Event()

    def open_jobs(number: int) -> list[int]:
        return [job for job in fleet[number].jobs if (number, job) not in released]

    for moment, number in moments:
        nothing.wait(max(0.0, started + moment - time.monotonic()))
        # The next report may not have been requested yet.
        fleet[number].wait_until(lambda _, number=number: bool(open_jobs(number)), 120)
        job = open_jobs(number)[0]
        released.add((number, job))
        fleet[number].release_reports(job)


def serial_number(number: int) -> str:
    """Return the serial number of a PBX of the fleet."""
    return f"3692A{number:07}"


def know_the_past(url: str, folder: Path, serial_numbers: Iterable[str]) -> None:
    """Let the state know that nobody has requested a report at these PBXs: they were started a moment ago."""
    from airflow_provider_yeastar.pbx.state.opening import open_state
    from airflow_provider_yeastar.pbx.waiting.job_ledger import vouch_for_past

    state = open_state(url, folder)
    for serial in serial_numbers:
        vouch_for_past(state, serial)


def say(value: Any) -> None:
    print(json.dumps(value), flush=True)


def make_certificate(folder: Path) -> tuple[Path, str]:
    """Make a self-signed certificate; return its file and its SHA-256 fingerprint."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated PBX")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "pbx.pem"
    file.write_bytes(made.public_bytes(pem) + private)
    return file, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


class Fleet:
    """The other process, as this one sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands: IO[str] = process.stdin
        self._answers: IO[str] = process.stdout
        self.ports: list[int] = json.loads(self._answers.readline())

    def command(self, text: str) -> None:
        self._commands.write(f"{text}\n")
        self._commands.flush()

    def ask(self, text: str) -> Any:
        self.command(text)
        return json.loads(self._answers.readline())


@contextmanager
def running_fleet(certificate: Path, pbxs: int) -> Iterator[Fleet]:
    process = subprocess.Popen(
        [sys.executable, __file__, str(certificate), str(pbxs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Fleet(process)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=60)  # the end of its input is the end of it


if __name__ == "__main__":
    # Those of the checkout that it lies in.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    be_the_fleet(sys.argv[1], int(sys.argv[2]))
