"""An explanation, as a document for scripts: docs/policy.md describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditing.access import words as pattern_words
from vendctl.policy.arguments import stamp
from vending.session_policy import LONGEST

if TYPE_CHECKING:
    from vendctl.explaining.explanation import Explanation, Held, Outcome, Planned, Taken
    from vendctl.explaining.near_misses import Compared
    from vendctl.explaining.places import Places


def document(found: Explanation, places: Places, *, assumed: str) -> dict[str, Any]:
    """Return an explanation as plain values."""
    asked, caller = found.question, found.question.caller
    return {
        "allowed": found.allowed,
        "at": stamp(found.at),
        "file": places.file,
        "caller": {
            "arn": caller.arn,
            "kind": caller.kind,
            "partition": caller.partition,
            "account": caller.account,
            "name": caller.path[1:] + caller.name,
            "session": caller.session,
            "assumed": assumed,
        },
        "asked": {
            "registry": asked.registry,
            "repository": asked.repository,
            "access": asked.access,
            "grant": asked.grant,
            "ttl_seconds": int(asked.ttl.total_seconds()) if asked.ttl else None,
        },
        "tokens": [token(one, found, places) for one in found.outcomes],
        "grants": [held(one, found, places) for one in found.held],
        "taken": [taken(one, places) for one in found.taken],
        "near": [near(one, places) for one in found.near],
        "revokes": found.revokes,
        "audits": found.audits,
    }


def token(outcome: Outcome, found: Explanation, places: Places) -> dict[str, Any]:
    """Return what a request comes to: a token, or its refusal."""
    decision, bound, refusal = outcome.decision, outcome.bound, outcome.refusal
    entry = bound.entry if bound else ()
    return {
        "registry": outcome.request.registry,
        "access": outcome.request.access,
        "refusal": {"code": refusal.code, "detail": refusal.detail} if refusal else None,
        "scope": {access: list(names) for access, names in decision.scope.items()},
        "excluded": list(decision.excluded),
        "ceiling": None if decision.ceiling is None else list(decision.ceiling),
        "dropped": [
            {"repository": one.repository, "access": one.access, "rule": one.rule}
            for one in decision.dropped
        ],
        "monitored": [planned(one, places) for one in outcome.planned],
        "grants": list(decision.grants),
        "denies": list(decision.denies),
        "expires_at": stamp(decision.expires_at) if decision.expires_at else None,
        "seconds": int((bound.at - found.at).total_seconds()) if bound else None,
        "bound_by": bound.words if bound else None,
        "bound_line": places.line(*entry) if entry else None,
        "bind_source_ip": decision.bind_source_ip,
        "break_glass": decision.break_glass,
        "session_policy": outcome.session_policy or None,
        "characters": len(outcome.session_policy) or None,
        "most_characters": LONGEST,
    }


def planned(one: Planned, places: Places) -> dict[str, Any]:
    """Return what a rule in monitor mode would have done."""
    return {
        "rule": one.monitored.rule,
        "line": places.line(*one.entry),
        "effect": one.monitored.effect,
        "repositories": list(one.monitored.repositories),
        "count": one.monitored.count,
    }


def held(one: Held, found: Explanation, places: Places) -> dict[str, Any]:
    """Return a grant that is for what is asked, and what a request that names it comes to."""
    grant = one.compared.grant
    return {
        **titled(one.compared, places),
        "registry": grant.registry,
        "access": grant.access,
        "repositories": grant.repositories,
        "expires_on": grant.expires_on.isoformat() if grant.expires_on else None,
        "break_glass": grant.break_glass,
        "bind_source_ip": grant.bind_source_ip,
        "alone": token(one.outcome, found, places),
    }


def taken(one: Taken, places: Places) -> dict[str, Any]:
    """Return a rule that takes something away."""
    return {"rule": one.rule, "line": places.line(*one.entry), "repositories": list(one.what)}


def near(one: Compared, places: Places) -> dict[str, Any]:
    """Return a grant that misses, and in what."""
    return {
        **titled(one, places),
        "matching": [comparison.dimension for comparison in one.matching],
        "differing": [
            {
                "dimension": comparison.dimension,
                "policy": list(comparison.policy),
                "asked": comparison.asked,
            }
            for comparison in one.differing
        ],
    }


def titled(one: Compared, places: Places) -> dict[str, Any]:
    """Return which grant it is, and by which of its callers."""
    return {
        "grant": one.grant.name,
        "line": places.line("grants", one.number),
        "owner": one.grant.owner or "",
        "callers": pattern_words(one.grant.callers[one.callers]),
        "callers_line": places.line("grants", one.number, "callers", one.callers),
    }
