"""One vend as auditors read it: its two records in one, every field explained. Pure.

`docs/vend.schema.json` is the JSON Schema of this shape; a record that the ledger writes and that
does not fit it fails the tests.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from vending.messages import Message
from vending.records import record_name
from vending.sealing import opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vending.sealing import Person, PersonKey

SCHEMA_ID = "https://github.com/ecr-vend/ecr-vend/blob/main/docs/vend.schema.json"


def said(text: str, default: object = ...) -> Any:
    """Return a field that says what it holds."""
    return Field(default, description=text)


class CallerRecord(Message):
    """Who asked, as API Gateway verified it."""

    kind: str = said("`assumed-role`, `iam-user`, `federated-user`, `root`")
    partition: str = said("AWS partition, such as `aws`")
    account: str = said("Account of the identity, 12 digits")
    principal_id: str = said("Unique id of the role or user (`AROA…`, `AIDA…`)", "")
    name: str = said("Name of the role or user; a user's is sealed", "")
    path: str = said("Path of a user, sealed; a role's is not known to the service", "")
    session: str = said("Session name, sealed. Chosen by the caller: escape it", "")
    arn: str = said("The identity's ARN, sealed; empty where it was erased")


class AskedRecord(Message):
    """What was asked for."""

    repositories: dict[str, list[str]] = said("Named repositories, by access", {})
    access: str = said("All that is granted up to this, where none is named")
    ttl_seconds: int | None = said("How long the token should work at most", None)
    grant: str | None = said("The one grant to draw on", None)


class DroppedRecord(Message):
    """Something asked for that the token does not carry, and why."""

    repository: str = said("Literal name")
    access: str = said("`pull`, `push` or `pull-through`")
    rule: str = said("The rule of the policy that took it, such as `deny embargo`")


class MonitoredRecord(Message):
    """What a rule in monitor mode would have done, had it been enforced."""

    rule: str = said("`grant NAME`, `deny NAME` or `ceiling`")
    effect: str = said(
        "`allow` more, `deny` some of it, or `narrow` it: end sooner, or be bound to its source"
    )
    repositories: list[str] = said("About which, names or patterns, ten at most", [])
    count: int = said("How many they are", 0)


class RegistryRecord(Message):
    """For which registry."""

    name: str = said("Its name in the policy; `default` is the stack's own")
    host: str = said("Its host")


class VendRecord(Message):
    """One vend: what was asked, what was decided and why, and what came of it."""

    vend_id: str = said("Names the vend, its STS session and so its CloudTrail events")
    schema_version: int = said("Version of the records' shape")
    outcome: Literal["issued", "refused", "failed"] | None = said(
        "How it ended; null where it never did, and no token left", None
    )
    asked_at: str = said("When it was asked for, UTC with milliseconds")
    ended_at: str | None = said("When its outcome was recorded", None)
    caller: CallerRecord = said("Who asked, as API Gateway verified it")
    caller_key: str = said(
        "The caller without its session name: what limits apply to. An Identity Center user who "
        "was erased stands in it as `~` and the id of the key"
    )
    erased: bool = said(
        "Whether the caller's key was destroyed, and with it all that is sealed", default=False
    )
    source_ip: str = said("Address that the request came from, sealed", "")
    vpc: str = said("VPC of a private endpoint's request", "")
    vpc_endpoint: str = said("VPC endpoint that the request came through", "")
    user_agent: str = said("What the caller says it is, sealed: escape it", "")
    request_id: str = said("API Gateway's id of the request", "")
    asked: AskedRecord = said("What was asked for")
    reason: str = said("Why, in the caller's words, sealed: escape it", "")
    registry: RegistryRecord = said("For which registry")
    role: str = said("ARN of the vended role", "")
    source_identity: str = said("SourceIdentity of its session, sealed", "")
    session_policy: str = said(
        "What STS enforces on top of the role, JSON; sealed where it holds the address", ""
    )
    session_policy_size: int = said("Its characters, of 2,048", 0)
    scope: dict[str, list[str]] = said("What was granted: patterns by access", {})
    excluded: list[str] = said("Patterns that a deny took out of the scope", [])
    grants: list[str] = said("Names of the grants that contributed", [])
    denies: list[str] = said("Names of the caller's denies that may meet what was asked for", [])
    dropped: list[DroppedRecord] = said("What was asked for and not granted", [])
    monitored: list[MonitoredRecord] = said(
        "What rules in monitor mode would have done, twenty at most", []
    )
    bound_to_source: bool = said("Whether the token works from `source_ip` only", default=False)
    break_glass: bool = said("Whether a break-glass grant contributed", default=False)
    expires_at: str | None = said("When the token stops working", None)
    policy_revision: str = said("Names exactly the policy text that decided")
    policy_label: str = said("What its publisher called it", "")
    policy_age_seconds: int = said("Since AppConfig had confirmed it last", 0)
    code: str | None = said("Code of the refusal or failure", None)
    failure: str | None = said("The AWS call that failed, with AWS's error code", None)
    seconds: dict[str, str] = said(
        "How long `decide`, `count`, `intend` and `mint` took, in seconds", {}
    )
    token_mac: str | None = said("HMAC-SHA-256 of the token's SHA-256, hex", None)
    hmac_key_id: str | None = said("ARN of the KMS key that made it", None)
    probe: bool = said("Whether the stack's own prober asked", default=False)
    deployment: str = said("Version of the function", "")
    service_version: str = said("Version of ecr-vend")
    other_fields: dict[str, Any] = said(
        "Fields that a newer version has recorded and this one does not know, by their names", {}
    )


OF_INTENT = frozenset({"pk", "sk", "attempt", "hour", "schema", "sealed", "sealed_under"})
"""What an intent has besides the fields of a vend."""

OF_OUTCOME = frozenset(
    {
        *("pk", "sk", "schema", "service_version", "vend_id", "attempt", "probe", "outcome_day"),
        *("outcome", "ended_at", "code", "reason", "seconds", "token_mac", "hmac_key_id"),
    }
)
"""All that an outcome has."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person's key that was not destroyed, and whose it is."""

    key: PersonKey
    person: Person


