"""The reference's facts that no ordinary client shows: raw sockets, every path, tokens, every code."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import requests

from airflow_provider_yeastar.simulator import Fault, PbxSimulator
from tests.simulator.support import QUEUES, SECONDS, Caller, calling

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


def say(pbx: PbxSimulator, method: str, path: str, *headers: str) -> dict[str, Any]:
    """Send a request without any header of a client's own, and read until the PBX closes the connection."""
    body = ("Content-Length: 2", "", "{}") if method == "POST" else ("", "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {pbx.host}", *headers, *body]
    with socket.create_connection((pbx.host, pbx.port), SECONDS) as link:
        link.sendall("\r\n".join(lines).encode())
        answer = b""
        while part := link.recv(65536):
            answer += part
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return json.loads(content) if content.startswith(b"{") else {"content": content}


class TestConnections:
    @pytest.mark.parametrize("path", ["/openapi/v1.0/system/information", "/openapi/v1.0/nonsense", "/api/download/x"])
    def test_the_pbx_closes_the_connection_after_each_answer(self, caller: Caller, path: str) -> None:
        # `say` returns when the PBX has closed, and fails when it keeps the connection for another request.
        assert "errcode" in say(caller.pbx, "GET", f"{path}?access_token={caller.token}", "User-Agent: test")

    def test_a_file_ends_with_its_connection_too(self, caller: Caller) -> None:
        url = caller.report(**QUEUES)["download_resource_url"]

        answer = say(caller.pbx, "GET", f"{url}?access_token={caller.token}", "User-Agent: test")

        assert answer["content"].startswith(b"\xef\xbb\xbfQueue,")

    @pytest.mark.parametrize("agent", [(), ("User-Agent:",)], ids=["none", "empty"])
    @pytest.mark.parametrize(
        ("method", "path", "headers"),
        [
            ("POST", "/openapi/v1.0/get_token", ()),
            ("GET", "/openapi/v1.0/system/information", ()),
            ("GET", "/openapi/v2.0/call_report/download", ()),
            ("GET", "/api/download/x.csv", ()),
        ],
        ids=["login", "call", "report", "file"],
    )
    def test_every_request_needs_a_user_agent(
        self, caller: Caller, method: str, path: str, headers: tuple[str, ...], agent: tuple[str, ...]
    ) -> None:
        answer = say(caller.pbx, method, f"{path}?access_token={caller.token}", *headers, *agent)

        assert answer["errcode"] == 40002

    def test_a_handshake_needs_one_where_the_pbx_is_strict(self) -> None:
        with calling(strict_handshake=True) as caller:
            path = f"/openapi/v1.0/subscribe?access_token={caller.token}"

            assert say(caller.pbx, "GET", path, *HANDSHAKE)["errcode"] == 40002

    def test_a_handshake_without_one_is_accepted(self, caller: Caller) -> None:
        request = [
            f"GET /openapi/v1.0/subscribe?access_token={caller.token} HTTP/1.1",
            f"Host: {caller.pbx.host}",
            *HANDSHAKE,
            "",
            "",
        ]
        with socket.create_connection((caller.pbx.host, caller.pbx.port), SECONDS) as link:
            link.sendall("\r\n".join(request).encode())

            assert link.recv(65536).startswith(b"HTTP/1.1 101 ")


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/openapi/v2.0/get_token"),
            ("POST", "/openapi/v2.0/refresh_token"),
            ("GET", "/openapi/v2.0/del_token"),
            ("GET", "/openapi/v2.0/subscribe"),
            ("GET", "/openapi/v2.0/system/information"),
            ("GET", "/openapi/v2.0/system/get_menuoptions"),
            ("GET", "/openapi/v2.0/myreport/list"),
            ("GET", "/openapi/v1.0/get_token"),
            ("POST", "/openapi/v1.0/call_report/download"),
            ("GET", "/openapi/v1.0/nonsense"),
            ("GET", "/nonsense"),
        ],
    )
    @pytest.mark.parametrize("has_token", [True, False])
    def test_what_does_not_exist_is_told_before_the_token_is_looked_at(
        self, caller: Caller, method: str, path: str, has_token: bool
    ) -> None:
        query = f"?access_token={caller.token}" if has_token else ""

        assert say(caller.pbx, method, path + query, "User-Agent: test")["errcode"] == 10001

    @pytest.mark.parametrize("has_token", [True, False])
    def test_the_subscription_takes_nothing_but_a_web_socket(self, caller: Caller, has_token: bool) -> None:
        query = {"access_token": caller.token} if has_token else {}

        assert requests.get(caller.url("subscribe"), params=query, timeout=SECONDS).status_code == 400

    @pytest.mark.parametrize("endpoint", ["call_report/list", "call_schedule_report/list"])
    def test_the_token_of_v1_serves_v2(self, caller: Caller, endpoint: str) -> None:
        assert caller.get(endpoint, "v2.0", **QUEUES)["errcode"] == 0


