"""A difference as a terminal shows it, and as scripts read it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from vendctl.console import printable
from vendctl.difference import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vendctl.difference.changes import Change
    from vendctl.difference.difference import Difference
    from vendctl.difference.outcomes import Question
    from vendctl.difference.real_names import RealNames
    from vending.caller import Caller

FEW = 8
"""Names of repositories that are written out."""


def lines(found: Difference, *, names: RealNames | None) -> Iterator[tuple[str, bool]]:
    """Yield the lines about a difference, each with whether it is about something that widens."""
    for one in found.rights:
        yield f"{'!' if one.gains else '-'} {wording.right_text(one, printable)}", one.gains
        yield f"    such as  {one.caller.arn}", False
        yield "", False
    changes, left = wording.shown_first(found.changes)
    for change in changes:
        what = wording.repositories_text(change.repositories, printable)
        said = wording.change_text(change, printable)
        yield f"{'!' if change.widens else '-'} {said}", change.widens
        for label, text in _about(change, what, names):
            yield f"    {label:<8} {text}", False
        yield "", False
    for causes, count in left.items():
        yield f"- {wording.left_text(causes, count, printable)}", False
        yield "", False
    for name in found.names:
        yield f"- {wording.name_text(name, printable)}", False
        yield "", False
    if not found.is_exhaustive:
        yield wording.NOT_EXHAUSTIVE, True
    yield wording.summary(found), found.widens


def _about(change: Change, what: str, names: RealNames | None) -> Iterator[tuple[str, str]]:
    for at, meant in enumerate(change.callers):
        yield "who" if not at else "", wording.callers_text(meant, printable)
    if what:
        where = "" if change.registry == "default" else f" (registry {change.registry})"
        yield "what", what + where
    if what and names and names.registry == change.registry:
        yield "exist", few_of(change.names) if change.names else "none of them, so far"
    if warned := wording.warnings(change):
        yield "beware", ", ".join(warned)
    yield "by", ", ".join(wording.cause_text(one, printable) for one in change.causes)
    question, by = change.question, f", naming {change.named[1]}" if change.named else ""
    what = f"to {question.access} {question.repository}" if question.repository else "for all of it"
    yield "such as", f"{change.caller.arn} asks {what}{by}"


def few_of(names: tuple[str, ...], shown: Callable[[str], str] = printable) -> str:
    """Return the first of some names, and how many there are besides."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(map(shown, names[:FEW])) + more


def document(
    found: Difference, called: Sequence[str], *, today: date, names: RealNames | None
) -> dict[str, Any]:
    """Return a difference for scripts.

    Args:
        found: What is not the same.
        called: What the old document is called, and the new one.
        today: The first day that counts.
        names: The repositories that there are, where that is known.
    """
    return {
        "old": called[0],
        "new": called[1],
        "from": today.isoformat(),
        "changed": bool(found),
        "widens": found.widens,
        "exhaustive": found.is_exhaustive,
        "changes": [_change(one, names) for one in found.changes],
        "rights": [
            {
                "right": one.right,
                "gains": one.gains,
                "caller": one.callers.model_dump(exclude_none=True),
                "partly": one.partly,
                "example": {"caller": one.caller.arn},
            }
            for one in found.rights
        ],
        "names": [
            {"old": one.old, "new": one.new, "example": _example(one.caller, one.question)}
            for one in found.names
        ],
    }


def _change(change: Change, names: RealNames | None) -> dict[str, Any]:
    known = names is not None and names.registry == change.registry
    return {
        "widens": change.widens,
        "effects": [
            {
                "kind": one.kind,
                "from": _plain(one.first),
                "until": _plain(one.last),
                "before": _plain(one.before),
                "after": _plain(one.after),
            }
            for one in change.effects
        ],
        "registry": change.registry,
        "access": list(change.accesses),
        "grant": {"old": change.named[0], "new": change.named[1]} if change.named else None,
        "callers": [
            [one.model_dump(exclude_none=True) for one in meant] for meant in change.callers
        ],
        "repositories": [
            {"patterns": list(one.patterns), "partly": one.partly}
            for one in change.repositories
            if one.patterns
        ],
        "existing": list(change.names) if known and change.question.repository else None,
        "beware": wording.warnings(change),
        "causes": [{"kind": one.kind, "name": one.name, "how": one.how} for one in change.causes],
        "example": _example(change.caller, change.question),
    }


def _example(caller: Caller, question: Question) -> dict[str, str | None]:
    return {
        "caller": caller.arn,
        "repository": question.repository,
        "access": question.access,
    }


def _plain(value: timedelta | date | None) -> int | str | None:
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return None if value is None else value.isoformat()
