"""The classes that patterns divide words and callers into, against every short word there is."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.iam import matches
from tests.strategies import EVERY_CALLER, EVERY_CALLER_PATTERN
from vendctl.difference import languages
from vendctl.difference.callers import caller_classes
from vendctl.difference.effort import Effort
from vendctl.difference.languages import Language
from vendctl.difference.words import classes
from vending import patterns
from vending.caller import Caller
from vending.caller_patterns import CallerPattern

SHORT = st.lists(st.text("ab/-*?", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)
WORDS = [
    word
    for length in range(2, 6)
    for word in map("".join, itertools.product("abx/-", repeat=length))
    if patterns.REPOSITORY.fullmatch(word)
]
"""The repository names over a few letters; x is one that no pattern names."""


def sets_of(written: list[str], words: list[str]) -> set[frozenset[int]]:
    """Return which patterns match together, word by word."""
    return {
        frozenset(at for at, pattern in enumerate(written) if matches(pattern, word))
        for word in words
    }


@given(written=SHORT, needed=st.none() | st.sets(st.integers(0, 3)))
def test_every_set_of_patterns_that_some_name_matches_is_found(
    written: list[str], needed: set[int] | None
) -> None:
    found = classes(written, languages.REPOSITORIES, needed=needed, effort=Effort())
    for matched, word in found.items():
        assert sets_of(written, [word]) == {matched}
        assert patterns.REPOSITORY.fullmatch(word)
    # A word of five letters is long enough for most sets of such patterns, not for all.
    assert set(found) >= {one for one in sets_of(written, WORDS) if needed is None or one & needed}


@pytest.mark.parametrize(
    ("language", "spelling"),
    [
        (languages.REPOSITORIES, patterns.REPOSITORY),
        (languages.ROLES, re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)),
        (languages.ACCOUNTS, re.compile(r"[0-9]{12}")),
        (languages.USERS, re.compile(r"(?:[\w+=,.@-][\w+=,.@/-]*/)?[\w+=,.@-]{1,64}", re.ASCII)),
    ],
)
@given(
    word=st.text("a0b-_./A@ü", max_size=6)
    | st.text("01", min_size=11, max_size=13)
    | st.integers(60, 70).map("a".__mul__)
    | st.integers(60, 70).map(lambda n: "b/" + "a" * n)
)
@example(word="a__b")
@example(word="a___b")
@example(word="a---b")
@example(word="a-_b")
@example(word="a//b")
def test_a_language_has_the_words_that_its_names_are_spelt_like(
    language: Language, spelling: re.Pattern[str], word: str
) -> None:
    assert language.holds(word) is bool(spelling.fullmatch(word))


@given(
    meant=st.lists(EVERY_CALLER_PATTERN, min_size=1, max_size=5, unique=True),
    callers=st.lists(EVERY_CALLER, min_size=5, max_size=5),
    data=st.data(),
)
def test_every_caller_is_in_a_class(
    meant: list[CallerPattern], callers: list[Caller], data: st.DataObject
) -> None:
    needed = data.draw(st.sets(st.sampled_from(range(len(meant))), min_size=1))
    found = {
        one.patterns: one.example for one in caller_classes(meant, needed=needed, effort=Effort())
    }
    for numbers, caller in found.items():
        assert {at for at, one in enumerate(meant) if one.matches(caller)} == numbers
        assert numbers & needed
    for caller in callers:
        matched = frozenset(at for at, one in enumerate(meant) if one.matches(caller))
        assert not matched & needed or matched in found


@given(written=st.lists(st.text("ab*", min_size=1, max_size=6), min_size=1, max_size=3))
def test_a_word_that_a_plain_pattern_takes_is_no_example_of_the_globs(written: list[str]) -> None:
    plain = ["xx", "xxx", "yx"]
    together = list(dict.fromkeys([*written, *plain]))
    found = classes(together, languages.REPOSITORIES, needed=None, effort=Effort())
    for matched, word in found.items():
        assert sets_of(together, [word]) == {matched}
    assert set(found) >= sets_of(together, [*WORDS, *plain])


def test_work_without_end_is_given_up_aloud() -> None:
    effort = Effort(left=100)
    classes(
        [f"*{letter}*" for letter in "abcdefghij"],
        languages.REPOSITORIES,
        needed=None,
        effort=effort,
    )
    assert effort.is_exhausted
