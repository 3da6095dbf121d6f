"""The live check: that a check can fail, what a report says, and that nothing secret is in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.unit.tools.live_world import SECRET, Broken, Refusing, check, world
from tools.environments import ROOT
from tools.live_check.__main__ import main, tried
from tools.live_check.check import CannotTell, Check, Seen, Verdict
from tools.live_check.checks import CHECKS
from tools.live_check.limits import largest_policy
from tools.live_check.registry import Registry
from tools.live_check.report import Report

PROMISE_A_REFUSAL = (
    "session-policy",
    "repository-policy",
    "time-condition",
    "deny-by-user-id",
    "deny-by-issue-time",
    "deny-by-source-identity",
    "address-condition",
    "vend",
    "revocation",
)


@pytest.mark.parametrize("name", PROMISE_A_REFUSAL)
def test_where_nothing_is_ever_refused_no_promise_of_a_refusal_holds(name: str) -> None:
    assert tried(check(name), world()).verdict == "does not hold"


@pytest.mark.parametrize("name", PROMISE_A_REFUSAL[:6])
def test_where_nothing_ever_worked_nothing_is_proved(name: str) -> None:
    assert tried(check(name), world(Refusing)).verdict == "could not tell"


@pytest.mark.parametrize("name", PROMISE_A_REFUSAL[:4])
def test_a_registry_in_trouble_is_neither_a_yes_nor_a_no(name: str) -> None:
    assert tried(check(name), world(Broken)).verdict == "could not tell"


def test_a_token_that_ends_with_its_session_is_told_so() -> None:
    assert tried(check("outlives-session"), world()).verdict == "holds"
    assert tried(check("outlives-session"), world(Refusing)).verdict == "does not hold"


def answered(error: Exception) -> Seen:
    def run(_: Any) -> Seen:
        raise error

    return tried(Check("x", "claim", "docs", run, emulated=True, minutes=1), world())


def test_what_keeps_a_check_from_being_made_is_no_verdict() -> None:
    denied: Any = {"Error": {"Code": "AccessDenied", "Message": f"token {SECRET}"}}
    for error in (ClientError(denied, "AssumeRole"), CannotTell("why"), httpx.ReadTimeout("late")):
        found = answered(error)
        assert found.verdict == "could not tell"
        assert SECRET not in found.saw


def test_what_only_aws_can_answer_is_not_asked_of_an_emulator() -> None:
    emulated = world()
    emulated.on_aws = False
    for one in CHECKS:
        if not one.emulated:
            assert tried(one, emulated).saw == "only AWS can answer this"


def report(saw: str = "pull 200", *, on_aws: bool = True) -> Report:
    result = Seen(Verdict.HOLDS, "did | this", saw)
    at = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    return Report("ecr-vend", "111122223333", "eu-west-1", at, on_aws, [(CHECKS[0], result)])


def test_a_report_is_dated_and_says_where() -> None:
    assert (
        report().head() == "Stack ecr-vend, account 111122223333, eu-west-1, 2026-11-27 10:00 UTC"
    )
    assert report().as_json()["at"] == "2026-11-27T10:00:00+00:00"
    assert "proves nothing about AWS" in report(on_aws=False).head()


def test_what_aws_says_stays_in_its_cell() -> None:
    *_, row = report("a | b\n| c <script>").as_page()
    assert row.count("|") - row.count("\\|") == 7
    assert "<script>" not in row
    assert "\n" not in row


def test_no_token_gets_into_a_report() -> None:
    results = [(one, tried(one, world())) for one in CHECKS if one.name in PROMISE_A_REFUSAL]
    at = datetime(2026, 11, 27, tzinfo=UTC)
    whole = Report("ecr-vend", "1", "r", at, on_aws=True, results=results)
    assert SECRET not in json.dumps(whole.as_json()) + "\n".join(whole.as_page())
    assert SECRET not in repr(Registry("https://r").login(SECRET))


def test_the_largest_policies_are_those_that_just_fit() -> None:
    policy, count = largest_policy("aws", 40)
    assert 1900 < len(policy) <= 2048
    assert policy.count("team-") == count > 10


def test_the_list_needs_no_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(one.name in told and one.claim in told for one in CHECKS)
    assert main(["--only", "no-such-check"]) == 2


def test_every_check_says_which_page_rests_on_it() -> None:
    for one in CHECKS:
        named = re.match(r"(docs/[\w-]+\.md)", one.rests)
        assert named, one.rests
        assert (ROOT / named[1]).is_file()


def test_the_page_lists_every_check() -> None:
    page = (ROOT / "docs/live-check.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == [one.name for one in CHECKS]


def test_the_page_names_each_action_that_is_called() -> None:
    page = (ROOT / "docs/live-check.md").read_text()
    called = {
        operation
        for file in Path(ROOT / "tools/live_check").glob("*.py")
        for operation in re.findall(
            r"(?:\b(?:iam|ecr|sts|appconfig|gateway|dynamodb|signin|logs|codedeploy|cloudformation"
            r"|functions|cloudwatch\"\))\.|get_paginator\(\")([a-z]+(?:_[a-z]+)+)[(\"]",
            file.read_text(),
        )
    }
    assert len(called) > 30
    camel = {"".join(word.title() for word in one.split("_")) for one in called}
    by_its_action = {"GetRestApi", "GetStage", "GetResources", "TestInvokeMethod"}  # GET and POST
    no_actions = {"GetWaiter", "GetPaginator"}
    assert [one for one in sorted(camel - by_its_action - no_actions) if one not in page] == []


UNVERIFIED = re.compile(r"unverified|not verified", re.IGNORECASE)
ROW = re.compile(r"^\| (U\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def table() -> list[tuple[str, str, str, str]]:
    """Return the rows of what is unverified: id, claim, pages, checks."""
    return ROW.findall((ROOT / "docs/live-check.md").read_text())


def test_every_unverified_fact_is_proved_by_a_check_or_has_its_reason() -> None:
    rows = table()
    assert [row[0] for row in rows] == [f"U{number}" for number in range(1, len(rows) + 1)]
    reasons = (ROOT / "docs/live-check.md").read_text().partition("## What it cannot tell")[2]
    names = {one.name for one in CHECKS}
    for row in rows:
        if row[3] == "by hand":
            assert re.search(rf"\*\*{row[0]}\*\*", reasons), row[0]
        else:
            assert set(re.findall(r"`([\w-]+)`", row[3])) - names == set(), row[0]
            assert row[3].startswith("`"), row[0]


def test_the_facts_that_the_design_rests_on_are_each_proved_by_a_check() -> None:
    assert [row[3] for row in table()[:8] if row[3] == "by hand"] == []


def test_every_check_proves_something_that_is_unverified() -> None:
    proving = {name for row in table() for name in re.findall(r"`([\w-]+)`", row[3])}
    assert proving == {one.name for one in CHECKS}


def test_every_page_that_calls_something_unverified_is_in_the_table() -> None:
    page = (ROOT / "docs/live-check.md").read_text()
    (elsewhere,) = re.findall(r"nothing to do with AWS stand in (.+?); this", page, re.DOTALL)
    named = set(re.findall(r"\(([\w-]+\.md)\)", elsewhere + "".join(row[2] for row in table())))
    marked = {
        file.name
        for file in (ROOT / "docs").glob("*.md")
        if UNVERIFIED.search(file.read_text()) and file.name != "live-check.md"
    }
    assert marked - named == set()
    assert {name for name in named if not (ROOT / "docs" / name).is_file()} == set()
