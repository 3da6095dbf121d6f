"""Which words there are: how repositories, principals and accounts can be called."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHANUMERIC = "xyz" + "abcdefghijklmnopqrstuvw" + string.digits
NAMES = ALPHANUMERIC + string.ascii_uppercase + "-_+=,.@"
"""The letters of an IAM name, those first that make the plainest example."""


@dataclass(frozen=True, slots=True)
class Language:
    """The words that can be the name of something.

    Attributes:
        step: The state after a letter, from 0 at the start; None where no word goes on so.
        accepts: Whether a word may end in a state.
        letters: Any of them may stand for another that no pattern names.
        longest: Letters in the longest word.
        separators: Letters with which a word does not go on as freely as with the others.
        apart: Letters that no wildcard matches.
    """

    step: Callable[[int, str], int | None]
    accepts: Callable[[int], bool]
    letters: str
    longest: int
    separators: str = ""
    apart: str = ""

    def holds(self, word: str) -> bool:
        """Return whether there is such a word."""
        state: int | None = 0
        for letter in word:
            if (state := self.step(state or 0, letter)) is None:
                return False
        return len(word) <= self.longest and self.accepts(state or 0)


ONE, SEVERAL, SEPARATED, UNDERSCORE, HYPHEN = 1, 2, 3, 4, 5
"""How a repository's name stands: after one letter, after a later one, within a separator."""


def _in_repository(state: int, letter: str) -> int | None:
    if letter in ALPHANUMERIC:
        return SEVERAL if state else ONE
    if state in (ONE, SEVERAL):
        return {".": SEPARATED, "/": SEPARATED, "_": UNDERSCORE, "-": HYPHEN}.get(letter)
    if (state, letter) == (UNDERSCORE, "_"):
        return SEPARATED
    return HYPHEN if (state, letter) == (HYPHEN, "-") else None


REPOSITORIES = Language(
    _in_repository, SEVERAL.__eq__, ALPHANUMERIC, longest=256, separators="/-._"
)
"""As `vending.patterns.REPOSITORY` has it."""


def _named(longest: int) -> Language:
    return Language(lambda _, letter: 1 if letter in NAMES else None, bool, NAMES, longest=longest)


ROLES = _named(64)
SESSIONS = _named(64)
FEDERATED_USERS = _named(64)
PERMISSION_SETS = _named(32)


def _in_account(state: int, letter: str) -> int | None:
    return state + 1 if letter in string.digits else None


ACCOUNTS = Language(_in_account, (12).__eq__, "2" + string.digits, longest=12)

LONGEST_NAME = 64
LONGEST_PATH = 512


def _in_user(state: int, letter: str) -> int | None:
    """Count the letters since the last `/`, beyond the longest name as one more than it."""
    if letter == "/":
        return LONGEST_NAME + 2 if state else None
    if letter not in NAMES:
        return None
    if state == LONGEST_NAME + 2:
        return 1
    return min(state + 1, LONGEST_NAME + 1)


USERS = Language(
    _in_user,
    range(1, LONGEST_NAME + 1).__contains__,
    NAMES,
    longest=LONGEST_PATH + LONGEST_NAME,
    apart="/",
)
"""An IAM user's path, without its first slash, and name."""
