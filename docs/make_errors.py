"""Writes docs/errors.md, the table of causes, from the classes themselves: ``python docs/make_errors.py``."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_yeastar.exceptions import Cause, causes

PAGE = Path(__file__).parent / "errors.md"
HEAD = """# Why a task fails

Every failure is one sentence: what happened, on which PBX and endpoint, the PBX's errcode, what to do. The classes
stand in `airflow_provider_yeastar.pbx.errors` and `airflow_provider_yeastar.exceptions`, below `YeastarError`.
What may pass by itself is first asked for again within the task's own time-outs; what then is left, Airflow retries
where the table says so, and elsewhere fails the task at once, whatever its `retries`. The last column is for tasks with
the [retry policy](retries.md) (Airflow 3.3): minutes until the next try, or the task's own `retry_delay`.

| cause | errcode | what to do | Airflow retries | with the policy after |
|---|---|---|---|---|
"""


# What is not told by the errcode alone.
NOTES = {"CredentialsError": "-1 of a login", "PbxInternalError": "-1, -2 and any other"}


def after(cause: Cause) -> str:
    """Return when the retry policy lets Airflow try again."""
    if not cause.airflow_retries:
        return ""
    return "`retry_delay`" if cause.retry_after is None else f"{cause.retry_after / 60:g} min"


def page() -> str:
    """Return the whole page."""
    rows = [
        f"| `{cause.name}` | {NOTES.get(cause.name) or ', '.join(map(str, cause.errcodes))} | {cause.remedy} "
        f"| {'yes' if cause.airflow_retries else 'no'} | {after(cause)} |"
        for cause in causes()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
