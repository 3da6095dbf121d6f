"""The policy document: who may have what. Models only; `policy_text` reads them from YAML."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

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
    Version,
)
from vending.registry import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

BREAK_GLASS_LONGEST = timedelta(minutes=15)
"""No token of a break-glass grant lives longer, whatever its grant says."""

WrittenMode = Annotated[
    Mode,
    Field(
        description="`enforce`, or `monitor`: it decides nothing, and what it would have done is "
        "recorded"
    ),
]


class Ceiling(Model):
    """What no grant of this document exceeds. The stack's own limits stand above it."""

    accounts: list[AccountId] | None = Field(
        default=None,
        description="accounts whose principals may be granted anything, in quotes; absent: no such "
        "bound",
    )
    repositories: list[RepositoryPattern] | None = Field(
        default=None,
        description="patterns beyond which nothing is granted; absent: no such bound",
    )
    max_ttl: Duration | None = Field(
        default=None, description="the longest life of any token; absent: what the stack allows"
    )
    mode: WrittenMode = "enforce"

    def admits(self, caller: Caller) -> bool:
        """Return whether `caller` may be granted anything at all."""
        return self.accounts is None or caller.account in self.accounts


class Grant(Model):
    """Something that some callers may have."""

    name: Name = Field(
        description="lower-case letters, digits and `._-`, unique among the grants; it stands in "
        "every record of a vend that drew on it",
        examples=["payments-ci"],
    )
    owner: str | None = Field(
        default=None,
        description="who answers for it, for people to read",
        examples=["payments@example.com"],
    )
    description: str | None = Field(default=None, description="what it is for, for people to read")
    callers: list[CallerPattern] = Field(
        min_length=1, description="who may have it: each entry names some callers"
    )
    repositories: list[RepositoryPattern] = Field(
        min_length=1,
        description="patterns of repository names: `*` is any run of characters, `/` among them, "
        "`?` exactly one",
    )
    access: AccessWord = Field(
        description="`pull`, `push` (includes pull) or `pull-through` (includes pull)"
    )
    registry: Name = Field(
        default=DEFAULT,
        description="one of the service's registries; absent: the default one, never all",
        examples=["eu"],
    )
    max_ttl: Duration | None = Field(
        default=None,
        description="the longest life of its tokens, such as `30m`, `45s` or `1h`; absent: as long "
        "as the ceiling and the stack allow",
    )
    bind_source_ip: bool = Field(
        default=False,
        description="the token works only from the address that asked; from a private API, only "
        "from its VPC",
    )
    expires_on: Day = Field(
        default=None, description="the last day on which it counts, in UTC; absent: for good"
    )
    break_glass: bool = Field(
        default=False,
        description="counts only when a request names it, with a `reason`. Its tokens live 15 "
        "minutes at most, and a longer `max_ttl` beside it is an error. Marked `break_glass` in "
        "the ledger and the log, counted by the metric `BreakGlass`",
    )
    mode: WrittenMode = "enforce"

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

    name: Name = Field(description="as a grant's, unique among the denies", examples=["embargo"])
    owner: str | None = Field(default=None, description="who answers for it, for people to read")
    description: str | None = Field(default=None, description="what it is for, for people to read")
    callers: list[CallerPattern] | None = Field(
        default=None, min_length=1, description="whom it is for; absent: everyone"
    )
    repositories: list[RepositoryPattern] = Field(
        min_length=1, description="patterns of what may not be had, as in a grant"
    )
    registry: Name | None = Field(
        default=None, description="one of the service's registries; absent: every one"
    )
    mode: WrittenMode = "enforce"

    def matches(self, caller: Caller) -> bool:
        """Return whether the deny is for `caller`."""
        return self.callers is None or any(pattern.matches(caller) for pattern in self.callers)


class Expectation(Model):
    """A test inside the document: what the policy must answer, or it is not deployed."""

    caller: str = Field(
        description="who asks: an ARN as `aws sts get-caller-identity` prints it",
        examples=["arn:aws:sts::111122223333:assumed-role/payments-ci/run-1"],
        json_schema_extra={
            "pattern": "^arn:aws(-[a-z]+)*:(iam::[0-9]{12}:(root$|user/)|sts::[0-9]{12}:"
            "(federated-user/|assumed-role/[A-Za-z0-9_+=,.@-]+/[A-Za-z0-9_+=,.@-]+$))",
            "errorMessage": "Write a caller as `aws sts get-caller-identity` prints it, "
            "such as arn:aws:sts::111122223333:assumed-role/ROLE/SESSION.",
        },
    )
    repository: str = Field(
        description="the repository it asks for: a name, not a pattern",
        examples=["payments/api"],
        json_schema_extra={
            "pattern": "^[a-z0-9][a-z0-9._/-]{1,255}$",
            "errorMessage": "A test asks for a repository's name, not for a pattern.",
        },
    )
    access: AccessWord = Field(description="what it asks to do: `pull`, `push` or `pull-through`")
    expect: Literal["allow", "deny"] = Field(description="what the policy must answer")
    registry: Name = Field(default=DEFAULT, description="which registry; absent: the default one")
    grant: Name | None = Field(
        default=None,
        description="the one grant to draw on, as a request may name it; a break-glass grant "
        "counts only so",
        examples=["break-glass"],
    )
    day: Day = Field(
        default=None, description="the day on which it asks, at noon in UTC; absent: now"
    )

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

    version: Version = Field(description="always `1`")
    ceiling: Ceiling = Field(
        default=Ceiling(), description="what no grant of this document exceeds; absent: no bound"
    )
    grants: list[Grant] = Field(description="who may have what; nothing else is allowed")
    denies: list[Deny] = Field(
        default=[], description="what is taken out of every grant; absent: nothing"
    )
    revokers: list[CallerPattern] = Field(
        default=[],
        description="callers who may revoke tokens and block callers; absent: nobody",
    )
    auditors: list[CallerPattern] = Field(
        default=[], description="callers who may read the records of vends; absent: nobody"
    )
    tests: list[Expectation] = Field(
        default=[],
        description="what the policy must answer; a document that fails one does not deploy",
    )
    _grants: dict[Mode, CallerIndex[Grant]] = PrivateAttr(default_factory=dict)
    _denies: dict[Mode, CallerIndex[Deny]] = PrivateAttr(default_factory=dict)

    @property
    def bounds(self) -> Ceiling:
        """The ceiling as it is enforced: in monitor mode it bounds nothing."""
        return self.ceiling if self.ceiling.mode == "enforce" else Ceiling()

    def grants_about(self, caller: Caller, mode: Mode) -> list[Grant]:
        """Return the grants of a mode that are for `caller`, in policy order, whatever the day."""
        self._grants = _with_index(self.grants, self._grants, mode)
        return [one for one in self._grants[mode].candidates(caller) if one.matches(caller)]

    def denies_about(self, caller: Caller, mode: Mode, repositories: Sequence[str]) -> list[Deny]:
        """Return the denies of a mode for `caller` that may meet these patterns, in order."""
        self._denies = _with_index(self.denies, self._denies, mode)
        found = self._denies[mode].candidates(caller, repositories)
        return [one for one in found if one.matches(caller)]

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


def _with_index(
    entries: list[Entry], made: dict[Mode, CallerIndex[Entry]], mode: Mode
) -> dict[Mode, CallerIndex[Entry]]:
    # A copy of a policy begins with the indexes of what it was copied from, and may have other
    # entries: it gets indexes of its own and leaves those of the original alone.
    if mode in made and made[mode].entries is entries:
        return made
    return {**made, mode: CallerIndex(entries, mode)}


Policy.model_rebuild(force=True)
