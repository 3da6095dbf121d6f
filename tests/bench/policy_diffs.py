"""How long `vendctl policy diff` takes over the largest policy, by how much of it is changed.

make bench ARGS=--policies
"""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

from tests.bench.policies import SIZES, document, team_name
from tools.estimates.tables import table
from vendctl.difference.difference import difference
from vending.policy import Ceiling, Deny, Policy
from vending.policy_text import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREE = (1, 500, 5_000)
DENY = Deny.model_validate({"name": "embargo", "repositories": ["a*"]})
CEILING = Ceiling.model_validate({"max_ttl": "20m"})


def three_grants(policy: Policy) -> Policy:
    """Return the policy with three of its grants bound to an address."""
    teams = {team_name(number) for number in THREE}
    grants = [
        one.model_copy(update={"bind_source_ip": True}) if one.name in teams else one
        for one in policy.grants
    ]
    return policy.model_copy(update={"grants": grants})


CHANGES: dict[str, Callable[[Policy], Policy]] = {
    "nothing": lambda policy: policy,
    "three grants": three_grants,
    "a deny for everyone, about some": lambda p: p.model_copy(update={"denies": [DENY]}),
    "the ceiling over all": lambda p: p.model_copy(update={"ceiling": CEILING}),
}


def lines() -> Iterator[str]:
    """Yield the table."""
    grants = SIZES[-1]
    old = parse(document(grants), name="policy.yaml")
    rows = []
    for name, changed in CHANGES.items():
        started = time.perf_counter()
        found = difference(old, changed(old), today=date(2026, 11, 23))
        taken = time.perf_counter() - started
        rows.append([name, f"{grants:,}", f"{len(found.changes):,}", f"{taken:,.1f} s"])
    yield from table(("what is changed", "grants", "changes found", "time"), rows)
