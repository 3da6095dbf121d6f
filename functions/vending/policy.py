"""The policy document: who may have what. Models only; `policy_text` reads them from YAML."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from vending import patterns
from vending.caller import Caller
from vending.caller_index import CallerIndex, Entry
from vending.caller_patterns import CallerPattern
from vending.policy_problems import Mistake
from vending.policy_values import (
    AccessWord,
    AccountId,
    Day,
    Duration,
    Mode,
    Model,
    Name,
    RepositoryPattern,
)
from vending.registry import DEFAULT

BREAK_GLASS_LONGEST = timedelta(minutes=15)
"""No token of a break-glass grant lives longer, whatever its grant says."""


class Ceiling(Model):
    """What no grant of this document exceeds. The stack's own limits stand above it."""

    accounts: list[AccountId] | None = None
    repositories: list[RepositoryPattern] | None = None
    max_ttl: Duration | None = None
    mode: Mode = "enforce"

    def admits(self, caller: Caller) -> bool:
        """Return whether `caller` may be granted anything at all."""
        return self.accounts is None or caller.account in self.accounts


class Grant(Model):
    """Something that some callers may have."""

    name: Name
    owner: str | None = None
    description: str | None = None
    callers: list[CallerPattern] = Field(min_length=1)
    repositories: list[RepositoryPattern] = Field(min_length=1)
    access: AccessWord
    registry: Name = DEFAULT
    max_ttl: Duration | None = None
    bind_source_ip: bool = False
    expires_on: Day = None
    break_glass: bool = False
    mode: Mode = "enforce"

    @field_validator("break_glass")
    @classmethod
    def _is_short(cls, value: bool, info: Any) -> bool:  # noqa: FBT001  pydantic's signature
        said = info.data.get("max_ttl")
        if value and said is not None and said > BREAK_GLASS_LONGEST:
            raise Mistake(
                "break-glass-too-long",
                "a break-glass token lives at most 15m",
                "write `max_ttl: 15m` or less, or leave `max_ttl` out",
            )
        return value

    @property
    def longest(self) -> timedelta | None:
        """The longest life of a token that draws on this grant, None where it sets no bound."""
        if self.break_glass:
            return min(self.max_ttl or BREAK_GLASS_LONGEST, BREAK_GLASS_LONGEST)
        return self.max_ttl

    @property
    def ends_at(self) -> datetime | None:
        """When the grant ends, None where it never does: it is good through its day, in UTC.

        After the calendar's last day there is none to count to: it is how some people write never.
        """
        if self.expires_on is None or self.expires_on == date.max:
            return None
        return datetime.combine(self.expires_on + timedelta(days=1), time(), UTC)

    def matches(self, caller: Caller) -> bool:
        """Return whether the grant is for `caller`."""
        return any(pattern.matches(caller) for pattern in self.callers)


class Deny(Model):
    """Something that some callers may not have, whatever is granted.

    Without `callers` it is for everyone, without `registry` for every registry.
    """

    name: Name
    owner: str | None = None
    description: str | None = None
    callers: list[CallerPattern] | None = Field(default=None, min_length=1)
    repositories: list[RepositoryPattern] = Field(min_length=1)
    registry: Name | None = None
    mode: Mode = "enforce"

    def matches(self, caller: Caller) -> bool:
        """Return whether the deny is for `caller`."""
        return self.callers is None or any(pattern.matches(caller) for pattern in self.callers)


class Expectation(Model):
    """A test inside the document: what the policy must answer, or it is not deployed."""

    caller: str
    repository: str
    access: AccessWord
    expect: Literal["allow", "deny"]
    registry: Name = DEFAULT
    grant: Name | None = None
    day: Day = None

    @field_validator("caller")
    @classmethod
    def _is_a_caller(cls, arn: str) -> str:
        try:
            Caller.from_arn(arn)
        except ValueError as problem:
            raise Mistake("wrong-test", str(problem)) from None
        return arn

    @field_validator("repository")
    @classmethod
    def _is_a_repository(cls, name: str) -> str:
        if not patterns.REPOSITORY.fullmatch(name):
            raise Mistake(
                "wrong-test",
                f"{name!r} is no repository name",
                "a test asks for one, not a pattern",
            )
        return name


class Policy(Model):
    """A whole policy document, version 1."""

    version: Literal[1]
    ceiling: Ceiling = Ceiling()
    grants: list[Grant]
    denies: list[Deny] = Field(default=[])
    revokers: list[CallerPattern] = Field(default=[])
    auditors: list[CallerPattern] = Field(default=[])
    tests: list[Expectation] = Field(default=[])
    _grants: dict[Mode, CallerIndex[Grant]] = PrivateAttr(default_factory=dict)
    _denies: dict[Mode, CallerIndex[Deny]] = PrivateAttr(default_factory=dict)

    @property
    def bounds(self) -> Ceiling:
        """The ceiling as it is enforced: in monitor mode it bounds nothing."""
        return self.ceiling if self.ceiling.mode == "enforce" else Ceiling()

    def grants_about(self, caller: Caller, mode: Mode) -> list[Grant]:
        """Return the grants of a mode that are for `caller`, in policy order, whatever the day."""
        index = _index_of(self.grants, self._grants, mode)
        return [grant for grant in index.candidates(caller) if grant.matches(caller)]

    def denies_about(self, caller: Caller, mode: Mode) -> list[Deny]:
        """Return the denies of a mode that are for `caller`, in policy order."""
        index = _index_of(self.denies, self._denies, mode)
        return [deny for deny in index.candidates(caller) if deny.matches(caller)]

    def lets_revoke(self, caller: Caller) -> bool:
        """Return whether `caller` is named as one who revokes tokens and blocks callers."""
        return any(pattern.matches(caller) for pattern in self.revokers)

    def lets_audit(self, caller: Caller) -> bool:
        """Return whether `caller` is named as one who reads the records of vends."""
        return any(pattern.matches(caller) for pattern in self.auditors)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for kind, entries in (("grants", self.grants), ("denies", self.denies)):
            seen: set[str] = set()
            for entry in entries:
                if entry.name in seen:
                    raise Mistake(
                        "repeated-name",
                        f"two {kind} are called {entry.name!r}",
                        "give each its own name",
                    )
                seen.add(entry.name)
        return self


def _index_of(
    entries: list[Entry], made: dict[Mode, CallerIndex[Entry]], mode: Mode
) -> CallerIndex[Entry]:
    # A copy of a policy has the index of what it was copied from, and perhaps other entries.
    if mode not in made or made[mode].entries is not entries:
        made[mode] = CallerIndex(entries, mode)
    return made[mode]


Policy.model_rebuild(force=True)