class TestComplaints:
    def test_their_entries_vary_as_recorded(self, caller: Caller) -> None:
        nameless = say(caller.pbx, "GET", "/openapi/v1.0/system/information")
        complaints = [
            caller.report(**QUEUES | {"start_time": "soon"}),
            caller.get("system/get_menuoptions", menu="nonsense"),
            nameless,
            caller.log_in(password="wrong"),
        ]

        assert [set(complaint["invalid_param_list"][0]) for complaint in complaints] == [
            {"field", "valid_msg"},
            {"value", "validation_type"},
            {"value"},
            {"field", "value"},
        ]


class TestTokens:
    def test_a_refresh_does_not_make_a_ninth_live_token(self, caller: Caller) -> None:
        tired = caller.log_in()["refresh_token"]
        caller.pbx.advance(1801)
        for _ in range(8):
            assert caller.log_in()["errcode"] == 0

        assert caller.post("refresh_token", {"refresh_token": tired})["errcode"] == 60002
        assert caller.get("del_token")["errcode"] == 0
        assert caller.post("refresh_token", {"refresh_token": tired})["errcode"] == 0

    def test_a_refresh_replaces_one_of_the_eight(self, caller: Caller) -> None:
        for _ in range(7):
            last = caller.log_in()

        assert caller.post("refresh_token", {"refresh_token": last["refresh_token"]})["errcode"] == 0

    def test_a_refresh_token_serves_once(self, caller: Caller) -> None:
        refresh_token = caller.log_in()["refresh_token"]

        assert caller.post("refresh_token", {"refresh_token": refresh_token})["errcode"] == 0
        assert caller.post("refresh_token", {"refresh_token": refresh_token})["errcode"] == 10004

    def test_a_deleted_token_is_gone(self, caller: Caller) -> None:
        assert caller.get("del_token")["errcode"] == 0
        assert caller.get("system/information")["errcode"] == 10004


CODES = {
    -2: "INTERNAL SERVER ERROR",
    -1: "FAILURE",
    1: "PARTIAL SUCCESS",
    2: "PROCESSING",
    10001: "INTERFACE NOT EXISTED",
    10002: "API VERSION OUT OF MAINTENANCE",
    10003: "API VERSION UNSUPPORTED",
    10004: "TOKEN EXPIRED",
    10005: "ACCESS DENIED",
    10009: "OPERATION FAILED",
    40001: "PARAMETER SYNTAX ERROR",
    40002: "PARAMETER ERROR",
    40003: "DUPLICATE KEY VALUE",
    40004: "FILE SIZE EXCEEDED",
    60001: "DATA NOT FOUND",
    60002: "MAX LIMITATION EXCEEDED",
    70004: "ACCOUNT IP BLOCKED",
    70082: "OVERLOAD_TASK_RUNNING",
    70087: "IP FORBIDDEN",
    70106: "RATE_NOT_EXISTED",
    70123: "API UNAVAILABLE",
}


@pytest.mark.parametrize(("code", "words"), CODES.items())
def test_a_code_comes_with_its_words_under_http_200(caller: Caller, code: int, words: str) -> None:
    caller.pbx.faults.add(Fault("errcode", "queue/list", code))
    response = requests.get(caller.url("queue/list"), params={"access_token": caller.token}, timeout=SECONDS)

    assert response.status_code == 200
    assert response.json() == {"errcode": code, "errmsg": words}