def vend_of(
    intent: Mapping[str, Any], outcome: Mapping[str, Any] | None, known: Mapping[str, Known]
) -> VendRecord:
    """Return the one shape of a vend's two records, each as a plain mapping.

    Args:
        intent: The first.
        outcome: The second, if there is one.
        known: People's keys that were not destroyed, by their ids.

    Raises:
        ValueError: The records lack something, or have it in another form.
        Unreadable: What is sealed is another record's, or was altered.
    """
    kept = {name: value for name, value in intent.items() if name not in OF_INTENT}
    kept |= personal_of(intent, known)
    ended = (
        {
            "outcome": outcome["outcome"],
            "ended_at": outcome.get("ended_at"),
            "code": outcome.get("code"),
            "failure": outcome.get("reason"),
            "seconds": outcome.get("seconds", {}),
            "token_mac": outcome.get("token_mac"),
            "hmac_key_id": outcome.get("hmac_key_id"),
        }
        if outcome
        else {}
    )
    # What the outcome has besides is no field of a vend either, and is set apart with the rest.
    others = {name: value for name, value in (outcome or {}).items() if name not in OF_OUTCOME}
    besides = {f"outcome.{name}": value for name, value in others.items()}
    return read({"schema_version": intent["schema"], **kept, **ended, **besides})


def read(found: Mapping[str, Any]) -> VendRecord:
    """Return a record in this version's shape, with what a newer one added set apart.

    A stack that went back to an older version has records of both, and goes on being read.

    Raises:
        ValueError: It lacks something, or has it in another form.
    """
    try:
        return VendRecord(**found)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        if any(error["type"] != "extra_forbidden" for error in errors):
            raise
    known: Any = deepcopy(dict(found))
    others: dict[str, Any] = {}
    for error in errors:
        *path, name = error["loc"]
        holder = known
        for step in path:
            holder = holder[step]
        others[".".join(map(str, error["loc"]))] = holder.pop(name)
    return VendRecord(**known, other_fields=others)


def personal_of(record: Mapping[str, Any], known: Mapping[str, Known]) -> dict[str, Any]:
    """Return what a record has sealed, and the caller's key as it is, or that they are erased.

    Raises:
        Unreadable: The box is another record's, or was altered.
    """
    if "sealed" not in record:
        return {}
    whose = known.get(record["sealed_under"])
    if whose is None:
        return {"erased": True, "caller": {**record["caller"], "arn": ""}}
    name = record_name(record["pk"], record["sk"])
    personal = opened(record["sealed"], whose.key, record=name)
    return {
        **personal,
        "caller": {**record["caller"], **personal["caller"]},
        "caller_key": whose.person.caller_key,
    }


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a vend."""
    found = VendRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **found}
