"""What the PBX makes of a request for a report: the query checked, worked out, built and rendered. No sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from airflow_provider_yeastar.simulator.api.display import Display, Span
from airflow_provider_yeastar.simulator.calls.log import CallLog
from airflow_provider_yeastar.simulator.files.layout import DurationFormat
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout, FileFormat, render
from airflow_provider_yeastar.simulator.reports import ReportQuery, ReportTable, empty_report, report_of
from airflow_provider_yeastar.simulator.reports.catalogue import MY_REPORTS, REPORTS, SCHEDULED_REPORTS, ReportKind
from airflow_provider_yeastar.simulator.settings import SimulatorSettings
from airflow_provider_yeastar.simulator.state import Refusal

__all__ = ["ReportOrder", "order_report", "order_scheduled_report"]

_FORMATS: Mapping[str, FileFormat] = {"csv": "csv", "xls": "xls", "pdf": "pdf", "html": "html"}
_EVERYTHING = Span(datetime(2000, 1, 1), datetime(2000, 1, 1))


@dataclass(frozen=True)
class ReportOrder:
    """A report that the PBX has agreed to make; ``query`` is None where it will find no rows."""

    kind: ReportKind
    query: ReportQuery | None
    file_format: FileFormat
    duration_format: DurationFormat
    asynchronous: bool

    def build(self, log: CallLog) -> ReportTable:
        """Return the report as a table."""
        if self.query is None:
            return empty_report(self.kind)
        return report_of(log, self.query)

    def render(self, log: CallLog, csv_layout: CsvLayout) -> bytes:
        """Return the report as a file."""
        return render(self.build(log), self.file_format, self.duration_format, csv_layout)


def order_report(
    query: Mapping[str, str], version: str, settings: SimulatorSettings, today: datetime, log: CallLog
) -> ReportOrder:
    """Take an order for ``call_report/download`` or ``call_report/list``.

    A report without a window holds all that there is, and API v1.0 then has rows on new firmware too [L].

    :param query: the URL's query.
    :param version: API version of the path.
    :param settings: the PBX's.
    :param today: what its clock shows; a range that is left open ends with that day.
    :param log: its calls; a range that is left open begins with them.
    :raises Refusal: when the PBX would not take it.
    """
    kind, filters = _kind(query, version, settings)
    # A user-created report holds its own selection.
    missing = [name for name in kind.required if query.get("type") and not query.get(name)]
    if missing:
        raise Refusal(40002, [{"field": name, "valid_msg": f"{name} is required"} for name in missing])
    if kind.type.startswith("extcallbilling") and not settings.call_rate_set:
        raise Refusal(70106)
    span = _span(kind, query, version, settings, log.everything(_midnight(today)))
    whole = version == "v1.0" and not {"start_time", "end_time", "time"} & query.keys()
    found = span is not None and (version == settings.data_version or whole)
    asked = ReportQuery(
        kind=kind,
        start=(span or _EVERYTHING).start,
        end=(span or _EVERYTHING).end,
        bucket=(span or _EVERYTHING).bucket,
        filters={**filters, **query},
        need_detail=query.get("need_detail") == "1",
    )
    return _order(kind, asked if found else None, query, query.get("format", "csv"))


def order_scheduled_report(query: Mapping[str, str], version: str, settings: SimulatorSettings) -> ReportOrder:
    """Take an order for ``call_schedule_report/download``; the schedule decides what it is and its format."""
    for report in SCHEDULED_REPORTS:
        if str(report.id) == query.get("id"):
            asked = ReportQuery(
                kind=report.kind,
                start=report.start,
                end=report.end,
                filters=report.filters,
                need_detail=query.get("need_detail") == "1",
            )
            return _order(report.kind, asked if version == settings.data_version else None, query, report.format)
    raise Refusal(-2)


def _order(kind: ReportKind, asked: ReportQuery | None, query: Mapping[str, str], file_format: str) -> ReportOrder:
    if file_format not in _FORMATS:
        raise Refusal(40002, [{"field": "format", "valid_msg": "format must be one of csv xls pdf html"}])
    duration_format: DurationFormat = "hhmmss" if query.get("duration_format") == "hhmmss" else "seconds"
    return ReportOrder(kind, asked, _FORMATS[file_format], duration_format, query.get("is_async") == "1")


def _kind(query: Mapping[str, str], version: str, settings: SimulatorSettings) -> tuple[ReportKind, Mapping[str, str]]:
    if bool(query.get("type")) == bool(query.get("my_report_id")):
        raise Refusal(40002, [{"field": "type", "valid_msg": "type or my_report_id is required"}])
    if query.get("my_report_id") and not settings.my_reports_fail:
        for report in MY_REPORTS:
            if str(report.id) == query["my_report_id"]:
                return report.kind, report.filters
    kind = REPORTS.get(query.get("type", ""))
    if kind is None or version not in kind.versions:
        raise Refusal(-2)
    return kind, {}


def _span(
    kind: ReportKind,
    query: Mapping[str, str],
    version: str,
    settings: SimulatorSettings,
    everything: tuple[datetime, datetime],
) -> Span | None:
    """Return the time frame; None where its spelling makes v1.0 and older firmware find nothing."""
    display = Display(settings.date_format, settings.twelve_hour)
    if kind.time == "time" and "time" in query:
        span = display.read_span(query["time"])
        if span is None and version == "v2.0":
            raise _bad_format("time", display.go_layout.partition(" ")[0])
        # The bucket after the last one begins a second later [L].
        return replace(span, end=span.end + timedelta(seconds=1)) if span and settings.stray_bucket else span
    ends = []
    for name, otherwise in zip(("start_time", "end_time"), everything, strict=True):
        end = display.read_time(query[name]) if name in query else otherwise
        if end is None:
            if version == "v2.0":
                raise _bad_format(name, display.go_layout)
            return None
        ends.append(end)
    start, end = ends
    return Span(start, end) if start <= end else None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _bad_format(name: str, layout: str) -> Refusal:
    return Refusal(40002, [{"field": name, "valid_msg": f"{name} format invalid, valid format: {layout}"}])
