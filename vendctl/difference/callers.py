"""The callers that a document's patterns tell apart: for each set of patterns, an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vendctl.difference import languages
from vendctl.difference.words import classes
from vending.caller import Caller, CallerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from vendctl.difference.effort import Effort
    from vendctl.difference.languages import Language
    from vending.caller_patterns import CallerPattern

PARTITIONS = ("aws", "aws-us-gov", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b")
"""The usual one, and those that stand for one that no pattern names."""

NAMES: dict[CallerKind, Language] = {
    CallerKind.ROLE: languages.ROLES,
    CallerKind.IDENTITY_CENTER: languages.PERMISSION_SETS,
    CallerKind.USER: languages.USERS,
    CallerKind.FEDERATED: languages.FEDERATED_USERS,
}
SPELLED: dict[CallerKind, str] = {
    CallerKind.ROLE: "sts::{account}:assumed-role/{name}/{session}",
    CallerKind.IDENTITY_CENTER: (
        "sts::{account}:assumed-role/AWSReservedSSO_{name}_0123456789abcdef/{session}"
    ),
    CallerKind.USER: "iam::{account}:user/{name}",
    CallerKind.FEDERATED: "sts::{account}:federated-user/{name}",
    CallerKind.ROOT: "iam::{account}:root",
}


@dataclass(frozen=True, slots=True)
class CallerClass:
    """Callers that the same patterns match, so that no decision tells them apart.

    Attributes:
        patterns: Which patterns match them, by number.
        example: One of them.
    """

    patterns: frozenset[int]
    example: Caller


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a caller pattern says of each part of a caller; None where it takes any."""

    number: int
    kind: CallerKind | None = None
    partition: str | None = None
    account: str | None = None
    name: str | None = None
    session: str | None = None


def caller_classes(
    patterns: Sequence[CallerPattern], *, needed: Collection[int], effort: Effort
) -> Iterator[CallerClass]:
    """Yield the classes of callers that at least one of the `needed` patterns matches.

    Part by part, kind, partition, account, name and session, only the patterns that have matched so
    far are looked at: two patterns of different accounts are never held against each other.

    Args:
        patterns: The caller patterns, each once.
        needed: The numbers of those that matter.
        effort: Where the work is counted.
    """
    parts, wanted = [_parts(number, one) for number, one in enumerate(patterns)], set(needed)
    seen: set[frozenset[int]] = set()
    for kind in SPELLED:
        for found in _of_kind(kind, parts, wanted, effort):
            # A pattern of whole accounts matches every kind; the first that it matches will do.
            if found.patterns not in seen:
                seen.add(found.patterns)
                yield found


def _of_kind(
    kind: CallerKind, patterns: list[_Parts], wanted: set[int], effort: Effort
) -> Iterator[CallerClass]:
    alike = _still(patterns, wanted, lambda one: one.kind in (None, kind))
    named = {one.partition for one in alike if one.partition}
    other = next((one for one in PARTITIONS[1:] if one not in named), "aws-zz")
    for partition in dict.fromkeys((PARTITIONS[0], *sorted(named), other)):
        within = _still(alike, wanted, lambda one, p=partition: one.partition in (None, p))  # type: ignore[misc]
        for account, owned in _told_apart(
            within, wanted, languages.ACCOUNTS, lambda one: one.account, effort
        ):
            names = (
                _told_apart(owned, wanted, NAMES[kind], lambda one: one.name, effort)
                if kind in NAMES
                else [("root", owned)]
            )
            for name, called in names:
                sessions = (
                    _told_apart(called, wanted, languages.SESSIONS, lambda one: one.session, effort)
                    if "{session}" in SPELLED[kind]
                    else [("", called)]
                )
                for session, meant in sessions:
                    resource = SPELLED[kind].format(account=account, name=name, session=session)
                    yield CallerClass(
                        frozenset(one.number for one in meant),
                        Caller.from_arn(f"arn:{partition}:{resource}"),
                    )


def _still(
    patterns: list[_Parts], wanted: set[int], fits: Callable[[_Parts], bool]
) -> list[_Parts]:
    """Return the patterns that fit, or none of them where none that is wanted does."""
    fitting = [one for one in patterns if fits(one)]
    return fitting if any(one.number in wanted for one in fitting) else []


def _told_apart(
    patterns: list[_Parts],
    wanted: set[int],
    language: Language,
    part: Callable[[_Parts], str | None],
    effort: Effort,
) -> Iterator[tuple[str, list[_Parts]]]:
    """Yield an example of each class of one part, with the patterns that match it."""
    by_text: dict[str | None, list[_Parts]] = {}
    for one in patterns:
        by_text.setdefault(part(one), []).append(one)
    written = [text for text in by_text if text is not None]
    needed = {part(one) for one in patterns if one.number in wanted}
    if not needed:
        return
    found = classes(
        written,
        language,
        needed=None
        if None in needed
        else [at for at, text in enumerate(written) if text in needed],
        effort=effort,
    )
    for matched, word in found.items():
        texts = [None, *(written[at] for at in matched)]
        yield word, [one for text in texts for one in by_text.get(text, ())]


def _parts(number: int, pattern: CallerPattern) -> _Parts:
    if pattern.account is not None:
        return _Parts(number, account=pattern.account)
    if pattern.root is not None:
        return _Parts(number, CallerKind.ROOT, account=pattern.root)
    if (signed_in := pattern.permission_set) is not None:
        return _Parts(
            number,
            CallerKind.IDENTITY_CENTER,
            account=signed_in.account,
            name=signed_in.name,
            session=signed_in.user,
        )
    kind, arn = next(
        (kind, arn)
        for kind, arn in (
            (CallerKind.ROLE, pattern.role),
            (CallerKind.USER, pattern.user),
            (CallerKind.FEDERATED, pattern.federated_user),
        )
        if arn is not None
    )
    _, partition, _, _, account, resource = arn.split(":", 5)
    name = resource.partition("/")[2]
    return _Parts(number, kind, partition, account, name, pattern.session)
