"""On the first of each month: the queue report of the month before, as a PDF e-mailed to the team.

Needs ``pip install airflow-provider-yeastar apache-airflow-providers-smtp`` and the connections ``yeastar_default`` and
``smtp_default`` (type SMTP, with ``from_email`` in its extra). Set the recipients and the ids of your queues in
``params`` below. Both tasks need to see the file: with workers on several machines, put it on a disk that they share.

Set ``timezone`` in the PBX's connection to its time zone, an IANA name such as ``Europe/Berlin``: the month is counted
by the PBX's clock.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_yeastar.compat import dag
from airflow_provider_yeastar.operators.call_report import YeastarCallReportOperator

AIRFLOW_HOME = os.path.expanduser(os.environ.get("AIRFLOW_HOME", "~/airflow"))
REPORTS = os.environ.get("YEASTAR_REPORTS", f"{AIRFLOW_HOME}/yeastar_reports")


@dag(
    # At noon in UTC the first has begun at every PBX, and so the month before is last month there.
    schedule=CronTriggerTimetable("0 12 1 * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 2},
    params={"queue_id_list": "1,2", "to": "support-team@example.com"},
    tags=["yeastar"],
    doc_md=__doc__,
)
def yeastar_pdf_by_mail() -> None:
    """Fetch the PDF, send it."""
    # --8<-- [start:pdf]
    fetch = YeastarCallReportOperator(
        task_id="fetch",
        report_type="queueperformance",
        period="last_month",
        parameters={"queue_id_list": "{{ params.queue_id_list }}"},
        file_format="pdf",
        duration_format="hhmmss",
        destination=f"{REPORTS}/queue_pdfs/",
        deferrable=True,
    )
    month = "{{ ti.xcom_pull('fetch', key='report')['start_time'][:7] }}"
    EmailOperator(
        task_id="send",
        conn_id="smtp_default",
        to="{{ params.to }}",
        subject=f"Queue performance {month}",
        html_content=f"<p>The queue performance of {month} is attached.</p>",
        files=[fetch.output],
    )
    # --8<-- [end:pdf]


yeastar_pdf_by_mail()
