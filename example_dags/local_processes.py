"""Processes that run until they are stopped, as groups of their own; their logs, and ports for them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 10


class LocalAirflowError(Exception):
    """Something did not start, failed, or took too long; the text says what."""


@dataclass
class Service:
    """A process that runs until it is stopped, with all processes that it starts, as a group of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def must_run(self) -> None:
        if self.process.poll() is not None:
            raise LocalAirflowError(f"{self.name} ended with exit code {self.process.returncode}:\n{tail(self.log)}")


def tail(log: Path) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its group: politely, and what is left after the deadline by force."""
    signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process and all that it started, as far as they still run."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
