"""The Condition element (reference_policies_elements_condition_operators.html).

Operators are rows of a table: a function that compares one value of the request with one of the
policy, and whether the operator negates it. An operator that is not in the table is an error:
a judge must not pass over what it does not know.
"""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.iam.patterns import Wild, arn_matches, matches, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Values = tuple[str, ...]


class Operator(NamedTuple):
    """How one value compares, and whether the operator asks for the opposite."""

    compare: Callable[[str, str, Mapping[str, str] | None], bool]
    negated: bool = False


def moment(text: str) -> datetime:
    """Parse a date of a policy or request: ISO 8601 or seconds since 1970; UTC where unsaid."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def ordered(
    parse: Callable[[str], Any], compare: Callable[[Any, Any], bool]
) -> Callable[[str, str, Mapping[str, str] | None], bool]:
    """Return a comparison of two values that `parse` reads."""
    return lambda given, wanted, _: compare(parse(given), parse(wanted))


def equal(given: str, wanted: str, variables: Mapping[str, str] | None) -> bool:
    """Compare exactly; `${…}` is replaced, `*` and `?` are themselves."""
    parts = parts_of(wanted, variables)
    return parts is not None and given == "".join(
        part.value if isinstance(part, Wild) else part for part in parts
    )


def within(given: str, wanted: str, _: Mapping[str, str] | None) -> bool:
    """Say whether an address is in a range; a bare address is a range of one."""
    address, network = ip_address(given), ip_network(wanted, strict=False)
    return address.version == network.version and address in network


def like(given: str, wanted: str, variables: Mapping[str, str] | None) -> bool:
    """Compare with wildcards, minding case."""
    return matches(wanted, given, variables=variables)


def arn(given: str, wanted: str, variables: Mapping[str, str] | None) -> bool:
    """Compare two ARNs: ArnEquals and ArnLike do the same (same page)."""
    return arn_matches(wanted, given, variables)


def folded(given: str, wanted: str, variables: Mapping[str, str] | None) -> bool:
    """Compare exactly but for case."""
    return equal(given.lower(), wanted.lower(), variables)


OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(equal),
    "StringNotEquals": Operator(equal, negated=True),
    "StringEqualsIgnoreCase": Operator(folded),
    "StringNotEqualsIgnoreCase": Operator(folded, negated=True),
    "StringLike": Operator(like),
    "StringNotLike": Operator(like, negated=True),
    "ArnEquals": Operator(arn),
    "ArnLike": Operator(arn),
    "ArnNotEquals": Operator(arn, negated=True),
    "ArnNotLike": Operator(arn, negated=True),
    "IpAddress": Operator(within),
    "NotIpAddress": Operator(within, negated=True),
    "Bool": Operator(ordered(str.lower, operator.eq)),
} | {
    kind + name: Operator(ordered(parse, compare), negated=name == "NotEquals")
    for kind, parse in (("Date", moment), ("Numeric", Decimal))
    for name, compare in {
        "Equals": operator.eq,
        "NotEquals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }.items()
}


def as_values(value: object) -> Values:
    """Return a JSON scalar or list as strings, as IAM does with booleans and numbers."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


def variables_of(context: Mapping[str, Values], version: str) -> Mapping[str, str] | None:
    """Return what `${…}` may stand for: single-valued keys, and only since 2012-10-17."""
    if version != "2012-10-17":
        return None
    return {key: values[0] for key, values in context.items() if len(values) == 1}


def condition_holds(
    name: str, given: Values, wanted: Values, variables: Mapping[str, str] | None
) -> bool:
    """Evaluate one operator on one key.

    `given` is empty when the key is absent: then a negated operator holds, any other does not,
    `…IfExists` and `ForAllValues` hold and `ForAnyValue` does not. Several values of the policy
    are alternatives; a negated operator wants none of them.

    Raises:
        ValueError: The operator is unknown, or a key of several values has no set operator.
    """
    prefix, _, base = name.rpartition(":")
    if base == "Null":
        return any((value == "true") == (not given) for value in wanted)
    if base.endswith("IfExists"):
        base = base.removesuffix("IfExists")
        if not given:
            return True
    if base not in OPERATORS or prefix not in {"", "ForAllValues", "ForAnyValue"}:
        raise ValueError(f"unknown condition operator {name}")
    if prefix == "" and len(given) > 1:
        raise ValueError(f"{name} on a key of several values needs a set operator")
    compare, negated = OPERATORS[base]
    holds = [any(compare(one, value, variables) for value in wanted) != negated for one in given]
    if prefix == "ForAllValues":
        return all(holds)
    if prefix == "ForAnyValue":
        return any(holds)
    return holds[0] if holds else negated


def conditions_hold(
    block: Mapping[str, Mapping[str, object]], context: Mapping[str, Values], version: str
) -> bool:
    """Evaluate a Condition element: every operator and every key of each must hold.

    `context` is by lower-case key: the names of condition keys do not mind case.
    """
    variables = variables_of(context, version)
    return all(
        condition_holds(name, context.get(key.lower(), ()), as_values(wanted), variables)
        for name, keys in block.items()
        for key, wanted in keys.items()
    )
