"""Conditions on who asks: whether one may hold for a vended session, and whom one keeps out.

Nothing is known of a request but who makes it, so the answers are "may" and "surely". Where AWS's
documentation leaves something open, the reading is the one that allows more.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vendctl.doctor.documents import values
from vending.patterns import covers, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vendctl.doctor.account import VendedRole
    from vendctl.doctor.documents import Statement

NEGATED = ("StringNot", "ArnNot", "NotIpAddress")
NAMING = frozenset({"aws:principalarn", "aws:sourceidentity", "aws:userid"})
"""Keys that can name one role or session."""

VARIABLE = re.compile(r"\$\{[^}]*\}")


def each(condition: Mapping[str, object]) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Yield set prefix, operator, key in lower case and values of a Condition element."""
    for operator, keys in condition.items():
        prefix, _, base = operator.rpartition(":")
        for key, wanted in getattr(keys, "items", tuple)():
            yield prefix, base, str(key).lower(), values(wanted)


def may_hold(condition: Mapping[str, object], role: VendedRole) -> bool:
    """Return whether the condition may hold for a session of a vended role."""
    known = known_of(role)
    return all(
        key not in known or may(operator, wanted, known[key])
        for _, operator, key, wanted in each(condition)
    )


def known_of(role: VendedRole) -> dict[str, tuple[str, ...]]:
    """Return the keys whose value is known of a vended session: alternatives, each a pattern."""
    partition = role.arn.split(":")[1]
    session = f"arn:{partition}:sts::{role.account}:assumed-role/{role.name}/v-*"
    return {
        # AWS gives the role's ARN; a condition that would hold for the session's is meant so too.
        "aws:principalarn": (role.arn, session),
        "aws:userid": (f"{role.role_id}:v-*",),
        "aws:principalaccount": (role.account,),
        "aws:principaltype": ("AssumedRole",),
        "aws:principalisawsservice": ("false",),
    }


def may(operator: str, wanted: tuple[str, ...], known: tuple[str, ...]) -> bool:
    """Return whether an operator may hold for one of the values that a key can have."""
    base = operator.removesuffix("IfExists")
    if base == "Null":
        return "false" in wanted
    if "IgnoreCase" in base or base == "Bool":
        wanted = tuple(one.lower() for one in wanted)
        known = tuple(one.lower() for one in known)
    # A variable stands for what nobody knows here.
    patterns = [VARIABLE.sub("*", one) for one in wanted]
    if base.startswith(NEGATED):
        return any(not any(covers(pattern, one) for pattern in patterns) for one in known)
    return any(overlap(pattern, one) for pattern in patterns for one in known)


def names(condition: Mapping[str, object], role: VendedRole) -> bool:
    """Return whether a condition picks principals by name, and may so pick a vended session."""
    picks = any(key in NAMING for _, _, key, _ in each(condition))
    return picks and may_hold(condition, role)


def account_of(arn: str) -> str:
    """Return the account in a pattern for an ARN, or nothing where it names none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 and re.fullmatch("[0-9]{12}", parts[4]) else ""


BOUNDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "aws:principalorgid": (
        "an organisation",
        lambda value: bool(re.fullmatch("o-[a-z0-9]+", value)),
    ),
    "aws:principalorgpaths": ("an organisation", lambda value: value.startswith("o-")),
    "aws:principalaccount": ("accounts", lambda value: bool(re.fullmatch("[0-9]{12}", value))),
    # A wildcard for the account is met by a role of that name in anybody's account.
    "aws:principalarn": ("accounts", lambda value: bool(account_of(value))),
    "aws:userid": ("principals", lambda value: bool(re.match("[A-Z0-9]{16,}", value))),
    "aws:sourceip": ("a network", lambda value: not value.endswith("/0")),
    "aws:vpcsourceip": ("a network", lambda value: not value.endswith("/0")),
    "aws:sourcevpc": ("a network", lambda value: value.startswith("vpc-")),
    "aws:sourcevpce": ("a network", lambda value: value.startswith("vpce-")),
    "aws:sourcearn": ("AWS services", lambda value: bool(account_of(value))),
    "aws:sourceaccount": ("AWS services", lambda value: bool(re.fullmatch("[0-9]{12}", value))),
    "aws:sourceorgid": ("AWS services", lambda value: value.startswith("o-")),
    "aws:principalservicename": ("AWS services", lambda value: "*" not in value),
}
"""Keys that keep somebody out: whom they leave, and which values do. Tags are not among them:
whoever has an account of their own gives their roles any tag."""


def bounds(condition: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Return whom a condition leaves, by the key that does it; empty where it is everybody.

    `…IfExists` and `ForAllValues` hold where the key is absent, and a negated operator holds for
    everybody else: none of these keeps anybody out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for prefix, operator, key, wanted in each(condition):
        positive = not operator.startswith(NEGATED) and not operator.endswith("IfExists")
        if not positive or prefix == "ForAllValues" or operator == "Null" or key not in BOUNDS:
            continue
        if wanted and all(BOUNDS[key][1](value) for value in wanted):
            found[key] = wanted
    return found


def bounds_of_denies(
    statement: Statement, others: tuple[Statement, ...]
) -> dict[str, tuple[str, ...]]:
    """Return whom the denies of the same document leave of what a statement allows.

    Only a deny for everybody, of all that is allowed, under one negated condition and no other:
    `Deny, Principal *, StringNotEquals aws:PrincipalOrgID`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for other in others:
        if other.allows or ("AWS", "*") not in other.principals():
            continue
        allowed = statement.listed("Action") or ("*",)
        conditions = list(each(other.condition))
        if len(conditions) != 1 or not all(other.does_all_of(action) for action in allowed):
            continue
        (prefix, operator, key, wanted) = conditions[0]
        keeps = operator.startswith(NEGATED) and prefix != "ForAnyValue" and key in BOUNDS
        if keeps and wanted and all(BOUNDS[key][1](value) for value in wanted):
            found[key] = wanted
    return found


def within(found: Mapping[str, tuple[str, ...]], role: VendedRole) -> bool:
    """Return whether bounds may leave a vended session in."""
    known = known_of(role)
    return all(may("StringLike", found[key], known[key]) for key in found.keys() & known.keys())


def left_by(found: Mapping[str, tuple[str, ...]]) -> str:
    """Return whom bounds leave, in words."""
    kinds = sorted({BOUNDS[key][0] for key in found})
    return " and ".join(kinds)
