"""Patterns of the policy against the independent reading of IAM's."""

from __future__ import annotations

import itertools
import re

from hypothesis import example, given
from hypothesis import strategies as st

from tests.iam import Policies, Request, evaluate, matches
from tests.strategies import NAMES, PATTERNS
from vending import patterns

ROLE = "arn:aws:iam::111122223333:role/vended"
SHORT = st.text("ab*?", max_size=4)
WORDS = ["".join(letters) for n in range(9) for letters in itertools.product("ab", repeat=n)]
"""Every word over two letters that can be the shortest that two short patterns share."""


@given(pattern=PATTERNS, name=NAMES)
@example("a*", "a/b")
@example("a?b", "a/b")
@example("*a*a*a*b", "a" * 200)
@example("a.b", "axb")
@example("team/*", "team")
def test_a_repository_pattern_matches_exactly_what_iam_matches(pattern: str, name: str) -> None:
    arn = "arn:aws:ecr:eu-west-1:111122223333:repository/"
    statement = {"Effect": "Allow", "Action": "ecr:*", "Resource": arn + pattern}
    document = {"Version": "2012-10-17", "Statement": statement}
    request = Request("ecr:BatchGetImage", arn + name, ROLE)
    assert patterns.matches(pattern, name) is bool(evaluate(Policies((document,)), request))


@given(pattern=st.text(max_size=8), name=NAMES)
@example("${aws:username}", "jo")
@example("[a]b", "ab")
@example("{a,b}", "ab")
@example("a*\n", "ab")
def test_nothing_but_letters_and_iams_wildcards_gets_into_a_pattern(
    pattern: str, name: str
) -> None:
    if patterns.REPOSITORY_PATTERN.fullmatch(pattern):
        assert set(pattern) <= set("abcdefghijklmnopqrstuvwxyz0123456789._/*?-")
        # With and without variables, IAM reads it the same.
        assert matches(pattern, name, variables={}) is matches(pattern, name)


@given(left=SHORT, right=SHORT)
def test_patterns_overlap_exactly_when_they_share_a_word(left: str, right: str) -> None:
    shared = any(matches(left, word) and matches(right, word) for word in WORDS)
    assert patterns.overlap(left, right) is shared


@given(wide=SHORT, narrow=SHORT)
def test_a_pattern_covers_another_only_when_it_matches_all_its_words(
    wide: str, narrow: str
) -> None:
    if patterns.covers(wide, narrow):
        assert all(matches(wide, word) for word in WORDS if matches(narrow, word))


@given(pattern=PATTERNS)
def test_a_pattern_covers_itself_and_a_star_covers_everything(pattern: str) -> None:
    assert patterns.covers(pattern, pattern)
    assert patterns.covers("*", pattern)


@given(pattern=st.text("ab*?:/", max_size=7), value=st.text("ab:/", max_size=7))
@example("arn:*", "arn:aws:iam")
@example("role/*", "role/a/b")
@example("role?ci", "role/ci")
@example("*a*b", "ab:ab")
def test_a_caller_pattern_never_crosses_a_separator(pattern: str, value: str) -> None:
    wanted, found = re.split("([:/])", pattern), re.split("([:/])", value)
    expected = len(wanted) == len(found) and all(
        one == other if at % 2 else matches(one, other)
        for at, (one, other) in enumerate(zip(wanted, found, strict=True))
    )
    assert bool(patterns.bounded(pattern).fullmatch(value)) is expected
