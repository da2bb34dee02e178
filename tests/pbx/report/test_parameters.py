"""Values of ``parameters`` by their class; by name and kind they are tested in test_request_parameters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import hidden_parameters
from airflow_provider_yeastar.pbx.report.parameters import check_parameters, is_nothing


class Incomparable:
    """As ``pandas.NA``: whether it differs from itself has no answer."""

    def __ne__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


class Items(list[int]):
    """As an array: its truth and its comparisons are those of its items."""

    def __init__(self, *items: int) -> None:
        super().__init__(items)

    def __ne__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("The truth value of an array is ambiguous")


class TestLists:
    @pytest.mark.parametrize("text", ["[1, 2]", "['a', 'b']", "('a',)", " [] ", "{1, 2}", "[64, null]", '{"a": true}'])
    @pytest.mark.parametrize("name", ["queue_id_list", "did_num_list"])
    def test_one_that_a_template_made_a_text_of_is_refused(self, name: str, text: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"The parameter {name} is the text .* join"):
            check_parameters({name: text}, may_be_open=False)

    @pytest.mark.parametrize("text", ["1,2", "(030) 123", "(Sales)", "[Sales]", "(123)"])
    def test_other_texts_are_taken(self, text: str) -> None:
        assert check_parameters({"did_num_list": text}, may_be_open=False) == {"did_num_list": text}

    def test_one_of_a_class_of_its_own_is_taken(self) -> None:
        """What mapped tasks return is neither list nor tuple."""
        assert check_parameters({"queue_id_list": range(1, 3)}, may_be_open=False) == {"queue_id_list": (1, 2)}


class TestNothing:
    @pytest.mark.parametrize(
        "value",
        [None, "", " ", "None", [], {}, float("nan"), Decimal("NaN"), Decimal("sNaN"), Incomparable(), Items()],
        ids=lambda value: type(value).__name__,
    )
    def test_it_is_told_from_something(self, value: Any) -> None:
        assert is_nothing(value)

    @pytest.mark.parametrize(
        "value",
        [0, False, "0", "nan", [None], Decimal(0), object(), Items(0), Items(1, 2)],
        ids=lambda value: type(value).__name__,
    )
    def test_something_is_told_from_it(self, value: Any) -> None:
        assert not is_nothing(value)

    @pytest.mark.parametrize("text", ["1001,None", "None/sales", "a | None", "None;a", "a&None"])
    def test_it_is_no_part_of_a_joined_text(self, text: str) -> None:
        with pytest.raises(InvalidRequestError, match="The parameter call_from holds the text"):
            check_parameters({"call_from": text}, may_be_open=False)

    @pytest.mark.parametrize("text", ["None of them", "None-such", "Nonesuch/a"])
    def test_a_name_with_the_word_is_taken(self, text: str) -> None:
        assert check_parameters({"call_from": text}, may_be_open=False) == {"call_from": text}


class TestPins:
    @pytest.mark.parametrize(
        "pins",
        ["4711,None", "['4711']", [["4711"]], [4711.5], ["47,11"], {"a": "4711"}, ("4711", None), -4711],
        ids=repr,
    )
    def test_an_error_quotes_none(self, pins: Any) -> None:
        with pytest.raises(InvalidRequestError, match=r"The parameter pin_list .*\*\*\*") as error:
            check_parameters({"pin_list": pins}, may_be_open=False)

        assert "47" not in str(error.value)
        assert "11" not in str(error.value)

    def test_an_error_of_a_task_quotes_none_either(self) -> None:
        """There they are masked already, and the mask carries them."""
        with pytest.raises(InvalidRequestError) as error:
            check_parameters(hidden_parameters({"pin_list": ["47,11"]}), may_be_open=False)

        assert "47" not in str(error.value)
