"""`make vend-schema`: writes the JSON Schema of a vend, and its fields into docs/auditing.md."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tools.environments import ROOT

sys.path.insert(0, str(ROOT / "functions"))

from auditing.record import AskedRecord, CallerRecord, DroppedRecord, VendRecord, json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vending.messages import Message

SCHEMA = ROOT / "docs/vend.schema.json"
PAGE = ROOT / "docs/auditing.md"
BEGIN, END = "<!-- make vend-schema -->\n", "<!-- end of make vend-schema -->\n"
PARTS: dict[str, type[Message]] = {
    "": VendRecord,
    "caller.": CallerRecord,
    "asked.": AskedRecord,
    "dropped[].": DroppedRecord,
}


def rows() -> Iterator[str]:
    """Yield a row for every field."""
    for prefix, part in PARTS.items():
        for name, field in part.model_fields.items():
            yield f"| `{prefix}{name}` | {field.description} |"


def table() -> str:
    """Return the table of all fields, in Markdown."""
    return "\n".join(("| field | what it holds |", "|---|---|", *rows())) + "\n"


def main() -> int:
    """Write both."""
    SCHEMA.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}")
    print(f"wrote {SCHEMA.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
