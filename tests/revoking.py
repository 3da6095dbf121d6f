"""The revoking service on fakes: its register is the real one, on a table in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.fake_dynamodb import FakeDynamo
from tests.fakes import NOW, ORIGIN, POLICY, FakePolicies, caller
from vending.caller import Caller
from vending.denying import Denier, DenyFailed, Denying
from vending.ports import LedgerUnavailable
from vending.revocation_messages import RevocationRequest
from vending.revocation_table import DynamoRegister
from vending.revoking import Act, Outcome, Revoking
from vending.vend_ids import new_vend_id

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
ROLE = "arn:aws:sts::111122223333:assumed-role"
REVOKERS = POLICY + "revokers: [{role: 'arn:aws:iam::111122223333:role/incident-responder'}]\n"
KEY = "aws:111122223333:AROAPAYMENTS01"


def revoker() -> Caller:
    return caller(f"{ROLE}/incident-responder/jo")


@dataclass
class Clock:
    """Stands still unless it is moved, or somebody sleeps."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class FakeDenier:
    """One registry's policies; `fails` is the reason for which they are not written."""

    fails: str = ""
    documents: list[str] = field(default_factory=list)
    unchanged: list[bool] = field(default_factory=list)

    def write(
        self, document: str, *, unchanged: bool, versions: Mapping[str, str]
    ) -> dict[str, str]:
        if self.fails:
            raise DenyFailed(self.fails)
        self.unchanged.append(unchanged)
        if not unchanged:
            self.documents.append(document)
        return {"arn:policy": f"v{len(self.documents)}"}


@dataclass
class FakeRecords:
    """Keeps acts and what came of them; fails at the named method."""

    fails_at: str = ""
    kept: list[tuple[str, Act, Outcome | None]] = field(default_factory=list)

    def begin(self, act: Act) -> None:
        self._keep("begin", act, None)

    def end(self, act: Act, outcome: Outcome) -> None:
        self._keep("end", act, outcome)

    def _keep(self, name: str, act: Act, outcome: Outcome | None) -> None:
        if name == self.fails_at:
            raise LedgerUnavailable(name)
        self.kept.append((name, act, outcome))


@dataclass
class World:
    """Everything that the revoking service talks to.

    Attributes:
        hosts: The registries; None is one without a revoker.
    """

    table: FakeDynamo = field(default_factory=FakeDynamo)
    clock: Clock = field(default_factory=Clock)
    denier: FakeDenier = field(default_factory=FakeDenier)
    records: FakeRecords = field(default_factory=FakeRecords)
    others: dict[str, Denier | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turns = count()

    @property
    def register(self) -> DynamoRegister:
        dynamodb: Any = self.table
        return DynamoRegister(dynamodb, table="blocks", clock=self.clock, sleep=self.clock.sleep)

    def new_turn(self) -> str:
        return f"turn-{next(self.turns)}"

    def service(self) -> Revoking:
        denying = Denying(
            self.register,
            {HOST: self.denier, **self.others},
            self.clock,
            self.clock.sleep,
            self.new_turn,
        )
        return Revoking(
            FakePolicies(REVOKERS),
            self.register,
            denying,
            self.records,
            self.clock,
            self.new_turn,
        )

    def revoke(self, **asked: Any) -> Outcome:
        request = RevocationRequest(**{"reason": "incident 7"} | asked)
        return self.service().revoke(revoker(), ORIGIN, request)

    def lift(self, revocation_id: str) -> Outcome:
        return self.service().lift(revoker(), ORIGIN, revocation_id)

    def vend(self, *, ago: timedelta = timedelta(0)) -> str:
        """Return the id of a vend that was asked for some time ago."""
        return new_vend_id(self.clock.now - ago)
