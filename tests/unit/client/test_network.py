"""Which proxy a request goes through; `integration/client/test_network.py` has it go."""

from __future__ import annotations

import os

import pytest

from ecr_vend.errors import Problem
from ecr_vend.network import proxy_for

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/live"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"}, "http://a:1"),
        ({"HTTPS_PROXY": "a:1"}, "http://a:1"),
        ({"HTTPS_PROXY": "https://a"}, "https://a"),
        ({"ALL_PROXY": "http://b:2"}, "http://b:2"),
        ({"HTTP_PROXY": "http://c:3"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": ".eu-west-1.amazonaws.com"}, None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.com, *"}, "http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "no_proxy": "*"}, None),
    ],
)
def test_the_usual_variables_choose_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], proxy: str | None
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(URL) == proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8443", "[::1]:8443"])
def test_this_machines_loopback_is_never_behind_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://a:1")
    assert proxy_for(f"https://{host}/live") is None


def test_the_variable_of_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://a:1")
    with pytest.raises(Problem, match="ecr-vend: ALL_PROXY: a proxy is needed that is written"):
        proxy_for(URL)
