"""The causes for which a call to a PBX can fail, one class each, sorted by what the caller does next. Pure.

    YeastarError
    ├── InvalidSettingsError        the connection's settings cannot be used
    │   └── MissingConnectionError  Airflow gave no connection of that id               ask again
    ├── InvalidRequestError         the report request was refused before anything was sent
    ├── ClockMismatchError          the PBX's clock and the configured time zone disagree
    ├── AnswerError                 the PBX answered with an errcode
    │   ├── CredentialsError        -1 on login: wrong Client ID or Client Secret
    │   ├── TokenExpiredError       10004                                               log in again
    │   ├── PermissionDeniedError   10005, 80010: the application lacks the permission
    │   ├── InterfaceError          10001, 10002, 10003: path or API version not there
    │   ├── ParameterError          40001 to 40004, with the PBX's own list in words
    │   ├── NotFoundError           60001: nothing matches (an empty result)
    │   ├── TokenCapError           60002: too many live tokens                         ask again
    │   ├── BlockedError            70004, 70087: this address may not log in
    │   ├── BusyError               70082: another heavy job runs                       ask again
    │   ├── CallRateMissingError    70106: call accounting without a rate
    │   ├── RecordingBusyError      70651: another recording is being prepared          ask again
    │   ├── RecordingDisabledError  70131, 70656: the PBX does not record calls
    │   ├── ApiDisabledError        70123: the API is switched off
    │   └── PbxInternalError        any other errcode                                   ask again
    ├── NetworkError                no connection, reset, time-out                      ask again
    │   └── CertificateError        the TLS certificate is not the one expected
    ├── NotAPbxError                an answer that no PBX gives: a proxy, a web page    ask again
    ├── ReportFailedError           the PBX said that making the report failed          ask again
    ├── AmbiguousEventError         nothing says for certain whose report it is         ask again
    ├── WaitTimeoutError            `wait_timeout` or `queue_timeout` passed            ask again
    │   └── DeadlineError           the task's own time is over                         ask again
    ├── WrongReportError            what was downloaded is another report
    ├── BadFileError                what was downloaded is not the report               ask again
    │   ├── FileExpiredError        the file's URL is no longer served                  ask again
    │   ├── FileReplacedError       another report's file may have taken its place      ask again
    │   ├── AmbiguousFileError      others may use its name, and nobody could tell
    │   ├── FileTooLargeError       the file exceeds `max_bytes`
    │   └── ReportLayoutError       a report's file is laid out in no way that the reader knows
    ├── OlderCallsError             the window holds calls of older firmware, for v1.0 alone
    ├── IncompleteCallsError        not every call that the PBX counts could be read      ask again
    ├── StateUnavailableError       the shared state cannot be used just now            ask again
    ├── ResourceError               this machine has no thread, memory or file for it   ask again
    └── UnsafeUrlError              the PBX named a URL outside itself

Every class has the one constructor below, so that an error can cross from the triggerer to the worker as plain
data. Texts never hold a token or a secret: who raises, passes texts through `redaction` first.
"""

from __future__ import annotations

from typing import ClassVar

from airflow_provider_yeastar.pbx.answer_errors import (
    AnswerError,
    ApiDisabledError,
    BlockedError,
    BusyError,
    CallRateMissingError,
    CredentialsError,
    InterfaceError,
    NotFoundError,
    ParameterError,
    PbxInternalError,
    PermissionDeniedError,
    RecordingBusyError,
    RecordingDisabledError,
    TokenCapError,
    TokenExpiredError,
    answer_error_class,
)
from airflow_provider_yeastar.pbx.error_base import Reaction, YeastarError, error_from_dict, error_to_dict, error_tree

__all__ = [
    "AmbiguousEventError",
    "AmbiguousFileError",
    "AnswerError",
    "ApiDisabledError",
    "BadFileError",
    "BlockedError",
    "BusyError",
    "CallRateMissingError",
    "CertificateError",
    "ClockMismatchError",
    "CredentialsError",
    "DeadlineError",
    "FileExpiredError",
    "FileReplacedError",
    "FileTooLargeError",
    "IncompleteCallsError",
    "InterfaceError",
    "InvalidRequestError",
    "InvalidSettingsError",
    "MissingConnectionError",
    "NetworkError",
    "NotAPbxError",
    "NotFoundError",
    "OlderCallsError",
    "ParameterError",
    "PbxInternalError",
    "PermissionDeniedError",
    "Reaction",
    "RecordingBusyError",
    "RecordingDisabledError",
    "ReportFailedError",
    "ReportLayoutError",
    "ResourceError",
    "StateUnavailableError",
    "TokenCapError",
    "TokenExpiredError",
    "UnsafeUrlError",
    "WaitTimeoutError",
    "WrongReportError",
    "YeastarError",
    "answer_error_class",
    "error_from_dict",
    "error_to_dict",
    "error_tree",
]


class InvalidSettingsError(YeastarError):
    reaction = Reaction.GIVE_UP
    default_remedy = "Correct the Airflow connection."


class MissingConnectionError(InvalidSettingsError):
    """Airflow gave no connection: there is none, or its secrets backend or API server did not answer.

    Airflow reports both alike.
    """

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Create it (type Yeastar PBX); if it exists, check Airflow's secrets backend and API server."


class InvalidRequestError(YeastarError):
    reaction = Reaction.GIVE_UP
    default_remedy = "Correct the task's arguments."


