"""The ledger as auditors read it, in DynamoDB: queries and reads of known keys, never a scan."""

from __future__ import annotations

import gzip
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from archiving.lines import canonical
from archiving.lines import plain as archived
from auditing.access import Served
from auditing.answered import answered
from auditing.auditing import RecordsUnavailable
from auditing.record import vend_of
from vending.policy_text import PolicyError, parse, revision_of
from vending.sealing import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kms import KMSClient

    from auditing.person_keys import DynamoKnownPeople
    from auditing.record import VendRecord
    from auditing.selection import Partition
    from vending.policy import Policy
    from vending.token import Token

KEYS_AT_ONCE = 100
"""Keys that one BatchGetItem takes."""

PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds before what BatchGetItem left out is asked for again."""


class DynamoRecords:
    """The ledger's table. It needs `dynamodb:Query` and `dynamodb:BatchGetItem` on it, no more.

    What is sealed in it is opened with the keys of `people`.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        people: DynamoKnownPeople,
        *,
        table: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._people = people
        self._table = table
        self._sleep = sleep
        self._parsed: dict[str, Policy] = {}

    def ids(
        self, partition: Partition, first: str, end: str, *, newest_first: bool, most: int
    ) -> Sequence[str]:
        """Return vend ids of a partition from `first` until just before `end`, in order.

        Raises:
            RecordsUnavailable: The table does not answer.
        """
        value = partition.value
        if partition.key == "caller_key":
            value = self._people.as_recorded(value)
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#key = :key AND #sort BETWEEN :first AND :end",
            "ExpressionAttributeNames": {"#key": partition.key, "#sort": partition.sort},
            "ExpressionAttributeValues": {
                ":key": {"S": value},
                ":first": {"S": first},
                ":end": {"S": end},
            },
            "ProjectionExpression": "pk, #sort",
            "ScanIndexForward": not newest_first,
            "Limit": most + 1,
        }
        if partition.index:
            asked["IndexName"] = partition.index
        found: list[str] = []
        with answered():
            for item in self._pages(asked):
                vend_id = item[partition.sort]["S"]
                # An index of callers and outcomes has floods as well, which are no vends.
                of_vend = partition.index is None or item["pk"]["S"] == f"vend#{vend_id}"
                if of_vend and vend_id < end:
                    found.append(vend_id)
                if len(found) == most:
                    break
        return found

    def vends(self, ids: Sequence[str]) -> list[VendRecord]:
        """Return the vends of these ids, in their order; one without an intent is left out.

        Raises:
            RecordsUnavailable: The table does not answer, or a record was altered.
        """
        keys = [(f"vend#{vend_id}", part) for vend_id in ids for part in ("1#intent", "2#outcome")]
        with answered():
            items = {
                (item["pk"], item["sk"]): item
                for start in range(0, len(keys), KEYS_AT_ONCE)
                for item in self._batch(keys[start : start + KEYS_AT_ONCE])
            }
        known = self._people.known(
            item["sealed_under"] for item in items.values() if "sealed_under" in item
        )
        try:
            return [
                vend_of(intent, items.get((f"vend#{vend_id}", "2#outcome")), known)
                for vend_id in ids
                if (intent := items.get((f"vend#{vend_id}", "1#intent")))
            ]
        except Unreadable as problem:
            raise RecordsUnavailable(str(problem)) from None

    def raw(self, keys: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return the record of each key as a line of the archive, None where there is none.

        Raises:
            RecordsUnavailable: The table does not answer.
        """
        with answered():
            found = {
                (item["pk"]["S"], item["sk"]["S"]): canonical(
                    {name: archived(value) for name, value in item.items()}
                )
                for item in self._wire(keys)
            }
        return [found.get(key) for key in keys]

    def served(self, month: str) -> list[Served]:
        """Return which policies were seen to serve in a month.

        Raises:
            RecordsUnavailable: The table does not answer.
        """
        with answered():
            return [
                Served(
                    datetime.fromisoformat(item["recorded_at"]["S"]),
                    item["sk"]["S"].partition("#")[2],
                    item.get("policy_label", {}).get("S", ""),
                )
                for item in self._pages(self._under(f"policy-served#{month}"))
            ]

    def policy(self, revision: str) -> Policy:
        """Return a policy that served, by the ledger's own copy.

        Raises:
            RecordsUnavailable: The table does not answer, or the text is not the one that its
                revision names.
        """
        if revision not in self._parsed:
            with answered():
                pieces = list(self._pages(self._under(f"policy#{revision}")))
                text = gzip.decompress(b"".join(piece["gzip"]["B"] for piece in pieces))
            try:
                if revision_of(text) != revision:
                    raise RecordsUnavailable(f"policy {revision} is not there whole")
                self._parsed[revision] = parse(text, name=f"policy {revision}")
            except PolicyError:
                raise RecordsUnavailable(f"policy {revision} cannot be read any more") from None
        return self._parsed[revision]

    def _under(self, pk: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        }

    def _pages(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        asked = dict(asked)
        while True:
            page = self._dynamodb.query(**asked)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _batch(self, keys: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        for item in self._wire(keys):
            yield {name: plain(value) for name, value in item.items()}

    def _wire(self, keys: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        wanted: Any = {
            self._table: {
                "Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys],
                "ConsistentRead": True,
            }
        }
        for pause in (*PAUSES, None):
            answer = self._dynamodb.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self._table, [])
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return
            if pause is None:
                raise RecordsUnavailable("throttled")
            self._sleep(pause)


class KmsTracer:
    """The key that made the ledger's HMACs. It needs `kms:GenerateMac` on it."""

    def __init__(self, kms: KMSClient, *, token_key: str) -> None:
        self._kms = kms
        self._token_key = token_key

    def mac(self, token: Token) -> str:
        """Return the token's HMAC, hex.

        Raises:
            RecordsUnavailable: KMS did not answer.
        """
        with answered():
            made = self._kms.generate_mac(
                KeyId=self._token_key, MacAlgorithm="HMAC_SHA_256", Message=token.digest()
            )
        return made["Mac"].hex()


def plain(value: Mapping[str, Any]) -> Any:
    """Return a value of DynamoDB's wire form as it was recorded: numbers are whole."""
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return int(held)
        case "L":
            return [plain(member) for member in held]
        case "M":
            return {name: plain(member) for name, member in held.items()}
    return held
