"""The denies, judged by the evaluator of IAM: they stop whom they name, and nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fakes import NOW, caller
from tests.iam.evaluator import Policies, Request, evaluate
from vending.caller import Caller
from vending.denies import LONGEST, denies, document
from vending.revocations import Kind, Revocation, rfc3339, whole
from vending.vend_ids import new_vend_id

ROLE = "arn:aws:iam::111122223333:role/ecr-vend-pull"
ALL = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
CALLERS = [
    caller(f"arn:aws:sts::111122223333:assumed-role/{name}/run")
    for name in ("ci", "ci-b", "web", "api")
]
MINUTES = st.integers(0, 59).map(lambda minutes: NOW - timedelta(minutes=minutes, seconds=7.5))


def refused(
    text: str, vend_id: str, who: Caller, issued: datetime, action: str = "ecr:BatchGetImage"
) -> bool:
    """Say whether a token's session is denied by a document, whatever else it may do."""
    request = Request(
        action,
        "arn:aws:ecr:eu-west-1:111122223333:repository/payments/api",
        ROLE,
        session=vend_id,
        now=NOW,
        context={
            "aws:SourceIdentity": who.source_identity,
            "aws:TokenIssueTime": rfc3339(issued),
        },
    )
    own: Any = ({"Version": "2012-10-17", "Statement": [ALL]}, json.loads(text))
    return not evaluate(Policies(identity=own), request)


@st.composite
def revocations(draw: Any) -> Revocation:
    """Draw a revocation that a deny has to stand for."""
    at = draw(MINUTES)
    common: dict[str, Any] = {
        "reason": "x",
        "by": "arn:jo",
        "by_key": "key",
        "turn": "turn",
        "at": at,
    }
    kind = draw(st.sampled_from([Kind.VEND, Kind.VEND, Kind.CALLER, Kind.CALLER, Kind.BEFORE]))
    match kind:
        case Kind.VEND:
            return Revocation(kind, new_vend_id(at), **common)
        case Kind.BEFORE:
            return Revocation(kind, rfc3339(whole(at)), **common)
    blocked = Revocation(kind, draw(st.sampled_from(CALLERS)).key, **common)
    blocked = replace(blocked, blocked_at=at)
    lifted = at + timedelta(seconds=draw(st.integers(0, 600)))
    return replace(blocked, lifted_at=lifted) if draw(st.booleans()) else blocked


def distinct(drawn: list[Revocation]) -> list[Revocation]:
    """Return one of each target, as the register keeps them."""
    return list({one.id: one for one in drawn}.values())


def meant(one: Revocation, vend_id: str, who: Caller, issued: datetime) -> bool:
    """Say whether a revocation is about a token, by what it means."""
    match one.kind:
        case Kind.VEND:
            return vend_id == one.target
        case Kind.BEFORE:
            return issued < datetime.fromisoformat(one.target)
        case Kind.CALLER:
            return who.key == one.target and (not one.lifted_at or issued < one.lifted_at)


def impossible(one: Revocation, who: Caller, issued: datetime) -> bool:
    """Say whether a block kept a caller from a token at that time, so that there is none."""
    if one.kind is not Kind.CALLER or who.key != one.target:
        return False
    assert one.last_issue
    return one.last_issue < issued and (not one.lifted_at or issued < one.lifted_at)


@given(st.lists(revocations(), max_size=8).map(distinct), st.data())
def test_the_denies_stop_exactly_the_tokens_that_were_revoked(
    every: list[Revocation], data: st.DataObject
) -> None:
    found = denies(every, now=NOW)
    assert not found.left_out
    assert found.entries == {one.entry for one in every}
    vends = [one.target for one in every if one.kind is Kind.VEND] + [new_vend_id(NOW)]
    vend_id = data.draw(st.sampled_from(vends))
    who = data.draw(st.sampled_from(CALLERS))
    issued = data.draw(MINUTES)
    if vend_id != vends[-1]:
        issued = next(one.at for one in every if one.target == vend_id)
    # IAM knows the second in which a token was issued.
    issued = issued.replace(microsecond=0)
    assume(not any(impossible(one, who, issued) for one in every))
    expected = any(meant(one, vend_id, who, issued) for one in every)
    assert refused(found.document, vend_id, who, issued) is expected


@given(st.integers(160, 220), st.integers(0, 60), st.randoms())
def test_the_denies_never_outgrow_a_policy_and_drop_nothing_that_stands(
    vends: int, callers: int, random: Any
) -> None:
    every = [
        Revocation(Kind.VEND, new_vend_id(NOW), "x", "arn:jo", "key", NOW, "turn")
        for _ in range(vends)
    ] + [
        Revocation(
            Kind.CALLER, f"aws:111122223333:AROA{n:012}", "x", "arn:jo", "key", NOW, "turn", NOW
        )
        for n in range(callers)
    ]
    random.shuffle(every)
    first = denies(every, now=NOW)
    assert len(first.document) <= LONGEST
    assert first.entries.isdisjoint(first.left_out)
    assert first.entries | first.left_out == {one.entry for one in every}
    everything = Revocation(Kind.BEFORE, rfc3339(whole(NOW)), "x", "arn:jo", "key", NOW, "turn")
    # By a clock that is behind, this one comes before all others, and yet takes nobody's place.
    newcomer = Revocation(
        Kind.VEND, new_vend_id(NOW), "x", "arn:jo", "key", NOW - timedelta(minutes=5), "turn"
    )
    second = denies([everything, newcomer, *every], now=NOW, standing=first.entries)
    assert len(second.document) <= LONGEST
    assert first.entries | {everything.entry} <= second.entries


def test_a_policy_holds_this_many() -> None:
    # What docs/revoking.md says.
    def fitting(kind: Kind, target: Any, **more: Any) -> int:
        every = [
            Revocation(kind, target(n), "x", "arn:jo", "key", NOW, "turn", NOW, **more)
            for n in range(400)
        ]
        return len(denies(every, now=NOW).entries)

    assert fitting(Kind.VEND, lambda _: new_vend_id(NOW)) == 178
    assert fitting(Kind.CALLER, lambda n: f"aws:111122223333:AROA{n:012}") == 279
    assert fitting(Kind.CALLER, lambda n: f"aws:111122223333:AROA{n:012}", lifted_at=NOW) == 33


def test_with_nothing_revoked_nobody_is_denied() -> None:
    text = document([], None)
    for action in ("ecr:BatchGetImage", "ecr:GetAuthorizationToken"):
        assert not refused(text, new_vend_id(NOW), CALLERS[0], NOW, action)


def test_the_mint_is_denied_with_the_rest() -> None:
    made = Revocation(Kind.CALLER, CALLERS[0].key, "x", "arn:jo", "key", NOW, "turn", NOW)
    text = denies([made], now=NOW).document
    assert refused(text, new_vend_id(NOW), CALLERS[0], NOW, "ecr:GetAuthorizationToken")
