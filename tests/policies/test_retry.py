"""What the policy decides, cause by cause; that Airflow heeds it is tested with a real one in tests/integration."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_yeastar.exceptions import Cause, causes
from airflow_provider_yeastar.pbx.errors import (
    CredentialsError,
    NetworkError,
    TokenCapError,
    WaitTimeoutError,
    error_from_dict,
    error_to_dict,
    error_tree,
)
from tests.examples import RETRY_POLICIES, needs_retry_policies

MODULE = "airflow_provider_yeastar.policies.retry"


def decide(exception: BaseException) -> Any:
    from airflow_provider_yeastar.policies.retry import YeastarRetryPolicy

    return YeastarRetryPolicy().evaluate(exception, try_number=1, max_tries=3)


@needs_retry_policies
class TestEveryCause:
    @pytest.mark.parametrize("cause", causes(), ids=lambda cause: cause.name)
    def test_is_decided_as_the_table_says(self, cause: Cause) -> None:
        decision = decide(error_tree()[cause.name]("It broke"))

        if not cause.airflow_retries:
            assert (decision.action.value, decision.retry_delay) == ("fail", None)
        elif cause.retry_after is None:
            assert (decision.action.value, decision.retry_delay) == ("default", None)
        else:
            assert decision.action.value == "retry"
            assert decision.retry_delay == timedelta(seconds=cause.retry_after)

    @pytest.mark.parametrize(
        ("name", "minutes"),
        [
            ("NetworkError", 5),
            ("NotAPbxError", 5),
            ("BusyError", 10),
            ("WaitTimeoutError", 10),
            ("DestinationError", 15),
            ("StateUnavailableError", 15),
            ("TokenCapError", 30),
        ],
    )
    def test_has_the_time_that_it_takes(self, name: str, minutes: int) -> None:
        assert decide(error_tree()[name]("It broke")).retry_delay == timedelta(minutes=minutes)


@needs_retry_policies
class TestTheDecision:
    def test_is_the_same_after_a_deferral(self) -> None:
        error = WaitTimeoutError("No report", retry_after=TokenCapError.default_retry_after)

        assert decide(error_from_dict(error_to_dict(error))) == decide(error)
        assert decide(error).retry_delay == timedelta(minutes=30)

    @pytest.mark.parametrize("exception", [ValueError("no"), KeyboardInterrupt()], ids=repr)
    def test_about_an_error_of_others_is_left_to_airflow(self, exception: BaseException) -> None:
        assert decide(exception).action.value == "default"

    def test_leaves_an_error_of_others_to_the_next_policy_of_a_chain(self) -> None:
        from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryRule

        from airflow_provider_yeastar.policies.retry import YeastarRetryPolicy

        # Airflow has it from 3.4 on; for 3.3 a later compatibility provider than 3.3.0's contemporary brings it.
        sdk = pytest.importorskip("airflow.providers.common.compat.sdk")
        if not hasattr(sdk, "ChainRetryPolicy"):
            pytest.skip("there is no ChainRetryPolicy beside this Airflow")

        others = ExceptionRetryPolicy(rules=[RetryRule(ConnectionError, retry_delay=timedelta(seconds=7))])
        chain = sdk.ChainRetryPolicy([YeastarRetryPolicy(), others])

        def delay(error: Exception) -> timedelta | None:
            return chain.evaluate(error, try_number=1, max_tries=3).retry_delay

        assert delay(ConnectionError("no")) == timedelta(seconds=7)
        assert delay(NetworkError("no")) == timedelta(minutes=5)

    @pytest.mark.parametrize("error", [CredentialsError("The secret is s3cr3t"), NetworkError("s3cr3t")], ids=repr)
    def test_gives_its_reason_without_the_words_of_the_error(self, error: Exception) -> None:
        """Airflow keeps the reason in its database; the task's log has the error."""
        decision = decide(error)

        assert decision.reason.startswith(type(error).__name__)
        assert "s3cr3t" not in decision.reason


@pytest.mark.skipif(RETRY_POLICIES, reason="this Airflow has retry policies")
def test_an_airflow_without_policies_is_told_so_in_one_sentence() -> None:
    done = subprocess.run([sys.executable, "-c", f"import {MODULE}"], capture_output=True, text=True, check=False)

    last_words = done.stderr.strip().splitlines()[-1]
    assert last_words.startswith("ImportError: YeastarRetryPolicy needs Airflow 3.3")
    assert "leave `retry_policy` out" in last_words
