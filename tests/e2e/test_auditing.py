"""Auditing on the emulator: what was vended, to whom, and which vend a token came from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from local.helper_program import COMMAND
from tests.client import html_page
from tests.e2e.running import send

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


def ask(
    stack: Stack, path: str = "", role: str = "auditor", body: Any = None, **query: str
) -> tuple[int, dict[str, Any]]:
    method = "GET" if body is None else "POST"
    content = None if body is None else json.dumps(body).encode()
    asked = f"/v1/vends{path}" + (f"?{urlencode(query)}" if query else "")
    return send(stack.signed(method, asked, stack.as_role(role), content))


def ids(answer: dict[str, Any]) -> list[str]:
    return [vend["vend_id"] for vend in answer["vends"]]


def key_of(stack: Stack, role: str) -> str:
    _, answer = send(stack.signed("GET", "/v1/whoami", stack.as_role(role)))
    return str(answer["caller"]["key"])


def test_a_vend_is_found_by_time_caller_repository_grant_and_outcome(stack: Stack) -> None:
    vend = stack.vend("payments-ci", pull=["payments/api"])["vend_id"]
    questions: list[dict[str, str]] = [
        {},
        {"caller": key_of(stack, "payments-ci")},
        {"repository": "payments/api"},
        {"grant": "payments-ci"},
        {"outcome": "issued"},
    ]
    for question in questions:
        status, answer = ask(stack, limit="100", **question)
        assert status == 200, (question, answer)
        assert vend in ids(answer), question
    _, other = ask(stack, caller=key_of(stack, "search-publisher"))
    assert vend not in ids(other)


def test_pages_go_on_where_the_one_before_ended(stack: Stack) -> None:
    made = [stack.vend("payments-ci")["vend_id"] for _ in range(3)]
    key = key_of(stack, "payments-ci")
    _, first = ask(stack, caller=key, limit="2")
    _, second = ask(stack, caller=key, limit="2", after=first["next"])
    assert [*ids(first), *ids(second)][:3] == made[::-1]


def test_a_vend_says_who_asked_what_was_decided_and_why(stack: Stack) -> None:
    asked = {"pull": ["search/indexer"], "reason": "a test"}
    body = json.dumps(asked).encode()
    _, refused = send(stack.signed("POST", "/v1/tokens", stack.as_role("payments-ci"), body))
    status, vend = ask(stack, f"/{refused['vend_id']}")
    assert status == 200
    assert (vend["outcome"], vend["code"], vend["reason"]) == ("refused", "not_granted", "a test")
    assert vend["caller"]["name"] == "payments-ci"
    assert vend["dropped"][0]["repository"] == "search/indexer"


def test_a_token_leads_to_its_vend(stack: Stack) -> None:
    token = stack.vend("payments-developer")
    status, vend = ask(stack, "/lookup", body={"token": token["password"]})
    assert (status, vend["vend_id"]) == (200, token["vend_id"])
    status, answer = ask(stack, "/lookup", body={"token": "guessed"})
    assert (status, answer["code"]) == (404, "no_such_vend")


def test_who_could_push_is_whom_the_policy_grants_it(stack: Stack) -> None:
    stack.vend("payments-ci")
    signed = stack.signed(
        "GET", "/v1/access?access=push&repository=payments%2Fapi", stack.as_role("auditor")
    )
    status, answer = send(signed)
    assert status == 200, answer
    assert {one["grant"] for one in answer["could"]} == {"payments-publishing"}
    assert answer["policies"]


@pytest.mark.parametrize("role", ["payments-ci", "incident-responder", "outsider"])
def test_who_has_not_the_permission_does_not_reach_the_auditors_paths(
    stack: Stack, role: str
) -> None:
    status, answer = ask(stack, role=role)
    assert status == 403
    assert "execute-api:Invoke" in json.dumps(answer)


def test_the_client_lists_shows_and_says_whose_a_token_is(
    stack: Stack, cache: Path, tmp_path: Path
) -> None:
    token = stack.vend("payments-ci", pull=["payments/api"])
    environment = stack.helper_environment(stack.as_role("auditor"), cache)

    def told(*words: str, stdin: str = "") -> str:
        command = Path(stack.about["programs"]) / COMMAND
        done = subprocess.run(
            [command, "audit", *words],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    listed = json.loads(told("list", "--repository", "payments/api", "--json"))
    assert token["vend_id"] in {vend["vend_id"] for vend in listed}
    assert told("show", token["vend_id"]).startswith(f"{token['vend_id']}: issued at ")
    assert told("whose", stdin=token["password"]).startswith(f"{token['vend_id']}: issued at ")
    assert token["password"] not in told("list", "--csv")
    pullers = json.loads(told("access", "--repository", "payments/api", "--json"))["could"]
    assert "payments-ci" in {one["grant"] for one in pullers}
    out = tmp_path / "report.html"
    assert told("report", "--out", str(out)).startswith(f"Wrote {out}; vends: ")
    page = html_page.read(out.read_text())
    assert [*html_page.faults(page), *html_page.acts(page)] == []
    assert token["vend_id"] in page.text
    assert "payments-publishing" in page.by_id("push").text
    assert token["password"] not in out.read_text()
