"""Acts of revokers in the ledger, written once, beside the vends.

Each act has two records under `revocation#ID`, `TIME#ATTEMPT#1#begun` and `…#2#ended`, and a
pointer to the first under `revocations#YYYY-MM`, so that what was revoked in a month is a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vending.ledger import ONCE, acknowledged, attributes_of
from vending.records import SCHEMA, asked_by, record_name, timestamp
from vending.release import VERSION
from vending.revocations import Kind
from vending.sealing import person_in, person_of, pseudonym

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient

    from vending.ports import PersonKeys
    from vending.revoking import Act, Outcome
    from vending.sealing import PersonKey


class RevocationLedger:
    """The ledger's table, as the revoking function writes it. It needs `dynamodb:PutItem` on it."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        keys: PersonKeys,
        *,
        table: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._dynamodb = dynamodb
        self._keys = keys
        self._table = table
        self._clock = clock

    def begin(self, act: Act) -> None:
        """Record what is about to be done.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            target, key = self._target(act), self._keys.of(person_of(act.caller))
            self._put(act, begun_item(act, target, key), pointer_item(act, target))

    def end(self, act: Act, outcome: Outcome) -> None:
        """Record what came of it.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        with acknowledged():
            self._put(act, ended_item(act, self._target(act), outcome, self._clock()))

    def _target(self, act: Act) -> str:
        """Return what is revoked, with a pseudonym for a person whom a caller's key names."""
        target = act.revocation.target
        person = person_in(target) if act.revocation.kind is Kind.CALLER else None
        return pseudonym(target, self._keys.of(person)) if person else target

    def _put(self, act: Act, *items: dict[str, Any]) -> None:
        self._dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": attributes_of(item),
                        "ConditionExpression": ONCE,
                        "ExpressionAttributeValues": {":attempt": {"S": act.attempt}},
                    }
                }
                for item in items
            ]
        )


def begun_item(act: Act, target: str, key: PersonKey) -> dict[str, Any]:
    """Return the record of what is about to be done.

    Args:
        act: What.
        target: What is revoked, as records write it.
        key: The revoker's, for what is sealed.
    """
    pk, sk = f"revocation#{act.revocation.id}", f"{_place(act)}#1#begun"
    record, reason = record_name(pk, sk), act.revocation.reason
    return {
        **_common(act, target),
        "pk": pk,
        "sk": sk,
        "caller_key": pseudonym(act.caller.key, key),
        **asked_by(act.caller, act.origin, key, record=record, reason=reason),
    }


def pointer_item(act: Act, target: str) -> dict[str, Any]:
    """Return the pointer by which the month's acts are found."""
    return {
        **_common(act, target),
        "pk": f"revocations#{act.at.strftime('%Y-%m')}",
        "sk": f"{_place(act)}#{act.revocation.id}",
    }


def ended_item(act: Act, target: str, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """Return the record of what came of it."""
    found = outcome.revocation
    return {
        **_common(act, target),
        "pk": f"revocation#{act.revocation.id}",
        "sk": f"{_place(act)}#2#ended",
        "ended_at": timestamp(now),
        "turn": found.turn,
        "blocked_at": found.blocked_at and timestamp(found.blocked_at),
        "lifted_at": found.lifted_at and timestamp(found.lifted_at),
        "registries": dict(outcome.registries),
    }


def _place(act: Act) -> str:
    return f"{timestamp(act.at)}#{act.attempt}"


def _common(act: Act, target: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "service_version": VERSION,
        "attempt": act.attempt,
        "revocation_id": act.revocation.id,
        "act": act.name,
        "kind": act.revocation.kind,
        "target": target,
        "at": timestamp(act.at),
    }
