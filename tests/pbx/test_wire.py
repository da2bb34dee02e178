"""What the PBX's answers and frames mean; the bodies are the reference's own samples."""

from __future__ import annotations

import json

import pytest

from airflow_provider_yeastar.pbx import wire
from airflow_provider_yeastar.pbx.errors import NotAPbxError, TokenExpiredError, UnsafeUrlError
from airflow_provider_yeastar.pbx.tokens import TokenStep, next_step
from tests.pbx.support import PBX, WHERE


class TestDecodeAnswer:
    def test_an_answer_with_errcode_is_taken_whatever_the_status(self) -> None:
        assert wire.decode_answer(b'{"errcode": 0, "errmsg": null}', 503, **WHERE) == {"errcode": 0, "errmsg": None}

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            pytest.param(b"<html>Bad gateway</html>", "a web page", id="html"),
            pytest.param(b"upstream timed out", "not JSON", id="text"),
            pytest.param(b"", "not JSON", id="nothing"),
            pytest.param(b'{"status": "ok"}', "without errcode", id="json-of-another-program"),
            pytest.param(b'{"errcode": true}', "without errcode", id="errcode-no-number"),
            pytest.param(b"[0]", "without errcode", id="json-list"),
            pytest.param(b"\xff\xfe\xfd", "not JSON", id="no-encoding"),
            pytest.param(b"[" * 33 + b"]" * 33, "JSON that no PBX sends: nested too deep", id="deep-json"),
            pytest.param(b"<" + b" " * (32 << 20), "a web page", id="long-page"),
            pytest.param(b"[" + b"0," * 4_000_000 + b"0]", "no PBX sends: too many values", id="full-json"),
            pytest.param(b'{"errcode": 1e400}', "no PBX sends: a number out of range", id="endless-number"),
        ],
    )
    def test_anything_else_is_not_a_pbx(self, body: bytes, kind: str) -> None:
        with pytest.raises(NotAPbxError, match=kind):
            wire.decode_answer(body, 502, **WHERE)

    @pytest.mark.parametrize("errcode", ['"0"', "0", "0.0", '" 0 "'])
    def test_an_errcode_is_a_number_however_it_is_typed(self, errcode: str) -> None:
        assert wire.decode_answer(f'{{"errcode": {errcode}}}'.encode(), 200, **WHERE) == {"errcode": 0}

    def test_what_the_pbx_quotes_is_redacted(self) -> None:
        body = json.dumps({"errcode": -2, "errmsg": "sent tok3n/1 and tok3n%2F1"}).encode()

        assert wire.decode_answer(body, 200, **WHERE, secrets=["tok3n/1"])["errmsg"] == "sent *** and ***"


class TestDecodeReportAnswer:
    def test_a_success_names_the_file(self) -> None:
        answer = {"errcode": 0, "file": "X.csv", "download_resource_url": "/api/download/X.csv"}

        assert wire.decode_report_answer(answer, **WHERE) == wire.ReportFile("X.csv", "/api/download/X.csv")

    def test_processing_waits_for_the_event(self) -> None:
        assert wire.decode_report_answer({"errcode": 2, "errmsg": "PROCESSING"}, **WHERE) == wire.Processing(None)

    def test_an_id_in_the_answer_is_kept(self) -> None:
        assert wire.decode_report_answer({"errcode": 2, "download_id": 8}, **WHERE) == wire.Processing(8)

    @pytest.mark.parametrize("url", [None, "", 7], ids=["null", "empty", "number"])
    def test_a_success_without_a_url_is_no_success(self, url: object) -> None:
        with pytest.raises(NotAPbxError, match="without a download URL"):
            wire.decode_report_answer({"errcode": 0, "download_resource_url": url}, **WHERE)


