"""Read a policy from its text, so that every mistake names its line, its key and its cure."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ValidationError

from vending.caller_patterns import CallerPattern, PermissionSet
from vending.policy import Ceiling, Deny, Expectation, Grant, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 1_048_576
"""AppConfig keeps a hosted configuration of at most 1 MB by default."""

MOST_NODES = 1_000_000
"""Beyond this the document is not a policy but aliases that multiply."""

MOST_NESTED = 32
"""Mappings and lists in one another; a policy needs six."""

PARTS: dict[str, type[BaseModel]] = {
    "": Policy,
    "ceiling": Ceiling,
    "grants": Grant,
    "denies": Deny,
    "tests": Expectation,
    "callers": CallerPattern,
    "revokers": CallerPattern,
    "auditors": CallerPattern,
    "permission_set": PermissionSet,
}
"""Which model describes what stands under a key."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a policy.

    Attributes:
        line: Counted from 1.
        column: Counted from 1.
        key: Where it stands, such as `grants[0].callers[1].role`.
        message: What is wrong, and the cure.
    """

    line: int
    column: int
    key: str
    message: str


class PolicyError(Exception):
    """A text that is no policy.

    Attributes:
        name: What the text is called, such as its file.
        problems: Every mistake found, in the order of the text.
    """

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = sorted(problems, key=lambda one: (one.line, one.column))
        super().__init__(
            "\n".join(
                f"{name}:{p.line}:{p.column}: {p.key + ': ' if p.key else ''}{p.message}"
                for p in self.problems
            )
        )


def revision_of(text: bytes) -> str:
    """Return the name of exactly this text: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text).hexdigest()[:16]


def parse(text: bytes, *, name: str) -> Policy:
    """Return the policy that `text` is.

    Args:
        text: YAML 1.1 (JSON is part of it) in UTF-8.
        name: What to call it in errors.

    Raises:
        PolicyError: With every mistake, each at its place.
    """
    if len(text) > MOST_BYTES:
        raise PolicyError(name, [Problem(1, 1, "", f"{len(text)} bytes: at most {MOST_BYTES} fit")])
    try:
        if nesting(text) > MOST_NESTED:
            raise PolicyError(name, [Problem(1, 1, "", "this is nested too deeply")])
        loader = Loader(text)
        try:
            root = loader.get_single_node()
            problems = list(repeated_keys(root))
            document = loader.construct_document(root) if root and not problems else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = ", ".join(filter(None, (problem.context, problem.problem)))
        raise PolicyError(name, [Problem(*where, "", f"this is not YAML: {words}")]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        first = str(problem).splitlines()[0]
        raise PolicyError(name, [Problem(1, 1, "", f"this is not YAML: {first}")]) from None
    except (ValueError, OverflowError, LookupError, AttributeError) as problem:
        # A scalar that looks like a date or a number and is none, such as 2027-02-31; or one that
        # a tag calls so, such as `!!bool maybe`, on which PyYAML stumbles in several ways.
        raise PolicyError(name, [Problem(1, 1, "", f"a value cannot be read: {problem}")]) from None
    if problems:
        raise PolicyError(name, problems)
    if root is None or not isinstance(document, dict):
        message = "a policy is a mapping that begins with `version: 1`"
        raise PolicyError(name, [Problem(1, 1, "", message)])
    try:
        return Policy.model_validate(document)
    except ValidationError as errors:
        found = [located(root, error) for error in errors.errors(include_url=False)]
        raise PolicyError(name, found) from None


def nesting(text: bytes) -> int:
    """Return how deep the text nests, without building it: libyaml's composer recurses in C."""
    depth = deepest = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_NESTED:
                break
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return deepest


def repeated_keys(root: yaml.Node | None) -> Iterator[Problem]:
    """Yield a problem for each key that stands twice in one mapping, of which YAML keeps the last.

    Also bounds the size of the document with all its aliases followed.
    """
    waiting, seen = [root] if root else [], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            yield Problem(1, 1, "", "aliases make this document too large: write it out")
            return
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    yield Problem(*position(key), key.value, "this key stands twice in one mapping")
                keys.add(str(key.value))
                waiting.append(value)


def position(node: yaml.Node) -> tuple[int, int]:
    """Return the line and column of a node, counted from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def located(root: yaml.Node, error: Any) -> Problem:
    """Return pydantic's error as a problem at its place in the text."""
    node, key, owner = root, "", ""
    steps = list(error["loc"])
    for at, step in enumerate(steps):
        key += f"[{step}]" if isinstance(step, int) else f"{'.' if key else ''}{step}"
        following = child(
            node, step, key_itself=error["type"] == "extra_forbidden" and at == len(steps) - 1
        )
        if following is None:
            break
        node = following
        if isinstance(step, str) and at < len(steps) - 1:
            owner = step
    return Problem(*position(node), key, message_of(error, owner))


def child(node: yaml.Node, step: int | str, *, key_itself: bool) -> yaml.Node | None:
    """Return the node one step below, or the node of its key."""
    if isinstance(step, int) and isinstance(node, yaml.SequenceNode):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                found: yaml.Node = key if key_itself else value
                return found
    return None


def message_of(error: Any, owner: str) -> str:
    """Return one sentence for pydantic's error, with the cure where there is one."""
    match error["type"]:
        case "extra_forbidden":
            known = list(PARTS[owner].model_fields) if owner in PARTS else []
            wrong = str(error["loc"][-1])
            near = difflib.get_close_matches(wrong, known, n=1)
            cure = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(known)}"
            return f"there is no key `{wrong}` here; {cure}"
        case "missing":
            return f"the key `{error['loc'][-1]}` is missing"
        case "value_error":
            return str(error["ctx"]["error"])
        case "string_pattern_mismatch":
            return (
                f"{error['input']!r} does not fit: a name takes lower-case letters, digits and ._-"
                if error["loc"][-1] in ("registry", "grant") or owner in ("grants", "denies")
                else f"{error['input']!r} does not fit: it takes letters, digits, +=,.@-_ and * ?"
            )
        case "too_short":
            return "the list is empty: name at least one, or leave the whole entry out"
        case _:
            message: str = error["msg"]
            return message[:1].lower() + message[1:]
