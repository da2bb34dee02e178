from __future__ import annotations

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError
from airflow_provider_yeastar.pbx.settings import PbxSettings


@pytest.mark.parametrize(
    ("host", "port", "scheme", "base_url"),
    [
        pytest.param("pbx.example.com", None, "https", "https://pbx.example.com:443", id="https-default-port"),
        pytest.param("pbx.example.com", None, "http", "http://pbx.example.com:80", id="http-default-port"),
        pytest.param("10.0.0.1", 8088, "https", "https://10.0.0.1:8088", id="appliance"),
        pytest.param(" https://pbx.example.com:8088/ ", None, "https", "https://pbx.example.com:8088", id="pasted-url"),
        pytest.param("10.0.0.1:8088", None, "https", "https://10.0.0.1:8088", id="port-in-the-host"),
        pytest.param("http://10.0.0.1:8088/", None, "", "http://10.0.0.1:8088", id="scheme-in-the-host"),
        pytest.param("http://10.0.0.1", 8088, "HTTP ", "http://10.0.0.1:8088", id="the-same-scheme-twice"),
        pytest.param("10.0.0.1:8088", 8088, "", "https://10.0.0.1:8088", id="the-same-port-twice"),
        pytest.param("fe80::1", 8088, "https", "https://[fe80::1]:8088", id="ipv6"),
        pytest.param("[fe80::1]:8088", None, "https", "https://[fe80::1]:8088", id="ipv6-in-brackets"),
        pytest.param("fe80::1%eth0", 8088, "https", "https://[fe80::1%eth0]:8088", id="ipv6-with-a-zone"),
        pytest.param("my_pbx.example.com.", None, "https", "https://my_pbx.example.com.:443", id="underscore-and-dot"),
        pytest.param("b\u00fcro.example", None, "https", "https://b\u00fcro.example:443", id="international"),
    ],
)
def test_base_url(host: str, port: int | None, scheme: str, base_url: str) -> None:
    settings = PbxSettings(host, "id", "secret", port=port, scheme=scheme)

    assert settings.base_url == base_url
    assert settings.events_url == base_url.replace("http", "ws", 1) + "/openapi/v1.0/subscribe"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "Host is missing"),
        ({"client_id": ""}, "Client ID is missing"),
        ({"client_secret": ""}, "Client Secret is missing"),
        ({"scheme": "ftp"}, "neither https nor http"),
        ({"port": 0}, "Port 0 is not between"),
        ({"port": 65536}, "Port 65536 is not between"),
        ({"api_version": "v3.0"}, "not one of auto, v1.0, v2.0"),
        ({"timeout": 0}, "not a number of seconds above 0"),
        ({"timeout": float("inf")}, "not a number of seconds above 0"),
        ({"timeout": float("nan")}, "not a number of seconds above 0"),
        ({"timeout": 1e300}, "not a number of seconds above 0"),
        ({"client_secret": "secret\n"}, r"Client Secret .* \(a line break, as at the end of a file\?\)"),
        ({"client_id": " id"}, "Client ID begins or ends with white space"),
        ({"client_secret": "se\x00cret"}, "Client Secret .* control character"),
        ({"host": "http://pbx.example.com:8088/", "scheme": "https"}, "Host says http and Schema says https"),
        ({"host": "https://pbx.example.com", "scheme": "http"}, "Host says https and Schema says http"),
        ({"host": "pbx.example.com:8088", "port": 443}, "Host says 8088 and Port says 443"),
        ({"date_format": "DD/MM/YYYY"}, "go together"),
        ({"host": "https://id:secret@pbx.example.com"}, "more than a host name"),
        ({"host": "https://pbx.example.com/openapi/v1.0"}, "more than a host name"),
        ({"host": "https://id:secret@pbx.example.com:80880"}, "more than a host name"),
        ({"host": "https://id:12#34@pbx.example.com"}, "more than a host name"),
        ({"host": "https://id:12/34@pbx.example.com"}, "more than a host name"),
        ({"host": "https://id:12?34@pbx.example.com"}, "more than a host name"),
        ({"host": "pbx.example.com#8088"}, "more than a host name"),
        ({"host": "https://pbx.example.com/#/login"}, "more than a host name"),
        ({"host": "pbx.example.com:80880"}, "no port between 1 and 65535"),
        ({"host": "pbx.example.com:8088a"}, "no port between 1 and 65535"),
        ({"host": "https://pbx.example.com:https"}, "no port between 1 and 65535"),
        *(
            ({"host": host}, "neither a host name nor an address")
            for host in (
                *("pbx\\evil.example", "pbx;evil", "pbx evil", "pbx..example", ".example", ".", "x" * 64 + ".de"),
                *("x." * 127 + "xx", "https://pbx\\.example:8088", "pbx%2Eexample", "fe80::1::2", "pbx:id:secret"),
            )
        ),
        *(({"host": host}, "control character") for host in ("pbx.exa\nmple.com", "pbx\t.example", "pbx\udce9")),
        ({"host": "[fe80::1"}, "neither a host name nor an address"),
        ({"host": "https://id:secret@[::1"}, "neither a host name nor an address"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidSettingsError, match=words):
        PbxSettings(**{"host": "pbx.example.com", "client_id": "id", "client_secret": "secret"} | changes)  # type: ignore[arg-type]


def test_credentials_are_not_shown() -> None:
    shown = repr(PbxSettings("pbx.example.com", "the-client", "the-secret", proxy="http://user:the-secret@proxy"))

    assert "the-client" not in shown
    assert "the-secret" not in shown


def test_one_pbx_has_one_key_whoever_logs_in() -> None:
    first = PbxSettings("pbx.example.com", "one", "secret", port=443)
    second = PbxSettings("pbx.example.com", "two", "secret")

    assert first.state_name == second.state_name
    assert first.state_name != PbxSettings("other.example.com", "one", "secret").state_name
