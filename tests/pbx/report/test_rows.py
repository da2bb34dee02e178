from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import NotAPbxError
from airflow_provider_yeastar.pbx.report.frame import Asked
from airflow_provider_yeastar.pbx.report.rows import HeldRows, flattened_rows, listed_rows


def rows(**answer: Any) -> list[dict[str, Any]]:
    return flattened_rows(listed_rows({"errcode": 0, "errmsg": "SUCCESS", **answer}, pbx="pbx:443", endpoint="list"))


class TestWhichListHoldsTheRows:
    def test_an_unknown_key_is_as_good_as_a_known_one(self) -> None:
        assert rows(total_number=1, brand_new_list=[{"a": 1}]) == [{"a": 1}]

    @pytest.mark.parametrize(
        "answer",
        [
            {},
            {"total_number": 0},
            {"ivr_list": []},
            {"ivr_list": None},
            {"invalid_param_list": []},
            {"total_number": "0"},
        ],
        ids=["nothing", "no rows", "an empty list", "null", "no complaints", "no rows in a text"],
    )
    def test_a_report_without_rows(self, answer: dict[str, Any]) -> None:
        assert rows(**answer) == []

    def test_of_several_lists_all_are_taken_and_told_apart(self) -> None:
        assert rows(queue_list=[{"a": 1}], agent_list=[{"b": 2}]) == [
            {"a": 1, "list_key": "queue_list"},
            {"b": 2, "list_key": "agent_list"},
        ]

    def test_rows_that_are_counted_but_not_listed_are_no_empty_report(self) -> None:
        with pytest.raises(NotAPbxError, match="counts 3 rows and lists none"):
            rows(total_number=3, ivr_list=None)

    def test_a_list_of_something_else_is_no_report(self) -> None:
        with pytest.raises(NotAPbxError, match="The list ivr_list of the answer holds no rows"):
            rows(ivr_list=["a"])


class TestFlattening:
    def test_values_stay_as_the_pbx_types_them(self) -> None:
        row = {"queue_num": "0640", "total_calls": 3, "answered_rate": "50.00%", "max_waiting_time": 61, "sla": None}

        assert rows(queue_performance_list=[row]) == [row]

    @pytest.mark.parametrize("detail", [True, 3, "none", ["a"], {"a": 1}], ids=repr)
    def test_what_is_no_list_of_members_stays_as_it_is(self, detail: object) -> None:
        found = rows(queue_agent_performance_list=[{"queue_num": "6401", "total_calls": 3, "detail": detail}])

        assert found == [{"queue_num": "6401", "queue_total_calls": 3, "detail": detail}]

    def test_each_member_is_a_row_with_the_keys_around_it(self) -> None:
        agents = [{"agent": "Alice", "calls": 1}, {"agent": "Bob", "calls": 2, "newer": True}]

        assert rows(some_list=[{"queue": "Sales", "detail": agents}]) == [
            {"queue": "Sales", "agent": "Alice", "calls": 1},
            {"queue": "Sales", "agent": "Bob", "calls": 2, "newer": True},
        ]

    def test_a_key_that_is_inside_and_outside_is_kept_twice(self) -> None:
        nested = {"calls": 3, "detail_calls": 9, "detail": [{"calls": 1}, {"calls": 2}]}

        assert rows(some_list=[nested]) == [
            {"calls": 3, "detail_calls": 9, "detail_detail_calls": 1},
            {"calls": 3, "detail_calls": 9, "detail_detail_calls": 2},
        ]

    def test_lists_in_lists_are_flattened_to_the_innermost(self) -> None:
        calls = [{"call_id": "x"}, {"call_id": "y"}]

        assert rows(some_list=[{"queue": "Sales", "agents": [{"agent": "Alice", "calls": calls}]}]) == [
            {"queue": "Sales", "agent": "Alice", "call_id": "x"},
            {"queue": "Sales", "agent": "Alice", "call_id": "y"},
        ]

    def test_the_totals_of_a_queue_and_of_its_agents_say_whose_they_are(self) -> None:
        agents = [{"agent_name": "Alice", "agent_number": "1000", "total_calls": 1, "missed_rate": 0}]
        queue = {"queue": "Sales", "queue_num": "6400", "queue_id": 1, "total_calls": 9, "missed_rate": 77.14}

        assert rows(queue_agent_performance_list=[{**queue, "detail": agents}]) == [
            {
                "queue": "Sales",
                "queue_num": "6400",
                "queue_id": 1,
                "queue_total_calls": 9,
                "queue_missed_rate": 77.14,
                "agent_name": "Alice",
                "agent_number": "1000",
                "agent_total_calls": 1,
                "agent_missed_rate": 0,
            }
        ]

    def test_their_names_do_not_depend_on_a_collision(self) -> None:
        queue = {"queue": "Sales", "queue_num": "6400"}

        assert rows(a_list=[{**queue, "detail": [{"total_calls": 1}]}]) == [{**queue, "agent_total_calls": 1}]
        assert rows(a_list=[{**queue, "calls": 2, "detail": None}]) == [{**queue, "queue_calls": 2}]

    def test_the_totals_of_a_ring_group_and_of_its_members_say_whose_they_are(self) -> None:
        group = {"group_name": "Reception", "group_num": "6300", "total_calls": 5}
        members = [{"ext_name": "Alice", "ext_num": "1000", "total_calls": 3}]

        assert rows(ring_group_statistics_list=[{**group, "member_list": members}]) == [
            {
                "group_name": "Reception",
                "group_num": "6300",
                "group_total_calls": 5,
                "ext_name": "Alice",
                "ext_num": "1000",
                "ext_total_calls": 3,
            }
        ]

    def test_a_group_without_members_is_not_lost(self) -> None:
        assert rows(some_list=[{"queue": "Sales", "detail": []}]) == [{"queue": "Sales"}]

    def test_two_lists_beside_one_another_do_not_multiply(self) -> None:
        assert rows(some_list=[{"queue": "Sales", "calls": [{"a": 1}, {"a": 2}], "pauses": [{"b": 3}]}]) == [
            {"queue": "Sales", "a": 1, "list_key": "calls"},
            {"queue": "Sales", "a": 2, "list_key": "calls"},
            {"queue": "Sales", "b": 3, "list_key": "pauses"},
        ]

    def test_plain_lists_and_objects_stay(self) -> None:
        row = {"tags": ["a", "b"], "sla": {"within": 20}}

        assert rows(some_list=[row]) == [row]


