"""The policy document: who may have what. Models only; `policy_text` reads them from YAML."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    field_validator,
    model_validator,
)

from vending import patterns
from vending.access import Access
from vending.caller import IDENTITY_CENTER_ROLE, Caller, CallerKind
from vending.registry import DEFAULT

LONGEST = timedelta(hours=1)
"""No token can live longer: a role that assumes a role gets a session of at most an hour. Source:
"Role chaining" in the IAM user guide."""

BREAK_GLASS_LONGEST = timedelta(minutes=15)
"""No token of a break-glass grant lives longer, whatever its grant says."""

DURATION = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?", re.ASCII)
IAM_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>iam|sts)::(?P<account>[0-9*?]{1,12}):"
    r"(?P<kind>role|user|assumed-role|federated-user|root)(?:/(?P<name>[\w+=,.@*?/-]{1,576}))?",
    re.ASCII,
)


def _duration(value: Any) -> timedelta:
    match = DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if not match:
        raise ValueError(f"{value!r} is no duration: write it like 30m, 45s or 1h")
    parts = {unit: int(count[:6]) for unit, count in match.groupdict().items() if count}
    length = timedelta(**parts)
    if not timedelta(0) < length <= LONGEST:
        raise ValueError(f"{value} is out of range: a token lives from 1s to 1h")
    return length


def _account(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'{value} is read as a number: write the account in quotes, "{value:012}"')
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{12}", value):
        raise ValueError(f"{value!r} is no account: it takes 12 digits in quotes")
    return value


def _repository_pattern(value: Any) -> str:
    if not isinstance(value, str) or not patterns.REPOSITORY_PATTERN.fullmatch(value):
        raise ValueError(
            f"{value!r} is no repository pattern: it takes the lower-case letters, digits and ._-/ "
            "of repository names, with * for any run of characters and ? for one"
        )
    return value


def _access(word: Any) -> Access:
    try:
        return Access(word)
    except ValueError:
        raise ValueError(f"{word!r} is none of {', '.join(Access)}") from None


def _day(day: Any) -> date | None:
    if isinstance(day, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
        return date.fromisoformat(day)
    if day is None or type(day) is date:
        return day
    raise ValueError(f"{day!r} is no day: write it like 2027-06-30")


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda length: f"{int(length.total_seconds())}s"),
]
AccountId = Annotated[str, BeforeValidator(_account)]
RepositoryPattern = Annotated[str, BeforeValidator(_repository_pattern)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\z")]
Globbed = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@*?-]{1,64}\z")]


class Model(BaseModel):
    """What every part of the document has in common: unknown keys are errors."""

    # Each part's own validator is built when it is first needed, which is hardly ever: the whole
    # document's contains them all.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class PermissionSet(Model):
    """Users of one Identity Center permission set in one account."""

    name: Globbed
    account: AccountId
    user: Globbed | None = None


class CallerPattern(Model):
    """Some callers: exactly one of the keys that name principals, and perhaps a session name."""

    role: str | None = None
    user: str | None = None
    federated_user: str | None = None
    permission_set: PermissionSet | None = None
    root: AccountId | None = None
    account: AccountId | None = None
    session: Globbed | None = None

    @field_validator("role", "user", "federated_user")
    @classmethod
    def _arn_of_its_kind(cls, value: str | None, info: Any) -> str | None:
        kind = {"federated_user": "federated-user"}.get(info.field_name, info.field_name)
        if value is None:
            return value
        match = IAM_ARN.fullmatch(value)
        example = (
            f"arn:aws:{'sts' if kind == 'federated-user' else 'iam'}::111122223333:{kind}/NAME"
        )
        if not match or not match["name"]:
            raise ValueError(f"{value!r} is not like {example}")
        partition, account, name = match["partition"], match["account"], match["name"]
        if kind == "role":
            if match["kind"] == "assumed-role":
                name = name.partition("/")[0]
                raise ValueError(
                    f"name the role, not a session: arn:{partition}:iam::{account}:role/{name}"
                )
            if "/" in name:
                raise ValueError(
                    "a request does not tell a role's path, so it is left out: "
                    f"arn:{partition}:iam::{account}:role/{name.rpartition('/')[2]}"
                )
            if IDENTITY_CENTER_ROLE.fullmatch(name) or name.startswith("AWSReservedSSO_"):
                shown = name.split("_")[1] or "NAME"
                raise ValueError(
                    "name an Identity Center role by its permission set: "
                    f'permission_set: {{name: {shown}, account: "{account}"}}'
                )
        if match["kind"] != kind:
            raise ValueError(f"{value!r} is not like {example}")
        return value

    @model_validator(mode="after")
    def _exactly_one_principal(self) -> Self:
        keys = ("role", "user", "federated_user", "permission_set", "root", "account")
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"name callers by exactly one of {', '.join(keys)}"
                + (f", not by {' and '.join(given)}" if given else "")
            )
        if self.session is not None and self.role is None:
            raise ValueError("only a role has a session to match: put `session` beside `role`")
        return self

    def matches(self, caller: Caller) -> bool:
        """Return whether `caller` is one of these.

        A role matches on partition, account and name, since the event does not tell its path. A
        role pattern never matches an Identity Center role, whose users a permission set names.
        """
        if self.account is not None:
            return caller.account == self.account
        if self.root is not None:
            return caller.kind is CallerKind.ROOT and caller.account == self.root
        if self.permission_set is not None:
            return self._is_signed_in(self.permission_set, caller)
        if self.role is not None:
            if caller.kind is not CallerKind.ROLE or not self._is_named(self.role, caller):
                return False
            return self.session is None or _is(self.session, caller.session)
        if self.user is not None:
            return caller.kind is CallerKind.USER and self._is_named(self.user, caller)
        return caller.kind is CallerKind.FEDERATED and self._is_named(self.federated_user, caller)

    @staticmethod
    def _is_signed_in(permission_set: PermissionSet, caller: Caller) -> bool:
        return (
            caller.kind is CallerKind.IDENTITY_CENTER
            and caller.account == permission_set.account
            and _is(permission_set.name, caller.name)
            and (permission_set.user is None or _is(permission_set.user, caller.session))
        )

    @staticmethod
    def _is_named(arn: str | None, caller: Caller) -> bool:
        _, partition, _, _, account, resource = (arn or "").split(":", 5)
        return (
            partition == caller.partition
            and _is(account, caller.account)
            and _is(resource.partition("/")[2], caller.path[1:] + caller.name)
        )


def _is(pattern: str, value: str) -> bool:
    if patterns.is_literal(pattern):
        return pattern == value
    return bool(patterns.bounded(pattern).fullmatch(value))


class Ceiling(Model):
    """What no grant of this document exceeds. The stack's own limits stand above it."""

    accounts: list[AccountId] | None = None
    repositories: list[RepositoryPattern] | None = None
    max_ttl: Duration | None = None

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
    access: Annotated[Access, BeforeValidator(_access)]
    registry: Name = DEFAULT
    max_ttl: Duration | None = None
    bind_source_ip: bool = False
    expires_on: Annotated[date | None, BeforeValidator(_day)] = None
    break_glass: bool = False

    @field_validator("break_glass")
    @classmethod
    def _is_short(cls, value: bool, info: Any) -> bool:  # noqa: FBT001  pydantic's signature
        said = info.data.get("max_ttl")
        if value and said is not None and said > BREAK_GLASS_LONGEST:
            raise ValueError(
                "a break-glass token lives at most 15m: write `max_ttl: 15m` or less, or leave "
                "`max_ttl` out"
            )
        return value

    @property
    def longest(self) -> timedelta | None:
        """The longest life of a token that draws on this grant, None where it sets no bound."""
        if self.break_glass:
            return min(self.max_ttl or BREAK_GLASS_LONGEST, BREAK_GLASS_LONGEST)
        return self.max_ttl

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

    def matches(self, caller: Caller) -> bool:
        """Return whether the deny is for `caller`."""
        return self.callers is None or any(pattern.matches(caller) for pattern in self.callers)


