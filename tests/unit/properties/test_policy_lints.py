"""What a lint says is so: for any policy, caller and request, judged by `decide` and by matching.

An error or a statement about what gives nothing must be certain. The indexes leave nothing out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checking import checks
from checking.entries import Entries
from checking.lints import Subject
from checking.overlaps import takes
from checking.possible import repository_is_possible
from checking.sizes import somebody
from tests.policies import DOCUMENTS
from tests.strategies import CALLER_PATTERNS, CALLERS, NOW, PATTERNS, requests, situations
from vendctl.checking.excerpt import lines_of, shown
from vendctl.console import Console
from vending import caller_coverage, patterns
from vending.access import Access
from vending.caller import Caller
from vending.caller_patterns import CallerPattern
from vending.decision import decide
from vending.pattern_index import PatternIndex, meet
from vending.policy import Policy
from vending.policy_problems import RULES
from vending.request import Limits, VendRequest

NAMED = CALLER_PATTERNS.map(CallerPattern.model_validate)
GIVES_NOTHING = {"never-matches", "outside-ceiling", "shadowed-by-deny", "expired"}


def lints_of(policy: Policy, codes: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the sentence of the lints of some codes."""
    subject = Subject(
        policy,
        list(enumerate(policy.grants)),
        list(enumerate(policy.denies)),
        list(enumerate(policy.tests)),
    )
    for lint in checks.lints(subject, now=NOW):
        if lint.code in codes:
            yield int(lint.path[1]), lint.message


def decided(policy: Policy, caller: Caller, request: VendRequest) -> object:
    """Return what matters of a decision: what it gives, and for how long."""
    found = decide(policy, caller, request, now=NOW, limits=Limits())
    given = {access: frozenset(some) for access, some in found.scope.items()}
    return given, frozenset(found.excluded), found.expires_at, found.bind_source_ip


@given(situations())
def test_a_grant_that_is_said_to_give_nothing_gives_nothing(
    situation: tuple[Policy, Caller, VendRequest],
) -> None:
    policy, caller, request = situation
    decision = decide(policy, caller, request, now=NOW, limits=Limits())
    for at, _ in lints_of(policy, GIVES_NOTHING):
        name = policy.grants[at].name
        if request.repositories:
            assert name not in decision.grants


@st.composite
def twins(draw: Any) -> tuple[Policy, Caller, VendRequest]:
    """Draw a situation in which a grant has a twin that differs in little."""
    policy, caller, _ = draw(situations())
    assume(policy.grants)
    grant = draw(st.sampled_from(policy.grants))
    changes = {
        "access": st.sampled_from(Access),
        "break_glass": st.booleans(),
        "bind_source_ip": st.booleans(),
        "repositories": st.just(["*"]),
        "registry": st.sampled_from(["default", "eu"]),
        "expires_on": st.sampled_from([None, NOW.date(), NOW.date() - timedelta(days=1)]),
        "callers": st.just([CallerPattern(account="111122223333")]),
    }
    changed = draw(st.fixed_dictionaries({}, optional=changes))
    twin = grant.model_copy(update={"name": "twin", **changed})
    listed = draw(st.permutations([*policy.grants, twin]))
    policy = policy.model_copy(update={"grants": listed})
    return policy, caller, draw(requests(policy))


@given(twins())
def test_a_redundant_grant_can_be_removed(situation: tuple[Policy, Caller, VendRequest]) -> None:
    policy, caller, request = situation
    for at, message in lints_of(policy, {"redundant-grant"}):
        grant = policy.grants[at]
        if request.grant == grant.name or "only shortens or binds" in message:
            continue
        rest = policy.model_copy(
            update={"grants": [one for one in policy.grants if one is not grant]}
        )
        assert decided(policy, caller, request) == decided(rest, caller, request)


@given(situations())
def test_a_deny_that_is_said_to_remove_nothing_removes_nothing(
    situation: tuple[Policy, Caller, VendRequest],
) -> None:
    policy, caller, request = situation
    for at, _ in lints_of(policy, {"deny-removes-nothing"}):
        deny = policy.denies[at]
        rest = policy.model_copy(
            update={"denies": [one for one in policy.denies if one is not deny]}
        )
        assert decided(policy, caller, request) == decided(rest, caller, request)


