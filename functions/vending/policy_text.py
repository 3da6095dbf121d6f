"""Read a policy from its text, so that every mistake names its line, its key and its cure."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from vending import policy_nodes
from vending.caller_patterns import PRINCIPALS, CallerPattern, PermissionSet, one_principal
from vending.policy import Ceiling, Deny, Expectation, Grant, Policy
from vending.policy_problems import Mistake, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import yaml

MOST_BYTES = 2_097_152
"""AppConfig keeps a hosted configuration of at most 2,048 KB by default. Source: the quota
"Configuration size limit in AWS AppConfig hosted configuration store" (L-48F9B951)."""

PARTS: dict[str, type[BaseModel]] = {
    "ceiling": Ceiling,
    "grants": Grant,
    "denies": Deny,
    "tests": Expectation,
    "callers": CallerPattern,
    "revokers": CallerPattern,
    "auditors": CallerPattern,
    "permission_set": PermissionSet,
}
"""Which model describes what stands under a key; the document itself has its own."""


class PolicyError(Exception):
    """A text that is no policy, or one that must not be deployed.

    Attributes:
        name: What the text is called, such as its file.
        problems: Every mistake found, in the order of the text.
    """

    def __init__(self, name: str, problems: Sequence[Problem], *, most: int | None = None) -> None:
        """Say every problem, or the first `most` of them and how many more there are."""
        self.name = name
        self.problems = in_order(problems)
        lines = [f"{name}:{p.line}:{p.column}: {p}" for p in self.problems]
        if most is not None and len(lines) > most:
            lines[most:] = [f"and {len(lines) - most} more: `vendctl policy check` says them all"]
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a text.

    Attributes:
        model: What it should be: a policy, or a file of tests.
        root: The document as YAML nodes, or None where there is none.
        document: As plain values.
        value: The model's instance, or None where there are problems.
        problems: Every mistake.
        faults: The paths at which the mistakes are.
    """

    model: type[BaseModel]
    root: yaml.Node | None = None
    document: Any = None
    value: Any = None
    problems: tuple[Problem, ...] = ()
    faults: tuple[tuple[tuple[int | str, ...], str], ...] = ()

    def problem(
        self, path: Sequence[int | str], message: str, code: str, cure: str = ""
    ) -> Problem:
        """Return a problem at a path of the document, or at its beginning where there is none."""
        if self.root is None:
            return Problem(1, 1, "", message, code, cure)
        node, key = policy_nodes.found(self.root, path)
        return policy_nodes.problem_at(node, key, message, code, cure)


def revision_of(text: bytes) -> str:
    """Return the name of exactly this text: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text).hexdigest()[:16]


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems in the order of the text."""
    return sorted(problems, key=lambda one: (one.line, one.column))


def parse(text: bytes, *, name: str) -> Policy:
    """Return the policy that `text` is.

    Args:
        text: YAML 1.1 (JSON is part of it) in UTF-8.
        name: What to call it in errors.

    Raises:
        PolicyError: With every mistake, each at its place.
    """
    reading = read(text, Policy)
    if reading.problems:
        raise PolicyError(name, reading.problems)
    policy: Policy = reading.value
    return policy


def read(text: bytes, model: type[BaseModel]) -> Reading:
    """Return what can be read of `text`, with every mistake in it."""
    if len(text) > MOST_BYTES:
        message = f"{len(text):,} bytes: at most {MOST_BYTES:,} fit"
        return Reading(model, problems=(Problem(1, 1, "", message, "too-large"),))
    root, document, problems = policy_nodes.composed(text)
    if root is None or not isinstance(document, dict):
        if not problems:
            begins = "version: 1" if model is Policy else "tests:"
            message = f"the document is a mapping that begins with `{begins}`"
            problems = [Problem(1, 1, "", message, "not-a-policy")]
        return Reading(model, problems=tuple(problems))
    unread = {(one.line, one.column) for one in problems if one.code == "unreadable-value"}
    errors: list[Any] = []
    value = None
    try:
        value = model.model_validate(document)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    mistakes = [located(root, error, model) for error in errors]
    if errors:
        # Without these pydantic says nothing of names, and with them it names only the first.
        mistakes = [one for one in mistakes if one.code != "repeated-name"]
        mistakes += repeated_names(root, document)
    problems += [one for one in mistakes if (one.line, one.column) not in unread]
    problems += hidden(root, document, errors)
    faults = tuple((tuple(error["loc"]), str(error["type"])) for error in errors)
    return Reading(
        model, root, document, None if problems else value, tuple(in_order(problems)), faults
    )


