"""What the columns of a CSV report hold: decided by caller, schema and title, never by the values of one night."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from airflow_provider_yeastar.readers import ReportLayoutError, parse_report, read_report, typed_columns
from airflow_provider_yeastar.schemas.reports import REPORT_COLUMNS

NIGHTS = [
    ["1001", "1002"],
    ["0302"],
    ["64,65"],
    ["09:00:00"],
    ["1.10"],
    ["24-Hour Line"],
    ["12345678901234567"],
    ["+49305550100"],
    [""],
    ["a\0b"],
]


@pytest.mark.parametrize("texts", NIGHTS, ids=repr)
@pytest.mark.parametrize("title", ["Agent ID", "Number", "Login Time", "Warteschlange", "Anything"])
def test_a_column_of_ids_or_of_unknown_meaning_is_text_every_night(title: str, texts: list[str]) -> None:
    (column,) = typed_columns([title], [[text] for text in texts])
    assert column.kind == "text"
    assert column.values == tuple(text.replace("\0", "") or None for text in texts)


@given(
    st.lists(
        st.sampled_from([text for night in NIGHTS for text in night] + ["Anna<3055501001>", "anonymous"]), max_size=5
    )
)
def test_the_columns_are_the_same_every_night(texts: list[str]) -> None:
    titles = ["Queue", "Caller", "Trunk", "Login Time", "Total Calls"]
    columns = typed_columns(titles, [[text, text, text, text, "1"] for text in texts])
    assert [(column.name, column.kind) for column in columns] == [
        ("queue", "text"),
        ("queue_number", "text"),
        ("caller", "text"),
        ("caller_number", "text"),
        ("trunk", "text"),
        ("login_time", "text"),
        ("total_calls", "integer"),
    ]


def test_a_caller_without_a_number_leaves_the_others_their_numbers() -> None:
    name, number = typed_columns(["Caller"], [["Anna<3055501001>"], ["anonymous"], ["030555"], ["-"]])
    assert name.values == ("Anna", "anonymous", "030555", None)
    assert number.values == ("3055501001", None, "030555", None)


def test_a_name_that_begins_with_a_number_is_split_on_the_caller_s_word_alone() -> None:
    rows = [["24-Hour Line"], ["Sales<6400>"]]
    assert [column.values for column in typed_columns(["Queue"], rows)] == [("24-Hour Line", "Sales"), (None, "6400")]
    told = typed_columns(["Queue"], rows, kinds={"queue": "label"})
    assert [column.values for column in told] == [("Hour Line", "Sales"), ("24", "6400")]


@pytest.mark.parametrize(
    ("title", "texts", "kind", "expected"),
    [
        ("Total Calls", ["5", "-12", ""], "integer", (5, -12, None)),
        ("Total Charge", ["5", "2.50", "-"], "decimal", (5, 2.5, None)),
        ("Answered Rate", ["12.50%", "0 %", "33,33%"], "percent", (12.5, 0.0, 33.33)),
        ("Average Waiting Time", ["00:01:05", "100:00:00", "7"], "duration", (65, 360_000, 7)),
        ("Trunk", [" Sales\t", "-"], "text", ("Sales", None)),
    ],
    ids=["whole numbers", "decimals", "percentages", "durations", "names"],
)
def test_a_title_says_what_the_column_holds(
    title: str, texts: list[str], kind: str, expected: tuple[object, ...]
) -> None:
    (column,) = typed_columns([title], [[text] for text in texts])
    assert (column.kind, column.values) == (kind, expected)
    assert column.is_number == (kind != "text")


@pytest.mark.parametrize("text", ["many", "1,234", "12:30", "1.5", "99999999999999999999"])
def test_a_value_that_does_not_fit_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(ReportLayoutError, match=r'Total Calls is integer, and holds .*kinds={"Total Calls": "text"}'):
        typed_columns(["Total Calls"], [[text]])
    (column,) = typed_columns(["Total Calls"], [[text]], kinds={"total_calls": "text"})
    assert column.values == (text,)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [({"Total": "number"}, "'number'"), ({"caller": "text"}, "names caller")],
    ids=["kind", "column"],
)
def test_kinds_that_fit_nothing_are_refused(kinds: dict[str, str], words: str) -> None:
    with pytest.raises(ReportLayoutError, match=words):
        parse_report("Queue,Total,Answered\nSales,5,3\n", kinds=kinds)


def test_titles_of_every_report_have_the_type_of_its_schema() -> None:
    for report_type, columns in REPORT_COLUMNS.items():
        header = [column.name for column in columns]
        kinds = {column.header: column.kind for column in typed_columns(header, [], report_type=report_type)}
        for column in columns:
            assert kinds[column.name] == ("text" if column.type == "timestamp" else column.type)


def test_a_report_is_an_arrow_table_and_a_data_frame(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_text("Queue,Total Calls,Answered Rate\nSales<6400>,5,60.00%\n24-Hour,,\n", encoding="utf-8-sig")
    table = read_report(str(file), report_type="queueperformance").to_arrow()
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("queue", "string"),
        ("queue_number", "string"),
        ("total_calls", "int64"),
        ("answered_rate", "double"),
    ]
    assert table.to_pylist()[1] == {
        "queue": "24-Hour",
        "queue_number": None,
        "total_calls": None,
        "answered_rate": None,
    }
    assert list(read_report(str(file)).to_pandas()["queue"]) == ["Sales", "24-Hour"]


def test_columns_have_names_that_differ_and_that_databases_take() -> None:
    titles = ["Answered", "Answered %", "Jitter (ms)", "总计", "%", "Queue Number", "Queue"]
    columns = typed_columns(titles, [["1", "2", "3", "4", "5", "6", "Sales<1>"]], kinds={"Queue": "label"})
    names = ["answered", "answered_2", "jitter_ms", "总计", "column", "queue_number", "queue", "queue_number_2"]
    assert [column.name for column in columns] == names
