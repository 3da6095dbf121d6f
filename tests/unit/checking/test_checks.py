"""A policy's problems are all named at once, each under its code, and by whoever checks it."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checking.checks import Report, checked
from handlers import policy_validator
from tests.policies import ALLOWED, ARN, DOCUMENTS, GOOD, MANY, ROLE, deny, grant, policy
from vendctl.__main__ import main
from vending.policy_problems import RULES, Severity
from vending.policy_text import PolicyError, parse

EXAMPLE = Path(__file__).parents[3] / "policy/policy.yaml"


def report_of(text: str) -> Report:
    return checked(text.encode(), name="policy.yaml", now=datetime.now(UTC))


def codes(text: str) -> set[str]:
    return {one.code for one in report_of(text).problems}


def validator(text: str, *, seconds: float = 15) -> str:
    """Return what the validator raises with, or nothing where it lets the policy pass.

    Args:
        text: The policy.
        seconds: That the function still has.
    """
    left = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)
    event = {"configurationVersion": "3", "content": base64.b64encode(text.encode()).decode()}
    try:
        policy_validator.handler(event, left)
    except PolicyError as refusal:
        return str(refusal)
    return ""


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what the validator logged of warnings."""
    return [vars(record) for record in caplog.records if record.levelname == "WARNING"]


def test_a_good_policy_has_no_problem() -> None:
    assert report_of(GOOD).problems == ()
    assert validator(GOOD) == ""


def test_every_code_has_a_document() -> None:
    assert list(DOCUMENTS) == list(RULES)


@pytest.mark.parametrize("code", DOCUMENTS)
def test_each_problem_has_its_own_code(code: str) -> None:
    assert codes(DOCUMENTS[code]) == {code}


