from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.tokens import RENEWAL_MARGIN, Tokens, TokenStep, live_token, next_step

TOKENS = Tokens("access", "refresh", access_expires_at=1800.0, refresh_expires_at=86400.0)


@pytest.mark.parametrize(
    ("tokens", "now", "rejected", "step"),
    [
        pytest.param(None, 0.0, None, TokenStep.LOG_IN, id="before-the-first-login"),
        pytest.param(TOKENS, 0.0, None, TokenStep.USE, id="fresh"),
        pytest.param(TOKENS, 1799.9 - RENEWAL_MARGIN, None, TokenStep.USE, id="just-before-the-margin"),
        pytest.param(TOKENS, 1800.0 - RENEWAL_MARGIN, None, TokenStep.REFRESH, id="at-the-margin"),
        pytest.param(TOKENS, 86399.9 - RENEWAL_MARGIN, None, TokenStep.REFRESH, id="long-expired"),
        pytest.param(TOKENS, 86400.0 - RENEWAL_MARGIN, None, TokenStep.LOG_IN, id="refresh-token-expired-too"),
        pytest.param(TOKENS, 0.0, "access", TokenStep.LOG_IN, id="rejected-by-the-pbx"),
        pytest.param(TOKENS, 0.0, "older", TokenStep.USE, id="another-token-was-rejected"),
    ],
)
def test_next_step(tokens: Tokens | None, now: float, rejected: str | None, step: TokenStep) -> None:
    assert next_step(tokens, now, rejected=rejected) is step


def test_a_token_is_live_as_long_as_it_can_be_used_as_it_is() -> None:
    assert live_token(TOKENS, 0.0) == "access"
    assert live_token(TOKENS, 1800.0 - RENEWAL_MARGIN) is None
    assert live_token(TOKENS, 0.0, rejected="access") is None
    assert live_token(None, 0.0) is None


def test_tokens_are_not_shown() -> None:
    assert "access" not in repr(TOKENS).replace("access_expires_at", "")
