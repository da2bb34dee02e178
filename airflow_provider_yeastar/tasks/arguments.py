"""The arguments that say which report a task asks for, as file or as rows.

The classes derive from ``BaseOperator`` since Airflow applies ``default_args``, and checks the arguments of ``partial``
and ``expand``, only for such classes. Operators and sensors are put together from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.request import TIME_FRAME, check_arguments

__all__ = ["ReportArguments", "RequestArguments"]


class ReportArguments(BaseOperator):
    """The arguments that say which report is wanted, as file or as rows.

    Each operator and sensor explains them in its own docstring, for those who use it.
    """

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
        self._time_frame = tuple(name for name in TIME_FRAME if getattr(self, name) is not None)

    @property
    def request_arguments(self) -> dict[str, Any]:
        """The arguments of :func:`.build_request`, as they stand now: templates are rendered when the task runs.

        :raises InvalidRequestError: when nothing came of a time frame that was given: without one, a PBX reports on all
            that it has.
        """
        for name in self._time_frame:
            if getattr(self, name) is None:
                raise InvalidRequestError(f"`{name}` was rendered to None; give it a value or leave it out")
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


class RequestArguments(ReportArguments):
    """The arguments that say which report's file is wanted; explained as above."""

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
        """The arguments of :func:`.build_request`, as they stand now: templates are rendered when the task runs."""
        return super().request_arguments | {
            "scheduled_report_id": self.scheduled_report_id,
            "file_format": self.file_format,
            "duration_format": self.duration_format,
            "asynchronous": self.asynchronous,
        }
