"""The causes for which a call to a PBX can fail, one class each, sorted by what the caller does next. Pure.

    YeastarError
    ├── InvalidSettingsError        the connection's settings cannot be used
    ├── InvalidRequestError         the report request was refused before anything was sent
    ├── ClockMismatchError          the PBX's clock and the configured time zone disagree
    ├── AnswerError                 the PBX answered with an errcode
    │   ├── CredentialsError        -1 on login: wrong Client ID or Client Secret
    │   ├── TokenExpiredError       10004                                               log in again
    │   ├── PermissionDeniedError   10005: the application lacks the permission
    │   ├── InterfaceError          10001, 10002, 10003: path or API version not there
    │   ├── ParameterError          40001 to 40004, with the PBX's own list in words
    │   ├── NotFoundError           60001: nothing matches (an empty result)
    │   ├── TokenCapError           60002: too many live tokens                         ask again
    │   ├── BlockedError            70004, 70087: this address may not log in
    │   ├── BusyError               70082: another heavy job runs                       ask again
    │   ├── CallRateMissingError    70106: call accounting without a rate
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
    │   ├── FileTooLargeError       the file exceeds `max_bytes`
    │   └── ReportLayoutError       a report's file is laid out in no way that the reader knows
    ├── StateUnavailableError       the shared state cannot be used just now            ask again
    ├── ResourceError               this machine has no thread or memory left           ask again
    └── UnsafeUrlError              the PBX named a URL outside itself

Every class has the one constructor below, so that an error can cross from the triggerer to the worker as plain
data. Texts never hold a token or a secret: who raises, passes texts through `redaction` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, ClassVar

from airflow_provider_yeastar.pbx.redaction import redact_text

__all__ = [
    "AmbiguousEventError",
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
    "FileTooLargeError",
    "InterfaceError",
    "InvalidRequestError",
    "InvalidSettingsError",
    "NetworkError",
    "NotAPbxError",
    "NotFoundError",
    "ParameterError",
    "PbxInternalError",
    "PermissionDeniedError",
    "Reaction",
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


class Reaction(Enum):
    """What a caller does about an error."""

    ASK_AGAIN = "ask again"
    LOG_IN_AGAIN = "log in again"
    GIVE_UP = "give up"


class YeastarError(Exception):
    """Something that keeps a report from arriving.

    :param what: what happened, one sentence without the final full stop.
    :param pbx: ``host:port`` of the PBX, where one was concerned.
    :param endpoint: the API path that was called, without query.
    :param errcode: the PBX's error code, where it gave one.
    :param remedy: what the reader should do; the class's own remedy when left out.
    :param retry_after: seconds before which another try of the whole task is hardly worth it; those of the class when
        left out. None where nothing about the cause tells.
    """

    reaction: ClassVar[Reaction] = Reaction.GIVE_UP
    default_remedy: ClassVar[str] = ""
    default_retry_after: ClassVar[float | None] = None
    was_received: bool = True
    """False if the PBX has surely never received the request."""

    def __init__(
        self,
        what: str,
        *,
        pbx: str | None = None,
        endpoint: str | None = None,
        errcode: int | None = None,
        remedy: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.pbx = pbx
        self.endpoint = endpoint
        self.errcode = errcode
        self.remedy = self.default_remedy if remedy is None else remedy
        self.retry_after = self.default_retry_after if retry_after is None else retry_after

    def hide(self, secrets: Iterable[str]) -> None:
        """Take secrets out of the text, whatever of it is shown: a PBX may quote what it was sent.

        :param secrets: tokens and passwords that are in use.
        """
        self.what = redact_text(self.what, secrets)
        self.args = (self.what,)

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".rstrip()

    @property
    def sentence(self) -> str:
        """What happened and where, without what to do."""
        facts = [
            f"PBX {self.pbx}" if self.pbx else "",
            self.endpoint or "",
            f"errcode {self.errcode}" if self.errcode is not None else "",
        ]
        where = ", ".join(fact for fact in facts if fact)
        return f"{self.what} ({where})." if where else f"{self.what}."


class InvalidSettingsError(YeastarError):
    default_remedy = "Correct the Airflow connection."


class InvalidRequestError(YeastarError):
    default_remedy = "Correct the task's arguments."


class ClockMismatchError(YeastarError):
    default_remedy = "Correct `timezone` in the Airflow connection, or the clock of the PBX."


class AnswerError(YeastarError):
    """The PBX answered, with an errcode other than success.

    ``errcodes`` are those that a class stands for.
    """

    errcodes: ClassVar[tuple[int, ...]] = ()


class CredentialsError(AnswerError):
    default_remedy = (
        "Correct Client ID and Client Secret in the Airflow connection; not tried again, "
        "because the PBX blocks this address after five refused logins."
    )


class TokenExpiredError(AnswerError):
    errcodes = (10004,)
    reaction = Reaction.LOG_IN_AGAIN
    default_remedy = "Run the task again; if it happens each time, another program uses the same application."


class PermissionDeniedError(AnswerError):
    errcodes = (10005,)
    default_remedy = "Grant the API application this permission in the PBX's web portal (Integrations > API)."


class InterfaceError(AnswerError):
    errcodes = (10001, 10002, 10003)
    default_remedy = "Check `api_version` against the firmware of the PBX."


class ParameterError(AnswerError):
    errcodes = (40001, 40002, 40003, 40004)
    default_remedy = "Correct the task's `parameters`."


class NotFoundError(AnswerError):
    errcodes = (60001,)
    default_remedy = "Nothing on the PBX matches the request; check ids and time window."


class TokenCapError(AnswerError):
    errcodes = (60002,)
    reaction = Reaction.ASK_AGAIN
    default_remedy = (
        "An application may hold 8 live tokens; one comes free within 30 minutes. "
        "Give each program an application of its own."
    )
    # A token's life: by then those of programs that came to a bad end are gone, however many they were.
    default_retry_after = 1800.0


class BlockedError(AnswerError):
    errcodes = (70004, 70087)
    default_remedy = (
        "Unblock this machine's address in the PBX's web portal (Security > Blocked IP, or the API's allow-list)."
    )


class BusyError(AnswerError):
    errcodes = (70082,)
    reaction = Reaction.ASK_AGAIN
    default_remedy = (
        "The PBX makes one heavy report at a time; try again later or limit the tasks with an Airflow pool."
    )
    # The vendor does not say how long a report may take; one of a long period takes minutes on this hardware.
    default_retry_after = 600.0


class CallRateMissingError(AnswerError):
    errcodes = (70106,)
    default_remedy = "Set a call rate on the PBX before asking for call accounting reports."


class ApiDisabledError(AnswerError):
    errcodes = (70123,)
    default_remedy = "Switch the API on in the PBX's web portal (Integrations > API)."


class PbxInternalError(AnswerError):
    reaction = Reaction.ASK_AGAIN
    default_remedy = "The PBX could not carry the call out; its own logs tell more."


class NetworkError(YeastarError):
    reaction = Reaction.ASK_AGAIN
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
    reaction = Reaction.ASK_AGAIN
    default_remedy = (
        "Check host, port and schema of the Airflow connection: something other than the PBX's API answers there."
    )
    # A proxy answers so for a PBX that restarts.
    default_retry_after = NetworkError.default_retry_after


class ReportFailedError(YeastarError):
    reaction = Reaction.ASK_AGAIN
    default_remedy = "Try the same report in the PBX's web portal."


class AmbiguousEventError(YeastarError):
    """The PBX makes the report, but neither an answer nor an event says for certain which file it is."""

    reaction = Reaction.ASK_AGAIN
    default_remedy = (
        "If no other program, host or person makes reports at this PBX, set `exclusive` in the Airflow connection, so "
        "that its events can be believed; else raise `wait_timeout`, or request a shorter period."
    )
    # Each attempt may leave the PBX with another report to make.
    default_retry_after = 600.0


class WrongReportError(YeastarError):
    """The content of a file contradicts the request: it is another report's."""

    default_remedy = (
        "Nothing was written to the destination. If the connection sets `exclusive`, remove it: somebody else makes "
        "reports at this PBX. Else check the `timezone` of the connection."
    )


