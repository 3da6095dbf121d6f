"""`vendctl policy schema`: the JSON Schema of a policy, by which editors complete and check it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vending.policy import Policy

if TYPE_CHECKING:
    import argparse

    from vendctl.console import Console

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The dialect that every editor's YAML support knows; some know newer ones only in part."""

SCHEMA_ID = "https://github.com/ecr-vend/ecr-vend/blob/main/policy/policy.schema.json"
REFERENCE = "#/definitions/{model}"


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    action(
        actions,
        "schema",
        run,
        examples=[
            "vendctl policy schema",
            "",
            "into policy.schema.json, and for editors the policy's first line is then",
            "  # yaml-language-server: $schema=policy.schema.json",
        ],
    )


def run(_: argparse.Namespace, console: Console) -> int:
    """Print the JSON Schema of a policy, by which editors complete and check as you type."""
    console.json(policy_schema())
    return 0


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy document, in draft-07.

    It refuses nothing that `policy_text.parse` takes. It takes some that `parse` refuses, since
    JSON Schema cannot say them: names that stand twice, days that no calendar has, durations over
    an hour that are written in several units, and a break-glass grant's bound on its `max_ttl`.
    """
    described = Policy.model_json_schema(ref_template=REFERENCE)
    definitions = described.pop("$defs")
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        **for_editors(described),
        "title": "Policy of ecr-vend",
        "definitions": {name: for_editors(one) for name, one in definitions.items()},
    }


def for_editors(part: dict[str, Any]) -> dict[str, Any]:
    """Return an object's schema as editors show and check it best."""
    if "properties" not in part:
        return part
    return {**part, "properties": {key: shown(one) for key, one in part["properties"].items()}}


def shown(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without what misleads an editor.

    A title that repeats the key, and a default of null or of an empty list, which it would write
    out; ISO's form of durations, which these are not; a reference with something beside it, which
    draft-07 ignores; alternatives of which one is null, whose error is about neither. What is
    written as code in a description is shown so where Markdown is told from plain text.
    """
    left = {name: value for name, value in field.items() if name != "title"}
    if left.get("default") is None or isinstance(left["default"], list | dict):
        left.pop("default", None)
    if "$ref" in left and len(left) > 1:
        left["allOf"] = [{"$ref": left.pop("$ref")}]
    alternatives = left.get("anyOf", [])
    if alternatives[1:] == [{"type": "null"}] and "type" in alternatives[0]:
        del left["anyOf"]
        left = {**alternatives[0], "type": [alternatives[0]["type"], "null"], **left}
    if left.get("format") == "duration":
        del left["format"]
    if "`" in left["description"]:
        left["markdownDescription"] = left["description"]
    return left
