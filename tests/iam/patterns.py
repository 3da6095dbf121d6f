"""`*`, `?` and `${…}` as IAM reads them.

Deliberately no regular expression and no `fnmatch`: whoever is judged by this may use those.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wild(Enum):
    """A wildcard of a pattern; every other part is one literal character."""

    MANY = "*"
    ONE = "?"


Part = str | Wild


def parts_of(pattern: str, variables: Mapping[str, str] | None = None) -> list[Part] | None:
    """Return `pattern` as literal characters and wildcards.

    `variables` is the request's context by lower-case key, or None where `${…}` is plain text
    (policies of version 2008-10-17). `${*}`, `${?}` and `${$}` are those characters themselves,
    and what a variable stands for is never a wildcard. None is returned when a variable has no
    value and no default: then nothing matches (reference_policies_variables.html).
    """
    parts: list[Part] = []
    at = 0
    while at < len(pattern):
        end = pattern.find("}", at) if pattern.startswith("${", at) else -1
        if variables is not None and end > 0:
            name, _, default = pattern[at + 2 : end].partition(",")
            name, default = name.strip(), default.strip().strip("'")
            value = name if name in {"*", "?", "$"} else variables.get(name.lower(), default)
            if not value:
                return None
            parts.extend(value)
            at = end + 1
            continue
        character = pattern[at]
        parts.append(Wild(character) if character in {"*", "?"} else character)
        at += 1
    return parts


def parts_match(parts: list[Part], text: str) -> bool:
    """Say whether the whole of `text` fits: one row of reachable positions a part."""
    reachable = [True] + [False] * len(text)
    for part in parts:
        following = [False] * (len(text) + 1)
        if part is Wild.MANY:
            seen = False
            for position, here in enumerate(reachable):
                seen = seen or here
                following[position] = seen
        else:
            for position, character in enumerate(text):
                following[position + 1] = reachable[position] and part in (Wild.ONE, character)
        reachable = following
        if not any(reachable):
            return False
    return reachable[-1]


@lru_cache(maxsize=4096)
def plain_match(pattern: str, text: str) -> bool:
    """Say whether a pattern without variables matches; the same few are asked for often."""
    parts = parts_of(pattern)
    return parts is not None and parts_match(parts, text)


def matches(
    pattern: str,
    text: str,
    *,
    ignore_case: bool = False,
    variables: Mapping[str, str] | None = None,
) -> bool:
    """Say whether IAM's `pattern` matches the whole of `text`.

    `*` stands for any number of any characters, `/` included; `?` for exactly one. AWS lets a `*`
    that ends a segment of an ARN run over the colons that follow and is silent on the others
    (reference_policies_elements_resource.html); here every `*` does. No name in ECR has a colon.
    """
    if ignore_case:
        pattern, text = pattern.lower(), text.lower()
    if variables is None or "${" not in pattern:
        return plain_match(pattern, text)
    parts = parts_of(pattern, variables)
    return parts is not None and parts_match(parts, text)


def arn_matches(pattern: str, arn: str, variables: Mapping[str, str] | None = None) -> bool:
    """Say whether a pattern of `ArnLike` matches: each of the six components for itself.

    (reference_policies_elements_condition_operators.html, "Amazon Resource Name (ARN)".)
    """
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return (
        len(wanted) == len(given) == 6
        and wanted[0] == given[0] == "arn"
        and all(
            matches(one, other, variables=variables)
            for one, other in zip(wanted, given, strict=True)
        )
    )
