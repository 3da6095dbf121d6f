"""Who may revoke and audit in one document only: everyone who may, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import EVERY_CALLER, EVERY_CALLER_PATTERN
from vendctl.difference.effort import Effort
from vendctl.difference.rights import rights
from vending.caller import Caller
from vending.caller_patterns import CallerPattern
from vending.policy import Policy

NAMED = st.lists(EVERY_CALLER_PATTERN, max_size=3)


@given(
    lists=st.tuples(NAMED, NAMED, NAMED, NAMED),
    kept=NAMED,
    callers=st.lists(EVERY_CALLER, min_size=5, max_size=5),
)
def test_whose_rights_change_is_told_and_of_nobody_else(
    lists: tuple[list[CallerPattern], ...], kept: list[CallerPattern], callers: list[Caller]
) -> None:
    old, new = (
        Policy(version=1, grants=[], revokers=[*revokers, *kept], auditors=[*auditors, *kept])
        for revokers, auditors in (lists[:2], lists[2:])
    )
    found = rights(old, new, effort=Effort())
    for one in found:
        may = [
            policy.lets_revoke(one.caller)
            if one.right == "revoke"
            else policy.lets_audit(one.caller)
            for policy in (old, new)
        ]
        assert may == [not one.gains, one.gains]
        assert one.callers.matches(one.caller)
    for caller in callers:
        for right, had, has in (
            ("revoke", old.lets_revoke(caller), new.lets_revoke(caller)),
            ("audit", old.lets_audit(caller), new.lets_audit(caller)),
        ):
            told = {
                one.gains for one in found if one.right == right and one.callers.matches(caller)
            }
            assert had is has or has in told
