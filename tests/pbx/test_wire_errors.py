"""Which error a refusal of the PBX is, and what of its words is told."""

from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import (
    ApiDisabledError,
    BlockedError,
    BusyError,
    CallRateMissingError,
    CredentialsError,
    InterfaceError,
    NotFoundError,
    ParameterError,
    PbxInternalError,
    PermissionDeniedError,
    RecordingBusyError,
    RecordingDisabledError,
    TokenCapError,
    TokenExpiredError,
)
from tests.pbx.support import PBX, WHERE


class TestAnswerError:
    def test_minus_2_tells_what_is_known_of_it(self) -> None:
        told = [
            str(wire.answer_error({"errcode": -2, "errmsg": "INTERNAL SERVER ERROR"}, **WHERE, query=query))
            for query in ({"my_report_id": "1"}, {"type": "qosreport"}, {})
        ]

        assert "unknown `my_report_id`, now 1" in told[0]
        assert "37.23.0.123" in told[0]
        assert "`type` that this firmware does not know, now qosreport" in told[1]
        assert told[2].endswith(PbxInternalError.default_remedy)

    def test_the_pbx_s_words_are_one_bounded_line(self) -> None:
        entries = [{"field": "a\nb" * 1000, "valid_msg": "\x1b[31mred" * 1000}] * 1000
        answer = {"errcode": 40002, "errmsg": "first\nsecond\x00" + "x" * 20_000_000, "invalid_param_list": entries}

        told = str(wire.answer_error(answer, **WHERE))

        assert len(told) < 5000
        assert told.isprintable()

    @pytest.mark.parametrize("errcode", [0, 2], ids=["success", "processing"])
    def test_success_and_processing_are_no_errors(self, errcode: int) -> None:
        assert wire.answer_error({"errcode": errcode}, **WHERE) is None

    @pytest.mark.parametrize(
        ("errcode", "error_class"),
        [
            (-2, PbxInternalError),
            (-1, PbxInternalError),
            (1, PbxInternalError),  # PARTIAL SUCCESS
            (10001, InterfaceError),
            (10002, InterfaceError),
            (10003, InterfaceError),
            (10004, TokenExpiredError),
            (10005, PermissionDeniedError),
            (10009, PbxInternalError),
            (40001, ParameterError),
            (40002, ParameterError),
            (40003, ParameterError),
            (40004, ParameterError),
            (60001, NotFoundError),
            (60002, TokenCapError),
            (70004, BlockedError),
            (70082, BusyError),
            (70087, BlockedError),
            (70106, CallRateMissingError),
            (70123, ApiDisabledError),
            (70131, RecordingDisabledError),
            (70651, RecordingBusyError),
            (70656, RecordingDisabledError),
            (80010, PermissionDeniedError),
            (99999, PbxInternalError),
        ],
    )
    def test_each_errcode_has_its_class(self, errcode: int, error_class: type[Exception]) -> None:
        error = wire.answer_error({"errcode": errcode, "errmsg": "WORDS"}, **WHERE)

        assert type(error) is error_class
        assert str(errcode) in str(error)
        assert PBX in str(error)
        assert "WORDS" in str(error)

    def test_a_refused_login_is_told_from_another_failure_by_its_endpoint(self) -> None:
        answer = {
            "errcode": -1,
            "errmsg": "FAILURE",
            "invalid_param_list": [{"field": "username or password", "value": "error"}],
        }

        assert type(wire.answer_error(answer, pbx=PBX, endpoint=wire.LOGIN_ENDPOINT)) is CredentialsError

    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            pytest.param(
                {"field": "start_time", "valid_msg": "format invalid"}, "start_time (format invalid)", id="valid_msg"
            ),
            pytest.param({"value": "queue_id", "validation_type": "int"}, "queue_id (int)", id="validation_type"),
            pytest.param({"value": "queue_id"}, "queue_id", id="value-alone"),
            pytest.param({"field": "ivr", "value": "error"}, "ivr (error)", id="field-and-value"),
        ],
    )
    def test_the_list_of_parameters_is_put_into_words(self, entry: dict[str, str], words: str) -> None:
        error = wire.answer_error(
            {"errcode": 40002, "errmsg": "PARAMETER ERROR", "invalid_param_list": [entry]}, **WHERE
        )

        assert words in str(error)


class TestFormatComplaint:
    def test_the_go_layout_is_handed_out(self) -> None:
        words = "start_time format invalid, valid format: 02/01/2006 03:04:05 PM"
        answer = {"errcode": 40002, "invalid_param_list": [{"field": "start_time", "valid_msg": words}]}

        assert wire.format_complaint(answer) == words

    def test_complaints_about_other_fields_are_none(self) -> None:
        answer = {"errcode": 40002, "invalid_param_list": [{"field": "queue_id", "valid_msg": "required"}, "odd"]}

        assert wire.format_complaint(answer) is None
