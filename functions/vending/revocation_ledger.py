"""Acts of revokers in the ledger, written once, beside the vends.

Each act has two records under `revocation#ID`, `TIME#ATTEMPT#1#begun` and `…#2#ended`, and a
pointer to the first under `revocations#YYYY-MM`, so that what was revoked in a month is a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vending.ledger import ONCE, acknowledged, attributes_of
from vending.records import SCHEMA, timestamp
from vending.release import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_dynamodb import DynamoDBClient

    from vending.revoking import Act, Outcome


class RevocationLedger:
    """The ledger's table, as the revoking function writes it. It needs `dynamodb:PutItem` on it."""

    def __init__(
        self, dynamodb: DynamoDBClient, *, table: str, clock: Callable[[], datetime]
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def begin(self, act: Act) -> None:
        """Record what is about to be done.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        self._put(act, begun_item(act), pointer_item(act))

    def end(self, act: Act, outcome: Outcome) -> None:
        """Record what came of it.

        Raises:
            LedgerUnavailable: No acknowledgement.
        """
        self._put(act, ended_item(act, outcome, self._clock()))

    def _put(self, act: Act, *items: dict[str, Any]) -> None:
        with acknowledged():
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


def begun_item(act: Act) -> dict[str, Any]:
    """Return the record of what is about to be done."""
    caller, origin = act.caller, act.origin
    return {
        **_common(act),
        "pk": f"revocation#{act.revocation.id}",
        "sk": f"{_place(act)}#1#begun",
        "reason": act.revocation.reason,
        "by": {
            "kind": caller.kind,
            "account": caller.account,
            "principal_id": caller.principal_id,
            "session": caller.session,
            "arn": caller.arn,
            "key": caller.key,
        },
        "source_ip": origin.source_ip,
        "vpc_endpoint": origin.vpc_endpoint,
        "user_agent": origin.user_agent,
        "request_id": origin.request_id,
    }


def pointer_item(act: Act) -> dict[str, Any]:
    """Return the pointer by which the month's acts are found."""
    return {
        **_common(act),
        "pk": f"revocations#{act.at.strftime('%Y-%m')}",
        "sk": f"{_place(act)}#{act.revocation.id}",
    }


def ended_item(act: Act, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """Return the record of what came of it."""
    found = outcome.revocation
    return {
        **_common(act),
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


def _common(act: Act) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "service_version": VERSION,
        "attempt": act.attempt,
        "revocation_id": act.revocation.id,
        "act": act.name,
        "kind": act.revocation.kind,
        "target": act.revocation.target,
        "at": timestamp(act.at),
    }
