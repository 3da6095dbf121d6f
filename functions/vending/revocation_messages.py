"""The shapes of `/v1/revocations`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from vending.errors import Code, Refused
from vending.messages import Message, printable, read
from vending.revocations import Kind, Revocation, moment, rfc3339, whole
from vending.vend_ids import asked_at

if TYPE_CHECKING:
    from datetime import datetime

CALLER_KEY = re.compile(
    r"aws(-[a-z]+)*:[0-9]{12}:([A-Z0-9]{12,128}|[0-9]{12}|federated)(:[\w+=,.@-]{1,64})?", re.ASCII
)
"""A caller key, as `GET /v1/whoami` and the records write it."""

NOW = "now"


def _vend_id(text: str) -> str:
    try:
        asked_at(text)
    except ValueError:
        raise ValueError("write a vend id: v- and 26 letters and digits, as records have") from None
    return text


def _caller_key(text: str) -> str:
    if not CALLER_KEY.fullmatch(text):
        raise ValueError(
            "write a caller key as the records have it, such as aws:111122223333:AROAEXAMPLE12"
        )
    return text


def _moment(text: str) -> str:
    if text != NOW:
        try:
            moment(text)
        except (ValueError, OverflowError):
            raise ValueError("write a time like 2026-11-23T20:00:00Z, or now") from None
    return text


def _said(text: str) -> str:
    # A letter or digit at least: blanks and invisible characters give no reason.
    if not any(letter.isalnum() for letter in text):
        raise ValueError("say why: it is kept in the audit record")
    return printable(text)


class RevocationRequest(Message):
    """The body of `POST /v1/revocations`: exactly one of the first three, and why.

    Attributes:
        vend_id: The token of this vend.
        caller: All tokens of the caller with this key, and no more for it from now on.
        before: All tokens issued before this moment, RFC 3339 or `now`.
        reason: Why; kept in the audit record and shown in the list.
    """

    vend_id: Annotated[str, StringConstraints(max_length=64), AfterValidator(_vend_id)] | None = (
        None
    )
    caller: (
        Annotated[str, StringConstraints(max_length=256), AfterValidator(_caller_key)] | None
    ) = None
    before: Annotated[str, StringConstraints(max_length=40), AfterValidator(_moment)] | None = None
    reason: Annotated[str, Field(max_length=256), AfterValidator(_said)]

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("vend_id", "caller", "before") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("name what to revoke by exactly one of `vend_id`, `caller`, `before`")
        return self


def revocation_request(body: bytes) -> RevocationRequest:
    """Return the request that `body` is.

    Raises:
        Refused: It is none; the sentence names the field.
    """
    return read(RevocationRequest, body)


def target_of(asked: RevocationRequest, *, now: datetime) -> tuple[Kind, str]:
    """Return what a request is about.

    Raises:
        Refused: A moment or a vend that is still to come, or a token that has ended by itself.
    """
    if asked.caller:
        return Kind.CALLER, asked.caller
    if asked.before:
        until = now if asked.before == NOW else moment(asked.before)
        if until > now:
            raise Refused(Code.INVALID_REQUEST, "`before`: name a moment that has passed, or now.")
        return still_alive(Kind.BEFORE, rfc3339(whole(until)), now)
    vend_id = asked.vend_id or ""
    if asked_at(vend_id) > now + timedelta(minutes=1):
        raise Refused(Code.INVALID_REQUEST, "`vend_id`: there has been no such vend yet.")
    return still_alive(Kind.VEND, vend_id, now)


def still_alive(kind: Kind, target: str, now: datetime) -> tuple[Kind, str]:
    """Return them, while there can be a token to revoke.

    Raises:
        Refused: All have ended by themselves.
    """
    if not Revocation(kind, target, "", "", "", now, "").is_denied(now):
        raise Refused(
            Code.INVALID_REQUEST,
            "Every such token has ended by itself, so there is nothing to revoke.",
        )
    return kind, target


class RevocationShown(Message):
    """A revocation, and how it stands in each registry.

    Attributes:
        id: The same whenever the same thing is revoked.
        kind: `vend`, `caller` or `before`.
        target: The vend id, caller key or moment.
        reason: Why.
        revoked_by: ARN of who did it.
        revoked_at: When.
        blocked: Whether nothing of it is issued any more.
        lifted_by: ARN of who lifted the block, or None.
        lifted_at: When, or None.
        denied_until: When its tokens have all ended by themselves, so that no deny is needed.
        registries: Host → `denied`, `over`, `pending`, `full` or `failed: …`.
    """

    id: str
    kind: str
    target: str
    reason: str
    revoked_by: str
    revoked_at: str
    blocked: bool
    lifted_by: str | None
    lifted_at: str | None
    denied_until: str | None
    registries: dict[str, str]


class RevocationsResponse(Message):
    """The answer to `GET /v1/revocations`: the newest first."""

    revocations: list[RevocationShown]
    time: str
