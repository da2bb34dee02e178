"""A fleet's night written twice, for ``bench_night.py``: with the provider, and as one writes it without.

Both get the same ``params``: ``reports``, mappings of connection, period and destination, and ``pause``, the seconds
after which a busy PBX is asked again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_yeastar.compat import BaseHook, dag, task
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

SETTINGS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "params": {"reports": [], "pause": 5},
    "default_args": {"pool": "fleet", "retries": 3, "retry_delay": timedelta(seconds=2)},
}


@task(pool="default_pool")
def plan(params: Any = None) -> list[dict[str, str]]:
    """What to fetch."""
    return list(params["reports"])


@dag(**SETTINGS)
def fleet_with_provider() -> None:
    """With the deferrable operator."""
    YeastarCallReportOperator.partial(
        task_id="fetch",
        report_type="queueperformance",
        parameters={"queue_id_list": [1, 2]},
        deferrable=True,
    ).expand_kwargs(plan())


@task
def fetch(yeastar_conn_id: str, period: str, destination: str, params: Any = None) -> None:
    """Log in, request the report synchronously once the PBX has time for it, download it, log out.

    The vendor's page asks synchronously as well. The answer names the file, so that no other report can be taken for
    it, and no WebSocket is needed.
    """
    import time

    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    connection = BaseHook.get_connection(yeastar_conn_id)
    base = f"{connection.schema}://{connection.host}:{connection.port}"
    with requests.Session() as session:
        session.headers["User-Agent"] = "OpenAPI"
        session.mount(base, HTTPAdapter(max_retries=Retry(3, backoff_factor=1, status_forcelist=(502, 503, 504))))

        def ask(path: str, query: Any = None, body: Any = None) -> dict[str, Any]:
            method = "POST" if body else "GET"
            response = session.request(method, f"{base}/openapi/{path}", params=query, json=body, timeout=600)
            response.raise_for_status()
            return dict(response.json())

        login = ask("v1.0/get_token", body={"username": connection.login, "password": connection.password})
        if login["errcode"]:
            raise ValueError(login["errmsg"])
        token = {"access_token": login["access_token"]}
        day = period.replace("-", "/")
        query = {
            "type": "queueperformance",
            "queue_id_list": "1,2",
            "start_time": f"{day} 00:00:00",
            "end_time": f"{day} 23:59:59",
            "format": "csv",
            "duration_format": "seconds",
            "is_async": 0,
        }
        try:
            while (answer := ask("v2.0/call_report/download", token | query))["errcode"] == 70082:
                time.sleep(params["pause"])  # noqa: TID251 - as one writes it; the PBX makes another report
            if answer["errcode"]:
                raise ValueError(answer["errmsg"])
            file = session.get(base + answer["download_resource_url"], params=token, timeout=600)
            file.raise_for_status()
        finally:
            ask("v1.0/del_token", token)
    with open(destination, "wb") as target:
        target.write(file.content)


@dag(**SETTINGS)
def fleet_with_requests() -> None:
    """With a Python task and requests."""
    fetch.expand_kwargs(plan())


fleet_with_provider()
fleet_with_requests()
