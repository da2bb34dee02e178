from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.facts import choose_api_version, tell_of_window
from airflow_provider_yeastar.pbx.report.request import build_request

QUEUES: dict[str, Any] = {"report_type": "queueperformance", "parameters": {"queue_id_list": [1]}}


class TestChooseApiVersion:
    @pytest.mark.parametrize(
        ("firmware", "version"),
        [
            ("37.21.0.66", "v1.0"),
            ("37.21.0.117", "v2.0"),
            ("84.21.0.66", "v1.0"),
            ("84.21.0.117", "v2.0"),
            ("83.22.0.1", "v2.0"),
            ("37.23.0.123", "v2.0"),
            ("37.8.0.25", "v1.0"),
            ("", "v2.0"),
            ("unknown", "v2.0"),
        ],
    )
    def test_auto_goes_by_the_firmware_whatever_the_edition(self, firmware: str, version: str) -> None:
        assert choose_api_version("auto", firmware, build_request(**QUEUES)) == version

    @pytest.mark.parametrize("wanted", ["v1.0", "v2.0"])
    def test_a_wanted_one_is_taken(self, wanted: str) -> None:
        assert choose_api_version(wanted, "37.23.0.123", build_request(**QUEUES)) == wanted

    def test_what_exists_in_v2_only_is_refused_on_old_firmware(self) -> None:
        request = build_request(report_type="aireceptionistcallactivity", period="2026-11-20")

        with pytest.raises(InvalidRequestError, match=r"v2\.0 only"):
            choose_api_version("auto", "37.20.0.21", request)


class TestTellOfWindow:
    @pytest.mark.parametrize(
        ("arguments", "is_told"),
        [
            (QUEUES, True),
            (QUEUES | {"period": "2026-11-20"}, False),
            (QUEUES | {"end_time": "2026-11-20T10:00:00"}, False),
            ({"my_report_id": 1}, False),  # whether the PBX keeps a time frame with it is unknown
            ({"scheduled_report_id": 1}, False),
        ],
        ids=["no window", "period", "open beginning", "user-created", "scheduled"],
    )
    def test_a_report_of_everything_is_told_with_what_to_set(
        self, arguments: dict[str, Any], is_told: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        tell_of_window(build_request(**arguments), datetime(2026, 11, 22, tzinfo=UTC), UTC)

        warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) == is_told
        assert all("covers all calls that the PBX has. Set `period`" in warning for warning in warnings)
