"""The service's front door, for rules that are shown through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.api import api
from tests.fakes import vending


@dataclass(frozen=True)
class Answer:
    """What API Gateway would send back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The body, which is always JSON."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def code(self) -> str:
        """The stable code of a problem, or nothing."""
        return str(self.body.get("code", ""))


Ask = Callable[..., Answer]
"""`ask(event, **fakes)` sends an event to the handler of a service on fakes."""


@pytest.fixture
def ask() -> Ask:
    """Return the front door."""

    def asked(event: dict[str, Any], **fakes: Any) -> Answer:
        found = api(vending(**fakes))(event, SimpleNamespace(aws_request_id="invocation-1"))
        headers = {key: values[0] for key, values in found.get("multiValueHeaders", {}).items()}
        return Answer(found["statusCode"], headers | (found.get("headers") or {}), found["body"])

    return asked
