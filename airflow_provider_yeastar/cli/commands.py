"""Tools for setting up a connection: ``python -m airflow_provider_yeastar``; ``airflow yeastar`` from Airflow 3.2 on.

Airflow reads :func:`airflow_commands` whenever its command line starts, so what a tool needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["airflow_commands", "main"]

_ABOUT = "Tools for setting up a connection to a Yeastar PBX."
_TIMEOUT_SECONDS = 10.0
_DEFAULT_PORT = 443


@dataclass(frozen=True)
class _Tool:
    """One command with its one argument.

    :param run: gets the argument's value and returns the exit code.
    :param argument: name or flag, with its options as `argparse` has them.
    """

    name: str
    about: str
    run: Callable[[str], int]
    argument: str
    options: Mapping[str, Any]

    def __call__(self, given: argparse.Namespace) -> int:
        return self.run(getattr(given, self.argument.strip("-").replace("-", "_")))


def main(arguments: list[str] | None = None) -> int:
    """Run one command of ``python -m airflow_provider_yeastar``.

    :param arguments: of the command line.
    :return: the exit code: 0 if all is well, 1 if not.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_yeastar", description=_ABOUT)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for tool in _TOOLS:
        command = commands.add_parser(tool.name, help=tool.about, description=tool.about)
        command.add_argument(tool.argument, **tool.options)
        command.set_defaults(tool=tool)
    given = parser.parse_args(arguments)
    return int(given.tool(given))


def airflow_commands() -> list[Any]:
    """Return the group ``airflow yeastar``, for the key ``cli`` of the provider's metadata."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    def ending(tool: _Tool) -> Callable[[argparse.Namespace], None]:
        # Airflow takes no notice of what a command returns.
        return lambda given: sys.exit(tool(given))

    tools = [
        ActionCommand(tool.name, tool.about, ending(tool), (Arg((tool.argument,), **tool.options),)) for tool in _TOOLS
    ]
    return [GroupCommand("yeastar", _ABOUT, tools)]


def _fingerprint(address: str) -> int:
    from airflow_provider_yeastar.pbx.errors import YeastarError
    from airflow_provider_yeastar.pbx.http.fingerprint import server_fingerprint

    host, _, port = address.rpartition(":") if ":" in address else (address, "", str(_DEFAULT_PORT))
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        print(f"{address} is not HOST:PORT, such as 10.0.0.1:8088", file=sys.stderr)
        return 1
    try:
        print(server_fingerprint(host.strip("[]"), int(port), _TIMEOUT_SECONDS))
    except YeastarError as error:
        print(f"No TLS certificate from {address}: {error.what}", file=sys.stderr)
        return 1
    return 0


def _doctor(conn_id: str) -> int:
    # By itself a process that is no part of Airflow looks for connections in the environment only, not in its database.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow_provider_yeastar.hooks.yeastar import YeastarHook
    from airflow_provider_yeastar.pbx.doctor import Finding, show_findings
    from airflow_provider_yeastar.pbx.errors import YeastarError

    # The lines below tell all there is; Airflow would print what the wait logs in between.
    logging.getLogger("airflow_provider_yeastar").setLevel(logging.ERROR)

    def show(finding: Finding) -> None:
        print(show_findings([finding], coloured=sys.stdout.isatty()), flush=True)

    all_is_well = True
    try:
        with YeastarHook(conn_id).get_conn() as client:
            for finding in client.examine():
                show(finding)
                all_is_well = all_is_well and finding.ok
    except YeastarError as error:
        show(Finding("connection", False, error.sentence, error.remedy))
        return 1
    return 0 if all_is_well else 1


_TOOLS = (
    _Tool(
        "doctor",
        "Check a connection, from name resolution to a downloaded report.",
        _doctor,
        "--conn-id",
        {"default": "yeastar_default", "help": "Airflow connection (default %(default)s)"},
    ),
    _Tool(
        "fingerprint",
        "Print the fingerprint of a PBX's certificate, for ssl_fingerprint.",
        _fingerprint,
        "address",
        {"metavar": "HOST:PORT", "help": "the port is 443 if left out"},
    ),
)
