"""What can be: whether any repository, or any caller, can match a pattern at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vending.caller_patterns import CallerPattern

LONGEST_NAME = 64
"""Characters of a role's, user's or federated user's name. Source: `RoleName` and `UserName` of
the IAM API; a federated user's is shorter."""

LONGEST_PERMISSION_SET = 32
"""Characters of a permission set's name. Source: `Name` of CreatePermissionSet."""

LETTER, DOT, UNDERSCORE, DASH, SLASH = "a", ".", "_", "-", "/"
"""One of each kind of character that a repository name is made of."""

FOLLOWING: dict[str, dict[str, str]] = {
    "start": {LETTER: "name"},
    "name": {
        LETTER: "name",
        DOT: "after",
        UNDERSCORE: "underscore",
        DASH: "dash",
        SLASH: "start",
    },
    "after": {LETTER: "name"},
    "underscore": {LETTER: "name", UNDERSCORE: "after"},
    "dash": {LETTER: "name", DASH: "dash"},
}
"""`patterns.REPOSITORY` as states: where each kind of character leads. A name ends in `name`."""


def repository_is_possible(pattern: str) -> bool:
    """Return whether some repository name matches the pattern.

    Exact but for the longest length: a pattern is no longer than a name may be.
    """
    # How far a name has got, and how long it is: the shortest has two characters.
    reached: set[tuple[str, int]] = {("start", 0)}
    for letter in pattern:
        if letter == "*":
            frontier = list(reached)
            while frontier:
                state, length = frontier.pop()
                for following in FOLLOWING[state].values():
                    one = (following, min(length + 1, 2))
                    if one not in reached:
                        reached.add(one)
                        frontier.append(one)
            continue
        kind = LETTER if letter.isalnum() else letter
        reached = {
            (following, min(length + 1, 2))
            for state, length in reached
            for step, following in FOLLOWING[state].items()
            if letter == "?" or step == kind
        }
    return ("name", 2) in reached


def caller_is_possible(pattern: CallerPattern) -> bool:
    """Return whether some caller may match the pattern. It says yes where it does not know."""
    if pattern.permission_set is not None:
        return length_is_possible(pattern.permission_set.name, 1, LONGEST_PERMISSION_SET)
    arn = pattern.role or pattern.user or pattern.federated_user
    if arn is None:
        return True
    _, _, _, _, account, resource = arn.split(":", 5)
    name = resource.rpartition("/")[2]
    return length_is_possible(account, 12, 12) and length_is_possible(name, 1, LONGEST_NAME)


def length_is_possible(pattern: str, least: int, most: int) -> bool:
    """Return whether the pattern matches something of such a length."""
    fixed = len(pattern.replace("*", ""))
    return fixed <= most and ("*" in pattern or fixed >= least)
