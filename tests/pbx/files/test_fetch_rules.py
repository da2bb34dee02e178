"""What follows upon a fetch that failed, as one table."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx import errors
from airflow_provider_yeastar.pbx.errors import FileExpiredError, YeastarError
from airflow_provider_yeastar.pbx.files.fetch_rules import (
    URL_MINUTES,
    NextStep,
    another_report_may_help,
    as_final,
    event_complaint,
    next_step,
)

AGAIN, TOKEN = NextStep.FETCH_AGAIN, NextStep.FETCH_WITH_NEW_TOKEN
ANOTHER, STOP = NextStep.ASK_FOR_ANOTHER, NextStep.GIVE_UP

# The first step, that after a second fetch, and the first one for a file that is older than a URL lives.
STEPS = {
    errors.BadFileError: (AGAIN, ANOTHER, ANOTHER),
    errors.NotAPbxError: (AGAIN, ANOTHER, ANOTHER),
    errors.PbxInternalError: (AGAIN, ANOTHER, ANOTHER),
    errors.BusyError: (AGAIN, ANOTHER, ANOTHER),
    errors.TokenCapError: (AGAIN, ANOTHER, ANOTHER),
    errors.RecordingBusyError: (AGAIN, ANOTHER, ANOTHER),
    # The file is gone.
    errors.NotFoundError: (AGAIN, ANOTHER, ANOTHER),
    errors.InterfaceError: (AGAIN, ANOTHER, ANOTHER),
    errors.ParameterError: (AGAIN, ANOTHER, ANOTHER),
    errors.FileReplacedError: (ANOTHER, ANOTHER, ANOTHER),
    # The token is: a matter of its own.
    errors.TokenExpiredError: (TOKEN, TOKEN, TOKEN),
    # Only a person can mend it.
    errors.CredentialsError: (STOP, STOP, STOP),
    errors.PermissionDeniedError: (STOP, STOP, STOP),
    errors.BlockedError: (STOP, STOP, STOP),
    errors.ApiDisabledError: (STOP, STOP, STOP),
    errors.RecordingDisabledError: (STOP, STOP, STOP),
    errors.CallRateMissingError: (STOP, STOP, STOP),
    errors.AmbiguousFileError: (STOP, STOP, STOP),
    errors.FileTooLargeError: (STOP, STOP, STOP),
    errors.UnsafeUrlError: (STOP, STOP, STOP),
    # Not about the file; the download has gone on five times by now.
    errors.NetworkError: (STOP, STOP, STOP),
    errors.CertificateError: (STOP, STOP, STOP),
}


@pytest.mark.parametrize(("error_class", "steps"), STEPS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_next_step(error_class: type[YeastarError], steps: tuple[NextStep, NextStep, NextStep]) -> None:
    error = error_class("It failed")

    assert (next_step(error, 0), next_step(error, 0, {AGAIN}), next_step(error, URL_MINUTES + 1)) == steps


def test_a_second_token_that_is_refused_is_the_last() -> None:
    assert next_step(errors.TokenExpiredError("It failed"), 0, {TOKEN}) is STOP


def test_a_new_token_leaves_the_second_fetch_of_a_bad_file() -> None:
    assert next_step(errors.BadFileError("It failed"), 0, {TOKEN}) is AGAIN


def test_every_answer_has_its_row() -> None:
    assert set(errors.error_tree(errors.AnswerError).values()) - {errors.AnswerError} <= STEPS.keys()


def test_a_file_that_is_gone_has_expired_whatever_the_pbx_calls_it() -> None:
    error = errors.NotFoundError("DATA NOT FOUND", pbx="pbx:443", endpoint="/x.csv", errcode=60001)

    final = as_final(error, 3)

    assert type(final) is FileExpiredError
    assert final.sentence == (
        "The PBX does not have the file that it announced: DATA NOT FOUND (PBX pbx:443, /x.csv, errcode 60001)."
    )
    assert another_report_may_help(final)


@pytest.mark.parametrize(
    ("error", "minutes", "complains"),
    [
        (errors.WrongReportError("Another queue's"), 0, True),
        (errors.WrongReportError("Another queue's"), URL_MINUTES + 1, True),
        (errors.FileReplacedError("Another report's"), 3, False),
        (errors.FileExpiredError("Gone"), 3, True),
        (errors.FileExpiredError("Gone"), URL_MINUTES + 1, False),
        (errors.BadFileError("Cut"), 0, False),
        (errors.PbxInternalError("Broken"), 0, False),
        (errors.NetworkError("Lost"), 0, False),
    ],
)
def test_which_failed_fetch_shows_that_the_event_was_somebody_elses(
    error: YeastarError, minutes: float, complains: bool
) -> None:
    assert bool(event_complaint(error, minutes)) is complains


def test_any_refusal_of_an_old_url_is_its_expiry() -> None:
    final = as_final(errors.BadFileError("The PBX sent an HTML page"), 31.4)

    assert type(final) is FileExpiredError
    assert final.what == "The PBX refused the file 31 minutes after it was ready: The PBX sent an HTML page"


def test_other_errors_stay_what_they_are() -> None:
    error = errors.BusyError("It is busy")

    assert as_final(error, 3) is error
