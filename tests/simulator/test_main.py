"""The simulator's command line, as a program."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import urllib3

from airflow_provider_yeastar.simulator.__main__ import _read, main
from airflow_provider_yeastar.simulator.certificate import self_signed
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "airflow_provider_yeastar.simulator"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_it_tells_where_it_listens_and_how_airflow_reaches_it() -> None:
    with running("--date-format", "DD/MM/YYYY", "--twelve-hour") as process:
        url = line(process).removeprefix("A simulated PBX listens at ")
        match = re.fullmatch(r"export AIRFLOW_CONN_YEASTAR_DEFAULT='(.*)'", line(process))
        assert match
        connection = json.loads(match[1])
        login = {"username": connection["login"], "password": connection["password"]}
        token = requests.post(f"{url}/openapi/v1.0/get_token", json=login, timeout=10).json()["access_token"]
        query = {"access_token": token}
        data = requests.get(f"{url}/openapi/v1.0/system/information", params=query, timeout=10).json()["data"]

        assert url == f"{connection['schema']}://{connection['host']}:{connection['port']}"
        assert data["system_date_format"] == "DD/MM/YYYY"
        assert data["system_time"][-2:] in ("AM", "PM")
        shown = [line(process), line(process)]
        assert shown == ["POST /openapi/v1.0/get_token", "GET /openapi/v1.0/system/information"]

        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_port_in_use_is_one_sentence() -> None:
    with running() as process:
        port = line(process).rpartition(":")[2]

        second = subprocess.run(
            [*COMMAND, "--port", port],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    assert second.returncode == 1
    assert second.stderr.strip().startswith(f"Cannot listen at 127.0.0.1:{port}: ")
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_missing_extra_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ModuleNotFoundError(\"No module named 'aiohttp'\", name='aiohttp')")
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    done = subprocess.run(
        COMMAND, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )

    assert done.returncode == 1
    assert done.stderr.strip() == "The simulator needs aiohttp: pip install 'airflow-provider-yeastar[simulator]'"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--timezone", "Mars/Phobos"], "There is no time zone 'Mars/Phobos'"),
        (["--timezone", "Europe"], "There is no time zone 'Europe'"),
        (["--date-format", "DD/MM/YY"], "'DD/MM/YY' is no date format"),
        (["--date-format", "YYYYMMDD"], "'YYYYMMDD' is no date format"),
        (["--date-format", "DD/MM-YYYY"], "'DD/MM-YYYY' is no date format"),
        (["--date-format", "DD/DD/YYYY"], "'DD/DD/YYYY' is no date format"),
        (["--port", "99999"], "99999 is no port"),
    ],
)
def test_an_argument_that_cannot_be_is_told_before_anything_is_started(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_it_serves_https_with_a_certificate_of_its_own_and_tells_its_fingerprint() -> None:
    with running("--tls", "--edition", "cloud", "--model", "P560", "--firmware", "21.0.117") as process:
        line(process)
        connection = json.loads(line(process).partition("'")[2].rstrip("'"))
        address = (connection["host"], connection["port"])
        certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(address, timeout=10))
        login = {"username": connection["login"], "password": connection["password"]}
        url = f"https://{address[0]}:{address[1]}/openapi/v1.0"
        with requests.Session() as session:
            session.trust_env = session.verify = False
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
                token = session.post(f"{url}/get_token", json=login, timeout=10).json()["access_token"]
                answer = session.get(f"{url}/system/information", params={"access_token": token}, timeout=10)

    assert connection["schema"] == "https"
    assert connection["extra"]["ssl_fingerprint"] == hashlib.sha256(certificate).hexdigest()
    assert {key: answer.json()["data"][key] for key in ("model_name", "firmware_version")} == {
        "model_name": "P560",
        "firmware_version": "84.21.0.117",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "pbx.example"])
def test_a_certificate_is_made_for_the_host(host: str) -> None:
    first, second = self_signed(host), self_signed(host)

    assert re.fullmatch("[0-9a-f]{64}", first.fingerprint)
    assert first.fingerprint != second.fingerprint
    assert "context" not in repr(first)


def test_options_are_settings_of_the_same_name() -> None:
    options, settings = _read(
        ["--event-text", "--data-version", "v1.0", "--tls", "--traffic", "3", "--kept-calls", "9"]
    )

    assert options.tls
    assert (settings.event_text, settings.data_version, settings.traffic, settings.kept_calls) == (True, "v1.0", 3.0, 9)
