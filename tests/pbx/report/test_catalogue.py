from __future__ import annotations

from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS, REPORT_TYPES


class TestCatalogue:
    def test_what_a_report_requires_is_a_parameter(self) -> None:
        for report in REPORT_TYPES.values():
            assert set(report.required) <= set(PARAMETERS)

    def test_what_a_parameter_serves_is_a_report(self) -> None:
        for parameter in PARAMETERS.values():
            assert set(parameter.reports or ()) <= set(REPORT_TYPES)

    def test_the_reports_that_take_a_day_month_or_year(self) -> None:
        assert {name for name, report in REPORT_TYPES.items() if report.time == "time"} == {
            "extcallactivity",
            "trunkactivity",
            "trunkdiddodactivity",
            "queueavgwaittalktime",
            "queueperformanceactivity",
        }
