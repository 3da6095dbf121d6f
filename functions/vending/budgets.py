"""Budgets: how often one caller may ask in an hour, so that nobody uses up what others need. Pure.

They are about fairness. What a token may do, and that it is on record, does not depend on them: so
when their table cannot be reached a vend goes on, and when it is reached too often it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from vending.caller import CallerKind
from vending.errors import Code, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vending.caller import Caller, Origin


class Kind(StrEnum):
    """What an hour is budgeted for: vends of a session, a caller and an account; a caller's asks.

    An ask is what mints nothing: a refusal, an invalid request, a dry run, `whoami`, and a vend
    that is over its budget.
    """

    SESSION = "session"
    CALLER = "caller"
    ACCOUNT = "account"
    ASKS = "asks"


@dataclass(frozen=True, slots=True)
class Budget:
    """So many in an hour.

    Attributes:
        kind: Of what.
        key: Whose; with the kind it names the counter.
        limit: How many, at least one.
    """

    kind: Kind
    key: str
    limit: int

    @property
    def counter(self) -> str:
        """The counter's name."""
        return f"{self.kind}#{self.key}"


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the clock in UTC, as counters begin anew with each.

    Attributes:
        start: Its first moment.
    """

    start: datetime

    @classmethod
    def of(cls, now: datetime) -> Hour:
        """Return the hour that a time is in."""
        return cls(now.replace(minute=0, second=0, microsecond=0))

    @property
    def name(self) -> str:
        """The hour as the ledger writes it, such as `2026-11-23T20`."""
        return self.start.strftime("%Y-%m-%dT%H")

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + timedelta(hours=1)

    def left(self, now: datetime) -> int:
        """Return the whole seconds until it has ended, at least one."""
        return max(1, math.ceil((self.end - now).total_seconds()))


@dataclass(frozen=True, slots=True)
class Over:
    """A request that is over a budget.

    Attributes:
        budget: Which.
        count: How many there were in the hour, this one with them; 0 when AWS refused to count.
        hour: Which.
        now: When.
        asks: The caller's asks, where a vend overdrew those too.
    """

    budget: Budget
    count: int
    hour: Hour
    now: datetime
    asks: Over | None = None

    @property
    def recorded(self) -> Over:
        """What is recorded of it.

        Session names are the caller's own choice, so the records of sessions over their share are
        bounded by something that is not.
        """
        return self.asks or self

    @property
    def marks(self) -> bool:
        """Whether it is one to be recorded: the first over the limit, then each doubling.

        So the number of records is the logarithm of the number of requests.
        """
        times, rest = divmod(self.count, self.budget.limit + 1)
        return self.count > 0 and rest == 0 and times.bit_count() == 1

    def refused(self) -> Refused:
        """Return what the caller is told."""
        if not self.count:
            return Refused(Code.THROTTLED, TOO_FAST)
        detail = SENTENCES[self.budget.kind].format(
            limit=self.budget.limit, end=self.hour.end.strftime("%H:%M")
        )
        return Refused(Code.THROTTLED, detail, retry_after=self.hour.left(self.now))


@dataclass(frozen=True, slots=True)
class Flood:
    """What is on record of many requests that are over one budget.

    Attributes:
        vend_id: By which the ledger's indexes sort it; there is no vend.
        caller: Who made the request that marks it.
        origin: From where.
        over: The budget, and how many there were.
        deployment: Which code: the function's version.
    """

    vend_id: str
    caller: Caller
    origin: Origin
    over: Over
    deployment: str


TOO_FAST = "Wait, then ask for fewer tokens at once: they come faster than the service can count."

SENTENCES = {
    Kind.SESSION: "Wait until {end} UTC, and keep a token as long as it works: this session has "
    "had the {limit} tokens that one session of its role gets in an hour; its other sessions may "
    "go on, and the platform team can raise VendsPerHourSession.",
    Kind.CALLER: "Wait until {end} UTC, and keep a token as long as it works: this caller, all its "
    "sessions together, has had its {limit} tokens of the hour; the platform team can raise "
    "VendsPerHourCaller.",
    Kind.ACCOUNT: "Wait until {end} UTC, and keep a token as long as it works: the callers of this "
    "account together have had their {limit} tokens of the hour; the platform team can raise "
    "VendsPerHourAccount.",
    Kind.ASKS: "Wait until {end} UTC, and correct what is refused before it asks again: this "
    "caller has had the {limit} refusals, dry runs and whoami of its hour; the platform team can "
    "raise AsksPerHourCaller.",
}
"""What whoever is over a budget may do about it."""


class CountersUnavailable(Exception):
    """The counters' table did not count."""


class CountersThrottled(Exception):
    """The counters' table is asked too often, which only a flood does."""


class Counters(Protocol):
    """Where requests are counted."""

    def add(self, counter: str, hour: Hour) -> int:
        """Count one more in an hour, and return how many there are.

        Raises:
            CountersUnavailable: It may or may not have been counted.
            CountersThrottled: It was not.
        """


@dataclass(frozen=True, slots=True)
class Budgets:
    """All budgets of one service.

    Attributes:
        counters: Port.
        limits: How many in an hour; none of a kind, or 0, is no budget.
        uncounted: Told when requests go on uncounted.
    """

    counters: Counters
    limits: Mapping[Kind, int]
    uncounted: Callable[[CountersUnavailable], None]

    def vend(self, caller: Caller, now: datetime) -> Over | None:
        """Count a vend, and return the budget that it is over, if any.

        The narrowest comes first, and what is over it does not count for the wider ones: a session
        that has had its share takes nothing from the others.
        """
        over = self._over(self._of_vend(caller), now)
        return replace(over, asks=self.ask(caller, now)) if over and over.count else over

    def ask(self, caller: Caller, now: datetime) -> Over | None:
        """Count an ask, and return the budget that it is over, if any."""
        return self._over([self._budget(Kind.ASKS, caller.key)], now)

    def _of_vend(self, caller: Caller) -> Iterable[Budget]:
        # A session name only ever narrows. Identity Center's is in the key already, and users have
        # none.
        if caller.kind is CallerKind.ROLE:
            yield self._budget(Kind.SESSION, f"{caller.key}:{caller.session}")
        yield self._budget(Kind.CALLER, caller.key)
        yield self._budget(Kind.ACCOUNT, f"{caller.partition}:{caller.account}")

    def _budget(self, kind: Kind, key: str) -> Budget:
        return Budget(kind, key, self.limits.get(kind, 0))

    def _over(self, budgets: Iterable[Budget], now: datetime) -> Over | None:
        hour = Hour.of(now)
        for budget in budgets:
            if not budget.limit:
                continue
            try:
                count = self.counters.add(budget.counter, hour)
            except CountersThrottled:
                return Over(budget, 0, hour, now)
            except CountersUnavailable as failure:
                # Nor are the wider ones asked: each would take its time to fail.
                self.uncounted(failure)
                return None
            if count > budget.limit:
                return Over(budget, count, hour, now)
        return None
