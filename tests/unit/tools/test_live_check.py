"""The live check: that a check can fail, what a report says, and that nothing secret is in it."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from tools.environments import ROOT
from tools.live_check.__main__ import main, tried
from tools.live_check.check import CHECKS, CannotTell, Check, Seen, Verdict
from tools.live_check.limits import largest_policy
from tools.live_check.registry import Login, Registry
from tools.live_check.report import Report
from tools.live_check.world import World

SECRET = "a-token-that-no-report-may-hold"


class Answers(Login):
    """A token that gets one status for everything but what its own repository answers."""

    def __init__(self, pulls: int, pushes: int) -> None:
        object.__setattr__(self, "registry", Registry("https://registry"))
        object.__setattr__(self, "password", SECRET)
        self.__dict__.update(pulls=pulls, pushes=pushes)

    def pull(self, repository: str) -> int:
        return int(self.__dict__["pulls"])

    def begin_push(self, repository: str) -> int:
        return int(self.__dict__["pushes"])


class Open(Registry):
    """A registry that takes every password."""

    def login(self, password: str) -> Login:
        return Answers(200, 202)


class Anything:
    """An AWS client that takes every call and answers nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {}


class Scripted(World):
    """A world in which every token gets the same answers, whatever should have stopped it."""

    pulls, pushes = 200, 202

    def client(self, service: str, credentials: Any = None) -> Any:
        return Anything()

    def session_of(self, *_: Any, **__: Any) -> Any:
        return None

    def token(self, credentials: Any) -> Login:
        return Answers(self.pulls, self.pushes)

    def vended(self, *_: Any, **__: Any) -> Login:
        return Answers(self.pulls, self.pushes)

    def denying(self, statement: Any) -> Any:
        return nullcontext()

    def until_refused(self, login: Login, *, within: float) -> float:
        status = login.pull(self.one)
        if status == 200:
            raise TimeoutError("it still pulled")
        return 0.0

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        told = {"source_ip": "203.0.113.7", "password": SECRET}
        return httpx.Response(200, json=told)


def world(kind: type[World] = Scripted) -> Any:
    found = kind(
        boto3.Session(region_name="eu-west-1"),
        "ecr-vend",
        "ecr-vend-check",
        "https://api",
        Open("https://registry"),
        on_aws=True,
        slow=True,
        sleep=lambda _: None,
    )
    found.__dict__.update(account="111122223333", partition="aws")
    return found


class Refusing(Scripted):
    pulls, pushes = 403, 403


class Broken(Scripted):
    pulls, pushes = 500, 500


def check(name: str) -> Check:
    (found,) = [one for one in CHECKS if one.name == name]
    return found


PROMISE_A_REFUSAL = (
    "session-policy",
    "repository-policy",
    "time-condition",
    "deny-by-user-id",
    "deny-by-issue-time",
    "deny-by-source-identity",
    "address-condition",
    "vend",
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
    def run(_: World) -> Seen:
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
            r"\b(?:iam|ecr|sts|appconfig|gateway|dynamodb|signin)\.([a-z]+(?:_[a-z]+)+)\(",
            file.read_text(),
        )
    }
    assert len(called) > 10
    camel = {"".join(word.title() for word in one.split("_")) for one in called}
    by_its_action = {"GetRestApi", "GetStage", "GetResources", "TestInvokeMethod"}  # GET and POST
    assert [one for one in sorted(camel - by_its_action) if one not in page] == []
