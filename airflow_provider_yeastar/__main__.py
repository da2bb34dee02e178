"""``python -m airflow_provider_yeastar``: tools for setting up a connection."""

from __future__ import annotations

import argparse
import os
import sys

_TIMEOUT_SECONDS = 10.0
_DEFAULT_PORT = 443


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    :param arguments: of the command line.
    :return: the exit code: 0 if all is well, 1 if not.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_yeastar", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fingerprint = commands.add_parser("fingerprint", help="print a PBX's certificate fingerprint, for ssl_fingerprint")
    fingerprint.add_argument("address", metavar="HOST:PORT", help="the port is 443 if left out")
    fingerprint.set_defaults(run=lambda options: _fingerprint(options.address))

    doctor = commands.add_parser("doctor", help="check a connection from name resolution to a downloaded report")
    doctor.add_argument("--conn-id", default="yeastar_default", help="Airflow connection (default %(default)s)")
    doctor.set_defaults(run=lambda options: _doctor(options.conn_id))

    options = parser.parse_args(arguments)
    return int(options.run(options))


def _fingerprint(address: str) -> int:
    from airflow_provider_yeastar.pbx.tls import fetch_fingerprint

    host, _, port = address.rpartition(":") if ":" in address else (address, "", str(_DEFAULT_PORT))
    if not port.isdigit() or not host:
        print(f"{address} is not HOST:PORT, such as 10.0.0.1:8088", file=sys.stderr)
        return 1
    try:
        print(fetch_fingerprint(host.strip("[]"), int(port), _TIMEOUT_SECONDS))
    except OSError as error:
        print(f"No TLS certificate from {address}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _doctor(conn_id: str) -> int:
    # By itself a process that is no part of Airflow looks for connections in the environment only, not in its database.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow_provider_yeastar.hooks.yeastar import YeastarHook
    from airflow_provider_yeastar.pbx.doctor import show_findings
    from airflow_provider_yeastar.pbx.errors import YeastarError

    all_is_well = True
    try:
        with YeastarHook(conn_id).get_conn() as client:
            for finding in client.examine():
                print(show_findings([finding], coloured=sys.stdout.isatty()), flush=True)
                all_is_well = all_is_well and finding.ok
    except YeastarError as error:
        print(f"BAD  connection  {error}")
        return 1
    return 0 if all_is_well else 1


if __name__ == "__main__":
    sys.exit(main())
