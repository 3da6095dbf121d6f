"""All that is checked of a policy before it serves: the same for `vendctl` and for AppConfig."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from checking.entries import OutOfTime
from checking.lints import Subject, entry_lints, test_lints
from checking.overlaps import overlap_lints
from checking.sizes import size_lints
from vending.deadlines import unhurried
from vending.policy import Policy
from vending.policy_text import in_order, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from checking.lints import Lint
    from vending.deadlines import Left
    from vending.policy_problems import Problem, Severity
    from vending.policy_text import Reading


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        name: What the text is called.
        policy: What it says, or None where it is no policy.
        problems: Errors, warnings and notes, in the order of the text.
        whole: Whether there was time to look for all warnings; all errors are found in any case.
    """

    name: str
    policy: Policy | None
    problems: tuple[Problem, ...]
    whole: bool = True

    def of(self, severity: Severity) -> list[Problem]:
        """Return the problems of one severity."""
        return [one for one in self.problems if one.severity is severity]


def checked(text: bytes, *, name: str, now: datetime, left: Left = unhurried) -> Report:
    """Return all that is wrong with `text` as a policy, or may be.

    What is not well formed is left out, and the rest is looked at all the same.

    Args:
        text: The document.
        name: What to call it.
        now: When it would serve.
        left: Returns the seconds that there are for it.
    """
    reading = read(text, Policy)
    problems, whole = list(reading.problems), True
    subject = subject_of(reading)
    if subject is not None:
        try:
            # What was found before there was no time is kept.
            problems.extend(
                reading.problem(lint.path, lint.message, lint.code, lint.cure)
                for lint in lints(replace(subject, left=left), now=now)
            )
        except OutOfTime:
            whole = False
    return Report(name, reading.value, tuple(in_order(problems)), whole)


def lints(subject: Subject, *, now: datetime) -> Iterator[Lint]:
    """Yield all that is odd about what is well formed, errors first.

    Raises:
        OutOfTime: There was no time for all warnings.
    """
    yield from entry_lints(subject, now=now)
    yield from test_lints(subject, now=now)
    yield from overlap_lints(subject)
    yield from size_lints(subject, now=now)


def subject_of(reading: Reading) -> Subject | None:
    """Return what of a document is well formed, or None where that is nothing."""
    policy = reading.value
    if policy is not None:
        return Subject(
            policy,
            list(enumerate(policy.grants)),
            list(enumerate(policy.denies)),
            list(enumerate(policy.tests)),
        )
    if not isinstance(reading.document, dict):
        return None
    document = copy.deepcopy(reading.document)
    bad: set[tuple[int | str, ...]] = set()
    for path, kind in reading.faults:
        if kind == "extra_forbidden":
            without(document, path)
        else:
            bad.add(path[:2] if path[:1] != ("ceiling",) else path[:1])
    names: dict[str, set[str]] = {"grants": set(), "denies": set()}
    kept: dict[str, list[tuple[int, Any]]] = {}
    for key in ("grants", "denies", "tests"):
        entries = document.get(key)
        kept[key] = []
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            name = entry.get("name") if isinstance(entry, dict) else None
            if (key, at) not in bad and name not in names.get(key, ()):
                kept[key].append((at, entry))
                names.get(key, set()).add(str(name))
    whole: dict[str, Any] = {key: [one for _, one in some] for key, some in kept.items()}
    if isinstance(document.get("ceiling"), dict) and ("ceiling",) not in bad:
        whole["ceiling"] = document["ceiling"]
    try:
        rest = Policy.model_validate({"version": 1, **whole})
    except ValidationError:
        return None
    numbered = {key: [at for at, _ in some] for key, some in kept.items()}
    return Subject(
        rest,
        list(zip(numbered["grants"], rest.grants, strict=True)),
        list(zip(numbered["denies"], rest.denies, strict=True)),
        list(zip(numbered["tests"], rest.tests, strict=True)),
        whole=False,
    )


def without(document: Any, path: tuple[int | str, ...]) -> None:
    """Take a key out of the document."""
    for step in path[:-1]:
        document = document[step]
    document.pop(path[-1], None)
