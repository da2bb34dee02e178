"""Writes docs/errors.md, the causes by errcode and by class, from the classes themselves: ``make reference``."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_yeastar.exceptions import Cause, causes
from airflow_provider_yeastar.pbx.errors import CredentialsError, PbxInternalError, answer_error_class

PAGE = Path(__file__).parent / "errors.md"
HEAD = """# Why a task fails

Every failure is one sentence: what happened, on which PBX and endpoint, the PBX's errcode, what to do. What may pass by
itself is first asked for again within the task's own time-outs; what then is left, Airflow retries where the tables say
so, and elsewhere fails the task at once, whatever its `retries`. A sensor's time-outs are Airflow's own
`AirflowSensorTimeout`, after which Airflow makes no retry.

## By errcode

The number in the PBX's answer, which stands in the message as in `errcode 10005`. 0 is success, 1 success in part, and
2 says that a report is being made: none of them is an error. For an errcode that is not listed here, the last line
holds.

| errcode | cause | what to do | Airflow retries | class |
|---|---|---|---|---|
"""
BY_CLASS = """
## By class

The classes stand in `airflow_provider_yeastar.pbx.errors` and `airflow_provider_yeastar.exceptions`, below
`YeastarError`. Most have no errcode, as it is not the PBX that refuses. The last column is for tasks with the
[retry policy](retries.md) (Airflow 3.3): minutes until the next try, or the task's own `retry_delay`.

| class | errcode | what to do | Airflow retries | with the policy after |
|---|---|---|---|---|
"""

LOGIN_REFUSED = "-1 (login)"
OTHERS = "any other"
MEANINGS: dict[int | str, str] = {
    LOGIN_REFUSED: "Client ID or Client Secret is wrong",
    -1: "a call other than the login failed, the PBX does not say why",
    -2: "the PBX failed inside",
    10001: "there is no such call, or this firmware does not know it",
    10002: "this version of the API is no longer maintained",
    10003: "this version of the API is not there",
    10004: "the token has expired, or is not the PBX's; a new login is tried first",
    10005: "the application lacks the permission for this call",
    10009: "the operation failed, the PBX does not say why",
    40001: "a parameter is written in a wrong way",
    40002: "a parameter is missing or has a value that the PBX does not take; the message quotes its list",
    40003: "a value that may be there once is there twice",
    40004: "a file is too large for the PBX",
    60001: "no data: nothing matches the request, and no file is made",
    60002: "all of the application's eight tokens are taken",
    70004: "this machine's address is blocked, after five refused logins for instance",
    70082: "another heavy job runs on the PBX",
    70087: "this machine's address is not on the API's list of allowed ones",
    70106: "there is no call rate, without which nothing can be billed",
    70123: "the API is switched off",
    70131: "call recording is switched off",
    70651: "another recording is being prepared for its download",
    70656: "the function is switched off, so that there are no recordings",
    80010: "the application lacks the permission for recordings",
    OTHERS: "not known to this provider; the message quotes the PBX's words",
}
"""What each errcode means, in the order of their numbers."""

# What is not told by the errcode alone.
NOTES = {"CredentialsError": "-1 of a login", "PbxInternalError": "-1, -2 and any other"}


def answer_of(errcode: int | str) -> Cause:
    """Return the row of the class that stands for an errcode."""
    named = {LOGIN_REFUSED: CredentialsError, OTHERS: PbxInternalError}
    found = answer_error_class(errcode) if isinstance(errcode, int) else named[errcode]
    return next(cause for cause in causes() if cause.name == found.__name__)


def errcode_row(errcode: int | str, meaning: str) -> str:
    """Return its line in the table by errcode."""
    cause = answer_of(errcode)
    return f"| {errcode} | {meaning} | {cause.remedy} | {retried(cause)} | `{cause.name}` |"


def class_row(cause: Cause) -> str:
    """Return its line in the table by class."""
    errcodes = NOTES.get(cause.name) or ", ".join(map(str, cause.errcodes))
    return f"| `{cause.name}` | {errcodes} | {cause.remedy} | {retried(cause)} | {after(cause)} |"


def retried(cause: Cause) -> str:
    """Say whether Airflow tries again."""
    return "yes" if cause.airflow_retries else "no"


def after(cause: Cause) -> str:
    """Return when the retry policy lets Airflow try again."""
    if not cause.airflow_retries:
        return ""
    return "`retry_delay`" if cause.retry_after is None else f"{cause.retry_after / 60:g} min"


def page() -> str:
    """Return the whole page."""
    by_errcode = "\n".join(errcode_row(*item) for item in MEANINGS.items())
    by_class = "\n".join(class_row(cause) for cause in causes())
    return f"{HEAD}{by_errcode}\n{BY_CLASS}{by_class}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
