"""`make policy-schema`: writes a policy's JSON Schema, and its keys into the reference's page."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tools.environments import ROOT

sys.path.insert(0, str(ROOT / "functions"))

from vendctl.policy.schema import policy_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = ROOT / "policy/policy.schema.json"
PAGE = ROOT / "docs/policy-reference.md"
BEGIN, END = "<!-- make policy-schema: {} -->\n", "<!-- end of {} -->\n"
TABLES = {
    "document": {
        "": "",
        "ceiling.": "Ceiling",
        "grants[].": "Grant",
        "denies[].": "Deny",
        "tests[].": "Expectation",
    },
    "callers": {"": "CallerPattern", "permission_set.": "PermissionSet"},
}
"""What each table of the page lists: a prefix, and the definition whose keys it stands before."""


def text_of(schema: dict[str, Any]) -> str:
    """Return a schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def rows(schema: dict[str, Any], parts: dict[str, str]) -> Iterator[str]:
    """Yield a row for every key of some definitions."""
    for prefix, definition in parts.items():
        part = schema["definitions"][definition] if definition else schema
        for key, field in part["properties"].items():
            needed = "needed" if key in part.get("required", ()) else ""
            yield f"| `{prefix}{key}` | {needed} | {field['description']} |"


def table(schema: dict[str, Any], name: str) -> str:
    """Return one of TABLES, in Markdown."""
    return "\n".join(("| key | | meaning |", "|---|---|---|", *rows(schema, TABLES[name]))) + "\n"


def filled(page: str, schema: dict[str, Any]) -> str:
    """Return the page with its tables written anew."""
    for name in TABLES:
        before, begin, rest = page.partition(BEGIN.format(name))
        _, end, after = rest.partition(END.format(name))
        page = before + begin + table(schema, name) + end + after
    return page


def main() -> int:
    """Write both."""
    schema = policy_schema()
    SCHEMA.write_text(text_of(schema))
    PAGE.write_text(filled(PAGE.read_text(), schema))
    print(f"wrote {SCHEMA.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
