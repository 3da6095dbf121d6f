"""A year of vends that is computed and not stored, as DynamoDB would answer for it.

Vends are evenly spaced and numbered. A number says all: vend n is the caller's n % 100; each 101st
is refused; of the others each 23rd names no repository and gets `payments/*`, and the rest pull
`payments/rNNN`, by n % 499. The four numbers share no factor, so every mix occurs. A record is
made by the real service and ledger when it is read.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from auditing.auditing import Auditing
from auditing.table import DynamoRecords, KmsTracer
from tests.audited import Audited
from tests.fakes import ORIGIN, FakeMinter, FakePolicies, caller, vending
from tests.unit.service.test_ledger import TABLE, ledger
from tools.estimates.dynamodb import size_of
from vending.errors import Refused
from vending.messages import TokenRequest
from vending.vend_ids import ALPHABET, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vending.caller import Caller

START = datetime(2026, 1, 1, tzinfo=UTC)
CALLERS, REFUSED, UNNAMED, REPOSITORIES = 100, 101, 23, 499
PAGE_BYTES = 1_048_576
"""Bytes that DynamoDB reads for one answer to a query at most."""

READ_UNIT = 4096
POLICY = """\
version: 1
grants:
  - name: payments
    callers: [{account: "111122223333"}]
    repositories: [payments/*]
    access: pull
"""
Item = dict[str, Any]


@dataclass
class Reads:
    """What was asked of DynamoDB.

    Attributes:
        queries: Round trips of Query.
        batches: Round trips of BatchGetItem.
        items: Items read by either.
        units: Read units: half a unit per 4 KB of a query's answer, one per 4 KB of each item of a
            BatchGetItem, which is consistent, and one for an item that is not there.
    """

    queries: int = 0
    batches: int = 0
    items: int = 0
    units: float = 0.0


@dataclass
class Year:
    """The ledger's table after a year of `rate` vends a second; `rate` divides 1,000.

    Attributes:
        rate: Vends a second.
        reads: What was read so far.
    """

    rate: int
    reads: Reads = field(default_factory=Reads)

    def __post_init__(self) -> None:
        self._audited = Audited(policy=POLICY)
        self._made: OrderedDict[int, dict[str, Item]] = OrderedDict()
        self._macs: dict[str, int] = {}
        self._keys: dict[str, int] = {caller_of(n).key: n for n in range(CALLERS)}

    def service(self) -> Auditing:
        """Return the auditors' service on this table."""
        table: Any = self
        kms: Any = self._audited.kms
        people = self._audited.people.known()
        records = DynamoRecords(table, people, table=TABLE)
        return Auditing(
            FakePolicies(POLICY), records, KmsTracer(kms, token_key="key-1"), lambda: START
        )

    def vend_id(self, number: int) -> str:
        """Return the id of a vend."""
        return written(self._at(number), number)

    def first(self, key: str) -> int:
        """Return the number of the first vend whose id is not before `key`, a vend id."""
        value = 0
        for letter in key[2:]:
            value = value * 32 + ALPHABET.index(letter)
        milliseconds, rest = value >> 80, value & ((1 << 80) - 1)
        since = milliseconds - int(START.timestamp() * 1000)
        number = max(0, -(-since * self.rate // 1000))
        same = number * 1000 == since * self.rate
        return number + 1 if same and rest > number else number

    def numbers(self, key: str, value: str, first: int, end: int) -> tuple[int, int, list[int]]:
        """Return which vends of `first` until before `end` are in a partition.

        Returns:
            The first multiple, the step, and of which numbers a vend must be no multiple.
        """
        step, rest, without = 1, 0, list[int]()
        if key == "caller_key":
            step, rest = CALLERS, self._keys[value]
        elif key == "outcome_day":
            step = REFUSED
        elif value.startswith("repository#payments/*#"):
            step, without = UNNAMED, [REFUSED]
        elif value.startswith("repository#"):
            step, without = REPOSITORIES, [REFUSED, UNNAMED]
        return first + (rest - first) % step, step, without

    def query(self, **asked: Any) -> Item:
        """Answer as DynamoDB does: up to `Limit` items, or to 1 MB of them."""
        self.reads.queries += 1
        values = {name: one["S"] for name, one in asked["ExpressionAttributeValues"].items()}
        if ":pk" in values:
            items = self._of_policies(values[":pk"])
            self._count(items)
            return {"Items": items}
        names = asked["ExpressionAttributeNames"]
        forward = asked["ScanIndexForward"]
        after = asked.get("ExclusiveStartKey", {}).get("number")
        found: list[Item] = []
        size, last = 0, None
        for number in self._in(names["#key"], values, after=after, forward=forward):
            if len(found) == asked["Limit"] or size > PAGE_BYTES:
                break
            item = self._item(names["#key"], values[":key"], number)
            size, last = size + size_of(item), number
            found.append(item)
        else:
            last = None
        self._count(found)
        return {"Items": found} | ({"LastEvaluatedKey": {"number": last}} if last else {})

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803
        """Answer with the records of these keys."""
        self.reads.batches += 1
        found = []
        for key in RequestItems[TABLE]["Keys"]:
            # The 80 bits after the time are the vend's number.
            number = self.first(key["pk"]["S"].removeprefix("vend#"))
            item = self.records(number)[key["sk"]["S"]]
            self.reads.items += 1
            self.reads.units += math.ceil(size_of(item) / READ_UNIT)
            found.append(item)
        return {"Responses": {TABLE: found}}

    def records(self, number: int) -> dict[str, Item]:
        """Return a vend's items as the real service records them, in wire form.

        Returns:
            Its two records by their sort key, its pointers by their partition key.
        """
        if number in self._made:
            return self._made[number]
        vend_id, items = self.vend_id(number), self._audited.table.items
        keeper: Any = ledger(self._audited.table, self._audited.kms, self._audited.people)
        minter = FakeMinter(password=f"token-{number:0>40}")
        at = self._at(number)
        made = vending(policies=FakePolicies(POLICY), ledger=keeper, minter=minter, now=at)
        service = replace(made, new_id=lambda _: vend_id)
        try:
            service.vend(caller_of(number), ORIGIN, asked_by(number))
        except Refused:
            assert number % REFUSED == 0
        own = [key for key, item in items.items() if item.get("vend_id") == {"S": vend_id}]
        kept = {sk if pk.startswith("vend#") else pk: items.pop((pk, sk)) for pk, sk in own}
        if "token_mac" in kept["2#outcome"]:
            self._macs[kept["2#outcome"]["token_mac"]["S"]] = number
        self._made[number] = kept
        if len(self._made) > 20_000:
            self._made.popitem(last=False)
        return kept

    def token(self, number: int) -> str:
        """Return the token of a vend."""
        self.records(number)
        return f"token-{number:0>40}"

    def _at(self, number: int) -> datetime:
        milliseconds = int(START.timestamp() * 1000) + number * 1000 // self.rate
        return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
            microsecond=milliseconds % 1000 * 1000
        )

    def _in(
        self, key: str, values: dict[str, str], *, after: int | None, forward: bool
    ) -> Iterator[int]:
        """Yield the numbers of a partition's vends, in order."""
        if key == "token_mac":
            yield self._macs[values[":key"]]
            return
        first, end = self.first(values[":first"]), self.first(values[":end"])
        if after is not None:
            first, end = (after + 1, end) if forward else (first, after)
        start, step, without = self.numbers(key, values[":key"], first, end)
        numbers = range(start, end, step)
        for number in numbers if forward else reversed(numbers):
            if all(number % one for one in without):
                yield number

    def _item(self, key: str, value: str, number: int) -> Item:
        """Return what the index, or the table, holds of a vend in a partition."""
        made = self.records(number)
        if key == "pk":
            return made[value]
        return made["2#outcome" if key in {"outcome_day", "token_mac"} else "1#intent"]

    def _of_policies(self, pk: str) -> list[Item]:
        """Return a policy's text, or that it served in each hour of a month."""
        self.records(1)
        held = self._audited.table.items
        if pk.startswith("policy#"):
            return [item for (at, _), item in held.items() if at == pk]
        month = pk.partition("#")[2]
        one = next(item for (at, _), item in held.items() if at.startswith("policy-served#"))
        revision = one["sk"]["S"].partition("#")[2]
        begin = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        hours = islice(range(31 * 24), days_of(begin) * 24)
        names = (f"{month}-{1 + hour // 24:02}T{hour % 24:02}" for hour in hours)
        return [one | {"pk": {"S": pk}, "sk": {"S": f"{name}#{revision}"}} for name in names]

    def _count(self, items: list[Item]) -> None:
        size = sum(size_of(item) for item in items)
        self.reads.items += len(items)
        self.reads.units += max(1, math.ceil(size / READ_UNIT)) / 2


def days_of(month: datetime) -> int:
    """Return how many days a month has."""
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return (following - month).days


def caller_of(number: int) -> Caller:
    """Return who asked for a vend."""
    return caller(f"arn:aws:sts::111122223333:assumed-role/team-{number % CALLERS:02}/run-1")


def asked_by(number: int) -> TokenRequest:
    """Return what was asked for."""
    if number % REFUSED == 0:
        return TokenRequest(pull=["secret/vault"])
    if number % UNNAMED == 0:
        return TokenRequest(access="pull")
    return TokenRequest(pull=[f"payments/r{number % REPOSITORIES:03}"])
