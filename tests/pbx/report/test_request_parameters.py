"""A request's parameters: which reports each is for, and what its values become."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidRequestError
from airflow_provider_yeastar.pbx.report.catalogue import PARAMETERS
from airflow_provider_yeastar.pbx.report.request import build_request
from tests.pbx.report.support import minimal, query

VALUES: dict[str, Any] = {"flag": True, "integer": 5, "seconds": 5}


class TestEveryParameter:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_it_arrives(self, name: str) -> None:
        parameter = PARAMETERS[name]
        report_type = parameter.reports[0] if parameter.reports else "queueperformance"
        arguments = minimal(report_type)
        arguments["parameters"] = {**arguments["parameters"], name: VALUES.get(parameter.kind, "7")}

        expected = {"flag": "1", "integer": "5", "seconds": "5"}.get(parameter.kind, "7")
        assert query(**arguments)[name] == expected

    @pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if parameter.reports])
    def test_one_that_serves_other_reports_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidRequestError, match=f"The parameter {name} is for"):
            build_request(**minimal("queueperformance", parameters={"queue_id_list": 1, name: 1}))

    @pytest.mark.parametrize("name", [name for name, parameter in PARAMETERS.items() if parameter.reports])
    def test_a_user_created_report_takes_any(self, name: str) -> None:
        assert query(my_report_id=7, parameters={name: 1})[name] == "1"


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (7, "7"),
            ("7", "7"),
            ("1,2", "1,2"),
            (" 7 ", "7"),
            ([3, 1, "2"], "3,1,2"),
            ((1, 2), "1,2"),
            ({2, 1}, "1,2"),
        ],
        ids=repr,
    )
    def test_python_s_values_become_the_vendor_s(self, value: Any, text: str) -> None:
        assert query(my_report_id=7, parameters={"queue_id_list": value})["queue_id_list"] == text

    @pytest.mark.parametrize(("value", "text"), [(True, "1"), (False, "0"), ("True", "1"), ("0", "0"), (1, "1")])
    def test_flags(self, value: Any, text: str) -> None:
        assert query(my_report_id=7, parameters={"need_detail": value})["need_detail"] == text

    @pytest.mark.parametrize(
        ("value", "ids"),
        [
            (1, (1,)),
            ("1", ("1",)),
            ("1, Support,,6401", ("1", "Support", "6401")),
            ([1, "1", " Support "], (1, "1", "Support")),
        ],
        ids=repr,
    )
    def test_an_id_stays_an_int_and_a_text_a_text(self, value: Any, ids: tuple[int | str, ...]) -> None:
        request = build_request(my_report_id=7, parameters={"queue_id_list": value})

        assert dict(request.parameters)["queue_id_list"] == ids

    def test_a_parameter_that_is_newer_than_we_are_passes(self) -> None:
        assert query(my_report_id=7, parameters={"sentiment": "happy"})["sentiment"] == "happy"

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"queue_id_list": []}, "empty list"),
            ({"queue_id_list": [""]}, "is empty"),
            ({"queue_id_list": " , "}, "names nothing"),
            ({"queue_id_list": ["1,2"]}, "take it for several"),
            ({"queue_id_list": -1}, "neither a text nor a whole number"),
            ({"queue_id_list": 1.5}, "neither a text nor a whole number"),
            ({"queue_id_list": {"a": 1}}, "neither a text nor a whole number"),
            ({"agent_id_list": None}, "agent_id_list is None"),
            ({"agent_id_list": [1, None]}, "neither a text nor a whole number"),
            ({"agent_id_list": "None"}, "the text 'None'"),
            ({"agent_id_list": "6401, None"}, "the text '6401, None'"),
            ({"call_from": None}, "call_from is None"),
            ({"call_from": "None"}, "the text 'None'"),
            ({"sentiment": " "}, "sentiment is empty"),
            ({"need_detail": 2}, "neither True nor False"),
            ({"talk_time": "long"}, "not a whole number"),
            ({"queue_ids": 1}, "queue_id"),
            ({"type": "ivr"}, "argument report_type"),
            ({"format": "csv"}, "argument file_format"),
            ({"start_time": "x"}, "argument start_time"),
            ({"access_token": "x"}, "argument yeastar_conn_id"),
            ({"a b": 1}, "no parameter's name"),
            ({1: 1}, "no parameter's name"),
            ([1], "not a dict"),
        ],
        ids=repr,
    )
    def test_what_cannot_be_meant_is_refused(self, parameters: Any, words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words):
            build_request(my_report_id=7, parameters=parameters)
