"""Whatever an answer holds, reading it takes a bounded share of the memory."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from airflow_provider_yeastar.pbx.untrusted import loads

SCALE = 64
"""A power of two, so that hash tables grow as at full size."""
UNITS, SIZE = 3_500_000 // SCALE, (32 << 20) // SCALE


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([('{"a":' * 31 + "1.5" + "}" * 31) + ","] * (UNITS // 156), id="deep-dicts"),
        pytest.param(["[" * 31 + "1.5" + "]" * 31 + ","] * (UNITS // 63), id="deep-lists"),
        pytest.param(['{"a":1.5},'] * (UNITS // 6), id="dicts"),
        pytest.param(["[1.5],"] * (UNITS // 3), id="lists"),
        pytest.param(['"\u00e9a",'] * UNITS, id="texts"),
        pytest.param(['"\U0001f600",', *['"\u00e9a",'] * UNITS], id="wide-texts"),
        pytest.param(["{", *(f'"{at:06x}\u00e9":"\u00e9a",' for at in range(UNITS // 2)), '"":0},'], id="keys"),
        pytest.param(['{"a\\u0000":1,"b\\u0000":1,"c\\u0000":1},'] * (SIZE // 36), id="dirty-keys"),
        pytest.param(['"', "\\ud800a" * (SIZE // 7), '",'], id="escapes"),
        pytest.param(['"', "\\nab" * (SIZE // 4), '\\u0073",'], id="escapes-that-may-hide-a-secret"),
        pytest.param(['"', "\ud800ab" * (SIZE // 5), '",'], id="surrogates"),
    ],
)
@pytest.mark.parametrize("last", ["0", '"\\ud800"'], ids=["clean", "to-be-cleaned"])
def test_no_answer_takes_more_than_450_mb(values: list[str], last: str) -> None:
    text = f"[{''.join(values)}{last}]".encode("utf-8", "surrogatepass")
    tracemalloc.start()
    try:
        loads(text, ["s3cret"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak * SCALE < 450_000_000


def test_as_many_rows_of_calls_as_fit_into_an_answer_are_read() -> None:
    call = {f"name_{at}": "10:11:12" if at < 3 else "some value" for at in range(28)} | {"more": [{"a": {"b": 1}}]}
    text = json.dumps([call | {"note": "x" * 100}] * 40_000)

    assert 31 << 20 < len(text) <= 32 << 20
    assert len(loads(text)) == 40_000
