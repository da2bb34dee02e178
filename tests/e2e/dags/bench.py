"""A fleet's night written twice, for ``benchmarks/bench_night.py``: with the provider, and as one writes it without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_yeastar.compat import dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

SETTINGS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "params": {"reports": [], "pause": 5},
    "default_args": {"pool": "bench", "queue": "default", "retries": 3, "retry_delay": timedelta(seconds=2)},
}


@task(pool="default_pool")
def plan(params: Any = None) -> list[dict[str, str]]:
    """What to fetch: mappings of pbx, day and destination."""
    return list(params["reports"])


@dag(**SETTINGS)
def bench_ours() -> None:
    """With the deferrable operator."""
    YeastarCallReportOperator.partial(
        task_id="fetch",
        report_type="queueperformance",
        parameters={"queue_id_list": [1, 2]},
        deferrable=True,
    ).expand_kwargs(plan().map(as_arguments))


def as_arguments(report: dict[str, str]) -> dict[str, str]:
    """The operator's names for them."""
    return {"yeastar_conn_id": report["pbx"], "period": report["day"], "destination": report["destination"]}


@task
def fetch(pbx: str, day: str, destination: str, params: Any = None) -> None:
    """Log in, ask until the PBX has time, wait for the answer, and write the file."""
    import time

    import requests
    from airflow.sdk import BaseHook

    connection = BaseHook.get_connection(pbx)
    base = f"{connection.schema}://{connection.host}:{connection.port}"
    login = {"username": connection.login, "password": connection.password}
    headers = {"User-Agent": "OpenAPI"}
    answer = requests.post(f"{base}/openapi/v1.0/get_token", json=login, headers=headers, timeout=60).json()
    token = {"access_token": answer["access_token"]}
    day = day.replace("-", "/")
    query = {
        **token,
        "type": "queueperformance",
        "queue_id_list": "1,2",
        "start_time": f"{day} 00:00:00",
        "end_time": f"{day} 23:59:59",
        "format": "csv",
        "duration_format": "seconds",
    }
    url = f"{base}/openapi/v2.0/call_report/download"
    while (answer := requests.get(url, query, headers=headers, timeout=600).json())["errcode"] == 70082:
        time.sleep(params["pause"])  # it makes another report
    if answer["errcode"]:
        raise ValueError(answer["errmsg"])
    file = requests.get(base + answer["download_resource_url"], token, headers=headers, timeout=600)
    file.raise_for_status()
    with open(destination, "wb") as target:
        target.write(file.content)


@dag(**SETTINGS)
def bench_plain() -> None:
    """With a Python task and requests."""
    fetch.expand_kwargs(plan())


bench_ours()
bench_plain()
