"""The shapes of the API: strict models of what a caller sends and what it is answered."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from vending import patterns
from vending.access import Access
from vending.errors import Code, Refused
from vending.request import VendRequest

MOST_BYTES = 65_536
"""A longer body is no request."""

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _repository(name: str) -> str:
    if not patterns.REPOSITORY.fullmatch(name):
        raise ValueError(
            "name repositories literally, in the lower-case form of ECR, without host, tag or "
            "wildcard; leave the lists out and set `access` to ask for all that is granted"
        )
    return name


def printable(text: str) -> str:
    """Return the text without characters that drive a terminal or reorder a line."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


Repositories = Annotated[
    list[Annotated[str, AfterValidator(_repository)]], Field(min_length=1, max_length=100)
]


class Message(BaseModel):
    """What all shapes have in common: unknown fields are errors and nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


Shape = TypeVar("Shape", bound=Message)


class TokenRequest(Message):
    """The body of `POST /v1/tokens`. Everything may be left out.

    Attributes:
        registry: A host of a served registry in any form, or None for the default one.
        pull: Literal repositories to pull.
        push: Literal repositories to push and pull.
        pull_through: Literal repositories to pull through a cache rule.
        access: Instead of the lists: all that is granted, up to this.
        ttl_seconds: How long the token should work at most.
        grant: The one grant to draw on.
        reason: Why; kept in the audit record.
        dry_run: Answer with the decision and mint nothing.
    """

    registry: Annotated[str, Field(max_length=253)] | None = None
    pull: Repositories | None = None
    push: Repositories | None = None
    pull_through: Repositories | None = None
    access: Literal["pull", "push", "pull-through"] | None = None
    ttl_seconds: Annotated[int, Field(ge=1, le=43_200)] | None = None
    grant: Annotated[str, Field(max_length=63), AfterValidator(printable)] | None = None
    reason: Annotated[str, Field(max_length=256), AfterValidator(printable)] = ""
    dry_run: bool = False

    @model_validator(mode="after")
    def _lists_or_access(self) -> Self:
        if self.access and (self.pull or self.push or self.pull_through):
            raise ValueError(
                "give repositories in `pull`, `push` or `pull_through`, or `access` alone for all "
                "that is granted, not both"
            )
        return self

    def asked(self, registry: str) -> VendRequest:
        """Return it in the words of the decision."""
        lists = {
            Access.PULL: self.pull,
            Access.PUSH: self.push,
            Access.PULL_THROUGH: self.pull_through,
        }
        return VendRequest(
            registry=registry,
            repositories={access: tuple(names) for access, names in lists.items() if names},
            access=Access(self.access or "pull"),
            ttl=None if self.ttl_seconds is None else timedelta(seconds=self.ttl_seconds),
            grant=self.grant,
            reason=self.reason,
        )


def token_request(body: bytes) -> TokenRequest:
    """Return the request that `body` is; an empty one asks for every pull that is granted.

    Raises:
        Refused: It is none; the sentence names the field.
    """
    return read(TokenRequest, body)


def read(shape: type[Shape], body: bytes) -> Shape:
    """Return the message that `body` is.

    Raises:
        Refused: It is none; the sentence names the field.
    """
    if len(body) > MOST_BYTES:
        raise Refused(Code.INVALID_REQUEST, f"Send at most {MOST_BYTES} bytes of JSON.")
    try:
        return shape.model_validate_json(body or b"{}")
    except ValidationError as errors:
        # Without the inputs: what was wrong is the caller's own, but need not stand in our logs.
        first = errors.errors(include_url=False, include_input=False)[0]
        raise Refused(Code.INVALID_REQUEST, sentence(first, shape)) from None


def sentence(error: Any, shape: type[Message]) -> str:
    """Return pydantic's error as one sentence that names the field."""
    where = ".".join(str(step) for step in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            known = ", ".join(shape.model_fields)
            return f"There is no field `{where[:64]}`; the fields are {known}."
        case "json_invalid":
            return "Send a JSON object with Content-Type application/json."
        case "value_error":
            what = str(error["ctx"]["error"])
            return f"`{where}`: {what}." if where else f"{what[:1].upper()}{what[1:]}."
        case _:
            what = error["msg"]
            return f"`{where}`: {what[:1].lower()}{what[1:]}." if where else f"{what}."


class DroppedRepository(Message):
    """Something asked for that the token does not carry."""

    repository: str
    access: str
    reason: Literal["not_granted"] = "not_granted"


class TokenResponse(Message):
    """The answer to `POST /v1/tokens`."""

    vend_id: str
    registry: str
    username: Literal["AWS"] = "AWS"
    password: str = Field(repr=False)
    expires_at: str
    scope: dict[str, list[str]]
    dropped: list[DroppedRepository]
    policy_revision: str


class RefusalShown(Message):
    """A refusal inside a dry run."""

    code: str
    detail: str


class DryRunResponse(Message):
    """The answer to a `POST /v1/tokens` with `dry_run`."""

    vend_id: str
    dry_run: Literal[True] = True
    decision: Literal["allow", "refuse"]
    refusal: RefusalShown | None
    registry: str
    scope: dict[str, list[str]]
    dropped: list[DroppedRepository]
    expires_at: str | None
    grants: list[str]
    session_policy: dict[str, Any] | None
    session_policy_size: int
    policy_revision: str


class CallerShown(Message):
    """The caller as the service sees it."""

    kind: str
    partition: str
    account: str
    principal_id: str
    name: str
    session: str
    arn: str
    key: str


class GrantShown(Message):
    """One of the caller's own grants; what `monitored` has is granted to nobody yet."""

    name: str
    registry: str
    access: str
    repositories: list[str]
    max_ttl_seconds: int
    expires_on: str | None
    break_glass: bool
    bind_source_ip: bool


class WhoamiResponse(Message):
    """The answer to `GET /v1/whoami`."""

    caller: CallerShown
    source_ip: str
    grants: list[GrantShown]
    monitored: list[GrantShown]
    policy_revision: str
    time: str
    version: str
    commit: str
    oldest_client: str


# A vend needs these two, so they are built while the function starts; the others wait to be asked.
TokenRequest.model_rebuild(force=True)
TokenResponse.model_rebuild(force=True)