def names(letters: str, longest: int) -> list[str]:
    """Return every repository name of these characters, up to a length."""
    texts = ("".join(one) for size in range(longest + 1) for one in product(letters, repeat=size))
    return [text for text in texts if patterns.REPOSITORY.fullmatch(text)]


def test_a_pattern_is_possible_exactly_when_some_name_matches_it() -> None:
    known = names("a._-/", 6)
    for size in range(1, 4):
        for pattern in map("".join, product("a._-/*?", repeat=size)):
            real = any(patterns.matches(pattern, name) for name in known)
            assert repository_is_possible(pattern) is real, pattern


@given(NAMED, NAMED, CALLERS)
def test_how_caller_patterns_stand_to_one_another_is_never_denied_by_a_caller(
    wide: CallerPattern, narrow: CallerPattern, caller: Caller
) -> None:
    if caller_coverage.covers(wide, narrow) and narrow.matches(caller):
        assert wide.matches(caller)
    if wide.matches(caller) and narrow.matches(caller):
        assert caller_coverage.overlap(wide, narrow)


@given(NAMED)
def test_somebody_whom_a_pattern_matches_is_found(pattern: CallerPattern) -> None:
    assert pattern.matches(somebody(pattern))


@given(st.lists(PATTERNS, max_size=8), PATTERNS)
def test_an_index_leaves_nothing_out(listed: list[str], pattern: str) -> None:
    index = PatternIndex((one, one) for one in listed)
    covering = {one for some in index.covering(pattern) for one in some}
    overlapping = {one for some in index.overlapping(pattern) for one in some}
    assert {one for one in listed if patterns.covers(one, pattern)} <= covering
    assert {one for one in listed if patterns.overlap(one, pattern)} <= overlapping
    assert all(meet(one, pattern) is patterns.overlap(one, pattern) for one in listed)


@given(situations())
def test_entries_leave_nothing_out(situation: tuple[Policy, Caller, VendRequest]) -> None:
    policy, _, _ = situation
    grants = Entries(list(enumerate(policy.grants)))
    denies = Entries(list(enumerate(policy.denies)))
    for deny in policy.denies:
        met = {at for at, _ in grants.may_meet(deny.callers, deny.repositories)}
        assert {at for at, grant in grants.all if takes(deny, grant)} <= met
    for grant in policy.grants:
        meeting = {at for at, _ in denies.may_meet(grant.callers, grant.repositories)}
        assert {at for at, deny in denies.all if takes(deny, grant)} <= meeting


def cut(text: str, start: int, length: int, instead: str) -> str:
    """Return a text with a part of it replaced."""
    return text[:start] + instead + text[start + length :]


DAMAGED = st.builds(
    cut,
    st.sampled_from([text for text in DOCUMENTS.values() if len(text) < 5_000]),
    st.integers(0, 400),
    st.integers(0, 12),
    st.sampled_from(
        [
            *("", "*", "&a ", "*a", "!!int ", "!!set ", "!!binary ", "<<: ", "0x", "2027-02-31"),
            *("{", "}", "[", "]", "\n", ": ", "- ", "? ", "null", "'", '"', "\t", "é"),
            *("\x1b[2J", "\u202e"),
        ]
    ),
)


@given(st.one_of(DAMAGED.map(str.encode), st.binary(max_size=80)))
def test_any_text_is_checked_without_a_traceback_and_shown_without_driving_a_terminal(
    text: bytes,
) -> None:
    report = checks.checked(text, name="policy.yaml", now=datetime.now(UTC))
    lines = lines_of(text)
    for problem in report.problems:
        assert problem.code in RULES
        told = shown(problem, "policy.yaml", lines, Console({}))
        kinds = {unicodedata.category(letter) for letter in told if letter != "\n"}
        assert not kinds & {"Cc", "Cf", "Zl", "Zp"}


@pytest.mark.parametrize("listed", [["base/*", "*"], ["b?se/x", "base/*"]])
def test_an_index_finds_what_begins_with_a_wildcard(listed: list[str]) -> None:
    index = PatternIndex((one, one) for one in listed)
    assert {one for some in index.covering("base/x") for one in some} >= set(listed)
