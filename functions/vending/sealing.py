"""Personal strings in records, sealed under a key of each person that can be destroyed. Pure.

Records are written once and archived, so nothing in them can be erased. What names a person stands
in them only in a box that the person's key opens, and the keys are kept apart, where they can be
deleted: then the records still are what they were, and nobody can read from whom they came.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from vending.caller import CallerKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vending.caller import Caller

MARK = "~"
"""Stands before a key's id where a record names a person by it."""

NAMED_BY_OTHERS = frozenset({CallerKind.ROLE, CallerKind.IDENTITY_CENTER})
"""Callers whose `name` is a role's or a permission set's, and no person's."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a key is for.

    Attributes:
        name: The session name, or the user's.
        caller_key: Of the caller that has it.
    """

    name: str
    caller_key: str


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person's key.

    Attributes:
        id: Random; names the key in records.
        secret: 32 random bytes.
    """

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> PersonKey:
        """Return one that nobody has."""
        return cls(secrets.token_hex(16), secrets.token_bytes(Aead.KEY_SIZE))


class Unreadable(Exception):
    """The box is another record's, was altered, or the key is not the one."""


def person_of(caller: Caller) -> Person:
    """Return the person who is behind a caller, as far as IAM knows."""
    return Person(caller.session or caller.name, caller.key)


def person_in(caller_key: str) -> Person | None:
    """Return the person whom a caller's key names, which only Identity Center's do."""
    parts = caller_key.split(":", 3)
    return Person(parts[3], caller_key) if len(parts) > 3 else None


def pseudonym(caller_key: str, key: PersonKey) -> str:
    """Return how records write a caller's key: with the id of the person's, where it names one.

    Args:
        caller_key: The caller's.
        key: The person's.
    """
    person = person_in(caller_key)
    return caller_key.removesuffix(person.name) + MARK + key.id if person else caller_key


def divided(caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what records say of a caller for all to read, and what only sealed."""
    own: dict[str, Any] = {
        "kind": caller.kind,
        "partition": caller.partition,
        "account": caller.account,
        "principal_id": caller.principal_id,
    }
    personal: dict[str, Any] = {"session": caller.session, "arn": caller.arn}
    named = own if caller.kind in NAMED_BY_OTHERS else personal
    named |= {"name": caller.name, "path": caller.path}
    return own, personal


def sealed(personal: Mapping[str, Any], key: PersonKey, *, record: str) -> dict[str, Any]:
    """Return the attributes that hold personal strings: the box, and which key opens it.

    XChaCha20-Poly1305 under a random nonce, which is long enough to be drawn.

    Args:
        personal: What is sealed.
        key: The person's.
        record: Names the record: in another the box does not open.
    """
    text = json.dumps(personal, separators=(",", ":"), sort_keys=True)
    box = Aead(key.secret).encrypt(text.encode(), record.encode())
    return {"sealed": bytes(box), "sealed_under": key.id}


def opened(box: bytes, key: PersonKey, *, record: str) -> dict[str, Any]:
    """Return what was sealed.

    Raises:
        Unreadable: See there.
    """
    try:
        found: dict[str, Any] = json.loads(Aead(key.secret).decrypt(box, record.encode()))
    except CryptoError:
        raise Unreadable(f"what {record} has sealed is not what was sealed") from None
    return found
