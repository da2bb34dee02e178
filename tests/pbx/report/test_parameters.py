"""Values of ``parameters`` by their class; by name and kind they are tested in test_request_parameters."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.masking import hidden_parameters
from airflow_provider_yeastar.pbx.report.parameters import check_parameters


class TestLists:
    @pytest.mark.parametrize("text", ["[1, 2]", "['a', 'b']", "('a',)", " [] ", "{1, 2}"])
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
