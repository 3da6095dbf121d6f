"""Athena as far as the queries in docs/queries need it: its tables, on DuckDB.

sqlglot reads the statements that define the tables; this reads the files as the formats that they
name would (Athena user guide, "CloudTrail SerDe", "OpenX JSON SerDe", "Partition projection"). The
queries run as they are, with macros for the functions that DuckDB lacks or has another sense of.
What this cannot show is whether Athena itself takes the statements.
"""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

QUERIES = Path(__file__).parents[1] / "docs/queries"
TRAIL = Path(__file__).parent / "vectors/trail"

MACROS = {
    "json_extract_scalar(text, path)": "CASE WHEN json_type(text, path) IN ('OBJECT', 'ARRAY') "
    "THEN NULL ELSE json_extract_string(text, path) END",
    # DuckDB's is empty where nothing matches.
    "regexp_extract(text, pattern, part)": "CASE WHEN regexp_matches(text, pattern) "
    "THEN system.main.regexp_extract(text, pattern, part) END",
    "regexp_like(text, pattern)": "regexp_matches(text, pattern)",
    "from_iso8601_timestamp(text)": "CAST(text AS TIMESTAMP WITH TIME ZONE)",
    "array_join(list, between)": "array_to_string(list, between)",
}

BOTH = {"coalesce", "count", "split_part"}
"""Functions that Athena's engine 3 (Trino) and DuckDB have in one sense."""

FUNCTIONS = BOTH | {macro.partition("(")[0] for macro in MACROS}


def database() -> duckdb.DuckDBPyConnection:
    """Return an empty DuckDB, which fetches no extension from anywhere."""
    return duckdb.connect(config={"autoinstall_known_extensions": False})


class Athena:
    """Tables over a folder that stands for a bucket.

    Args:
        bucket: The folder.
        work: Another one, for what this writes.
        last: The day that `NOW` means in the range of a table's days.
    """

    def __init__(self, bucket: Path, work: Path, last: date) -> None:
        self._bucket = bucket
        self._work = work
        self._last = last
        self._database = database()
        for name, meaning in MACROS.items():
            self._database.execute(f"CREATE MACRO {name} AS {meaning}")

    def define(self, name: str, **words: str) -> None:
        """Define the table of `docs/queries/NAME.sql`, with the words put in place of `<word>`."""
        text = (QUERIES / f"{name}.sql").read_text()
        for word, value in {"bucket": "bucket", **words}.items():
            text = text.replace(f"<{word}>", value)
        table = definition(text)
        rows = self._work / f"{name}.json"
        kinds = columns(table)
        partitions = partitions_of(table)
        with rows.open("w") as file:
            for partition, event in self._read(table, partitions):
                row = {key: shaped(event, key, kind) for key, kind in kinds.items()}
                file.write(json.dumps(row | partition) + "\n")
        types = {key: kind.sql("duckdb") for key, kind in kinds.items()}
        types |= dict.fromkeys(partitions, "TEXT")
        given = ", ".join(f"'{key}': '{kind}'" for key, kind in types.items())
        self._database.execute(
            f"CREATE TABLE {name} AS SELECT * FROM read_json('{rows}', "  # noqa: S608
            f"format = 'newline_delimited', columns = {{{given}}})"
        )

    def ask(self, name: str, *parameters: str) -> list[dict[str, Any]]:
        """Return the rows of `docs/queries/NAME.sql`."""
        found = self._database.execute((QUERIES / f"{name}.sql").read_text(), list(parameters))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _read(
        self, table: exp.Create, names: list[str]
    ) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
        """Yield each row of each partition that the projection knows, with the partition."""
        told = properties(table)
        assert told["projection.enabled"] == "true"
        values = [list(self._values(told, name)) for name in names]
        for chosen in product(*values):
            partition = dict(zip(names, chosen, strict=True))
            place = told["storage.location.template"].removeprefix("s3://bucket/")
            for name, value in partition.items():
                place = place.replace(f"${{{name}}}", value)
            for file in sorted((self._bucket / place).glob("*.json")):
                text = file.read_text()
                if "CloudTrailInputFormat" in table.sql("hive", unsupported_level=QUIET):
                    yield from ((partition, event) for event in json.loads(text)["Records"])
                else:
                    yield from ((partition, json.loads(line)) for line in text.splitlines())

    def _values(self, told: dict[str, str], name: str) -> Iterator[str]:
        """Yield the values that a partition may have."""
        if told[f"projection.{name}.type"] == "enum":
            yield from told[f"projection.{name}.values"].split(",")
            return
        assert told[f"projection.{name}.type"] == "date"
        assert told[f"projection.{name}.format"] == "yyyy/MM/dd"
        since, until = told[f"projection.{name}.range"].split(",")
        assert until == "NOW"
        day = date.fromisoformat(since.replace("/", "-"))
        while day <= self._last:
            yield day.strftime("%Y/%m/%d")
            day += timedelta(days=1)


QUIET = sqlglot.ErrorLevel.IGNORE


def definition(text: str) -> exp.Create:
    """Return a statement that defines a table, as Athena's dialect reads it."""
    found = sqlglot.parse_one(text, read="athena", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(found, exp.Create)
    return found


def columns(table: exp.Create) -> dict[str, exp.DataType]:
    """Return the columns of a table that are no partitions."""
    return {column.name: column.kind for column in table.this.expressions if column.kind}


def partitions_of(table: exp.Create) -> list[str]:
    """Return the names of the columns that are partitions."""
    return [
        column.name
        for one in table.args["properties"].expressions
        if isinstance(one, exp.PartitionedByProperty)
        for column in one.this.expressions
    ]


def properties(table: exp.Create) -> dict[str, str]:
    """Return the TBLPROPERTIES of a table."""
    return {
        one.name: one.args["value"].name
        for one in table.args["properties"].expressions
        if type(one) is exp.Property
    }


def shaped(of: dict[str, Any], name: str, kind: exp.DataType) -> Any:
    """Return a field as the SerDes give it: whatever the case of its name."""
    value = next((value for key, value in of.items() if key.lower() == name), None)
    return as_kind(value, kind)


def as_kind(value: Any, kind: exp.DataType) -> Any:
    """Return a value of JSON as one of a type: as JSON's text where that is a string."""
    if value is None:
        return None
    if kind.this is exp.DataType.Type.STRUCT:
        return {one.name: shaped(value, one.name, one.kind) for one in kind.expressions}
    if kind.this is exp.DataType.Type.ARRAY:
        return [as_kind(one, kind.expressions[0]) for one in value]
    if kind.this is exp.DataType.Type.MAP:
        return {key: as_kind(one, kind.expressions[1]) for key, one in value.items()}
    if kind.this is exp.DataType.Type.TEXT and not isinstance(value, str):
        return json.dumps(value)
    return value


def called(query: str) -> set[str]:
    """Return the functions that a query calls."""
    bare = re.sub(r"(?m)--.*$|'[^']*'", " ", query)
    return set(re.findall(r"\b([a-z]\w*)\(", bare))
