"""`vendctl policy who`: who may have a repository, as auditors are told of a policy that served."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditing.access import Period, Question, example_of, possible
from auditing.selection import Span
from tests.strategies import NOW, POLICIES, names_in
from vendctl.__main__ import main
from vendctl.explaining.explaining import explain
from vendctl.explaining.explanation import Question as Asked
from vendctl.policy.who import entitled
from vending.access import Access
from vending.policy import Policy

EXAMPLE = str(Path(__file__).parents[3] / "policy/policy.yaml")
DAY = "2026-12-01"


def shown(
    capsys: pytest.CaptureFixture[str], *more: str, file: str = EXAMPLE, name: str = "payments/api"
) -> tuple[int, str]:
    """Return how the command ends, and what it prints."""
    code = main(["policy", "who", file, "--repository", name, "--at", DAY, *more])
    return code, capsys.readouterr().out


def who(
    capsys: pytest.CaptureFixture[str], *more: str, **where: str
) -> list[tuple[str, str, str | None]]:
    """Return who may, by which grant and until when."""
    _, out = shown(capsys, "--json", *more, **where)
    document: dict[str, Any] = json.loads(out)
    return [(one["callers"], one["grant"], one["until"]) for one in document["who"]]


def test_everyone_who_may_push_is_named_with_grant_owner_last_day_and_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, page = shown(capsys, "--access", "push")
    assert code == 0
    head, _, _, *rows = page.splitlines()
    assert head == "push of payments/api in the registry default at 2026-12-01T12:00:00Z: 3 entries"
    assert [row.split()[-1] for row in rows] == [f"{EXAMPLE}:{line}" for line in (16, 18, 38)]
    assert "payments-ci  payments@example.com  push    2027-06-30" in rows[0]
    assert "must name the grant and give a reason" in rows[2]


def test_what_nobody_may_have_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, page = shown(capsys, "--access", "pull-through")
    assert (code, page.rstrip().endswith("nobody")) == (1, True)
    assert shown(capsys, "--registry", "eu")[0] == 1


def test_a_grant_counts_through_its_last_day(capsys: pytest.CaptureFixture[str]) -> None:
    for day, many in (("2027-06-30", 3), ("2027-07-01", 1)):
        assert len(who(capsys, "--access", "push", "--at", day)) == many


def test_a_spreadsheet_runs_nothing_that_a_policy_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    text = Path(EXAMPLE).read_text().replace("payments@example.com", '"=HYPERLINK(1)\\e[2J"')
    file.write_text(text)
    _, out = shown(capsys, "--csv", file=str(file))
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert {row["owner"][0] for row in rows} == {"'", "p"}
    assert rows[0]["break_glass"] == "no"
    assert "\x1b" not in out
    _, page = shown(capsys, file=str(file))
    assert "\x1b" not in page


@given(POLICIES, st.sampled_from(Access), st.data())
def test_whoever_is_named_alone_is_explained_as_allowed(
    policy: Policy, access: Access, data: st.DataObject
) -> None:
    name = data.draw(names_in(policy))
    question = Question(name, access, "default", Span(NOW, NOW + timedelta(seconds=1)))
    found = list(entitled(policy, question))
    assert [one.possible for one in found] == list(
        possible(question, policy, Period(question.span, "", ""))
    )
    for one in found:
        assert policy.grants[one.number] is one.grant
        if not one.possible.many and not one.possible.unless:
            pattern = one.grant.callers[one.callers]
            asked = Asked(example_of(pattern), name, access, grant=one.grant.name)
            assert explain(policy, asked, now=NOW).allowed


def test_10_000_grants_of_one_repository_are_told_in_seconds() -> None:
    grants = [
        {
            "name": f"team-{number}",
            "callers": [{"role": f"arn:aws:iam::111122223333:role/team-{number}-ci"}],
            "repositories": ["base/*"],
            "access": "pull",
        }
        for number in range(10_000)
    ]
    policy = Policy.model_validate({"version": 1, "grants": grants})
    question = Question("base/python", Access.PULL, "default", Span(NOW, NOW))
    assert len(list(entitled(policy, question))) == 10_000
