"""What was written as a CSV report, by anyone or by the simulator, is what is read."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.readers import ReportLayoutError, parse_report
from airflow_provider_yeastar.simulator.calls.directory import DEFAULT_DIRECTORY
from airflow_provider_yeastar.simulator.files.rendering import CsvLayout, render
from airflow_provider_yeastar.simulator.reports import ReportQuery, ReportTable as BuiltReport, build_report
from airflow_provider_yeastar.simulator.reports.catalogue import REPORTS
from tests.readers.support import cells

DAY = datetime(2026, 11, 20)

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
# Delimiters in a title can make a table of it; such a file is refused rather than guessed at.
_titles = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\0,;\t"'), max_size=12)
_names = st.text(st.characters(categories=["L"]), min_size=1, max_size=12).map("Q".__add__)
_rows = st.integers(3, 6).flatmap(
    lambda width: st.lists(
        st.tuples(_names.map("{}<6400>".format), st.integers(0, 99).map(str), *[_texts] * (width - 2)), max_size=5
    )
)


@given(
    rows=_rows,
    delimiter=st.sampled_from(",;"),
    preamble=st.lists(st.lists(_titles, max_size=2), max_size=5),
    bom=st.booleans(),
)
def test_any_table_is_read_as_it_was_written(
    rows: list[tuple[str, ...]], delimiter: str, preamble: list[list[str]], bom: bool
) -> None:
    header = tuple(f"Title {letter}" for letter in "ABCDEF"[: len(rows[0]) if rows else 3])
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([*preamble, header, *rows])
    table = parse_report("\ufeff" * bom + text.getvalue())
    assert table.header == header
    assert cells(table) == rows


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        table = parse_report(text)
    except ReportLayoutError:
        return
    assert len(table.header) >= 2
    assert table.columns


FILTERS = {
    "ext_id_list": "11,12",
    "queue_id_list": "1,2",
    "queue_id": "2",
    "ivr_id_list": "41,51",
    "ring_group_id_list": "51,61",
    "trunk_id_list": "31,32",
    "trunk_id": "31",
}


def built(report_type: str, *, need_detail: bool = False) -> BuiltReport:
    query = ReportQuery(
        REPORTS[report_type], DAY, DAY + timedelta(days=1, seconds=-1), filters=FILTERS, need_detail=need_detail
    )
    return build_report(1, DEFAULT_DIRECTORY, query)


@pytest.mark.parametrize("layout", range(12), ids=lambda number: f"layout {number}")
@pytest.mark.parametrize("report_type", REPORTS)
def test_what_the_simulator_writes_is_read_with_the_same_figures(report_type: str, layout: int) -> None:
    report = built(report_type)
    csv_layout = CsvLayout(
        bom=bool(layout % 2),
        preamble=bool(layout % 3),
        delimiter=",;\t"[layout % 3],
        total_row=layout >= 6,
        label_style="number-name" if layout % 4 > 1 else "name<number>",
    )
    # One row proves no total.
    total_row = csv_layout.total_row if len(report.rows) == 1 else None
    text = render(report, "csv", "hhmmss" if layout % 5 else "seconds", csv_layout).decode()
    table = parse_report(text, report_type=report_type, total_row=total_row)
    assert table.header == tuple(column.label for column in report.columns)
    assert len(table.rows) == len(report.rows)
    assert (table.totals is not None) == (csv_layout.total_row and bool(report.rows))
    by_header = {column.header: column for column in table.columns}
    for column in report.columns:
        # The label of an hour, a day or a month is text, however it is written.
        if column.kind in ("integer", "seconds") and column.key != "time" and report.rows:
            assert by_header[column.label].values == tuple(row[column.key] for row in report.rows)


@pytest.mark.parametrize("total_row", [False, True], ids=["no total", "total"])
@pytest.mark.parametrize("report_type", ["queueperformance", "queueagentperformance", "queueperformanceactivity"])
def test_the_calls_that_the_simulator_writes_are_read(report_type: str, total_row: bool) -> None:
    report = built(report_type, need_detail=True)
    text = render(report, "csv", "seconds", CsvLayout(total_row=total_row)).decode()
    table = parse_report(text, total_row=total_row)
    assert [len(row.calls) for row in table.rows] == [len(calls) for calls in report.details]
    assert sum(len(row.calls) for row in table.rows) > 0
    assert table.call_header == tuple(column.label for column in report.detail_columns)
    written = [str(call["call_id"]) for calls in report.details for call in calls]
    assert [call[0] for row in table.rows for call in row.calls] == written
