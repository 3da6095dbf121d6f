"""Policy documents as AWS gives them: statements, and the patterns in them with IAM's meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vending.patterns import covers, overlap

ANYBODY = "*"


class Malformed(Exception):
    """A document is not one of IAM's; the message says how."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Attributes:
        number: Its place, from 1.
        body: As it stands there.
    """

    number: int
    body: Mapping[str, Any]

    @property
    def sid(self) -> str:
        """Its Sid, or nothing."""
        return str(self.body.get("Sid", ""))

    @property
    def allows(self) -> bool:
        """Whether it allows; else it denies."""
        return bool(self.body["Effect"] == "Allow")

    @property
    def condition(self) -> Mapping[str, Any]:
        """Its Condition, perhaps empty."""
        found = self.body.get("Condition", {})
        return found if isinstance(found, Mapping) else {}

    def listed(self, element: str) -> tuple[str, ...]:
        """Return the values of Action, NotAction, Resource or NotResource; actions in lower case.

        "The prefix and the action name are case insensitive" (IAM user guide, "Action").
        """
        found = values(self.body.get(element, ()))
        return tuple(one.lower() for one in found) if element.endswith("Action") else found

    def may_do(self, action: str) -> bool:
        """Return whether it speaks of some action that the pattern `action` matches."""
        action = action.lower()
        if "NotAction" in self.body:
            return not any(covers(left_out, action) for left_out in self.listed("NotAction"))
        return any(overlap(one, action) for one in self.listed("Action"))

    def does_all_of(self, action: str) -> bool:
        """Return whether it surely speaks of every action that the pattern `action` matches."""
        action = action.lower()
        if "NotAction" in self.body:
            return not any(overlap(left_out, action) for left_out in self.listed("NotAction"))
        return any(covers(one, action) for one in self.listed("Action"))

    def beyond(self, actions: frozenset[str]) -> tuple[str, ...]:
        """Return what it speaks of beyond `actions`, in lower case; a wildcard always is beyond.

        AWS adds actions: whatever a wildcard matches today, it may match more tomorrow.
        """
        if "NotAction" in self.body:
            return (f"everything but {', '.join(self.listed('NotAction'))}",)
        return tuple(one for one in self.listed("Action") if one not in actions)

    def principals(self) -> tuple[tuple[str, str], ...]:
        """Return its principals by kind, such as `("AWS", "111122223333")`; `*` is of kind AWS."""
        found = self.body.get("Principal", {})
        if isinstance(found, Mapping):
            return tuple((str(kind), one) for kind, who in found.items() for one in values(who))
        return tuple(("AWS", one) for one in values(found))


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document.

    Attributes:
        kind: What it is to whatever has it, such as `trust` or `repository policy`.
        where: ARN, or name, of what has it.
        name: Of an inline policy, or ARN of a managed one.
        statements: In their order.
        version: The language's, such as `2012-10-17`.
        alone: Of a managed policy: attached to this one role and to no other.
    """

    kind: str
    where: str
    name: str
    statements: tuple[Statement, ...]
    version: str = "2012-10-17"
    alone: bool = False

    def without(self, numbers: frozenset[int]) -> dict[str, Any] | None:
        """Return what is left of it without some statements, or None where nothing is."""
        left = [dict(one.body) for one in self.statements if one.number not in numbers]
        return {"Version": self.version, "Statement": left} if left else None


def document(kind: str, where: str, name: str, given: object, *, alone: bool = False) -> Document:
    """Return the document that AWS gave, as text or as JSON reads it.

    Raises:
        Malformed: It is none.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise Malformed("not JSON") from None
    found = given.get("Statement") if isinstance(given, Mapping) else None
    bodies = [found] if isinstance(found, Mapping) else found
    if not isinstance(given, Mapping) or not isinstance(bodies, list):
        raise Malformed("without statements")
    for body in bodies:
        if not isinstance(body, Mapping) or body.get("Effect") not in {"Allow", "Deny"}:
            raise Malformed("with a statement that neither allows nor denies")
    statements = tuple(Statement(number, body) for number, body in enumerate(bodies, 1))
    return Document(
        kind, where, name, statements, str(given.get("Version", "2008-10-17")), alone=alone
    )


def values(element: object) -> tuple[str, ...]:
    """Return a JSON scalar or list as strings, booleans and numbers as IAM reads them."""
    found = element if isinstance(element, list | tuple) else [element]
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in found)