@pytest.mark.parametrize("code", DOCUMENTS)
def test_vendctl_and_the_validator_say_the_same(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(DOCUMENTS[code])
    ended = main(["policy", "check", str(file), "--json"])
    said = json.loads(capsys.readouterr().out)
    refusal = validator(DOCUMENTS[code])
    errors = [one for one in said["problems"] if one["severity"] == "error"]
    assert (ended == 1) is bool(refusal) is bool(errors) is (RULES[code].severity == "error")
    assert len(refusal.splitlines()) == len(errors)
    for line, error in zip(refusal.splitlines(), errors, strict=True):
        assert line.startswith(f"policy.yaml:{error['line']}:{error['column']}: ")
        assert error["message"] in line
    warnings = [one for one in said["problems"] if one["severity"] == "warning"]
    logged = [line for told in warnings_in(caplog) for line in told["first"]]
    assert len(logged) == len(warnings)
    for line, warning in zip(logged, warnings, strict=True):
        place = f"{warning['line']}:{warning['column']}: {warning['code']}: "
        assert line.startswith(place)
        assert warning["message"] in line


@pytest.mark.parametrize(
    "code", [code for code, rule in RULES.items() if rule.severity is Severity.WARNING]
)
def test_the_validator_logs_warnings_and_lets_the_policy_pass(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert validator(DOCUMENTS[code]) == ""
    assert [told["codes"] for told in warnings_in(caplog)] == [{code: 1}]


def test_a_refusal_and_a_log_line_have_an_end(caplog: pytest.LogCaptureFixture) -> None:
    refusal = validator(policy(*(grant(f"g{n}", access="write") for n in range(300))))
    assert len(refusal.splitlines()) == policy_validator.MOST_TOLD + 1
    assert refusal.splitlines()[-1].startswith("and 280 more")
    wide = [grant(f"g{n}", repositories=f"[team{n:03}*]") for n in range(300)]
    assert validator(policy(*wide, grant())) == ""
    (warned,) = warnings_in(caplog)
    assert warned["codes"]["wide-pattern"] == 300
    assert len(warned["first"]) == policy_validator.MOST_TOLD


def test_a_policy_that_takes_too_long_is_deployed_without_all_warnings_and_never_with_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    same = [grant(f"g{n}") for n in range(3)]
    for seconds, warned in ((15, {"redundant-grant"}), (policy_validator.SPARE, set[str]())):
        caplog.clear()
        assert validator(policy(*same), seconds=seconds) == ""
        found = {code for told in warnings_in(caplog) for code in told["codes"]}
        (accepted,) = (vars(one) for one in caplog.records if one.message == "policy accepted")
        assert (found, accepted["all_warnings"]) == (warned, bool(warned))
    wrong = policy(*same, tests=f"  - {ALLOWED.replace('allow', 'deny')}\n")
    assert "test-fails" in {one.code for one in report_of(wrong).problems}
    assert "expected deny, got allow" in validator(wrong, seconds=policy_validator.SPARE)


def test_the_example_in_the_repository_has_no_error_and_no_warning() -> None:
    found = report_of(EXAMPLE.read_text()).problems
    assert [one for one in found if one.severity is not Severity.NOTE] == []


def test_no_class_of_problem_hides_another() -> None:
    text = policy(
        grant("one", access="write", max_tll="1m"),
        grant("two", expires_on="2027-02-31"),
        grant("three", callers='[{role: "arn:aws:iam::1:role/a/b", account: "111122223333"}]'),
        grant("four", owner=None, repositories="[payments/*, payments//x]"),
        grant("four", callers="[{}]"),
        grant("five", repositories="[five/*]", nix="1", expires_on="2020-01-01"),
        head='ceiling: {accounts: ["111122223333"]}\nversion: 1\n',
        tail=deny(name="Wrong"),
    )
    assert codes(text) == {
        "wrong-access",
        "unknown-key",
        "unreadable-value",
        "role-with-path",
        "one-principal",
        "no-owner",
        "dead-entry",
        "repeated-name",
        "repeated-key",
        "expired",
        "wrong-name",
    }


def test_a_caller_named_twice_and_wrongly_is_told_of_both() -> None:
    text = policy(grant(callers=f'[{{role: "{ARN}:role/a/b", account: "111122223333"}}]'))
    assert codes(text) == {"role-with-path", "one-principal"}


@pytest.mark.parametrize(
    ("entry", "possible"),
    [
        ('role: "arn:aws:iam::1234:role/ci"', False),
        ('role: "arn:aws:iam::12?:role/ci"', False),
        ('role: "arn:aws:iam::1234*:role/ci"', True),
        (f'role: "{ARN}:role/{"x" * 65}"', False),
        (f'role: "{ARN}:role/{"x" * 64}*"', True),
        (f'user: "{ARN}:user/a/path/of/many/characters/{"x" * 60}"', True),
        (f'permission_set: {{name: {"x" * 33}, account: "111122223333"}}', False),
        (f'permission_set: {{name: {"x" * 32}, account: "111122223333"}}', True),
    ],
)
def test_a_grant_for_nobody_is_an_error(entry: str, *, possible: bool) -> None:
    found = codes(policy(grant(), grant("other", callers=f"[{{{entry}}}]")))
    assert ("never-matches" not in found) is possible


def test_what_is_missing_gives_no_false_problem() -> None:
    """The deny takes from the grant that cannot be read, and the test may be about it."""
    text = policy(grant(access="write"), tail=deny())
    assert codes(text) == {"wrong-access"}


def test_a_problem_says_where_the_offending_text_ends() -> None:
    (problem,) = report_of(DOCUMENTS["role-with-path"]).problems
    line = DOCUMENTS["role-with-path"].splitlines()[problem.line - 1]
    assert problem.end[0] == problem.line
    assert line[problem.column - 1 : problem.end[1] - 1] == '"arn:aws:iam::111122223333:role/ci/x"'


@pytest.mark.parametrize(
    "other",
    [
        {"access": "pull"},
        {"registry": "eu"},
        {"break_glass": "true"},
        {"expires_on": "2999-01-01"},
        {"repositories": "[payments/api]"},
        {"callers": '[{role: "arn:aws:iam::111122223333:role/payments"}]'},
        {"callers": f"[{{{ROLE}, session: main}}]"},
    ],
)
def test_a_grant_is_not_redundant_beside_one_that_gives_less(other: dict[str, str]) -> None:
    text = policy(grant("one", **other), grant("two"))
    redundant = [one for one in report_of(text).problems if one.code == "redundant-grant"]
    assert all("'two' gives the same callers all that 'one' gives" in str(one) for one in redundant)


@pytest.mark.parametrize(
    "entry",
    [
        'account: "111122223333"',
        'role: "arn:aws:iam::111122223333:role/payments-*"',
        'role: "arn:aws:iam::1111*:role/payments-ci"',
    ],
)
def test_a_grant_is_redundant_beside_one_for_more_callers(entry: str) -> None:
    text = policy(grant("one", callers=f"[{{{entry}}}]"), grant("two", max_ttl="5m"))
    (found,) = [one for one in report_of(text).problems if one.code == "redundant-grant"]
    assert "'one' gives the same callers all that 'two' gives" in found.message
    assert found.message.endswith("which only shortens or binds their tokens")


def test_grants_that_fit_alone_and_not_together_are_named() -> None:
    one, two = MANY[: len(MANY) // 5], MANY[len(MANY) // 2 :][: len(MANY) // 5]
    lists = [f"[{some[some.index('p') : some.rindex(',')]}]" for some in (one, two)]
    text = policy(*(grant(f"g{n}", repositories=some) for n, some in enumerate(lists)))
    (found,) = [one for one in report_of(text).problems if one.code == "scope-too-large"]
    assert found.key == "grants[1].callers[0]"
    assert found.message.startswith("the 2 grants of this caller together: A token for these")


def test_a_scope_of_patterns_that_cover_one_another_fits() -> None:
    text = policy(grant(repositories=f'["payments-*", {MANY}]'))
    assert "scope-too-large" not in codes(text)


def test_ten_thousand_grants_are_checked_in_seconds() -> None:
    """As a validator must; it took two seconds where this was written."""
    listed = [
        grant(f"team-{n}", callers=f'[{{role: "{ARN}:role/ci-{n}"}}]', repositories=f"[team-{n}/*]")
        for n in range(10_000)
    ]
    denied = "denies:\n" + "".join(deny(name=f"d{n}").split("\n", 1)[1] for n in range(1_000))
    began = time.process_time()
    report = report_of(policy(*listed, tail=denied))
    assert time.process_time() - began < 30
    assert report.policy is not None
    assert len(report.policy.grants) == 10_000


@pytest.mark.parametrize("code", ["never-matches", "test-fails"])
def test_a_policy_that_only_lints_refuse_is_read(code: str) -> None:
    """It may serve: it was published before there was such a lint, or a test's day has passed."""
    assert validator(DOCUMENTS[code])
    assert parse(DOCUMENTS[code].encode(), name="policy.yaml").grants


def test_what_only_watches_shadows_and_replaces_nothing() -> None:
    text = policy(
        grant("watched", mode="monitor", owner="b@example.com"),
        grant(),
        head='ceiling: {accounts: ["444455556666"], mode: monitor}\n',
        tail=deny(repositories="[payments/*]", mode="monitor"),
    )
    assert codes(text) == set()