class ClockMismatchError(YeastarError):
    reaction = Reaction.GIVE_UP
    default_remedy = "Correct `timezone` in the Airflow connection, or the clock of the PBX."


class NetworkError(YeastarError):
    default_remedy = "Check host, port and schema of the Airflow connection, and that this machine may reach the PBX."
    is_timeout: bool = False
    """Whether the PBX said nothing for as long as a call may take."""
    # What a PBX needs to restart, or a link to come back, is a matter of minutes.
    default_retry_after: ClassVar[float | None] = 300.0


class CertificateError(NetworkError):
    reaction = Reaction.GIVE_UP
    default_retry_after = None
    default_remedy = (
        "Set `verify` in the Airflow connection to a CA bundle, or `ssl_fingerprint` to what "
        "`python -m airflow_provider_yeastar fingerprint HOST:PORT` prints, if that is the PBX."
    )


class NotAPbxError(YeastarError):
    default_remedy = (
        "Check host, port and schema of the Airflow connection: something other than the PBX's API answers there."
    )
    # A proxy answers so for a PBX that restarts.
    default_retry_after = NetworkError.default_retry_after


class ReportFailedError(YeastarError):
    default_remedy = "Try the same report in the PBX's web portal."


class AmbiguousEventError(YeastarError):
    """The PBX makes the report, but neither an answer nor an event says for certain which file it is."""

    default_remedy = (
        "If no other program, host or person makes reports at this PBX, set `exclusive` in the Airflow connection, so "
        "that its events can be believed; else raise `wait_timeout`, or request a shorter period."
    )
    # Each attempt may leave the PBX with another report to make.
    default_retry_after = 600.0


class WrongReportError(YeastarError):
    """A file or rows contradict the request: they are another report's."""

    reaction = Reaction.GIVE_UP
    default_remedy = (
        "Nothing was written to the destination. If the connection sets `exclusive`, remove it: somebody else makes "
        "reports at this PBX. Else check the `timezone` of the connection."
    )


class WaitTimeoutError(YeastarError):
    default_remedy = "Raise `wait_timeout` or `queue_timeout`, or ask for a shorter period."
    # The PBX may still be at the report that was waited for, or at those before it.
    default_retry_after: ClassVar[float | None] = BusyError.default_retry_after


class DeadlineError(WaitTimeoutError):
    """The time that Airflow gives the task as a whole has passed, whichever of its bounds the wait was within."""

    default_remedy = "Raise the task's `execution_timeout`, or the sensor's `timeout`."
    # It leaves the task as Airflow's own time-out, which says nothing of the PBX.
    default_retry_after = None


class BadFileError(YeastarError):
    default_remedy = "Nothing was written to the destination."


class FileExpiredError(BadFileError):
    """The PBX no longer serves the file (its URL lives 30 minutes)."""

    default_remedy = (
        "A file's URL lives 30 minutes: ask for the report again; if that ends so too, try the same report in the "
        "PBX's web portal. Nothing was written to the destination."
    )


class FileReplacedError(BadFileError):
    """The PBX may have given another report's file the same name, so that either may have been downloaded."""

    default_remedy = (
        'This PBX seems to name files of several reports alike; docs/hosts.md, "Names that come again", tells what '
        "makes a file certain there. Give the task `retries`: other reports may be over then. Nothing was written to "
        "the destination."
    )


class AmbiguousFileError(BadFileError):
    """Others may make reports at this PBX whose files get the same name; another request would not tell more."""

    reaction = Reaction.GIVE_UP
    default_remedy = (
        "Set `exclusive` in the connection if nobody else makes reports at this PBX, or request the report's rows "
        "(YeastarCallReportRowsOperator), for which no file's name matters. Nothing was written to the destination."
    )


class FileTooLargeError(BadFileError):
    """The file is larger than the task accepts; another one would be no smaller."""

    reaction = Reaction.GIVE_UP
    default_remedy = "Raise the task's `max_bytes`, or ask for a shorter period. Nothing was written."


class ReportLayoutError(BadFileError):
    """A file is not laid out in any way that the reader knows; the text shows what was met."""

    reaction = Reaction.GIVE_UP
    default_remedy = "The file itself is unchanged: have a look at it, and read it by other means."


class StateUnavailableError(YeastarError):
    """The shared state is unavailable: a full disk, too many open files, a file system or Redis server that is down."""

    default_remedy = "Check the disk that holds `[yeastar] state_dir`, or the Redis server of `[yeastar] state_url`."
    # A full disk waits for a clean-up or for a person.
    default_retry_after = 900.0


class IncompleteCallsError(YeastarError):
    """The calls of a window could not be shown to be complete."""

    default_remedy = "Ask for a shorter window, or for one that has ended; nothing was written to the destination."
    default_retry_after = 300.0


class OlderCallsError(YeastarError):
    """A window holds calls that older firmware recorded, which the CDR interface that was asked does not list."""

    reaction = Reaction.GIVE_UP
    default_remedy = (
        "Set `api_version` to v1.0 for such windows. Its rows are legs of calls: write them to another file or table."
    )


class ResourceError(YeastarError):
    """This machine lacks something for a call: a thread, memory, or a file that can be read."""

    default_remedy = "Raise the limit of processes and threads, or of memory, of the triggerer or worker."
    default_retry_after = 300.0


class UnsafeUrlError(YeastarError):
    reaction = Reaction.GIVE_UP
    default_remedy = "Nothing was fetched; the token is only ever sent to the connection's own host and port."
