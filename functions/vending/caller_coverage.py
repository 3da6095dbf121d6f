"""How one caller pattern stands to another: whether it covers it, or can mean the same caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vending import patterns
from vending.caller_patterns import PRINCIPALS
from vending.pattern_index import meet

if TYPE_CHECKING:
    from vending.caller_patterns import CallerPattern


def text_of(pattern: CallerPattern) -> str:
    """Return the principal of a caller pattern as one text, itself a pattern.

    Patterns of one kind with the same principals have the same text, and a wildcard in it means
    what it means in the pattern. A session beside a role is not in it.
    """
    if pattern.permission_set is not None:
        one = pattern.permission_set
        return f"permission-set::{one.account}:{one.name}/{'*' if one.user is None else one.user}"
    if pattern.root is not None:
        return f"root::{pattern.root}"
    if pattern.account is not None:
        return f"account::{pattern.account}"
    return pattern.role or pattern.user or pattern.federated_user or ""


def account_of(pattern: CallerPattern) -> str:
    """Return the account of the callers that are meant, which may have wildcards."""
    if pattern.permission_set is not None:
        return pattern.permission_set.account
    if pattern.root is not None or pattern.account is not None:
        return pattern.root or pattern.account or ""
    return text_of(pattern).split(":")[4]


def covers(wide: CallerPattern, narrow: CallerPattern) -> bool:
    """Return whether `wide` surely matches every caller that `narrow` matches."""
    if wide.account is not None:
        return account_of(narrow) == wide.account
    if kind_of(wide) != kind_of(narrow):
        return False
    if wide.session is not None and (
        narrow.session is None or not patterns.bounded_covers(wide.session, narrow.session)
    ):
        return False
    return patterns.bounded_covers(text_of(wide), text_of(narrow))


def overlap(left: CallerPattern, right: CallerPattern) -> bool:
    """Return whether some caller may match both. It says yes where it is not sure."""
    if left.account is not None or right.account is not None:
        return meet(account_of(left), account_of(right))
    if kind_of(left) != kind_of(right):
        return False
    one, other = text_of(left), text_of(right)
    if patterns.is_literal(one):
        if not patterns.bounded(other).fullmatch(one):
            return False
    elif not meet(one, other):
        return False
    return meet(left.session or "*", right.session or "*")


def kind_of(pattern: CallerPattern) -> str:
    """Return which key names the principal."""
    return next(key for key in PRINCIPALS if getattr(pattern, key) is not None)
