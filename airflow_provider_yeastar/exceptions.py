"""Errors born on the Airflow side of the provider; the PBX's own causes stand in :mod:`.pbx.errors`.

    YeastarError                    (pbx.errors)
    ├── DestinationError            the file cannot be written where it was wanted      ask again
    ├── EmptyReportError            the report holds no row and ``on_empty`` is "fail"
    ├── InvalidEventError           the triggerer handed back something unknown         ask again
    └── TaskKilledError             the task was told to stop                           ask again

"Ask again" means here that a later try of the task may succeed: disks are emptied and object stores come back, and
whether a killed task is tried again is for Airflow to decide. No loop of ours catches any of these.
"""

from __future__ import annotations

from airflow_provider_yeastar.pbx.errors import Reaction, YeastarError

__all__ = ["DestinationError", "EmptyReportError", "InvalidEventError", "TaskKilledError"]


class DestinationError(YeastarError):
    """The destination cannot be written, or is no destination; the text says what, where and what to do."""

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Correct `destination`, or let the worker write there."


class EmptyReportError(YeastarError):
    """The report arrived whole and holds no row."""

    default_remedy = (
        "The PBX answers unknown ids, a period without calls and the wrong `api_version` alike, without rows: "
        "check these, or set `on_empty` to ok or skip."
    )


class InvalidEventError(YeastarError):
    """What came back from the triggerer is no event of this provider's trigger."""

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Let triggerer and workers run the same version of this provider, then run the task again."


class TaskKilledError(YeastarError):
    """The task was stopped (SIGTERM, cleared, marked): raised where the work is, as Airflow 3 would let it go on."""

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Nothing was written to the destination."
