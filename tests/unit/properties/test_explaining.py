"""What is explained is what `decide` says: no reason is given that the evaluator does not share."""

from __future__ import annotations

from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.strategies import (
    ARNS,
    EVERY_CALLER,
    EVERY_CALLER_PATTERN,
    NOW,
    names_in,
    situations,
)
from vendctl.explaining.explaining import explain
from vendctl.explaining.explanation import Explanation, Question
from vendctl.explaining.near_misses import caller_comparisons
from vending.access import Access
from vending.caller import Caller
from vending.caller_patterns import CallerPattern
from vending.decision import decide
from vending.errors import Code
from vending.policy import Policy
from vending.request import Limits, VendRequest

Situation = tuple[Policy, Caller, VendRequest]


def known(pattern: dict[str, str], arn: str) -> example:
    """Return a pattern and a caller that the drawn ones seldom are."""
    return example(pattern=CallerPattern.model_validate(pattern), caller=Caller.from_arn(arn))


@known({"user": "arn:aws:iam::111122223333:user/team/*"}, ARNS[3])
@known({"user": "arn:aws:iam::111122223333:user/*"}, ARNS[3])
@known({"user": "arn:aws:iam::111122223333:user/jo"}, ARNS[3])
@known({"role": "arn:aws:iam::1111*:role/c?", "session": "run-*"}, ARNS[0])
@known({"role": "arn:aws:iam::1111*:role/c?", "session": "run-?1"}, ARNS[0])
@given(pattern=EVERY_CALLER_PATTERN, caller=EVERY_CALLER)
def test_a_caller_differs_in_nothing_exactly_when_the_pattern_matches(
    pattern: CallerPattern, caller: Caller
) -> None:
    same = all(one.same for one in caller_comparisons(pattern, caller))
    event(f"matches: {same}")
    assert same is pattern.matches(caller)


@st.composite
def explained(draw: st.DrawFn) -> tuple[Situation, Explanation]:
    """Draw a question about one repository, or about all, and its explanation."""
    policy, caller, request = draw(situations())
    name = draw(st.none() | names_in(policy))
    question = Question(
        caller,
        repository=name,
        access=request.access,
        registry="default",
        # `explain` takes only a grant that there is; of others `vendctl` says so.
        grant=request.grant if request.grant in [grant.name for grant in policy.grants] else None,
        ttl=request.ttl,
        every=True,
    )
    asked = VendRequest(
        "default",
        {request.access: (name,)} if name is not None else {},
        access=request.access,
        ttl=request.ttl,
        grant=question.grant,
        reason="why",
    )
    return (policy, caller, asked), explain(policy, question, now=NOW)


@given(explained())
def test_the_outcome_that_is_explained_is_the_evaluators(
    drawn: tuple[Situation, Explanation],
) -> None:
    (policy, caller, request), found = drawn
    decision = decide(policy, caller, request, now=NOW, limits=Limits())
    (outcome,) = found.outcomes
    event(f"allowed: {found.allowed}")
    assert outcome.decision.scope == decision.scope
    assert outcome.decision.expires_at == decision.expires_at
    assert outcome.decision.refusal == decision.refusal
    if found.allowed:
        assert outcome.bound is not None
        assert outcome.bound.at.replace(microsecond=0) == decision.expires_at


@given(explained())
def test_one_repository_is_allowed_exactly_where_a_grant_misses_nothing_and_no_rule_takes_it(
    drawn: tuple[Situation, Explanation],
) -> None:
    (policy, *_), found = drawn
    if found.question.repository is None:
        return
    assert found.allowed is bool(found.held and not found.taken)
    if found.allowed:
        assert [one.compared.grant.name for one in found.held] == list(
            found.outcomes[0].decision.grants
        )
    shown = [*(one.compared for one in found.held), *found.near]
    assert sorted(one.number for one in shown) == list(range(len(policy.grants))) or (
        found.question.grant is not None
    )


@given(explained())
def test_a_grant_misses_in_something_exactly_where_it_alone_would_grant_nothing(
    drawn: tuple[Situation, Explanation],
) -> None:
    (policy, caller, request), found = drawn
    if found.question.repository is None:
        return
    for one in [*(held.compared for held in found.held), *found.near]:
        alone = policy.model_copy(
            update={"grants": [one.grant], "denies": [], "ceiling": type(policy.ceiling)()}
        )
        decision = decide(alone, caller, request, now=NOW, limits=Limits())
        assert decision.refusal is None or decision.refusal.code is Code.NOT_GRANTED
        assert (decision.refusal is None) is not bool(one.differing)


@given(situations(), st.sampled_from(Access))
def test_what_is_held_without_a_repository_is_what_the_caller_can_be_vended(
    situation: Situation, access: Access
) -> None:
    policy, caller, _ = situation
    found = explain(policy, Question(caller, access=access), now=NOW)
    by_name = {one.compared.grant.name: one.outcome for one in found.held}
    for grant in policy.grants:
        request = VendRequest(grant.registry, {}, access=access, grant=grant.name, reason="why")
        decision = decide(policy, caller, request, now=NOW, limits=Limits())
        if decision.refusal is None:
            assert by_name[grant.name].decision.scope == decision.scope
        elif grant.name in by_name:
            assert by_name[grant.name].refusal is not None
