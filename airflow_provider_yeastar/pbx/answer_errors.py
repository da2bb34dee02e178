"""The errors that stand for an errcode of the PBX, one class a cause; `errors` draws the whole tree. Pure."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider_yeastar.pbx.error_base import Reaction, YeastarError, error_tree

__all__ = [
    "AnswerError",
    "ApiDisabledError",
    "BlockedError",
    "BusyError",
    "CallRateMissingError",
    "CredentialsError",
    "InterfaceError",
    "NotFoundError",
    "ParameterError",
    "PbxInternalError",
    "PermissionDeniedError",
    "RecordingBusyError",
    "RecordingDisabledError",
    "TokenCapError",
    "TokenExpiredError",
    "answer_error_class",
]


class AnswerError(YeastarError):
    """The PBX answered, with an errcode other than success.

    ``errcodes`` are those that a class stands for.
    """

    errcodes: ClassVar[tuple[int, ...]] = ()


class CredentialsError(AnswerError):
    reaction = Reaction.GIVE_UP
    default_remedy = (
        "Correct Client ID and Client Secret in the Airflow connection; not tried again, "
        "because the PBX blocks this address after five refused logins."
    )


class TokenExpiredError(AnswerError):
    errcodes = (10004,)
    reaction = Reaction.LOG_IN_AGAIN
    default_remedy = "Run the task again; if it happens each time, another program uses the same application."


class PermissionDeniedError(AnswerError):
    errcodes = (10005, 80010)
    reaction = Reaction.GIVE_UP
    default_remedy = "Grant the API application this permission in the PBX's web portal (Integrations > API)."


class InterfaceError(AnswerError):
    errcodes = (10001, 10002, 10003)
    reaction = Reaction.GIVE_UP
    default_remedy = "Check `api_version` against the firmware of the PBX."


class ParameterError(AnswerError):
    errcodes = (40001, 40002, 40003, 40004)
    reaction = Reaction.GIVE_UP
    default_remedy = "Correct the task's `parameters`."


class NotFoundError(AnswerError):
    errcodes = (60001,)
    reaction = Reaction.GIVE_UP
    default_remedy = "Nothing on the PBX matches the request; check ids and time window."


class TokenCapError(AnswerError):
    errcodes = (60002,)
    default_remedy = (
        "An application may hold 8 live tokens; one comes free within 30 minutes. "
        "Give each program an application of its own."
    )
    # A token's life: by then those of programs that came to a bad end are gone, however many they were.
    default_retry_after = 1800.0


class BlockedError(AnswerError):
    errcodes = (70004, 70087)
    reaction = Reaction.GIVE_UP
    default_remedy = (
        "Unblock this machine's address in the PBX's web portal (Security > Blocked IP, or the API's allow-list)."
    )


class BusyError(AnswerError):
    errcodes = (70082,)
    default_remedy = (
        "The PBX makes one heavy report at a time; try again later or limit the tasks with an Airflow pool."
    )
    # The vendor does not say how long a report may take; one of a long period takes minutes on this hardware.
    default_retry_after = 600.0


class CallRateMissingError(AnswerError):
    errcodes = (70106,)
    reaction = Reaction.GIVE_UP
    default_remedy = "Set a call rate on the PBX before asking for call accounting reports."


class RecordingBusyError(AnswerError):
    errcodes = (70651,)
    default_remedy = (
        "The PBX prepares one recording at a time: raise `wait_timeout`, or see who else downloads recordings there."
    )
    # As long as it takes to convert a long recording on this hardware, which the vendor does not tell.
    default_retry_after = 300.0


class RecordingDisabledError(AnswerError):
    errcodes = (70131, 70656)
    reaction = Reaction.GIVE_UP
    default_remedy = "Switch call recording on in the PBX's web portal, or leave the task out for this PBX."


class ApiDisabledError(AnswerError):
    errcodes = (70123,)
    reaction = Reaction.GIVE_UP
    default_remedy = "Switch the API on in the PBX's web portal (Integrations > API)."


class PbxInternalError(AnswerError):
    default_remedy = "The PBX could not carry the call out; its own logs tell more."


def answer_error_class(errcode: int) -> type[AnswerError]:
    """Return the class that stands for an errcode; :class:`PbxInternalError` for one that no class names."""
    for found in error_tree(AnswerError).values():
        if issubclass(found, AnswerError) and errcode in found.errcodes:
            return found
    return PbxInternalError
