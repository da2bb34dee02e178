"""The arguments that select a report: mixins for operators and sensors.

They derive from ``BaseOperator``, because Airflow applies ``default_args`` and checks the arguments of ``partial`` and
``expand`` only for such classes. docs/_tools/arguments.py is the source of their explanations in docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from airflow_provider_yeastar.pbx.report.request import ReportRequest, build_request, check_arguments
from airflow_provider_yeastar.tasks.templates import TemplatedTask

__all__ = ["ReportArguments", "RequestArguments"]


class ReportArguments(TemplatedTask):
    """The arguments that select a report, as a file or as rows; the operators explain them."""

    template_fields: Sequence[str] = (
        "report_type",
        "my_report_id",
        "period",
        "start_time",
        "end_time",
        "parameters",
        "api_version",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}

    def __init__(
        self,
        *,
        report_type: str | None = None,
        my_report_id: int | str | None = None,
        period: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        check_ids: bool = True,
        api_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.report_type = report_type
        self.my_report_id = my_report_id
        self.period = period
        self.start_time = start_time
        self.end_time = end_time
        self.parameters = parameters
        self.check_ids = check_ids
        self.api_version = api_version

    @property
    def request_arguments(self) -> dict[str, Any]:
        """The current arguments of :func:`.build_request`: Airflow renders templates before the task runs."""
        return {
            "report_type": self.report_type,
            "my_report_id": self.my_report_id,
            "period": self.period,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "parameters": self.parameters,
            "check_ids": self.check_ids,
            "api_version": self.api_version,
        }

    def build_request(self) -> ReportRequest:
        """Return the request that the rendered arguments make.

        :raises InvalidRequestError: for arguments that make none, and where a template rendered to nothing.
        """
        self.check_templates()
        return build_request(**self.request_arguments)


class RequestArguments(ReportArguments):
    """The arguments that select a report's file; the operators explain them."""

    template_fields: Sequence[str] = (
        *ReportArguments.template_fields,
        "scheduled_report_id",
        "file_format",
        "duration_format",
    )

    def __init__(
        self,
        *,
        scheduled_report_id: int | str | None = None,
        file_format: str = "csv",
        duration_format: str = "seconds",
        asynchronous: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.scheduled_report_id = scheduled_report_id
        self.file_format = file_format
        self.duration_format = duration_format
        self.asynchronous = asynchronous
        check_arguments(**self.request_arguments)

    @property
    def request_arguments(self) -> dict[str, Any]:
        """The current arguments of :func:`.build_request`: Airflow renders templates before the task runs."""
        return super().request_arguments | {
            "scheduled_report_id": self.scheduled_report_id,
            "file_format": self.file_format,
            "duration_format": self.duration_format,
            "asynchronous": self.asynchronous,
        }
