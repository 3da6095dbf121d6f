"""The session policy says what the decision says, in as few characters as it can."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes import ORIGIN
from vending.access import Access
from vending.decision import Decision
from vending.errors import Code, Refused
from vending.session_policy import LONGEST, session_policy

PULL, PUSH = Access.PULL, Access.PUSH
DECISION = Decision(
    "default", scope={PULL: ("x/*",)}, expires_at=datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
)


def statements(decision: Decision, origin: Any = ORIGIN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(session_policy(decision, origin, partition="aws"))[
        "Statement"
    ]
    return found


def test_a_pull_denies_all_outside_its_repositories_and_after_its_end() -> None:
    assert statements(DECISION) == [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "NotAction": "ecr:GetAuthorizationToken",
            "NotResource": "arn:aws:ecr:*:*:repository/x/*",
        },
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-11-23T20:15:00Z"}},
        },
    ]


def test_a_mixed_token_denies_writing_outside_its_push_repositories() -> None:
    mixed = replace(DECISION, scope={PUSH: ("x/a", "x/b"), PULL: ("base",)})
    assert statements(mixed)[2] == {
        "Effect": "Deny",
        "NotAction": ["ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Get*", "ecr:List*"],
        "NotResource": ["arn:aws:ecr:*:*:repository/x/a", "arn:aws:ecr:*:*:repository/x/b"],
    }


def test_denies_and_the_ceiling_stand_in_it() -> None:
    narrowed = replace(DECISION, excluded=("x/secret",), ceiling=("x/open/*",))
    assert statements(narrowed)[2] == {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "arn:aws:ecr:*:*:repository/x/secret",
    }
    assert statements(narrowed)[3]["NotResource"] == "arn:aws:ecr:*:*:repository/x/open/*"


def test_a_bound_token_works_only_from_the_address_that_asked_but_may_be_minted() -> None:
    bound = statements(replace(DECISION, bind_source_ip=True))[-1]
    assert bound["NotAction"] == "ecr:GetAuthorizationToken"
    assert bound["Condition"] == {"NotIpAddress": {"aws:SourceIp": "203.0.113.7"}}


def test_a_private_caller_is_bound_to_its_vpc() -> None:
    private = replace(ORIGIN, vpc="vpc-1", vpc_endpoint="vpce-1")
    bound = statements(replace(DECISION, bind_source_ip=True), private)[-1]
    assert bound["Condition"] == {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}


def test_too_large_is_refused_with_what_to_ask_for_and_never_cut() -> None:
    names = tuple(f"team/{'repository-with-a-long-name-' * 2}{n}" for n in range(40))
    with pytest.raises(Refused) as caught:
        session_policy(replace(DECISION, scope={PULL: names}), ORIGIN, partition="aws")
    assert caught.value.refusal.code is Code.SCOPE_TOO_LARGE
    assert "Name fewer repositories" in caught.value.refusal.detail


def test_the_largest_that_fits_is_vended_whole() -> None:
    count = 1
    while True:
        names = tuple(f"team/service-{n:02}/image-name" for n in range(count))
        try:
            text = session_policy(replace(DECISION, scope={PULL: names}), ORIGIN, partition="aws")
        except Refused:
            break
        assert len(text) <= LONGEST
        assert all(name in text for name in names)
        count += 1
    assert count > 20


def test_a_refused_decision_has_no_session_policy() -> None:
    with pytest.raises(ValueError, match="no session policy"):
        session_policy(Decision("default"), ORIGIN, partition="aws")
