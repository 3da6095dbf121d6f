"""`vendctl doctor registry`: what it is asked, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.doctored import ASKED, SOUND, allow, with_policy, with_role
from tests.fake_aws import FakeAws, with_repositories
from vendctl.__main__ import parser
from vendctl.command_line import Failure
from vendctl.console import Console
from vendctl.doctor.registry import examine

OPEN = with_policy({"Sid": "Wide", **allow("*")})


class Screen(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


def run(aws: FakeAws, *words: str, stderr: io.StringIO | None = None) -> tuple[int, str]:
    """Run the command and return its exit code and what it printed."""
    asked = parser().parse_args(["doctor", "registry", *words])
    out = io.StringIO()
    console = Console({}, io.StringIO(), out, stderr or io.StringIO())
    return examine(asked, console, aws.session()), out.getvalue()


def answered(aws: FakeAws, *words: str) -> tuple[int, dict[str, Any]]:
    """Run the command for a script and return its exit code and answer."""
    code, text = run(aws, "--json", *words)
    return code, json.loads(text)


def codes(answer: dict[str, Any]) -> dict[str, str]:
    return {one["code"]: one["severity"] for one in answer["findings"]}


def test_a_sound_account_ends_with_zero() -> None:
    code, answer = answered(FakeAws())
    assert (code, answer["findings"], answer["could_not_look"]) == (0, [], [])
    assert answer["looked_at"]["vended roles"] == 3
    assert answer["looked_at"]["repositories"] == 2
    assert answer["roles"]["pull"] == "ecr-vend-pull"
    assert answer["function_role"] == ASKED.function_role


def test_an_error_ends_with_one_and_tells_statement_reason_and_cure() -> None:
    code, text = run(FakeAws(OPEN))
    assert code == 1
    assert "error open-to-everyone: arn:aws:ecr:eu-west-1:111122223333:repository/payments" in text
    assert "repository policy, statement 1 (Wide)" in text
    assert '{"Sid":"Wide","Effect":"Allow","Principal":"*","Action":"ecr:*"}' in text
    assert "no grant, no end, no record" in text
    assert "aws ecr delete-repository-policy --repository-name payments/api" in text
    assert "found 1 error, 0 warnings, 0 notes" in text


def test_warnings_end_with_one_only_where_they_count() -> None:
    account = with_role(lambda role: replace(role, longest=43200))
    assert run(FakeAws(account))[0] == 0
    assert run(FakeAws(account), "--strict")[0] == 1


def test_what_aws_gave_drives_no_terminal() -> None:
    sid = "\x1b[2J\u202e"
    _, text = run(FakeAws(with_policy({**allow("*"), "Sid": sid})))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_progress_is_shown_to_a_person_and_taken_away() -> None:
    screen = Screen()
    run(FakeAws(with_repositories("a2", "b2", "c2")), stderr=screen)
    assert "repository policies: 3 of 3" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    quiet = io.StringIO()
    run(FakeAws(), stderr=quiet)
    assert quiet.getvalue() == ""


def test_an_interrupted_reading_asks_for_nothing_more() -> None:
    class Slow(FakeAws):
        asked = 0

        def _ecr_GetRepositoryPolicy(self, asked: Any) -> dict[str, Any]:  # noqa: N802
            self.asked += 1
            time.sleep(0.01)
            return super()._ecr_GetRepositoryPolicy(asked)

    aws = Slow(with_repositories(*(f"team/{number}" for number in range(200))))

    class Interrupted(Screen):
        def write(self, text: str) -> int:
            if "repository policies" in text:
                raise KeyboardInterrupt
            return len(text)

    with pytest.raises(KeyboardInterrupt):
        run(aws, stderr=Interrupted())
    assert aws.asked < 100
    assert "ecr:DescribePullThroughCacheRules" not in aws.calls


def test_registries_that_images_are_copied_to_are_a_note() -> None:
    account = replace(SOUND, replicas=("444455556666 us-east-1", "111122223333 eu-central-1"))
    code, answer = answered(FakeAws(account))
    assert (code, codes(answer)) == (0, {"replicated-elsewhere": "note"})
    assert "111122223333 eu-central-1, 444455556666 us-east-1" in answer["findings"][0]["why"]


def test_a_quota_below_the_apis_throttle_is_a_note() -> None:
    assert codes(answered(FakeAws(quota=10))[1]) == {"quota-below-throttle": "note"}
    assert codes(answered(FakeAws(quota=20))[1]) == {}


def test_repositories_that_no_grant_reaches_are_a_note(tmp_path: Path) -> None:
    from tests.fakes import POLICY

    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    account = replace(
        SOUND, repositories=with_repositories("payments/api", "search/x").repositories
    )
    account = replace(
        account, repositories=tuple(replace(one, mutable=False) for one in account.repositories)
    )
    code, answer = answered(FakeAws(account), "--policy", str(file))
    assert (code, codes(answer)) == (0, {"repositories-ungranted": "note"})
    assert "search/x" in answer["findings"][0]["why"]
    assert "payments/api" not in answer["findings"][0]["why"]
    file.write_text(POLICY.replace("access: push", "access: push\n    mode: monitor"))
    monitored = answered(FakeAws(account), "--policy", str(file))[1]
    assert "payments/api" in monitored["findings"][0]["why"]


def test_a_registry_without_a_stack_is_named_by_its_roles() -> None:
    words = ("--role-prefix", "ecr-vend", "--vend-role", ASKED.function_role)
    aws = FakeAws()
    assert run(aws, *words, "--prefixes", "payments/,base/")[0] == 0
    assert not any(call.startswith("cloudformation") for call in aws.calls)
    code, answer = answered(FakeAws(), *words, "--prefixes", "payments/")
    assert (code, set(codes(answer))) == (1, {"deny-of-prefixes"})
    stranger = "arn:aws:iam::111122223333:role/other"
    _, answer = answered(FakeAws(), "--role-prefix", "ecr-vend", "--vend-role", stranger)
    assert codes(answer)["trust-others"] == "error"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--registry-id", "999999999999"), "of the account 111122223333"),
        (("--role-prefix", "ecr-vend"), "--role-prefix needs --vend-role"),
        (("--role-prefix", "ecr-vend", "--vend-role", "*"), "--role-prefix needs --vend-role"),
    ],
)
def test_what_cannot_be_examined_is_said_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(Failure, match=said):
        run(FakeAws(), *words)


def test_a_stack_without_vended_roles_is_said_so() -> None:
    class Other(FakeAws):
        def _cloudformation_ListStackResources(self, asked: Any) -> dict[str, Any]:  # noqa: N802
            return {"StackResourceSummaries": []}

    with pytest.raises(Failure, match="has no vended roles"):
        run(Other())
