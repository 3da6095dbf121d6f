"""The compatibility promises of docs/compatibility.md: nothing that others rely on goes or changes.

`tests/vectors/compatible.json` holds what has been promised. A new name is added to it; a change of
what is there is a break, and needs all that the page says about breaks.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from ecr_vend import answers
from ecr_vend.errors import Problem
from tests.fakes import PASSWORD
from tests.unit.compatibility import shapes
from vending import policy_text, records
from vending.errors import KINDS

if TYPE_CHECKING:
    from tests.unit.compatibility.shapes import Shape

ROOT = Path(__file__).resolve().parents[3]
PROMISED: dict[str, Shape] = json.loads(shapes.PROMISED.read_text())
NOW = shapes.now()


@pytest.mark.parametrize("part", sorted(PROMISED))
def test_nothing_that_was_promised_is_gone_or_changed(part: str) -> None:
    changed = {
        name: f"promised {kind!r}, is {NOW[part].get(name, 'gone')!r}"
        for name, kind in PROMISED[part].items()
        if NOW[part].get(name) != kind
    }
    assert changed == {}


@pytest.mark.parametrize("part", sorted(NOW))
def test_what_is_new_is_promised_from_the_day_it_is_there(part: str) -> None:
    new = {name: kind for name, kind in NOW[part].items() if name not in PROMISED.get(part, {})}
    assert new == {}, "run python -m tests.unit.compatibility.shapes, which adds them"


def test_a_new_field_of_a_request_or_a_policy_may_be_left_out() -> None:
    needed = {
        name
        for part in ("api requests", "policy version 1")
        for name, kind in NOW[part].items()
        if kind != "value" and not kind.endswith("may be absent")
    }
    assert needed == {
        "RevocationRequest.reason",
        "PermissionSet.name",
        "PermissionSet.account",
        "Grant.name",
        "Grant.callers",
        "Grant.repositories",
        "Grant.access",
        "Deny.name",
        "Deny.repositories",
        "Expectation.caller",
        "Expectation.repository",
        "Expectation.access",
        "Expectation.expect",
        "Policy.version",
        "Policy.grants",
    }


def test_a_policy_of_version_1_serves_and_another_is_refused() -> None:
    policy_text.parse(b"version: 1\ngrants: []\n", name="policy.yaml")
    with pytest.raises(policy_text.PolicyError):
        policy_text.parse(b"version: 2\ngrants: []\n", name="policy.yaml")


def test_records_say_their_schema() -> None:
    assert records.SCHEMA == 2
    kinds = {name.split(":")[0] for name in NOW["records schema 2"]}
    assert all(f"{kind}: schema" in NOW["records schema 2"] for kind in kinds)
    assert len(kinds) >= 7


def answered(status: int = 200, **more: object) -> httpx.Response:
    ends = datetime(2030, 1, 1, tzinfo=UTC).isoformat()
    told = {"username": "AWS", "password": PASSWORD, "registry": "host", "expires_at": ends}
    return httpx.Response(status, json=told | more)


def test_a_client_takes_no_notice_of_fields_that_it_does_not_know() -> None:
    newer = answered(tier="new", vend_id={"changed": True})
    secret, _ = answers.vended(newer, endpoint="e", registry="host", sent=0.0)
    assert secret.reveal() == PASSWORD


def test_a_client_takes_an_error_code_that_it_does_not_know() -> None:
    newer = httpx.Response(409, json={"code": "code_of_a_newer_service", "detail": "Do this."})
    told = answers.problem(newer, endpoint="e", region="r", key_id="k")
    assert isinstance(told, Problem)
    assert told.text


def test_every_code_of_the_service_is_in_the_page_of_errors() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    assert [code for code in KINDS if f"\n## {code}\n" not in page] == []


def test_the_page_of_promises_names_tests_that_are_there() -> None:
    page = (ROOT / "docs/compatibility.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) >= 10
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"\ndef {test}(" not in (ROOT / "tests" / file).read_text()
    ]
    assert missing == []
