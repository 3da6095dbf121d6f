"""The service says which release it is, and which clients it serves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.api import api
from tests.fakes import event, vending
from vending import clients, release


def call(user_agent: str = "", **request: Any) -> dict[str, Any]:
    signed = event(**request)
    if user_agent:
        signed["requestContext"]["identity"]["userAgent"] = user_agent
    answer: dict[str, Any] = api(vending())(signed, object())
    return answer


def test_every_answer_names_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "VERSION", "1.2.3")
    for body in ({}, {"nonsense": 1}, {"dry_run": True}):
        assert call(body=body)["headers"]["Ecr-Vend-Version"] == "1.2.3"


@pytest.mark.parametrize("name", ["ecr-vend/1.3.9", "ecr-vend/0.99.99 x", "ecr-vend/1.3.9-rc1"])
def test_a_client_that_is_too_old_is_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "OLDEST", (1, 4, 0))
    answer = call(name, body={})
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "client_too_old")
    assert "1.4.0 and newer" in json.loads(answer["body"])["detail"]


@pytest.mark.parametrize(
    "name", ["ecr-vend/1.4.0", "ecr-vend/10.0.0", "curl/8.1", "", "x ecr-vend/0.0.1", "ecr-vend/1"]
)
def test_every_other_client_is_served(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "OLDEST", (1, 4, 0))
    assert call(name, body={})["statusCode"] == 200
