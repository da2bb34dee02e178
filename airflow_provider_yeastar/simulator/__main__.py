"""``python -m airflow_provider_yeastar.simulator``: a PBX to develop against."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
    from airflow_provider_yeastar.simulator.api.routes import Call
    from airflow_provider_yeastar.simulator.certificate import SelfSigned

_PACKAGES_OF_THE_EXTRA = {"aiohttp", "fpdf", "xlsxwriter"}


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    :param arguments: of the command line.
    :return: the exit code.
    """
    try:
        from airflow_provider_yeastar.simulator import PbxSimulator
    except ModuleNotFoundError as error:
        if error.name not in _PACKAGES_OF_THE_EXTRA:
            raise
        print(f"The simulator needs {error.name}: pip install 'airflow-provider-yeastar[simulator]'", file=sys.stderr)
        return 1

    options, settings = _read(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    certificate = _certificate(options.host) if options.tls else None
    context = certificate.context if certificate else None
    pbx = PbxSimulator(settings, host=options.host, port=options.port, ssl_context=context, on_call=_show)
    try:
        pbx.start()
    except OSError as error:
        print(f"Cannot listen at {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    _announce(pbx, {"ssl_fingerprint": certificate.fingerprint} if certificate else {})
    stopped.wait()
    pbx.stop()
    return 0


def _show(call: Call) -> None:
    # The names of the query only: a token is among the values.
    names = " ".join(sorted(set(call.query) - {"access_token"}))
    print(f"{call.method} {call.path} {names}".rstrip(), flush=True)


def _certificate(host: str) -> SelfSigned:
    from airflow_provider_yeastar.simulator.certificate import self_signed

    return self_signed(host)


def _announce(pbx: PbxSimulator, extra: dict[str, str]) -> None:
    connection = {
        "conn_type": "yeastar",
        "schema": pbx.scheme,
        "host": pbx.host,
        "port": pbx.port,
        "login": pbx.client_id,
        "password": pbx.client_secret,
        "extra": {"timezone": pbx.settings.timezone, "exclusive": True, **extra},
    }
    print(f"A simulated PBX listens at {pbx.base_url}", flush=True)
    print(f"export AIRFLOW_CONN_YEASTAR_DEFAULT='{json.dumps(connection)}'", flush=True)


def _read(arguments: list[str] | None) -> tuple[argparse.Namespace, SimulatorSettings]:
    """Return how it listens, and the settings; an invalid one ends the program with a sentence."""
    from airflow_provider_yeastar.simulator import SimulatorSettings

    parser = _parser(SimulatorSettings())
    options = vars(parser.parse_args(arguments))
    listening = argparse.Namespace(**{name: options.pop(name) for name in ("host", "port", "tls")})
    try:
        return listening, SimulatorSettings(**options)
    except ValueError as error:
        parser.error(str(error))


def _parser(defaults: SimulatorSettings) -> argparse.ArgumentParser:
    """Return the parser; its options bear the names of the settings."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_yeastar.simulator", description="A simulated Yeastar P-Series PBX."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    add("--port", type=_port, default=0, help="port, 0 for a free one (default %(default)s)")
    add("--tls", action="store_true", help="https and wss with a self-signed certificate, made on the fly")
    add("--client-id", default=defaults.client_id, help="default %(default)s")
    add("--client-secret", default=defaults.client_secret, help="default %(default)s")
    add("--edition", choices=("appliance", "software", "cloud"), default=defaults.edition, help="default %(default)s")
    add("--firmware", default=defaults.firmware, help="without the edition's number (default %(default)s)")
    add("--model", default=defaults.model, help="default %(default)s")
    add("--data-version", choices=("v1.0", "v2.0"), default=defaults.data_version, help="API version that has the rows")
    add("--event-text", action="store_true", help="msg of an event is a JSON string")
    add("--timezone", default=defaults.timezone, help="IANA name (default %(default)s)")
    add("--date-format", default=defaults.date_format, help="for instance DD/MM/YYYY (default %(default)s)")
    add("--twelve-hour", action="store_true", help="12-hour clock with AM and PM")
    add("--report-seconds", type=float, default=1.0, help="time to make a report (default %(default)s)")
    add("--traffic", type=float, default=defaults.traffic, help="times as many calls as usual (default %(default)s)")
    add("--kept-calls", type=int, help="how many calls the PBX keeps; left out, its history is endless")
    add("--seed", type=int, default=defaults.seed, help="of the call history (default %(default)s)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
