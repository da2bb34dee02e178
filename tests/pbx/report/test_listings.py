from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NotAPbxError, NotFoundError, ParameterError
from airflow_provider_yeastar.pbx.report.listings import (
    MenuOption,
    MyReport,
    ScheduledReport,
    gather_pages,
    matching_ids,
    menu_options,
    my_reports,
    scheduled_reports,
)

SUPPORT = MenuOption(2, "6401-Support", "6401", "Support")
SALES = MenuOption(1, "6400-Sales", "6400", "Sales")


class TestMenuOptions:
    @pytest.mark.parametrize(
        ("label", "number", "name"),
        [
            ("6401-Support", "6401", "Support"),
            ("6401 - Support", "6401", "Support"),
            ("Support<6401>", "6401", "Support"),
            ("Support <6401>", "6401", "Support"),
            ("1000-Mary-Jane Smith", "1000", "Mary-Jane Smith"),
            ("+4420300100-SIP-London", "+4420300100", "SIP-London"),
            ("SIP-London", "", "SIP-London"),
            ("Default_All_Extensions", "", "Default_All_Extensions"),
            ("6401", "", "6401"),
        ],
    )
    def test_a_label_is_read_as_number_and_name(self, label: str, number: str, name: str) -> None:
        assert menu_options({"data": [{"text": label, "value": "2"}]}) == [MenuOption(2, label, number, name)]

    def test_an_id_that_is_no_number_stays_a_text(self) -> None:
        assert menu_options({"data": [{"text": "x", "value": "trunk-7"}]})[0].id == "trunk-7"

    @pytest.mark.parametrize("data", [None, {}, [None], [{}], [{"text": "x"}], "x"], ids=repr)
    def test_what_is_no_option_is_none(self, data: Any) -> None:
        assert menu_options({"data": data}) == []


def test_user_created_reports_are_read_and_newer_keys_do_no_harm() -> None:
    entry = {"id": 7, "name": "Mine", "dataset": "Inbound Queue Logs", "type": "custom_report", "creator": None, "x": 1}

    assert my_reports({"data": [entry]}) == [MyReport(7, "Mine", "Inbound Queue Logs", "custom_report", "")]


def test_scheduled_reports_are_read() -> None:
    entry = {"id": "3", "name": "Nightly", "format": "csv", "date": "2026/11/23"}

    assert scheduled_reports({"data": [entry]}) == [ScheduledReport(3, "Nightly", "csv", "2026/11/23")]


class TestGatherPages:
    @staticmethod
    def gather(*pages: Any, total: int | str | None = None) -> tuple[list[int], int]:
        """Gather from a PBX that has these pages; also return for how many it was asked."""
        asked = []

        def ask(number: int) -> Mapping[str, Any]:
            asked.append(number)
            page = pages[number - 1] if number <= len(pages) else []
            if isinstance(page, Exception):
                raise page
            return {"data": page} | ({} if total is None else {"total_number": total})

        return gather_pages(ask, lambda answer: list(answer["data"] or []), pbx="pbx:443", endpoint="list"), len(asked)

    def test_all_pages_come_and_no_page_more(self) -> None:
        assert self.gather([1, 2], [3, 4], [5], total=5) == ([1, 2, 3, 4, 5], 3)

    def test_without_a_total_one_page_is_all(self) -> None:
        assert self.gather([1, 2], [3]) == ([1, 2], 1)

    def test_a_pbx_that_does_not_page_repeats_itself_and_is_asked_no_more(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert self.gather([1, 2], [1, 2], [1, 2], total=9) == ([1, 2], 2)
        assert "counts 9 entries and lists 2" in caplog.text

    def test_an_empty_page_is_the_end(self) -> None:
        assert self.gather([1, 2], [], [3], total=9) == ([1, 2], 2)

    @pytest.mark.parametrize("error", [NotFoundError("nothing", errcode=60001), ParameterError("page", errcode=40002)])
    def test_a_page_that_is_refused_is_the_end(self, error: Exception) -> None:
        assert self.gather([1, 2], error, total=9) == ([1, 2], 2)

    def test_an_earlier_page_that_comes_again_is_the_end(self) -> None:
        assert self.gather([1, 2], [3, 4], [1, 2], [5], total=9) == ([1, 2, 3, 4], 3)

    def test_that_there_is_nothing_is_an_empty_list(self) -> None:
        assert self.gather(NotFoundError("nothing", errcode=60001)) == ([], 1)

    @pytest.mark.parametrize(
        "answer", [{}, {"errcode": 0}, {"errmsg": "SUCCESS", "invalid_param_list": None}], ids=repr
    )
    def test_a_success_that_says_nothing_is_no_empty_list(self, answer: dict[str, Any]) -> None:
        with pytest.raises(NotAPbxError, match="neither lists nor counts anything"):
            gather_pages(lambda page: answer, my_reports, pbx="pbx:443", endpoint="myreport/list")

    @pytest.mark.parametrize("answer", [{"data": None}, {"data": []}, {"total_number": 0}], ids=repr)
    def test_an_empty_list_may_be_said_in_several_ways(self, answer: dict[str, Any]) -> None:
        assert gather_pages(lambda page: answer, my_reports, pbx="pbx:443", endpoint="myreport/list") == []

    def test_a_total_may_be_written_as_a_text(self) -> None:
        assert self.gather([1, 2], [3], total="3") == ([1, 2, 3], 2)

    @pytest.mark.parametrize("total", ["", "many", "-1", "²"])
    def test_any_other_text_is_no_total(self, total: str) -> None:
        assert self.gather([1, 2], [3], total=total) == ([1, 2], 1)

    def test_a_refused_question_is_an_error(self) -> None:
        with pytest.raises(ParameterError):
            self.gather(ParameterError("menu", errcode=40002))


class TestMatchingIds:
    @pytest.mark.parametrize(
        ("wanted", "ids"),
        [
            (2, {2}),
            ("6401", {2}),
            ("Support", {2}),
            ("6401-Support", {2}),
            ("2", {2}),
            (6401, set()),
            ("support", set()),
            ("9", set()),
            (9, set()),
        ],
        ids=repr,
    )
    def test_an_int_is_an_id_and_a_text_is_a_number_or_a_name_first(self, wanted: int | str, ids: set[int]) -> None:
        assert matching_ids(wanted, [SALES, SUPPORT]) == ids

    def test_a_number_goes_before_an_id(self) -> None:
        assert matching_ids("2", [SUPPORT, MenuOption(9, "2-Night", "2", "Night")]) == {9}

    def test_a_name_that_two_have_is_ambiguous(self) -> None:
        assert matching_ids("Sales", [SALES, MenuOption(52, "Sales", "", "Sales")]) == {1, 52}