class TestRowsOfOtherTimes:
    @pytest.fixture
    def held(self) -> HeldRows:
        november = Asked(datetime(2026, 11, 1), datetime(2026, 11, 30, 23, 59, 59), UTC, around=1)
        return HeldRows(november, ("time",))

    def test_they_are_left_out_and_counted_over_all_pages(self, held: HeldRows) -> None:
        pages = [["2026/11/05", "2026/10/05"], ["2026/12/01", None], ["2025/11/05"]]

        taken = [held.take([{"time": time, "call_from": "1001"} for time in page]) for page in pages]

        assert [[row["time"] for row in page] for page in taken] == [["2026/11/05"], ["2026/12/01", None], []]
        assert (held.kept, held.doubtful, held.outside) == (3, 1, 2)

    def test_one_that_is_nested_goes_without_its_fellows(self, held: HeldRows) -> None:
        calls = [{"time": "2026/11/05", "call": 1}, {"time": "2026/09/05", "call": 2}]

        assert held.take([{"queue": "Sales", "detail": calls}]) == [{"queue": "Sales", "detail": calls[:1]}]
        assert held.outside == 1

    def test_of_a_row_whose_nested_ones_are_all_outside_nothing_is_left(self, held: HeldRows) -> None:
        assert held.take([{"queue": "Sales", "detail": [{"time": "2026/09/05", "call": 2}]}]) == []

    def test_rows_without_a_time_stay_as_they_are(self, held: HeldRows) -> None:
        sent = [{"queue": "Sales", "calls": 3}, {"queue": "Support", "detail": [{"agent": "Ann", "calls": 2}]}]

        assert held.take(sent) == sent
        assert (held.doubtful, held.outside) == (0, 0)


class TestKeys:
    """They become names of columns, in files, logs and XCom, and are the PBX's words."""

    FORGED = "k\x1b[31m\n2026 ERROR forged" + "A" * 20_000

    def test_they_are_printable_and_bounded(self) -> None:
        (row,) = rows(some_list=[{self.FORGED: 1, "calls": 2}])

        key = next(iter(row))
        assert list(row.values()) == [1, 2]
        assert key.startswith("k 2026 ERROR forgedAAA")
        assert key.isprintable()
        assert len(key) == 100

    def test_those_within_nested_lists_are_too(self) -> None:
        found = rows(some_list=[{"queue": "Sales", "detail": [{"agent\x1b": "Alice"}, {"agent": "Bob"}]}])

        assert all(key.isprintable() for row in found for key in row)
        assert len({key for row in found for key in row}) == 3

    def test_different_ones_stay_different_and_equal_ones_equal(self) -> None:
        keys = ["k", "k\n", "k\x00", "k\ud800", "A" * 100, "A" * 101, "A" * 102, "", "\x1b"]
        first, second = rows(some_list=[dict.fromkeys(keys, 1)]), rows(some_list=[dict.fromkeys(reversed(keys), 1)])

        assert len(first[0]) == len(keys)
        assert set(first[0]) == set(second[0])

    @pytest.mark.parametrize("key", ["queue", "A" * 100, "Nom du répondant", "時間", "कृ\u200dष", "", "a  b"])
    def test_ordinary_ones_stay_as_they_are(self, key: str) -> None:
        assert flattened_rows([{key: 1}]) == [{key: 1}]

    def test_rows_with_such_keys_are_not_copied(self) -> None:
        found = [{"calls": 1}]

        assert flattened_rows(found) is found

    def test_the_name_of_a_list_in_an_error_is_as_well(self) -> None:
        with pytest.raises(NotAPbxError) as error:
            rows(**{f"{self.FORGED}_list": 1})

        assert str(error.value).isprintable()
        assert len(str(error.value)) < 300