class TestDecodeTokens:
    def test_lives_are_counted_from_the_answer(self) -> None:
        answer = {
            "errcode": 0,
            "access_token_expire_time": 1800,
            "access_token": "a" * 32,
            "refresh_token_expire_time": 86400,
            "refresh_token": "b" * 32,
        }

        tokens = wire.decode_tokens(answer, 1000.0, **WHERE)

        assert (tokens.access_expires_at, tokens.refresh_expires_at) == (2800.0, 87400.0)

    @pytest.mark.parametrize("life", [None, "soon", [1800], True, -1, 0, 1e308, "1800"])
    def test_an_odd_life_is_the_documented_one_and_costs_no_second_login(self, life: object) -> None:
        answer = {"access_token": "a", "refresh_token": "b", "access_token_expire_time": life}

        tokens = wire.decode_tokens({"errcode": 0, **answer}, 1000.0, **WHERE)

        assert (tokens.access_expires_at, tokens.refresh_expires_at) == (2800.0, 87400.0)

    @pytest.mark.parametrize("life", [10**18, 2**62])
    def test_a_life_of_ages_is_not_believed(self, life: int) -> None:
        answer = {"errcode": 0, "access_token": "a", "access_token_expire_time": life}

        assert wire.decode_tokens(answer, 0.0, **WHERE).access_expires_at == 1800

    def test_without_a_refresh_token_the_next_login_is_one(self) -> None:
        tokens = wire.decode_tokens({"errcode": 0, "access_token": "a"}, 1000.0, **WHERE)

        assert next_step(tokens, 1000.0) is TokenStep.USE
        assert next_step(tokens, 2800.0) is TokenStep.LOG_IN

    @pytest.mark.parametrize("token", [None, "", 7, ["a"], "a\nb", "a\x00", "a" * 2000])
    def test_what_cannot_be_a_token_is_none(self, token: object) -> None:
        with pytest.raises(NotAPbxError, match="no tokens"):
            wire.decode_tokens({"errcode": 0, "access_token": token}, 0.0, **WHERE)

    def test_a_success_without_tokens_is_not_a_pbx(self) -> None:
        with pytest.raises(NotAPbxError, match="no tokens"):
            wire.decode_tokens({"errcode": 0}, 0.0, **WHERE)


class TestDecodeInformation:
    def test_older_firmware_leaves_fields_out(self) -> None:
        information = wire.decode_information({"errcode": 0, "data": {"sn": "369", "firmware_version": "37.8.0.25"}})

        assert information == wire.PbxInformation("369", "", "37.8.0.25", None, None, None, None)

    @pytest.mark.parametrize(
        "odd", [[1], {"a": 1}, True, None, 1.5], ids=["list", "object", "bool", "null", "fraction"]
    )
    def test_odd_types_are_as_good_as_nothing(self, odd: object) -> None:
        names = ("sn", "model_name", "firmware_version", "system_time", "system_date_format", "timestamp")
        information = wire.decode_information({"errcode": 0, "data": dict.fromkeys(names, odd)})

        assert information.timestamp is None
        assert information.serial_number in ("", "1.5")

    @pytest.mark.parametrize(
        ("given", "timestamp"), [("1755852280", 1755852280), (10**18, None), (-1, None), ("x", None)]
    )
    def test_a_clock_is_believed_within_reason(self, given: object, timestamp: int | None) -> None:
        assert wire.decode_information({"errcode": 0, "data": {"timestamp": given}}).timestamp == timestamp

    def test_texts_are_clean(self) -> None:
        data = {
            "sn": "36\x009\n1",
            "model_name": "\x1b[31mP570",
            "firmware_version": "x" * 10_000,
            "system_time": ["x"],
        }

        information = wire.decode_information({"errcode": 0, "data": data})

        assert (information.serial_number, information.model, information.system_time) == ("369 1", "P570", None)
        assert len(information.firmware) == 100


MESSAGE = {
    "key": "report_download",
    "result": "success",
    "file": "Sep.csv",
    "download_resource_url": "/api/download/Sep.csv",
    "error": "",
    "download_id": 8,
}
EVENT = wire.EventFrame(True, "Sep.csv", "/api/download/Sep.csv", "", 8)