class WaitTimeoutError(YeastarError):
    reaction = Reaction.ASK_AGAIN
    default_remedy = "Raise `wait_timeout` or `queue_timeout`, or ask for a shorter period."
    # The PBX may still be at the report that was waited for, or at those before it.
    default_retry_after: ClassVar[float | None] = BusyError.default_retry_after


class DeadlineError(WaitTimeoutError):
    """The time that Airflow gives the task as a whole has passed, whichever of its bounds the wait was within."""

    default_remedy = "Raise the task's `execution_timeout`, or the sensor's `timeout`."
    # It leaves the task as Airflow's own time-out, which says nothing of the PBX.
    default_retry_after = None


class BadFileError(YeastarError):
    reaction = Reaction.ASK_AGAIN
    default_remedy = "Nothing was written to the destination."


class FileExpiredError(BadFileError):
    """The PBX no longer serves the file (its URL lives 30 minutes)."""

    default_remedy = (
        "A file's URL lives 30 minutes: ask for the report again; if that ends so too, try the same report in the "
        "PBX's web portal. Nothing was written to the destination."
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

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Check the disk that holds `[yeastar] state_dir`, or the Redis server of `[yeastar] state_url`."
    # A full disk waits for a clean-up or for a person.
    default_retry_after = 900.0


class ResourceError(YeastarError):
    """This machine has no thread or no memory left for a call."""

    reaction = Reaction.ASK_AGAIN
    default_remedy = "Raise the limit of processes and threads, or of memory, of the triggerer or worker."
    default_retry_after = 300.0


class UnsafeUrlError(YeastarError):
    default_remedy = "Nothing was fetched; the token is only ever sent to the connection's own host and port."


def error_tree(base: type[YeastarError] = YeastarError) -> dict[str, type[YeastarError]]:
    """Return the class and all below it, by name, in the order in which they are drawn."""
    found = {base.__name__: base}
    for child in base.__subclasses__():
        found.update(error_tree(child))
    return found


def answer_error_class(errcode: int) -> type[AnswerError]:
    """Return the class that stands for an errcode; :class:`PbxInternalError` for one that no class names."""
    for found in error_tree(AnswerError).values():
        if issubclass(found, AnswerError) and errcode in found.errcodes:
            return found
    return PbxInternalError


def error_to_dict(error: YeastarError) -> dict[str, Any]:
    """Return the error as JSON types, for the way from a trigger to its task."""
    return {
        "error": type(error).__name__,
        "what": error.what,
        "pbx": error.pbx,
        "endpoint": error.endpoint,
        "errcode": error.errcode,
        "remedy": error.remedy,
        "retry_after": error.retry_after,
    }


def error_from_dict(data: Mapping[str, Any]) -> YeastarError:
    """Return the error that :func:`error_to_dict` described; an unknown class becomes :class:`YeastarError`."""
    error_class = error_tree().get(str(data.get("error")), YeastarError)
    return error_class(
        str(data.get("what")),
        pbx=data.get("pbx"),
        endpoint=data.get("endpoint"),
        errcode=data.get("errcode"),
        remedy=data.get("remedy"),
        retry_after=data.get("retry_after"),
    )
