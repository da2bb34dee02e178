"""The table of targets: how an input is made, what is called with it, and what may come out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import YeastarError, error_from_dict, error_to_dict
from airflow_provider_yeastar.pbx.login.record import LoginRecord
from airflow_provider_yeastar.pbx.tokens import TokenStep
from airflow_provider_yeastar.runtime.outcome import Outcome
from tests.fuzz import calls
from tests.fuzz.inputs import Inputs, documents, garbled_seeds, pages, tables, web_pages, workbooks
from tests.fuzz.watchdog import deadline

__all__ = ["TARGETS", "Target", "WrongValueError", "run"]

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_FRAMES = (type(None), wire.EventFrame, wire.SubscribedFrame, wire.HeartbeatFrame, wire.RefusalFrame)


class WrongValueError(AssertionError):
    """A target returned something that it must not return."""


@dataclass(frozen=True)
class Target:
    """One way on which texts or bytes of others enter the package.

    :param call: takes an input, and returns or raises a :class:`YeastarError`.
    :param inputs: makes inputs, from the name of the target.
    :param returns: types of a right value.
    :param is_storable: whether its texts have to be such as every database takes.
    """

    call: Callable[[bytes], object]
    inputs: Callable[[str], Inputs]
    returns: tuple[type, ...]
    is_storable: bool = True


TARGETS = {
    # What a PBX answers and announces.
    "event": Target(calls.frame, documents, _FRAMES),
    "answer": Target(calls.report_answer, documents, (wire.ReportFile, wire.Processing)),
    "information": Target(calls.information, documents, (list,)),
    "login": Target(calls.login, documents, (TokenStep,)),
    "listing": Target(calls.listing, documents, (list,)),
    "rows": Target(calls.rows, pages, (list,)),
    "calls": Target(calls.calls, pages, (list,)),
    "headers": Target(calls.headers, garbled_seeds, (tuple,), is_storable=False),
    "url": Target(calls.url, garbled_seeds, (str,)),
    "file-name": Target(calls.file_name, garbled_seeds, (str,)),
    # The bodies of files.
    "csv": Target(partial(calls.body, file_format="csv"), tables, (calls.File,)),
    "html": Target(partial(calls.body, file_format="html"), web_pages, (calls.File,)),
    "pdf": Target(partial(calls.body, file_format="pdf"), garbled_seeds, (calls.File,)),
    "xls": Target(partial(calls.body, file_format="xls"), workbooks, (calls.File,)),
    "report": Target(calls.read_report, tables, (tuple,), is_storable=False),
    # What Airflow and the shared state hand back.
    "connection": Target(calls.connection, garbled_seeds, (tuple,), is_storable=False),
    "login-entry": Target(calls.login_entry, documents, (LoginRecord,), is_storable=False),
    "trigger-event": Target(calls.trigger_event, documents, (Outcome,), is_storable=False),
}


def run(target: Target, data: bytes) -> None:
    """Call a target with an input.

    :raises WrongValueError: when something comes out that must not; whatever else is raised is a finding as well.
    """
    with deadline():
        try:
            found: object = target.call(data)
        except YeastarError as error:
            # As it crosses from a trigger to its task.
            found = json.loads(json.dumps(error_to_dict(error), allow_nan=False))
            if type(error_from_dict(found)) is not type(error):
                raise WrongValueError(f"{type(error).__name__} does not survive the way to its task") from None
        else:
            if not isinstance(found, target.returns):
                raise WrongValueError(f"{type(found).__name__} came out")
            if not target.is_storable:
                return
    for text in calls.texts_in(found):
        if _UNSTORABLE.search(text):
            raise WrongValueError(f"{ascii(text)[:80]} cannot be stored")
