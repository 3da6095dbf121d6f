"""What a change does, in words: those that the terminal and a pull request's comment share."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from vendctl.difference.effects import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vendctl.difference.changes import CallersMeant, Cause, Change, Touched
    from vendctl.difference.difference import Difference, NameChange
    from vendctl.difference.effects import Effect
    from vendctl.difference.rights import RightChange
    from vending.caller_patterns import CallerPattern

NOT_EXHAUSTIVE = (
    "This is not all: the documents' patterns overlap in more ways than were looked at. What is "
    "said is true, and there may be more."
)


def pattern_text(pattern: CallerPattern) -> str:
    """Return a caller pattern as a policy writes it."""
    if (signed_in := pattern.permission_set) is not None:
        user = f", user: {signed_in.user}" if signed_in.user else ""
        return f'permission_set: {{name: {signed_in.name}, account: "{signed_in.account}"{user}}}'
    if pattern.role and pattern.session:
        return f"role: {pattern.role}, session: {pattern.session}"
    for key in ("role", "user", "federated_user"):
        if arn := getattr(pattern, key):
            return f"{key}: {arn}"
    return f'root: "{pattern.root}"' if pattern.root else f'account: "{pattern.account}"'


def callers_text(meant: CallersMeant, shown: Callable[[str], str]) -> str:
    """Return whom some patterns mean together."""
    return " and also ".join(shown(pattern_text(one)) for one in meant)


def repositories_text(touched: Iterable[Touched], shown: Callable[[str], str]) -> str:
    """Return what a change is about."""
    return ", ".join(
        ("some of " if one.partly else "") + " and also ".join(map(shown, one.patterns))
        for one in touched
        if one.patterns
    )


def length_text(length: timedelta) -> str:
    """Return a lifetime as a policy writes it."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def value_text(value: timedelta | date | None) -> str:
    """Return a lifetime, or a last day."""
    if value is None:
        return "without end"
    return length_text(value) if isinstance(value, timedelta) else f"until {value}"


def access_text(change: Change) -> str:
    """Return the accesses of a change."""
    return " and ".join(change.accesses)


PHRASES: dict[Kind, str] = {
    Kind.GAINS: "gains {access}, with tokens of {after}",
    Kind.LOSES: "loses {access}",
    Kind.EXPIRES_LATER: "keeps {access} {after}, before: {before}",
    Kind.EXPIRES_EARLIER: "keeps {access} {after} only, before: {before}",
    Kind.LONGER: "gets tokens for {access} that live longer: {after}, before: {before}",
    Kind.SHORTER: "gets tokens for {access} that live shorter: {after}, before: {before}",
    Kind.UNBOUND: "gets tokens for {access} that work from any address, not its own only",
    Kind.BOUND: "gets tokens for {access} that work from its own address only",
    Kind.NO_REASON: "gets {access} without a reason, no longer by break-glass",
    Kind.REASON: "gets {access} by break-glass only, with a reason",
    Kind.UNCUT: "gets tokens for {access} that no longer end at midnight",
    Kind.CUT: "gets tokens for {access} that end at midnight",
}


def effect_text(change: Change, effect: Effect) -> str:
    """Return one effect of a change, with the days on which it is so."""
    said = PHRASES[effect.kind].format(
        access=access_text(change) if change.repositories[0].patterns else "all it is granted",
        before=value_text(effect.before),
        after=value_text(effect.after),
    )
    if effect.first == effect.last and effect.first:
        return f"{said}, on {effect.first}"
    first = f", from {effect.first} on" if effect.first else ""
    return said + first + (f", until {effect.last}" if effect.last else "")


def change_text(change: Change, shown: Callable[[str], str]) -> str:
    """Return what a change is, without whom and what it is about."""
    said = "; ".join(effect_text(change, one) for one in change.effects)
    if not change.named:
        return said
    old, new = map(shown, change.named)
    asked = f"by naming the grant {new}"
    return f"{asked}: {said}" if old == new else f"{asked} (before: {old}): {said}"


BECAME = {"enforced": "no longer in monitor mode", "monitored": "in monitor mode now"}
"""What became of a rule, where one word does not say it."""


def cause_text(cause: Cause, shown: Callable[[str], str]) -> str:
    """Return which rule brought a change about."""
    if cause.kind == "ceiling":
        return f"the ceiling's {cause.name}" if cause.name else "the ceiling"
    return f"{cause.kind} {shown(cause.name)} ({BECAME.get(cause.how, cause.how)})"


def warnings(change: Change) -> list[str]:
    """Return what makes a change reach further than it looks."""
    return [
        said
        for said, is_so in (
            ("a whole account", change.is_of_whole_accounts),
            ("callers by a glob", change.is_of_globbed_callers),
            ("every repository", change.is_of_every_repository),
        )
        if is_so
    ]


MANY = 10
"""Changes by the same rules that are shown."""


def shown_first(changes: Iterable[Change]) -> tuple[list[Change], dict[tuple[Cause, ...], int]]:
    """Return the first changes by each set of rules, and of how many more there are."""
    shown: list[Change] = []
    counts: dict[tuple[bool, tuple[Cause, ...]], int] = {}
    for change in changes:
        key = (change.widens, change.causes)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MANY:
            shown.append(change)
    left: dict[tuple[Cause, ...], int] = {}
    for (_, causes), count in counts.items():
        if count > MANY:
            left[causes] = left.get(causes, 0) + count - MANY
    return shown, left


def left_text(causes: Iterable[Cause], count: int, shown: Callable[[str], str]) -> str:
    """Return how many changes are not shown, and by which rules they are."""
    by = ", ".join(cause_text(one, shown) for one in causes)
    return f"{count} more like these by {by}: --json has them all"


def right_text(one: RightChange, shown: Callable[[str], str]) -> str:
    """Return whose right to revoke or to audit changes."""
    right = "revoke tokens and block callers" if one.right == "revoke" else "read the records"
    some = "some of " if one.partly else ""
    verb = "may now" if one.gains else "may no longer"
    return f"{some}{shown(pattern_text(one.callers))} {verb} {right}"


def name_text(one: NameChange, shown: Callable[[str], str]) -> str:
    """Return which name requests may give now, or no longer."""
    if one.old is None:
        said = f"a request can name the grant {shown(one.new or '')}"
        return f"{said}, which gives some callers nothing that they did not have"
    if one.new is None:
        said = f"a request that names the grant {shown(one.old)} is refused"
        return f"{said}, also where other grants give as much"
    said = f"the grant {shown(one.old)} is called {shown(one.new)}"
    return f"{said}: a request that names it as {shown(one.old)} is refused"


def summary(found: Difference) -> str:
    """Return in one sentence how much changes."""
    if not found:
        return "No caller's decision changes." if found.is_exhaustive else "No change was found."
    count = len(found.changes) + len(found.rights) + len(found.names)
    wider = sum(one.widens for one in found.changes) + sum(one.gains for one in found.rights)
    changes = f"{count} change{'s' if count > 1 else ''}"
    if not wider:
        return f"{changes}, none of which widens what may be had."
    return f"{changes}, {wider} of which widen{'s' if wider == 1 else ''} what may be had."