class TestDecodeFrame:
    @pytest.mark.parametrize(
        "frame",
        [
            pytest.param({"type": 30027, "sn": "1", "msg": MESSAGE}, id="object"),
            pytest.param({"type": 30027, "msg": json.dumps(MESSAGE)}, id="json-string-without-sn"),
            pytest.param(
                {"type": "30027", "msg": MESSAGE | {"result": "SUCCESS", "x": 1}}, id="upper-case-unknown-key"
            ),
        ],
    )
    def test_every_spelling_of_the_event_is_read(self, frame: dict[str, object]) -> None:
        text = json.dumps(frame)

        assert wire.decode_frame(text, **WHERE) == EVENT
        assert wire.decode_frame(text.encode(), **WHERE) == EVENT

    def test_a_quoted_token_and_control_characters_are_in_no_part(self) -> None:
        message = MESSAGE | {
            "file": "Sep\x00\n\x1b[31m.csv tok3n/1",
            "download_resource_url": "/api/download/Sep.csv?a=tok3n%2F1&access_token=other",
            "error": "token tok3n/1\r\nfailed",
        }
        frame = json.dumps({"type": 30027, "msg": json.dumps(message)})

        event = wire.decode_frame(frame, **WHERE, secrets=["tok3n/1"])

        assert event == wire.EventFrame(True, "Sep .csv ***", "/api/download/Sep.csv?a=***", "token *** failed", 8)

    @pytest.mark.parametrize("frame", ["[" * 100_000, '{"msg":' * 50_000, '{"type":30027,"msg":' + "9" * 5000 + "}"])
    def test_a_frame_that_breaks_parsers_is_passed_over(self, frame: str) -> None:
        assert wire.decode_frame(frame, **WHERE) is None

    def test_a_failure_keeps_the_words(self) -> None:
        frame = json.dumps({"type": 30027, "msg": {"result": "FAILURE", "error": "disk full"}})

        assert wire.decode_frame(frame, **WHERE) == wire.EventFrame(False, "", "", "disk full", None)

    def test_the_heartbeat_answer_is_bare_text(self) -> None:
        assert wire.decode_frame("heartbeat response", **WHERE) == wire.HeartbeatFrame()

    def test_the_subscription_is_confirmed_by_errcode_0(self) -> None:
        assert wire.decode_frame('{"errcode":0,"errmsg":"SUCCESS"}', **WHERE) == wire.SubscribedFrame()

    def test_token_expiry_on_the_socket_is_a_refusal(self) -> None:
        frame = wire.decode_frame('{"errcode":10004,"errmsg":"TOKEN EXPIRED"}', **WHERE)

        assert isinstance(frame, wire.RefusalFrame)
        assert type(frame.error) is TokenExpiredError

    @pytest.mark.parametrize(
        "frame",
        ["", "noise", "[]", '{"type":30011,"msg":{}}', '{"type":30027,"msg":"noise"}', '{"errcode":"x"}', "\x00"],
    )
    def test_what_is_not_ours_is_passed_over(self, frame: str) -> None:
        assert wire.decode_frame(frame, **WHERE) is None


class TestFileUrlPath:
    BASE = "http://10.0.0.1:8088"

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            pytest.param("/api/download/x.csv", "/api/download/x.csv", id="relative"),
            pytest.param("api/download/x y.csv", "/api/download/x y.csv", id="without-slash"),
            pytest.param("http://10.0.0.1:8088/api/x.csv?a=1&access_token=t", "/api/x.csv?a=1", id="own-origin"),
        ],
    )
    def test_a_url_on_the_pbx_is_reduced_to_its_path(self, url: str, path: str) -> None:
        assert wire.file_url_path(url, self.BASE, pbx=PBX) == path

    @pytest.mark.parametrize(
        "url",
        [
            "http://evil.example/x.csv",
            "//evil.example/x.csv",
            "https://10.0.0.1:8088/x.csv",
            "http://10.0.0.1:8089/x.csv",
            "http://10.0.0.1/x.csv",
            "http://user@10.0.0.1:8088/x.csv",
            "\\\\evil.example\\x.csv",
            "/x\r\nHost: evil.example",
            "file:///etc/passwd",
            "http://[::1/x",
            "",
            "/",
        ],
    )
    def test_any_other_url_is_refused(self, url: str) -> None:
        with pytest.raises(UnsafeUrlError):
            wire.file_url_path(url, self.BASE, pbx=PBX)
