from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, strategies as st

from airflow_provider_yeastar.pbx.errors import (
    BlockedError,
    CredentialsError,
    NetworkError,
    NotAPbxError,
    PbxInternalError,
    TokenCapError,
    TokenExpiredError,
    YeastarError,
)
from airflow_provider_yeastar.pbx.login.record import (
    TOKEN_LIFE,
    Attempt,
    LoginRecord,
    LoginStep,
    next_login_step,
)
from airflow_provider_yeastar.pbx.tokens import Tokens

NOW = 10_000.0
HOUR = 3600.0
FRESH = Tokens("access", "refresh", NOW + 1800, NOW + 86400, NOW)
DUE = Tokens("access", "refresh", NOW + 30, NOW + 86400, NOW - 1770)
OLD = Tokens("access", "refresh", NOW - 90_000, NOW - 1, NOW - 91_800)
TRIED = (Attempt("1", NOW - 5), Attempt("2", NOW - 3))
BUSY = {"busy": "somebody", "busy_until": NOW + 10}


def failed(error: YeastarError, at: float = NOW, record: LoginRecord | None = None, key: str = "1") -> LoginRecord:
    attempt = Attempt(key, at)
    begun = (record or LoginRecord()).begun(LoginStep.LOG_IN, attempt, 10)
    return begun.failed(attempt, error, at, was_received=error.was_received)


@pytest.mark.parametrize(
    ("record", "rejected", "step"),
    [
        pytest.param(LoginRecord(), None, LoginStep.LOG_IN, id="before-the-first-login"),
        pytest.param(LoginRecord(FRESH), None, LoginStep.USE, id="fresh"),
        pytest.param(LoginRecord(FRESH, **BUSY), None, LoginStep.USE, id="fresh-while-another-is-busy"),
        pytest.param(LoginRecord(FRESH, attempts=TRIED), None, LoginStep.USE, id="fresh-after-two-attempts"),
        pytest.param(LoginRecord(FRESH), "access", LoginStep.LOG_IN, id="rejected"),
        pytest.param(LoginRecord(FRESH), "older", LoginStep.USE, id="another-was-rejected"),
        pytest.param(LoginRecord(DUE), None, LoginStep.REFRESH, id="due"),
        pytest.param(LoginRecord(DUE, attempts=TRIED), None, LoginStep.REFRESH, id="due-after-two-attempts"),
        pytest.param(LoginRecord(DUE, **BUSY), None, LoginStep.WAIT, id="due-while-another-is-busy"),
        pytest.param(LoginRecord(OLD), None, LoginStep.LOG_IN, id="old"),
        pytest.param(LoginRecord(**BUSY), None, LoginStep.WAIT, id="another-logs-in"),
        pytest.param(LoginRecord(busy="x", busy_until=NOW), None, LoginStep.LOG_IN, id="another-died"),
        pytest.param(LoginRecord(attempts=TRIED[:1]), None, LoginStep.LOG_IN, id="one-attempt"),
        pytest.param(LoginRecord(attempts=TRIED), None, LoginStep.FAIL, id="two-attempts"),
        pytest.param(LoginRecord(OLD, attempts=TRIED), None, LoginStep.FAIL, id="two-attempts-and-an-old-token"),
        pytest.param(
            LoginRecord(FRESH, Attempt("2", NOW - 3), TRIED[:1]),
            "access",
            LoginStep.FAIL,
            id="the-second-fresh-one-rejected",
        ),
        pytest.param(
            LoginRecord(FRESH, None, TRIED[:1]), "access", LoginStep.LOG_IN, id="one-that-was-of-use-rejected"
        ),
        pytest.param(
            LoginRecord(attempts=(Attempt("1", NOW - TOKEN_LIFE), TRIED[1])),
            None,
            LoginStep.LOG_IN,
            id="one-is-too-old",
        ),
        pytest.param(
            LoginRecord(attempts=(Attempt("1", NOW + HOUR), TRIED[1])), None, LoginStep.FAIL, id="one-from-the-future"
        ),
        pytest.param(failed(NetworkError("lost")), None, LoginStep.FAIL, id="just-failed"),
    ],
)
def test_what_to_do(record: LoginRecord, rejected: str | None, step: LoginStep) -> None:
    assert next_login_step(record, NOW, rejected) is step


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (CredentialsError("refused"), HOUR),
        (TokenCapError("all are taken"), 15),
        (NetworkError("lost"), 2),
        (NotAPbxError("a web page"), 2),
        (PbxInternalError("error"), 60),
        (BlockedError("blocked"), 60),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_repeated_for_a_while(error: YeastarError, seconds: float) -> None:
    record = failed(error)

    repeated = record.failure_now(NOW + seconds - 0.1)
    assert type(repeated) is type(error)
    assert "ago; it was not asked again" in str(repeated)
    assert record.failure_now(NOW + seconds) is None


def test_a_call_that_never_reached_the_pbx_is_no_attempt_and_not_remembered() -> None:
    error = NetworkError("Connection refused")
    error.was_received = False

    assert failed(error) == LoginRecord()


def test_the_cap_of_tokens_is_no_attempt() -> None:
    assert failed(TokenCapError("all are taken")).attempts == ()


