"""Which last row is a total, which is data, and which is refused."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.readers import ReportLayoutError, ReportTable, parse_report

PLAIN = "Queue,Total,Answered\nSales<6400>,5,3\nSupport<6401>,6,6\n"


def names(table: ReportTable) -> list[str]:
    return [row.cells[0] for row in table.rows]


@pytest.mark.parametrize("word", ["Total", "TOTAL:", "Gesamt", "合计", "Итого", "Yhteissumma"])
def test_a_row_whose_sums_all_agree_is_kept_apart(word: str) -> None:
    table = parse_report(f"{PLAIN}{word},11,9\n")
    assert len(table.rows) == 2
    assert table.totals is not None
    assert table.totals.cells == (word, "11", "9")


def test_a_total_row_may_be_narrower_and_may_stand_alone() -> None:
    table = parse_report("Queue,Total,Answered\nTotal,0\n")
    assert table.rows == ()
    assert table.totals is not None


def test_a_total_row_may_hold_nothing() -> None:
    assert len(parse_report(PLAIN + "Total,,\n").rows) == 2


def test_sums_of_durations_prove_a_total_row() -> None:
    text = "Time,Calls,Talking\n2026/11/22,1,00:59:30\n2026/11/23,0,00:00:40\nyhteissumma,1,01:00:10\n"
    assert len(parse_report(text).rows) == 2


def test_averages_and_rates_are_no_sums() -> None:
    text = (
        "Queue,Total Calls,Answered Rate,Average Waiting Time,Max Waiting Time\n"
        "Sales<6400>,5,60.00%,10,30\nSupport<6401>,6,100.00%,20,40\nTotal,11,81.82%,15,40\n"
    )
    assert names(parse_report(text)) == ["Sales<6400>", "Support<6401>"]


@pytest.mark.parametrize(
    "text",
    [
        f"{PLAIN}Support2<6402>,11,9\n",
        f"{PLAIN}6402-Other,11,9\n",
        f"{PLAIN}Front desk,12,9\n",
        f"{PLAIN}Front desk,,\n",
        "Caller,Missed,Answered\nAnna<3055501001>,1,0\nAnonymous,1,0\n",
        "Caller,Calls,Missed\n2,2,0\n3,3,1\nWebclient,5,4\n",
        "Trunk,Calls,Missed\nTelia,1,1\nSuma,2,4\n",
        "Queue,Total,Answered\nA,5,3\nB,5,3\n",
    ],
    ids=[
        "its name has a number",
        "its number has a name",
        "a figure is no sum",
        "no figures",
        "two callers with a call each",
        "one of two figures is a sum",
        "a trunk with the name of a sum",
        "plain names with equal figures",
    ],
)
def test_a_last_row_that_is_not_proven_a_total_is_data(text: str) -> None:
    table = parse_report(text)
    assert len(table.rows) == text.count("\n") - 1
    assert table.totals is None


@pytest.mark.parametrize(
    "text",
    [
        "Queue,Total,Answered\nSales<6400>,0,0\nYhteissumma,0,0\n",
        "Queue,Total,Answered\nSales<6400>,5,3\nTotal,5,3\n",
        f"{PLAIN}Total,11,8\n",
        "Warteschlange,Anrufe,Durchschnitt\nA<1>,5,3\nB<2>,6,6\nZusammen,11,4\n",
        "Caller,Missed Calls,Last Call\n1001,1,x\n1002,1,y\nAnonymous,2,z\n",
        "Caller,Missed Calls,Total Calls\nAnna<1001>,1,1\n1002,2,2\nPrivate,3,3\n",
        "Queue,Total Calls,Answered Calls\nTotal,0,0\n",
    ],
    ids=[
        "zeros",
        "one row",
        "some sums agree",
        "columns in an unknown language",
        "a caller without number whose calls are a sum by chance",
        "the same in two columns that count alike",
        "no row but that",
    ],
)
def test_what_may_be_either_is_refused_until_the_caller_decides(text: str) -> None:
    with pytest.raises(ReportLayoutError, match=r"may be a total or data.*total_row=True"):
        parse_report(text)
    count = text.count("\n") - 1
    assert len(parse_report(text, total_row=False).rows) == count
    assert len(parse_report(text, total_row=True).rows) == count - 1


def test_a_total_above_the_rows_is_refused() -> None:
    text = "Queue,Total,Answered\nTotal,11,9\nSales<6400>,5,3\nSupport<6401>,6,6\n"
    with pytest.raises(ReportLayoutError, match="the first row may be a total of those below it"):
        parse_report(text)
    assert len(parse_report(text, total_row=False).rows) == 3
    assert len(parse_report(text.replace("11,9", "7,9")).rows) == 3


def test_a_row_after_the_total_row_is_refused() -> None:
    with pytest.raises(ReportLayoutError, match="follows the total row"):
        parse_report("Queue,Total,Answered\nSales<6400>,5,3\nTotal,5,3\nSupport<6401>,6,6\n")


def test_a_queue_called_total_is_data_where_its_figures_are_no_sums() -> None:
    assert names(parse_report("Queue,Total,Answered\nSales,5,3\nTotal,7,4\nSupport,6,6\n")) == [
        "Sales",
        "Total",
        "Support",
    ]


def test_a_report_of_nothing_but_totals_is_refused_before_it_takes_minutes() -> None:
    text = "Queue,Total,Answered\n6402-Sales,12,9\n" + "Total,1,1\n" * 200
    with pytest.raises(ReportLayoutError, match="more than 100 rows call themselves a total"):
        parse_report(text)
