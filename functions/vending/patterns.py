"""Patterns: over repositories, with IAM's meaning; over callers, that never cross a separator."""

from __future__ import annotations

import re
from functools import lru_cache

REPOSITORY = re.compile(
    r"(?=.{2,256}\Z)[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    r"(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
"""A repository name. Source: `repositoryName` of the ECR API."""

REPOSITORY_PATTERN = re.compile(r"[a-z0-9._/*?-]{1,256}")
"""The characters of a repository pattern: those of names, and IAM's two wildcards. Nothing else can
stand in it, so no `${variable}` reaches a session policy."""


def matches(pattern: str, name: str) -> bool:
    """Return whether the repository pattern matches, as IAM matches a resource ARN.

    `*` is any run of characters, `/` among them, and `?` exactly one. Source: "IAM JSON policy
    elements: Resource".
    """
    return bool(_iam(pattern).fullmatch(name))


@lru_cache(maxsize=65_536)
def _iam(pattern: str) -> re.Pattern[str]:
    return re.compile(_translated(pattern, one=".", run=".*"), re.DOTALL)


@lru_cache(maxsize=65_536)
def bounded(pattern: str) -> re.Pattern[str]:
    """Compile a caller pattern, whose `*` and `?` never cross `:` or `/`.

    A pattern for one account or role name can thus not be completed into another by a name with
    separators in it.
    """
    return re.compile(_translated(pattern, one="[^:/]", run="[^:/]*"), re.DOTALL)


def _translated(pattern: str, *, one: str, run: str) -> str:
    """Return the regular expression, without backtracking between stars.

    The shortest match up to each piece leaves the most for the rest, so it may be final (an atomic
    group): a hostile pattern like `*a*a*a*b` takes no longer than a plain one.
    """
    first, *rest = ("".join(map(re.escape, p)).replace(r"\?", one) for p in pattern.split("*"))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>{run}?{piece})" for piece in middle if piece) + run + last


def is_literal(pattern: str) -> bool:
    """Return whether the pattern is a plain name."""
    return "*" not in pattern and "?" not in pattern


@lru_cache(maxsize=4096)
def overlap(left: str, right: str) -> bool:
    """Return whether some string matches both patterns."""
    # `reachable` holds the positions in `right` to which a common prefix can have led.
    reachable = _skip_stars({0}, right)
    for letter in left:
        following = set(reachable) if letter == "*" else set()
        frontier = list(reachable)
        for at in frontier:
            other = right[at] if at < len(right) else None
            if letter == "*":
                # The star of `left` eats one more of `right`, whatever it is.
                if other is not None and at + 1 not in following:
                    following.add(at + 1)
                    frontier.append(at + 1)
            elif other == "*":
                following.add(at)
            elif other is not None and (letter == "?" or other in ("?", letter)):
                following.add(at + 1)
        reachable = _skip_stars(following, right)
    return len(right) in reachable


def _skip_stars(positions: set[int], pattern: str) -> set[int]:
    found = set(positions)
    for at in positions:
        while at < len(pattern) and pattern[at] == "*":
            at += 1  # noqa: PLW2901  walks over the stars that match nothing
            found.add(at)
    return found


@lru_cache(maxsize=4096)
def covers(wide: str, narrow: str) -> bool:
    """Return whether `wide` surely matches every string that `narrow` matches.

    It reads the wildcards of `narrow` as letters of their own, which only `wide`'s wildcards
    match: right whenever it says yes, and sometimes no where the truth is yes.
    """
    return bool(re.fullmatch(_covering(wide), narrow, re.DOTALL))


def _covering(wide: str) -> str:
    # `?` must not match the letter `*`, which stands for any number of characters.
    return _translated(wide, one="[^*]", run=".*")


def bounded_covers(wide: str, narrow: str) -> bool:
    """Return whether the caller pattern `wide` surely matches all that `narrow` matches.

    As sure, and as unsure, as `covers`.
    """
    if is_literal(wide):
        return wide == narrow
    return bool(_bounded_covering(wide).fullmatch(narrow))


@lru_cache(maxsize=65_536)
def _bounded_covering(wide: str) -> re.Pattern[str]:
    return re.compile(_translated(wide, one="[^:/*]", run="[^:/]*"), re.DOTALL)