def test_a_secret_that_was_refused_twice_is_not_tried_again_by_itself() -> None:
    once = failed(CredentialsError("refused"))
    twice = failed(CredentialsError("refused"), NOW + 2 * HOUR, once, "2")

    assert once.failure_now(NOW + 2 * HOUR) is None
    assert isinstance(twice.failure_now(NOW + 10_000 * HOUR), CredentialsError)
    assert twice.forgiven().failure_now(NOW + 3 * HOUR) is None


def test_the_third_login_waits_until_the_first_has_aged_and_says_so() -> None:
    record = failed(NetworkError("The answer was lost"), NOW + 100, failed(NetworkError("lost")), "2")

    error = record.failure_now(NOW + 200)
    assert isinstance(error, NetworkError)
    assert "The answer was lost; two logins brought no usable token, the next is sent in 27 minutes" in str(error)
    assert error.retry_after == TOKEN_LIFE - 200
    assert record.failure_now(NOW + TOKEN_LIFE) is None


def test_tokens_that_are_refused_though_they_are_fresh_say_so() -> None:
    error = LoginRecord(attempts=TRIED).failure_now(NOW)

    assert isinstance(error, TokenExpiredError)
    assert "their tokens are refused or lost" in str(error)


@pytest.mark.parametrize("was_received", [True, False])
def test_a_refresh_token_is_used_once(was_received: bool) -> None:
    attempt = Attempt("1", NOW)
    record = LoginRecord(DUE).begun(LoginStep.REFRESH, attempt, 10)

    left = record.not_refreshed(attempt, was_received=was_received, is_refused=False)

    assert next_login_step(left, NOW) is (LoginStep.LOG_IN if was_received else LoginStep.REFRESH)


def test_a_record_is_shared_as_soon_as_a_second_process_uses_it() -> None:
    first = LoginRecord().used_by("a")

    assert not first.used_by("a").is_shared
    assert first.used_by("b").is_shared
    assert first.used_by("b").used_by("a").is_shared


class World:
    """An application whose logins go wrong in all ways, and its users with their records of one state."""

    def __init__(self) -> None:
        self.record = LoginRecord()
        self.now = NOW
        self.logins: list[float] = []
        self.usable: set[float] = set()
        self.number = 0
        self.tokens: Tokens | None = None

    def use(self, outcome: str) -> None:
        """Have a call made; where a login is due it ends as given."""
        rejected = self.tokens.access_token if self.tokens and outcome == "rejected" else None
        step = next_login_step(self.record, self.now, rejected)
        self.record = self.record.without_rejected(rejected)
        attempt = Attempt(str(self.number), self.now)
        self.number += 1
        if step is LoginStep.USE:
            self.tokens = self.record.tokens
            assert self.tokens
            if outcome == "good" and self.record.given_by:
                self.usable.add(self.record.given_by.at)
                self.record = self.record.proven(self.tokens.access_token)
        elif step in (LoginStep.LOG_IN, LoginStep.REFRESH):
            self.record = self.record.begun(step, attempt, 10)
            if step is LoginStep.LOG_IN:
                self.logins.append(self.now)
            self.end(step, attempt, outcome)

    def end(self, step: LoginStep, attempt: Attempt, outcome: str) -> None:
        if outcome == "killed":
            return
        if outcome == "lost":
            if step is LoginStep.LOG_IN:
                self.record = self.record.failed(attempt, NetworkError("lost"), self.now, was_received=True)
            else:
                self.record = self.record.not_refreshed(attempt, was_received=True, is_refused=False)
        elif outcome == "refused" and step is LoginStep.LOG_IN:
            self.record = self.record.failed(attempt, CredentialsError("refused"), self.now, was_received=True)
        else:
            life = 1.0 if outcome == "short" else 1800.0
            tokens = Tokens(f"access {attempt.key}", "refresh", self.now + life, self.now + 86400, self.now)
            self.record = self.record.succeeded(step, attempt, tokens)


@example([("short", 70), ("lost", 70)] * 5)
@example([("short", 5)] * 9)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["good", "lost", "killed", "refused", "rejected", "short"]),
            st.sampled_from([0.1, 5, 70, 900]),
        ),
        max_size=60,
    )
)
def test_whatever_goes_wrong_two_logins_in_a_token_s_life_bring_no_usable_token_at_most(
    steps: list[tuple[str, float]],
) -> None:
    world = World()
    for outcome, seconds in steps:
        world.use(outcome)
        world.now += seconds

    useless = [at for at in world.logins if at not in world.usable]
    for first in useless:
        # The one that is under way, or whose token nobody has used yet, is not known to be useless.
        assert len([at for at in useless if first <= at < first + TOKEN_LIFE]) <= 2 + (useless[-1] == world.logins[-1])


def test_a_login_of_a_name_joins_that_of_the_pbx() -> None:
    here = replace(LoginRecord(FRESH, None, TRIED[:1]), first_user="a")
    there = replace(LoginRecord(None, None, TRIED[1:]), first_user="b", is_shared=True)

    joined = there.joined_by(here, NOW)

    assert joined.tokens == FRESH
    assert set(joined.attempts) == set(TRIED)
    assert (joined.first_user, joined.is_shared) == ("b", True)
    assert LoginRecord().joined_by(here, NOW).first_user == "a"
