"""``python -m airflow_provider_yeastar.simulator``: a PBX to develop against."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

_PACKAGES_OF_THE_EXTRA = {"aiohttp", "fpdf", "xlsxwriter"}


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM.

    :param arguments: of the command line.
    :return: the exit code.
    """
    try:
        from airflow_provider_yeastar.simulator import PbxSimulator, SimulatorSettings
        from airflow_provider_yeastar.simulator.routes import Call
    except ModuleNotFoundError as error:
        if error.name not in _PACKAGES_OF_THE_EXTRA:
            raise
        print(f"The simulator needs {error.name}: pip install 'airflow-provider-yeastar[simulator]'", file=sys.stderr)
        return 1

    defaults = SimulatorSettings()
    options = _parser(defaults.client_id, defaults.client_secret, defaults.timezone).parse_args(arguments)
    settings = SimulatorSettings(
        client_id=options.client_id,
        client_secret=options.client_secret,
        timezone=options.timezone,
        date_format=options.date_format,
        twelve_hour=options.twelve_hour,
        report_seconds=options.report_seconds,
        seed=options.seed,
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())

    def show(call: Call) -> None:
        # The names of the query only: a token is among the values.
        names = " ".join(sorted(set(call.query) - {"access_token"}))
        print(f"{call.method} {call.path} {names}".rstrip(), flush=True)

    pbx = PbxSimulator(settings, host=options.host, port=options.port, on_call=show)
    try:
        pbx.start()
    except OSError as error:
        print(f"Cannot listen at {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    connection = {
        "conn_type": "yeastar",
        "schema": pbx.scheme,
        "host": pbx.host,
        "port": pbx.port,
        "login": settings.client_id,
        "password": settings.client_secret,
        "extra": {"timezone": settings.timezone},
    }
    print(f"A simulated PBX listens at {pbx.base_url}", flush=True)
    print(f"export AIRFLOW_CONN_YEASTAR_DEFAULT='{json.dumps(connection)}'", flush=True)
    stopped.wait()
    pbx.stop()
    return 0


def _parser(client_id: str, client_secret: str, timezone: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_yeastar.simulator", description="A simulated Yeastar P-Series PBX."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for a free one (default %(default)s)")
    parser.add_argument("--client-id", default=client_id, help="default %(default)s")
    parser.add_argument("--client-secret", default=client_secret, help="default %(default)s")
    parser.add_argument("--timezone", default=timezone, help="IANA name (default %(default)s)")
    parser.add_argument("--date-format", default="YYYY/MM/DD", help="for instance DD/MM/YYYY (default %(default)s)")
    parser.add_argument("--twelve-hour", action="store_true", help="12-hour clock with AM and PM")
    parser.add_argument("--report-seconds", type=float, default=1.0, help="time to make a report (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the call history (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
