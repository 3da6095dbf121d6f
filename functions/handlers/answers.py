"""From the domain's values to the shapes that callers read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vending import clients, release
from vending.messages import (
    CallerShown,
    DroppedRepository,
    DryRunResponse,
    GrantShown,
    RefusalShown,
    TokenResponse,
    WhoamiResponse,
)

if TYPE_CHECKING:
    from datetime import datetime

    from vending.caller import Caller, Origin
    from vending.decision import Decision
    from vending.policy_values import Mode
    from vending.ports import Intent
    from vending.vend import Vend, Vending


def token(vend: Vend) -> TokenResponse:
    """Return the answer that carries the token."""
    decision = vend.intent.decision
    return TokenResponse(
        vend_id=vend.intent.vend_id,
        registry=vend.intent.registry.host,
        password=vend.token.reveal(),
        expires_at=whole_seconds(decision.expires_at) or "",
        scope=scope_of(decision),
        dropped=dropped_of(decision),
        policy_revision=vend.intent.policy.revision,
    )


def dry_run(intent: Intent) -> DryRunResponse:
    """Return what would have been decided; the grants named are the caller's own."""
    decision, refusal = intent.decision, intent.decision.refusal
    return DryRunResponse(
        vend_id=intent.vend_id,
        decision="refuse" if refusal else "allow",
        refusal=RefusalShown(code=refusal.code, detail=refusal.detail) if refusal else None,
        registry=intent.registry.host,
        scope=scope_of(decision),
        dropped=dropped_of(decision),
        expires_at=whole_seconds(decision.expires_at),
        grants=list(decision.grants),
        session_policy=json.loads(intent.session_policy) if intent.session_policy else None,
        session_policy_size=len(intent.session_policy),
        policy_revision=intent.policy.revision,
    )


def whoami(vending: Vending, caller: Caller, origin: Origin) -> WhoamiResponse:
    """Return who the caller is taken for, and what it could be vended."""
    serving, grants, now = vending.grants_of(caller)

    def shown(mode: Mode) -> list[GrantShown]:
        return [
            GrantShown(
                name=grant.name,
                registry=vending.registries[grant.registry].host,
                access=grant.access,
                repositories=list(grant.repositories),
                max_ttl_seconds=int(vending.longest(serving.policy, grant).total_seconds()),
                expires_on=grant.expires_on.isoformat() if grant.expires_on else None,
                break_glass=grant.break_glass,
                bind_source_ip=grant.bind_source_ip,
            )
            for grant in grants
            if grant.mode == mode
        ]

    return WhoamiResponse(
        caller=CallerShown(
            kind=caller.kind,
            partition=caller.partition,
            account=caller.account,
            principal_id=caller.principal_id,
            name=caller.name,
            session=caller.session,
            arn=caller.arn,
            key=caller.key,
        ),
        source_ip=origin.source_ip,
        grants=shown("enforce"),
        monitored=shown("monitor"),
        policy_revision=serving.revision,
        time=whole_seconds(now) or "",
        version=release.VERSION,
        commit=release.COMMIT,
        oldest_client=clients.oldest(),
    )


def scope_of(decision: Decision) -> dict[str, list[str]]:
    """Return the scope by the name of each access."""
    return {access.value: list(held) for access, held in decision.scope.items()}


def dropped_of(decision: Decision) -> list[DroppedRepository]:
    """Return what fell away. Which rule took it is for whoever may read the policy."""
    return [
        DroppedRepository(repository=one.repository, access=one.access) for one in decision.dropped
    ]


def whole_seconds(moment: datetime | None) -> str | None:
    """Return a time in UTC to the second, as RFC 3339 writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
