"""A policy's YAML as nodes, which know where they stand, and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from vending.policy_problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_NODES = 1_000_000
"""Beyond this the document is not a policy but aliases that multiply."""

MOST_NESTED = 32
"""Mappings and lists in one another; a policy needs six."""

STRING, MAPPING, SEQUENCE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))

UNREADABLE = (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError)
"""What PyYAML raises on a scalar that looks like a date or a number and is none, such as
2027-02-31, or that a tag calls so, such as `!!bool maybe`."""


def composed(text: bytes) -> tuple[yaml.Node | None, Any, list[Problem]]:
    """Return the document as a node and as plain values, and what is wrong with the YAML.

    The values are None where nothing can be made of the text. A value that cannot be read is a
    problem and becomes the string that was written, so that all else is read too.
    """
    try:
        if nesting(text) > MOST_NESTED:
            return None, None, [Problem(1, 1, "", "this is nested too deeply", "nested-too-deeply")]
        loader = Loader(text)
        try:
            root = loader.get_single_node()
            problems = list(repeated_keys(root))
            if root is None or any(one.code == "aliases-too-large" for one in problems):
                return None, None, problems
            try:
                return root, loader.construct_document(root), problems
            except UNREADABLE:
                begin_anew(loader)
                problems += unreadable(loader, root)
                return root, loader.construct_document(root), problems
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = ", ".join(filter(None, (problem.context, problem.problem)))
        return None, None, [Problem(line, column, "", f"this is not YAML: {words}", "not-yaml")]
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        first = str(problem).splitlines()[0]
        return None, None, [Problem(1, 1, "", f"this is not YAML: {first}", "not-yaml")]


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
            message = "aliases make this document too large: write it out"
            yield Problem(1, 1, "", message, "aliases-too-large")
            return
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in keys:
                    message = "this key stands twice in one mapping"
                    yield problem_at(key, key.value, message, "repeated-key")
                keys.add(str(key.value))
                waiting.append(value)


def begin_anew(loader: Any) -> None:
    """Forget what a loader has made of its nodes so far, some of it half done."""
    loader.constructed_objects, loader.recursive_objects = {}, {}
    loader.state_generators, loader.deep_construct = [], False


def unreadable(loader: Any, root: yaml.Node) -> Iterator[Problem]:
    """Yield a problem for each value that cannot be read, and make it one that can."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            if node.tag != STRING:
                try:
                    loader.construct_object(node)
                except UNREADABLE as problem:
                    words = (getattr(problem, "problem", None) or str(problem)).splitlines()[0]
                    message = f"a value cannot be read: {words}"
                    yield problem_at(node, "", message, "unreadable-value")
                    node.tag = STRING
                    begin_anew(loader)
            continue
        plain = MAPPING if isinstance(node, yaml.MappingNode) else SEQUENCE
        if node.tag != plain:
            message = f"a value cannot be read: a policy has nothing tagged {node.tag!r}"
            yield problem_at(node, "", message, "unreadable-value")
            node.tag = plain
        for one in node.value:
            waiting.extend(one if isinstance(one, tuple) else [one])


def problem_at(node: yaml.Node, key: str, message: str, code: str, cure: str = "") -> Problem:
    """Return a problem that a node has."""
    start, end = node.start_mark, node.end_mark
    return Problem(
        start.line + 1,
        start.column + 1,
        key,
        message,
        code,
        cure,
        (end.line + 1, end.column + 1),
    )


def found(
    root: yaml.Node, path: Sequence[int | str], *, key_itself: bool = False
) -> tuple[yaml.Node, str]:
    """Return the node at a path, or the one nearest above it, and the path as it is written.

    Args:
        root: Of the document.
        path: Such as `("grants", 0, "access")`.
        key_itself: Whether the key is meant, and not what stands under it.
    """
    node, key = root, ""
    for at, step in enumerate(path):
        key += f"[{step}]" if isinstance(step, int) else f"{'.' if key else ''}{step}"
        following = child(node, step, key_itself=key_itself and at == len(path) - 1)
        if following is None:
            break
        node = following
    return node, key


def child(node: yaml.Node, step: int | str, *, key_itself: bool) -> yaml.Node | None:
    """Return the node one step below, or the node of its key."""
    if isinstance(step, int) and isinstance(node, yaml.SequenceNode):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                one: yaml.Node = key if key_itself else value
                return one
    return None
