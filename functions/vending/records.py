"""The ledger's records: from the domain's values to plain attributes. Pure.

One table holds, under `pk` and `sk`:

- `vend#ID`, `1#intent` and `2#outcome`: the vend's two records;
- `repository#NAME#YYYY-MM`, `grant#NAME#YYYY-MM`, `break-glass#YYYY-MM`, `ID`: a pointer for each
  repository (or pattern) and grant of a vend, and for break-glass, so that a question about them is
  a query and never a scan;
- `policy#REVISION`, `document#N`: the text of each policy that ever served, gzip, in pieces;
- `policy-served#YYYY-MM`, `YYYY-MM-DDTHH#REVISION`: that it served in that hour;
- `flood#CALLER_KEY#YYYY-MM-DDTHH`, `BUDGET#COUNT`: that so many requests overdrew a budget.

Sparse attributes feed the indexes: `hour`, `caller_key`, `outcome_day`, `token_mac`. What names a
person is in `sealed` only, and the caller's key is a pseudonym where it would: see `sealing`.
"""

from __future__ import annotations

import gzip
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vending.budgets import Kind
from vending.release import VERSION
from vending.sealing import divided, pseudonym, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from vending.budgets import Flood
    from vending.caller import Caller, Origin
    from vending.decision import Decision
    from vending.ports import Intent, ServingPolicy
    from vending.sealing import PersonKey

SCHEMA = 2
"""Version of the records' shape, in each of them."""

PIECE = 350_000
"""Bytes of a policy text in one item, below DynamoDB's 400 KB."""

Item = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """Return a time as the API and the records write it, in UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def intent_item(intent: Intent, key: PersonKey) -> Item:
    """Return the record of what is about to happen.

    Args:
        intent: What.
        key: The caller's, for what is sealed.
    """
    caller, decision = intent.caller, intent.decision
    pk, sk = f"vend#{intent.vend_id}", "1#intent"
    personal = {"reason": intent.request.reason, "source_identity": caller.source_identity}
    # It holds the caller's address where a grant binds the token to that.
    bound = {"session_policy": intent.session_policy}
    return {
        "pk": pk,
        "sk": sk,
        **_common(intent),
        "hour": intent.asked_at.strftime("%Y-%m-%dT%H"),
        "caller_key": pseudonym(caller.key, key),
        "asked_at": timestamp(intent.asked_at),
        **asked_by(
            caller,
            intent.origin,
            key,
            record=record_name(pk, sk),
            **personal | (bound if decision.bind_source_ip else {}),
        ),
        **({} if decision.bind_source_ip else bound),
        "asked": {
            "repositories": {a: list(names) for a, names in intent.request.repositories.items()},
            "access": intent.request.access,
            "ttl_seconds": int(intent.request.ttl.total_seconds()) if intent.request.ttl else None,
            "grant": intent.request.grant,
        },
        "registry": {"name": intent.registry.name, "host": intent.registry.host},
        "role": intent.role,
        "session_policy_size": len(intent.session_policy),
        "scope": {access: list(held) for access, held in decision.scope.items()},
        "excluded": list(decision.excluded),
        "grants": list(decision.grants),
        "denies": list(decision.denies),
        "dropped": [
            {"repository": one.repository, "access": one.access, "rule": one.rule}
            for one in decision.dropped
        ],
        **({"monitored": monitored_of(decision)} if decision.monitored else {}),
        "bound_to_source": decision.bind_source_ip,
        "break_glass": decision.break_glass,
        "expires_at": timestamp(decision.expires_at) if decision.expires_at else None,
        "policy_revision": intent.policy.revision,
        "policy_label": intent.policy.label,
        "policy_age_seconds": int(intent.policy.age.total_seconds()),
        "deployment": intent.deployment,
    }


def monitored_of(decision: Decision) -> list[Item]:
    """Return what rules in monitor mode would have done."""
    return [{**asdict(one), "repositories": list(one.repositories)} for one in decision.monitored]


def outcome_items(intent: Intent, outcome: str, attributes: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the pointers of a vend that has ended, then its outcome, which must be written last."""
    month = intent.asked_at.strftime("%Y-%m")
    day = intent.asked_at.strftime("%Y-%m-%d")
    for key in sorted(pointers(intent)):
        yield {
            "pk": f"{key}#{month}",
            "sk": intent.vend_id,
            **_common(intent),
            "outcome": outcome,
        }
    yield {
        "pk": f"vend#{intent.vend_id}",
        "sk": "2#outcome",
        **_common(intent),
        "outcome": outcome,
        "outcome_day": f"{outcome}#{day}",
        **attributes,
    }