def hidden(root: yaml.Node, document: Any, errors: Sequence[Any]) -> Iterator[Problem]:
    """Yield what pydantic does not look at once a value beside it is wrong."""
    seen = set()
    for error in errors:
        path = tuple(error["loc"])
        for at, step in enumerate(path[:-1]):
            if step in ("callers", "revokers", "auditors") and isinstance(path[at + 1], int):
                seen.add(path[: at + 2])
    for path in seen:
        pattern = document
        for step in path:
            pattern = pattern[step]
        if isinstance(pattern, dict) and sum(key in pattern for key in PRINCIPALS) > 1:
            try:
                one_principal([key for key in PRINCIPALS if pattern.get(key) is not None])
            except Mistake as mistake:
                if not any(e["loc"] == path and e["type"] == "value_error" for e in errors):
                    node, key = policy_nodes.found(root, path)
                    yield policy_nodes.problem_at(
                        node, key, mistake.message, mistake.code, mistake.cure
                    )


def repeated_names(root: yaml.Node, document: dict[str, Any]) -> Iterator[Problem]:
    """Yield each grant and deny that has the name of one before it."""
    for kind in ("grants", "denies"):
        entries, seen = document.get(kind), set()
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            name = entry.get("name") if isinstance(entry, dict) else None
            if isinstance(name, str) and name in seen:
                node, key = policy_nodes.found(root, (kind, at, "name"))
                message = f"two {kind} are called {name!r}"
                cure = "give each its own name"
                yield policy_nodes.problem_at(node, key, message, "repeated-name", cure)
            seen.add(name if isinstance(name, str) else "")


def located(root: yaml.Node, error: Any, model: type[BaseModel]) -> Problem:
    """Return pydantic's error as a problem at its place in the text."""
    path = error["loc"]
    owner = next((step for step in reversed(path[:-1]) if isinstance(step, str)), "")
    mistake = mistake_of(error, owner, PARTS.get(owner, model))
    node, key = policy_nodes.found(root, path, key_itself=mistake.code == "unknown-key")
    return policy_nodes.problem_at(node, key, mistake.message, mistake.code, mistake.cure)


def mistake_of(error: Any, owner: str, part: type[BaseModel]) -> Mistake:
    """Return pydantic's error in our words, with the cure where there is one.

    Args:
        error: One of `ValidationError.errors`.
        owner: The key under which it is, empty for the document.
        part: What should stand there.
    """
    match error["type"]:
        case "extra_forbidden":
            known = list(part.model_fields)
            wrong = str(error["loc"][-1])
            near = difflib.get_close_matches(wrong, known, n=1)
            cure = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(known)}"
            return Mistake("unknown-key", f"there is no key `{wrong}` here", cure)
        case "missing":
            return Mistake("missing-key", f"the key `{error['loc'][-1]}` is missing")
        case "value_error":
            problem = error["ctx"]["error"]
            return problem if isinstance(problem, Mistake) else Mistake("wrong-value", str(problem))
        case "string_pattern_mismatch":
            named = error["loc"][-1] in ("registry", "grant") or owner in ("grants", "denies")
            takes = (
                "a name takes lower-case letters, digits and ._-"
                if named
                else "it takes letters, digits, +=,.@-_ and * ?"
            )
            return Mistake("wrong-name", f"{error['input']!r} does not fit", takes)
        case "too_short":
            return Mistake(
                "empty-list", "the list is empty", "name at least one, or leave the whole entry out"
            )
        case _:
            message: str = error["msg"]
            return Mistake("wrong-value", message[:1].lower() + message[1:])
