"""The one decision on proxy and certificate authorities, as tables of settings and variables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_yeastar.pbx.errors import InvalidSettingsError
from airflow_provider_yeastar.pbx.http.policy import Proxy, Trust, choose_route, decide
from airflow_provider_yeastar.pbx.settings import PbxSettings

PROXY = "http://proxy.example:3128"
SETTINGS = PbxSettings("pbx.example.com", "id", "secret", port=8088)


def route(
    environment: dict[str, str], host: str = "pbx.example.com", scheme: str = "https", proxy: str = "environment"
) -> str:
    chosen = choose_route(scheme, host, 8088, proxy, environment)
    return chosen.proxy.address if chosen.proxy else "directly"


@pytest.mark.parametrize(
    ("environment", "scheme", "expected"),
    [
        pytest.param({}, "https", "directly", id="nothing"),
        pytest.param({"HTTPS_PROXY": PROXY}, "https", PROXY, id="https"),
        pytest.param({"https_proxy": PROXY}, "https", PROXY, id="lower-case"),
        pytest.param({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, "https", PROXY, id="lower-case-first"),
        pytest.param({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https", "directly", id="empty-unsets"),
        pytest.param({"https_proxy": "", "ALL_PROXY": PROXY}, "https", PROXY, id="empty-leaves-all"),
        pytest.param({"HTTPS_PROXY": PROXY}, "http", "directly", id="https-is-not-for-http"),
        pytest.param({"HTTP_PROXY": PROXY}, "https", "directly", id="http-is-not-for-https"),
        pytest.param({"HTTP_PROXY": PROXY}, "http", PROXY, id="http"),
        pytest.param({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http", "directly", id="a-header-in-cgi"),
        pytest.param({"ALL_PROXY": PROXY}, "http", PROXY, id="all-for-http"),
        pytest.param({"all_proxy": PROXY}, "https", PROXY, id="all-for-https"),
        pytest.param({"ALL_PROXY": "http://other:1", "HTTPS_PROXY": PROXY}, "https", PROXY, id="all-comes-last"),
        pytest.param(
            {"WSS_PROXY": PROXY, "SOCKS_PROXY": "socks5://x:1"}, "https", "directly", id="what-websockets-reads"
        ),
        pytest.param({"HTTPS_PROXY": "proxy.example:3128"}, "https", PROXY, id="without-scheme"),
        pytest.param({"HTTPS_PROXY": "http://proxy.example"}, "https", "http://proxy.example:80", id="without-port"),
        pytest.param({"HTTPS_PROXY": "http://[fe80::1]:3128/"}, "https", "http://[fe80::1]:3128", id="ipv6"),
    ],
)
def test_the_environment_names_the_proxy(environment: dict[str, str], scheme: str, expected: str) -> None:
    assert route(environment, scheme=scheme) == expected


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        ("*", "pbx.example.com"),
        ("pbx.example.com", "pbx.example.com"),
        ("PBX.Example.com", "pbx.example.com."),
        ("example.com", "pbx.example.com"),
        (".example.com", "pbx.example.com"),
        (".example.com", "example.com"),
        ("*.example.com", "pbx.example.com"),
        ("pbx.*.com", "pbx.example.com"),
        ("pbx.example.com:8088", "pbx.example.com"),
        ("10.0.0.0/8", "10.20.30.40"),
        ("10.20.30.40", "10.20.30.40"),
        ("10.20.30.40:8088", "10.20.30.40"),
        ("10.20.*", "10.20.30.40"),
        ("10.1.2.3/8", "10.20.30.40"),
        ("10.0.0.0/8", "::ffff:10.20.30.40"),
        ("::ffff:10.20.30.40", "10.20.30.40"),
        ("::ffff:10.20.30.40", "::ffff:10.20.30.40"),
        ("[::ffff:10.20.30.40]:8088", "10.20.30.40"),
        ("::ffff:10.0.0.0/104", "10.20.30.40"),
        ("::ffff:a00:0/104", "::ffff:10.20.30.40"),
        ("::/0", "::ffff:10.20.30.40"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "pbx.bücher.example"),
        ("bücher.example", "bücher.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        (".XN--BCHER-KVA.example:8088", "pbx.bücher。example"),
        ("*.bücher.example", "pbx.xn--bcher-kva.example"),
        ("xn--strae-oqa.example", "straße.example"),
        ("xn--ü.example", "xn--ü.example"),
        ("xn--99999999.example", "xn--99999999.example"),
        ("fd00::/8", "fd12::1"),
        ("fd12:0::1", "fd12::1"),
        ("[fd12::1]:8088", "fd12::1"),
        ("localhost, 127.0.0.1,,example.com", "pbx.example.com"),
        ("localhost example.com", "pbx.example.com"),
    ],
)
def test_no_proxy_covers_a_server(no_proxy: str, host: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert route({"HTTPS_PROXY": PROXY, name: no_proxy}, host) == "directly"


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        ("", "pbx.example.com"),
        ("ample.com", "pbx.example.com"),
        ("pbx.example.com:443", "pbx.example.com"),
        ("example.com.evil.org", "pbx.example.com"),
        ("pbx", "pbx.example.com"),
        ("10.0.0.0/16", "10.20.30.40"),
        ("0.20.30.40", "10.20.30.40"),
        ("20.30.40", "10.20.30.40"),
        ("10.0.0.0/8", "pbx.example.com"),
        ("fd00::/8", "10.20.30.40"),
        ("::/0", "10.20.30.40"),
        ("::ffff:10.0.0.0/112", "10.20.30.40"),
        ("::ffff:11.0.0.0/104", "::ffff:10.20.30.40"),
        ("bucher.example", "bücher.example"),
        ("strasse.example", "straße.example"),
        ("10.0.0.0/99", "10.20.30.40"),
        ("[::1", "pbx.example.com"),
    ],
)
def test_no_proxy_covers_no_other_server(no_proxy: str, host: str) -> None:
    assert route({"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}, host) == PROXY


def test_the_extra_wins_over_the_environment() -> None:
    environment = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}

    assert route(environment, proxy="none") == "directly"
    assert route(environment, proxy="None") == "directly"
    assert route(environment, proxy=PROXY) == PROXY


@pytest.mark.parametrize("place", ["environment", "extra"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks5://user:s3cret@proxy:1080", r"is spoken to in socks5://, which is not supported"),
        ("socks5h://proxy:1080", r"socks5h://"),
        ("https://user:s3cret@proxy:3128", r"https://, which is not supported"),
        ("http://user:s3cret@proxy:port", "not a valid URL"),
        ("http://user:s3cret@proxy:99999", "not a valid URL"),
        ("http://user:s3cret@[::1", "not a valid URL"),
        ("http://user:s3cret@proxy:0", "not a valid URL"),
        ("http://user:s3cret@a..b:3128", "not a valid URL"),
        ("http://user:s3cret@a;b", "not a valid URL"),
        ("http://user:s3cret@a\\b:3128", "not a valid URL"),
        ("http://user:s3cret@" + "a" * 64, "not a valid URL"),
        ("http://user:s3cret@pröxy:3128", "not a valid URL"),
        ("http://user:s3cret@proxy/path", "not a valid URL"),
        ("http://user:12#s3cret@proxy:3128", "not a valid URL"),
        ("user:#s3cret@proxy:3128", "not a valid URL"),
        ("http://user:12/s3cret@proxy:3128", "not a valid URL.*write # as %23, / as %2F"),
        ("http://user:12?s3cret@proxy:3128", "not a valid URL"),
        ("http://us€r:s3cret@proxy:3128", "basic authentication does not carry"),
        ("http://user:s3cret%E2%82%AC@proxy:3128", "basic authentication does not carry"),
        ("http://", "not a valid URL"),
        ("ftp://proxy", r"ftp://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(url: str, words: str, place: str) -> None:
    environment, extra = ({}, url) if place == "extra" else ({"ALL_PROXY": url}, "environment")
    with pytest.raises(InvalidSettingsError, match=words) as raised:
        route(environment, proxy=extra)

    assert "s3cret" not in str(raised.value)
    assert ("ALL_PROXY" if place == "environment" else "the extra `proxy`") in str(raised.value)


def test_the_route_is_told_without_credentials() -> None:
    chosen = choose_route("https", "pbx", 443, "environment", {"HTTPS_PROXY": "http://us%40er:s3%2Fcret@proxy:3128"})

    assert str(chosen) == "through the proxy http://proxy:3128 (HTTPS_PROXY)"
    assert chosen.proxy == Proxy("proxy", 3128, "us@er", "s3/cret")
    assert chosen.proxy.credentials == "us@er:s3/cret"
    assert chosen.proxy.url == "http://us%40er:s3%2Fcret@proxy:3128"
    assert "s3" not in repr(chosen)


@pytest.mark.parametrize(
    ("environment", "host", "told"),
    [
        ({}, "pbx", "directly (no proxy is configured)"),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a,10.0.0.0/8"}, "10.1.1.1", "directly (10.0.0.0/8 in NO_PROXY)"),
    ],
)
def test_a_direct_route_says_why(environment: dict[str, str], host: str, told: str) -> None:
    assert str(choose_route("https", host, 443, "environment", environment)) == told


@pytest.mark.parametrize(
    ("changes", "environment", "expected"),
    [
        pytest.param({}, {}, Trust(with_certifi=True, source="the CAs of the system and of certifi"), id="default"),
        pytest.param({}, {"REQUESTS_CA_BUNDLE": "/a"}, Trust(bundle="/a", source="REQUESTS_CA_BUNDLE"), id="requests"),
        pytest.param({}, {"CURL_CA_BUNDLE": "/a"}, Trust(bundle="/a", source="CURL_CA_BUNDLE"), id="curl"),
        pytest.param(
            {},
            {"REQUESTS_CA_BUNDLE": "/a", "CURL_CA_BUNDLE": "/b", "SSL_CERT_FILE": "/c"},
            Trust(bundle="/a", source="REQUESTS_CA_BUNDLE"),
            id="requests-before-the-others",
        ),
        pytest.param({}, {"SSL_CERT_FILE": "/c"}, Trust(source="SSL_CERT_FILE"), id="openssl-s-own-variable"),
        pytest.param(
            {"verify": False},
            {"REQUESTS_CA_BUNDLE": "/a"},
            Trust(verify=False, source="the extra `verify` is false"),
            id="off",
        ),
        pytest.param(
            {"verify": "/v"},
            {"REQUESTS_CA_BUNDLE": "/a"},
            Trust(bundle="/v", source="the extra `verify`"),
            id="own-bundle",
        ),
        pytest.param(
            {"ssl_fingerprint": "a" * 64, "verify": False},
            {"REQUESTS_CA_BUNDLE": "/a"},
            Trust(fingerprint="a" * 64, source="the extra `ssl_fingerprint`"),
            id="pinned",
        ),
    ],
)
def test_whose_certificates_are_trusted(
    changes: dict[str, object], environment: dict[str, str], expected: Trust
) -> None:
    assert decide(replace(SETTINGS, **changes), environment).trust == expected  # type: ignore[arg-type]
