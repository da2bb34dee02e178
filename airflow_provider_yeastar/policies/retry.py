"""YeastarRetryPolicy: the cause of a failure decides whether and when Airflow tries again. From Airflow 3.3 on.

Operators and sensors do not import it, and set no policy of their own: it would take the place of the ``retry_delay``
that their user gave.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_yeastar.pbx.errors import Reaction, YeastarError

try:
    from airflow_provider_yeastar.compat import RetryDecision, RetryPolicy
except ImportError as error:
    raise ImportError(
        "YeastarRetryPolicy needs Airflow 3.3, the first one with retry policies; leave `retry_policy` out, and "
        "`retries` and `retry_delay` hold alone."
    ) from error

if TYPE_CHECKING:
    from airflow_provider_yeastar.compat import Context

__all__ = ["YeastarRetryPolicy"]


class YeastarRetryPolicy(RetryPolicy):
    """Fails at once what no retry can mend, and gives what may pass the time that it takes.

    For tasks of this provider's operators and sensors, and for your own that call :class:`.YeastarHook`. Airflow asks
    it on the worker, after a deferral too. How often a task is tried again stays with its ``retries``. Where the cause
    says nothing of a time, and for an error that is not of this provider, it decides nothing: ``retry_delay`` holds,
    or in a ``ChainRetryPolicy`` the next policy.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Return what to do about the error that a task failed with; Airflow calls this.

        :param exception: the error; our operators have turned what no retry can mend into ``AirflowFailException``
            before, about which Airflow asks nobody.
        :param try_number: is not looked at, and neither are the others: how often is decided by ``retries``.
        :param max_tries: the task's ``retries``.
        :param context: of the task.
        """
        if not isinstance(exception, YeastarError):
            return RetryDecision.default()
        name = type(exception).__name__
        if exception.reaction is Reaction.GIVE_UP:
            return RetryDecision.fail(f"{name}: no retry can mend it")
        if exception.retry_after is None:
            return RetryDecision.default()
        minutes = exception.retry_after / 60
        delay = timedelta(seconds=exception.retry_after)
        return RetryDecision.retry(delay, f"{name}: another try is hardly worth it within {minutes:g} minutes")
