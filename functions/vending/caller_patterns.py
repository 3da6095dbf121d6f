"""Which callers a policy document means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from vending import patterns
from vending.caller import IDENTITY_CENTER_ROLE, Caller, CallerKind
from vending.policy_problems import Mistake
from vending.policy_values import AccountId, Globbed, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

IAM_ARN = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):(?P<service>iam|sts)::(?P<account>[0-9*?]{1,12}):"
    r"(?P<kind>role|user|assumed-role|federated-user|root)(?:/(?P<name>[\w+=,.@*?/-]{1,576}))?",
    re.ASCII,
)

PRINCIPALS = ("role", "user", "federated_user", "permission_set", "root", "account")
"""The keys that name principals."""

NAME = "[A-Za-z0-9_+=,.@*?{also}-]{{1,576}}$"


def _given(key: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has a key. One without a value counts as absent."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _like(kind: str, name: str, cure: str) -> dict[str, Any]:
    """Return what the JSON Schema says of an ARN of some kind, as `_arn_of_its_kind` takes it."""
    return {
        "pattern": f"^arn:aws(-[a-z]+)*:(iam|sts)::[0-9*?]{{1,12}}:{kind}/{name}",
        "errorMessage": cure,
    }


def one_principal(given: Sequence[str]) -> None:
    """Hold a caller pattern to exactly one of the keys that name principals.

    Raises:
        Mistake: None is given, or several.
    """
    if len(given) != 1:
        raise Mistake(
            "one-principal",
            f"name callers by exactly one of {', '.join(PRINCIPALS)}"
            + (f", not by {' and '.join(given)}" if given else ""),
        )


class PermissionSet(Model):
    """Users of one Identity Center permission set in one account."""

    name: Globbed = Field(
        description="the permission set's name",
        examples=["PaymentsDev"],
    )
    account: AccountId = Field(description="the account in which it is assigned, in quotes")
    user: Globbed | None = Field(
        default=None,
        description="one of its users, as Identity Center names the session; absent: all of them",
        examples=["jo@example.com", "*@example.com"],
    )


class CallerPattern(Model):
    """Some callers: exactly one of the keys that name principals, and perhaps a session name."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [_given(key) for key in PRINCIPALS],
            "if": _given("session"),
            "then": _given("role"),
        }
    )

    role: str | None = Field(
        default=None,
        description="sessions of a role. Without its path: a request does not tell it. It never "
        "matches a role of Identity Center, which `permission_set` names",
        examples=["arn:aws:iam::111122223333:role/payments-ci"],
        json_schema_extra=_like(
            "role",
            "(?!AWSReservedSSO_)" + NAME.format(also=""),
            "Write a role like arn:aws:iam::111122223333:role/NAME, without its path, and one of "
            "Identity Center as permission_set.",
        ),
    )
    user: str | None = Field(
        default=None,
        description="an IAM user, with its path",
        examples=["arn:aws:iam::111122223333:user/teams/payments/alice"],
        json_schema_extra=_like(
            "user",
            NAME.format(also="/"),
            "Write a user like arn:aws:iam::111122223333:user/PATH/NAME.",
        ),
    )
    federated_user: str | None = Field(
        default=None,
        description="a federated user, whose name its federator chooses",
        examples=["arn:aws:sts::111122223333:federated-user/build"],
        json_schema_extra=_like(
            "federated-user",
            NAME.format(also="/"),
            "Write a federated user like arn:aws:sts::111122223333:federated-user/NAME.",
        ),
    )
    permission_set: PermissionSet | None = Field(
        default=None, description="users of an Identity Center permission set"
    )
    root: AccountId | None = Field(default=None, description="an account's root user, in quotes")
    account: AccountId | None = Field(
        default=None, description="every principal of an account, in quotes"
    )
    session: Globbed | None = Field(
        default=None,
        description="beside `role` only: the session's name, which whoever assumes the role "
        "chooses, so it separates jobs and keeps nobody out",
        examples=["main-*"],
    )

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
            raise Mistake("wrong-caller", f"{value!r} is not like {example}")
        partition, account, name = match["partition"], match["account"], match["name"]
        if kind == "role":
            if match["kind"] == "assumed-role":
                name = name.partition("/")[0]
                raise Mistake(
                    "session-for-role",
                    "name the role, not a session",
                    f"arn:{partition}:iam::{account}:role/{name}",
                )
            if "/" in name:
                raise Mistake(
                    "role-with-path",
                    "a request does not tell a role's path, so it is left out",
                    f"arn:{partition}:iam::{account}:role/{name.rpartition('/')[2]}",
                )
            if IDENTITY_CENTER_ROLE.fullmatch(name) or name.startswith("AWSReservedSSO_"):
                shown = name.split("_")[1] or "NAME"
                raise Mistake(
                    "identity-center-role",
                    "name an Identity Center role by its permission set",
                    f'permission_set: {{name: {shown}, account: "{account}"}}',
                )
        if match["kind"] != kind:
            raise Mistake("wrong-caller", f"{value!r} is not like {example}")
        return value

    @model_validator(mode="after")
    def _exactly_one_principal(self) -> Self:
        one_principal([key for key in PRINCIPALS if getattr(self, key) is not None])
        if self.session is not None and self.role is None:
            raise Mistake(
                "stray-session", "only a role has a session to match", "put `session` beside `role`"
            )
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
