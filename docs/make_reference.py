"""Writes docs/reports.md from the tables of reports, parameters and columns; `make reference` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from airflow_provider_yeastar.pbx.report.catalogue import OWN_ARGUMENTS, PARAMETERS, REPORT_TYPES, Parameter, ReportType
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS

__all__ = ["PAGE", "reference_page"]

PAGE = Path(__file__).parent / "reports.md"

_HEAD = """\
<!-- Written by `make reference` from pbx/report/catalogue.py and schemas/reports.py; a change belongs there. -->

# Reports and parameters

What `YeastarCallReportOperator`, `YeastarCallReportRowsOperator` and `YeastarHook.get_report_rows` take as
`report_type` and in `parameters`, after the vendor's page "Download a Call Report". What that page leaves open is not
refused: a parameter that is not listed here, and any value of a text, is sent as it is given.

## Report types

"Takes" says how the PBX wants the time frame. A range is a `period`, or `start_time` and `end_time`. A period alone is
a day (a row for each hour), a month (for each day) or a year (for each month). Where the vendor does not say, a range
is sent. "Required" is what the PBX is known to need; other reports may need ids too, and the PBX then refuses them or
answers without rows.
"""

_USER_CREATED = """
Two more kinds have no `report_type`: user-created reports (`my_report_id`, listed by `YeastarHook.list_my_reports()`),
which take a range and any parameter; and scheduled reports (`scheduled_report_id`, listed by
`YeastarHook.list_scheduled_reports()`), which take `need_detail` alone and come as files only.
"""

_PARAMETERS = """
## Parameters

An id is the PBX's internal one as an int (`2`); a text is a dialled number or a name (`"6401"`, `"Support"`), and an id
where it is neither. "Ids from" names the menus of the PBX in which it is looked up; `YeastarHook.list_menu_options()`
lists them. Where no menu is known, and with `check_ids=False`, ids are sent as they are given. Several are a list, or
a text with commas between them. A flag is `True` or `False`; seconds and integers are whole numbers. A parameter that
is for one report only is refused with another; user-created reports take any.
"""

_OWN = """
## Arguments of their own

These parameters of the vendor's page do not go into `parameters`; each is an argument of the operator.
"""

_COLUMNS = """
## Columns

What the rows of each report hold: in files of rows, in SQL tables, in `get_report_rows`. `text` includes phone numbers,
extensions and ids; a `duration` is whole seconds, a `percent` is percent points (77.14), a `timestamp` is local time of
the PBX without a UTC offset. "Source" says how a column is known: D documented by the vendor, L recorded from a real
PBX, I inferred from similar reports, U unknown. A column that a PBX sends and that is not listed is kept, typed by its
name and reported as an unknown column; `columns={"name": "text"}` declares it, or corrects a type. A user-created
report has the columns that `columns` gives it.
"""


def reference_page() -> str:
    """Return the page, in Markdown."""
    reports = _table(("`report_type`", "report", "takes", "required", "API"), map(_report_row, REPORT_TYPES.values()))
    parameters = _table(("parameter", "type", "ids from", "for", "about"), map(_parameter_row, PARAMETERS.values()))
    own = _table(("vendor's parameter", "argument"), ((_code(name), _code(own)) for name, own in OWN_ARGUMENTS.items()))
    columns = "\n\n".join(map(_columns_of, REPORT_TYPES.values()))
    return "\n".join([_HEAD, reports, _USER_CREATED, _PARAMETERS, parameters, _OWN, own, _COLUMNS, columns, ""])


def _columns_of(report: ReportType) -> str:
    columns = REPORT_COLUMNS[report.name]
    rows = ((_code(column.key), column.name, column.type, column.unit, column.source) for column in columns)
    table = _table(("column", "in the portal", "type", "unit", "source"), rows)
    return f"### {report.title}: {_code(report.name)}\n\n{table}"


def _report_row(report: ReportType) -> tuple[str, ...]:
    takes = {"range": "a range", "time": "a period alone", "unknown": "a range (not documented)"}[report.time]
    versions = "v2.0 only" if report.v2_only else "v1.0, v2.0"
    return _code(report.name), report.title, takes, _codes(report.required), versions


def _parameter_row(parameter: Parameter) -> tuple[str, ...]:
    return _code(parameter.name), parameter.kind, _codes(parameter.menus), _served(parameter), parameter.about


def _served(parameter: Parameter) -> str:
    if parameter.reports:
        return f"{_codes(parameter.reports)} only"
    needing = [name for name, report in REPORT_TYPES.items() if parameter.name in report.required]
    return f"{_codes(needing)}, and others" if needing else "any"


def _code(text: str) -> str:
    return f"`{text}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_lines([header, ("---",) * len(header), *rows]))


def _lines(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    PAGE.write_text(reference_page(), encoding="utf-8")
