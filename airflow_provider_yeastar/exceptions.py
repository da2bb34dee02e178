"""Errors of the Airflow side of the provider; those of the PBX stand in :mod:`.pbx.errors`.

    YeastarError                    (pbx.errors)
    ├── DestinationError            the file cannot be written where it was wanted      ask again
    │   └── InvalidDestinationError no file can ever be written there, by its name alone
    ├── EmptyReportError            the report holds no row and ``on_empty`` is "fail"
    ├── FewerRowsError              fewer rows than are there would take their place    ask again
    ├── InvalidEventError           the triggerer handed back something unknown         ask again
    ├── SchemaError                 the report does not fit its declared columns
    └── TaskKilledError             the task was told to stop                           ask again

"Ask again" means here that Airflow retries the task if it has ``retries``. Within a task only an upload is retried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_provider_yeastar.pbx.errors import AnswerError, Reaction, YeastarError, error_tree

__all__ = [
    "Cause",
    "DestinationError",
    "EmptyReportError",
    "FewerRowsError",
    "InvalidDestinationError",
    "InvalidEventError",
    "SchemaError",
    "TaskKilledError",
    "causes",
]


class DestinationError(YeastarError):
    """The destination cannot be written; the text says what, where and what to do."""

    default_remedy = "Correct `destination`, or let the worker write there."
    # A full disk waits for a clean-up or for a person, an object store that is away for its operator.
    default_retry_after: ClassVar[float | None] = 900.0


class InvalidDestinationError(DestinationError):
    """The destination is none: not a path or URL of a file, or a URL that this Airflow has no file system for."""

    reaction = Reaction.GIVE_UP
    default_remedy = "Correct `destination`."
    default_retry_after = None


class EmptyReportError(YeastarError):
    """The report arrived whole and holds no row."""

    reaction = Reaction.GIVE_UP
    default_remedy = (
        "The PBX answers unknown ids, a period without calls and the wrong `api_version` alike, without rows: "
        "check these, or set `on_empty` to ok or skip."
    )


class FewerRowsError(YeastarError):
    """The report holds fewer rows than what it would replace, and the PBX may have forgotten some since."""

    default_remedy = (
        "The old one was kept: a PBX deletes its oldest calls, and reports of old days shrink with them. "
        "Set `allow_shrink=True` to replace it all the same."
    )


class InvalidEventError(YeastarError):
    """What came back from the triggerer is no event of this provider's trigger."""

    default_remedy = "Let triggerer and workers run the same version of this provider, then run the task again."


class SchemaError(YeastarError):
    """A report's columns or values do not fit what is declared for it."""

    reaction = Reaction.GIVE_UP
    default_remedy = "Declare the columns with `columns`, or let them change with `on_schema_change` evolve or drop."


class TaskKilledError(YeastarError):
    """The task was stopped (SIGTERM, cleared, marked): raised where the work is, as Airflow 3 would let it go on."""

    default_remedy = "Nothing was written to the destination."


@dataclass(frozen=True)
class Cause:
    """One row of the table of causes.

    :param name: of the class.
    :param errcodes: of the PBX that it stands for.
    :param airflow_retries: whether a task that failed so is tried again, if it has ``retries``.
    :param remedy: what the reader should do.
    :param retry_after: seconds before which another try is hardly worth it, None where nothing about the cause tells.
    """

    name: str
    errcodes: tuple[int, ...]
    airflow_retries: bool
    remedy: str
    retry_after: float | None


def causes() -> list[Cause]:
    """Return the table of all causes for which a task can fail, in the order of the two trees."""
    return [
        Cause(
            name,
            found.errcodes if issubclass(found, AnswerError) else (),
            found.reaction is not Reaction.GIVE_UP,
            found.default_remedy,
            found.default_retry_after,
        )
        for name, found in error_tree().items()
        if found.default_remedy
    ]