def pointers(intent: Intent) -> set[str]:
    """Return what the vend can be found by: repositories or patterns, grants, break-glass."""
    named = {name for names in intent.request.repositories.values() for name in names}
    held = {pattern for patterns in intent.decision.scope.values() for pattern in patterns}
    dropped = {one.repository for one in intent.decision.dropped}
    loud = {"break-glass"} if intent.decision.break_glass else set()
    return (
        {f"repository#{name}" for name in named | held | dropped}
        | {f"grant#{name}" for name in intent.decision.grants}
        | loud
    )


def document_items(serving: ServingPolicy, now: datetime) -> Iterator[Item]:
    """Yield the pieces of the policy's text."""
    packed = gzip.compress(serving.text, mtime=0)
    pieces = [packed[at : at + PIECE] for at in range(0, len(packed), PIECE)]
    for number, piece in enumerate(pieces):
        yield {
            "pk": f"policy#{serving.revision}",
            "sk": f"document#{number:03}",
            **_of_policy(serving, now),
            "pieces": len(pieces),
            "gzip": piece,
        }


def served_item(serving: ServingPolicy, now: datetime) -> Item:
    """Return the record that the policy serves in this hour."""
    return {
        "pk": f"policy-served#{now.strftime('%Y-%m')}",
        "sk": f"{now.strftime('%Y-%m-%dT%H')}#{serving.revision}",
        **_of_policy(serving, now),
    }


def flood_item(flood: Flood, key: PersonKey) -> Item:
    """Return the record that one caller's requests in one hour overdrew a budget.

    It has no `hour`: that index lists intents.

    Args:
        flood: What.
        key: The caller's, for what is sealed.
    """
    over, caller = flood.over, flood.caller
    caller_key = pseudonym(caller.key, key)
    # A session's counter has the session's name in its own.
    counter = over.budget.kind + (f"#{key.id}" if over.budget.kind is Kind.SESSION else "")
    pk, sk = f"flood#{caller_key}#{over.hour.name}", f"{counter}#{over.count:012}"
    return {
        "pk": pk,
        "sk": sk,
        **_always(),
        "vend_id": flood.vend_id,
        "caller_key": caller_key,
        "outcome_day": f"throttled#{over.now.strftime('%Y-%m-%d')}",
        "asked_at": timestamp(over.now),
        "budget": over.budget.kind,
        "limit": over.budget.limit,
        "count": over.count,
        **asked_by(caller, flood.origin, key, record=record_name(pk, sk)),
        "deployment": flood.deployment,
    }


def asked_by(
    caller: Caller, origin: Origin, key: PersonKey, *, record: str, **personal: str
) -> Item:
    """Return who asked and from where; what of it names a person is sealed.

    Args:
        caller: Who.
        origin: From where.
        key: The caller's.
        record: Name of the record.
        **personal: What else is sealed.
    """
    own, named = divided(caller)
    personal |= {"source_ip": origin.source_ip, "user_agent": origin.user_agent}
    kept = {name: value for name, value in personal.items() if value}
    return {
        "caller": own,
        "vpc": origin.vpc,
        "vpc_endpoint": origin.vpc_endpoint,
        "request_id": origin.request_id,
        **sealed({"caller": named, **kept}, key, record=record),
    }


def record_name(pk: str, sk: str) -> str:
    """Return the name that ties a sealed box to its record."""
    return f"{pk}|{sk}"


def _of_policy(serving: ServingPolicy, now: datetime) -> Item:
    return {**_always(), "policy_label": serving.label, "recorded_at": timestamp(now)}


def _common(intent: Intent) -> Item:
    common = {**_always(), "vend_id": intent.vend_id, "attempt": intent.attempt}
    return {**common, "probe": True} if intent.probe else common


def _always() -> Item:
    return {"schema": SCHEMA, "service_version": VERSION}