class Expectation(Model):
    """A test inside the document: what the policy must answer, or it is not deployed."""

    caller: str
    repository: str
    access: Annotated[Access, BeforeValidator(_access)]
    expect: Literal["allow", "deny"]
    registry: Name = DEFAULT
    grant: Name | None = None
    day: Annotated[date | None, BeforeValidator(_day)] = None

    @field_validator("caller")
    @classmethod
    def _is_a_caller(cls, arn: str) -> str:
        Caller.from_arn(arn)
        return arn

    @field_validator("repository")
    @classmethod
    def _is_a_repository(cls, name: str) -> str:
        if not patterns.REPOSITORY.fullmatch(name):
            raise ValueError(f"{name!r} is no repository name: a test asks for one, not a pattern")
        return name


class Policy(Model):
    """A whole policy document, version 1."""

    version: Literal[1]
    ceiling: Ceiling = Ceiling()
    grants: list[Grant]
    denies: list[Deny] = []
    revokers: list[CallerPattern] = []
    tests: list[Expectation] = []

    def lets_revoke(self, caller: Caller) -> bool:
        """Return whether `caller` is named as one who revokes tokens and blocks callers."""
        return any(pattern.matches(caller) for pattern in self.revokers)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for kind, entries in (("grants", self.grants), ("denies", self.denies)):
            seen: set[str] = set()
            for entry in entries:
                if entry.name in seen:
                    raise ValueError(
                        f"two {kind} are called {entry.name!r}: give each its own name"
                    )
                seen.add(entry.name)
        return self


Policy.model_rebuild(force=True)
