"""A ledger that the real code recorded vends in, and the auditors' service that reads it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditing.auditing import Auditing
from auditing.table import DynamoRecords, KmsTracer
from tests.fake_people import FakePeople
from tests.fakes import NOW, ORIGIN, POLICY, REGISTRY, FakeMinter, FakePolicies, caller, vending
from tests.unit.service.test_ledger import TABLE, FakeKms, FakeTable, ledger
from vending.errors import Refused
from vending.messages import TokenRequest
from vending.ports import MintFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vending.caller import Caller

ROLE = "arn:aws:sts::111122223333:assumed-role"
AUDITED = (
    POLICY
    + """
  - name: everybody-reads-base
    callers: [{account: "111122223333"}]
    repositories: ["base/*"]
    access: pull
denies:
  - {name: embargo, repositories: [payments/ledger]}
auditors: [{role: "arn:aws:iam::111122223333:role/auditor"}]
"""
)


@dataclass
class FakeReads:
    """DynamoDB's reads of a table that `FakeTable` keeps: pages of `page` items, and no scan."""

    items: dict[tuple[str, str], dict[str, Any]]
    page: int = 3
    unprocessed: int = 0
    down: Exception | None = None
    queries: int = 0

    def query(self, **asked: Any) -> dict[str, Any]:
        self.queries += 1
        if self.down:
            raise self.down
        assert asked["TableName"] == TABLE
        names = asked.get("ExpressionAttributeNames", {"#key": "pk", "#sort": "sk"})
        values = {name: one["S"] for name, one in asked["ExpressionAttributeValues"].items()}
        key, sort = names["#key"], names["#sort"]
        index = {"hour": "by-time", "caller_key": "by-caller", "outcome_day": "by-outcome"}
        index |= {"token_mac": "by-token"}
        assert asked.get("IndexName") == index.get(key)
        wanted = values.get(":key", values.get(":pk"))
        found = [
            (item[sort]["S"], item)
            for item in self.items.values()
            if key in item and item[key]["S"] == wanted
        ]
        found = [
            (at, item)
            for at, item in sorted(found, key=lambda one: one[0])
            if values.get(":first", "") <= at <= values.get(":end", "~")
        ]
        if not asked.get("ScanIndexForward", True):
            found.reverse()
        start = asked.get("ExclusiveStartKey", {}).get("at", 0)
        size = min(self.page, asked.get("Limit", self.page))
        page: dict[str, Any] = {"Items": [item for _, item in found[start : start + size]]}
        if start + size < len(found):
            page["LastEvaluatedKey"] = {"at": start + size}
        return page

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        if self.down:
            raise self.down
        keys = RequestItems[TABLE]["Keys"]
        assert len(keys) <= 100
        assert len({(key["pk"]["S"], key["sk"]["S"]) for key in keys}) == len(keys)
        left: list[Any] = []
        if self.unprocessed:
            self.unprocessed -= 1
            keys, left = keys[:1], keys[1:]
        found = [self.items.get((key["pk"]["S"], key["sk"]["S"])) for key in keys]
        answer: dict[str, Any] = {"Responses": {TABLE: [item for item in found if item]}}
        # DynamoDB gives them in no order.
        answer["Responses"][TABLE].reverse()
        return answer | ({"UnprocessedKeys": {TABLE: {"Keys": left}}} if left else {})


@dataclass
class Audited:
    """The ledger, and who reads it."""

    table: FakeTable = field(default_factory=FakeTable)
    kms: FakeKms = field(default_factory=FakeKms)
    people: FakePeople = field(default_factory=FakePeople)
    pauses: list[float] = field(default_factory=list)
    policy: str = AUDITED

    def __post_init__(self) -> None:
        self.reads = FakeReads(self.table.items)

    def vend(
        self,
        *,
        at: datetime = NOW,
        who: Caller | None = None,
        failure: str = "",
        password: str = "",
        registry: str = "default",
        **asked: Any,
    ) -> str:
        """Let the real service vend, refuse or fail, and return the vend's id."""
        minter = FakeMinter(password=password) if password else FakeMinter()
        if failure:
            minter.failure = MintFailed(failure)
        keeper: Any = ledger(self.table, self.kms, self.people)
        service = vending(policies=FakePolicies(self.policy), ledger=keeper, minter=minter, now=at)
        service = replace(service, registries={registry: replace(REGISTRY, name=registry)})
        asked["registry"] = REGISTRY.host
        try:
            return service.vend(who or caller(), ORIGIN, TokenRequest(**asked)).intent.vend_id
        except Refused as refused:
            return str(refused.vend_id)

    def service(self, *, archive: Any = None) -> Auditing:
        """Return the auditors' service on this ledger."""
        reads: Any = self.reads
        kms: Any = self.kms
        return Auditing(
            FakePolicies(AUDITED),
            DynamoRecords(reads, self.people.known(), table=TABLE, sleep=self.pauses.append),
            KmsTracer(kms, token_key="key-1"),
            lambda: NOW,
            archive,
        )


def ago(**past: float) -> datetime:
    """Return a moment before now."""
    return NOW - timedelta(**past)


def ids(vends: Sequence[Any]) -> list[str]:
    """Return the ids of vends."""
    return [one.vend_id for one in vends]
