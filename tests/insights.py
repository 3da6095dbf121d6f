"""CloudWatch Logs Insights as far as the queries in docs/queries need it: its language, on DuckDB.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs user guide. What
this cannot show is whether Insights itself takes a query.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.athena import QUERIES, TRAIL, database

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

FUNCTIONS = {
    "strcontains(text, part)": "CAST(contains(text, part) AS INTEGER)",
    "ispresent(field)": "field IS NOT NULL",
    "earliest(field)": "min(field)",
}
KEPT = {"and", "or", "not", "as"}
TOKEN = re.compile(
    r"(?P<field>[\w.]+) (?P<negated>not )?like /(?P<pattern>(?:\\.|\[[^\]]*\]|[^/\\])*)/"
    r'|"(?P<text>[^"]*)"|(?P<word>[A-Za-z][\w.]*)(?P<called>\()?|(?P<other>\s+|.)'
)


def ask(name: str, **words: str) -> list[dict[str, Any]]:
    """Return the rows of `docs/queries/NAME.insights` over the samples, with words put in place."""
    text = re.sub(r"(?m)^#.*$", "", (QUERIES / f"{name}.insights").read_text())
    for word, value in words.items():
        text = text.replace(word, value)
    duck = database()
    for function, meaning in FUNCTIONS.items():
        duck.execute(f"CREATE MACRO {function} AS {meaning}")
    load(duck, [dict(flattened(event)) for event in events()])
    shown, order = "*", ""
    for number, stage in enumerate(stages(text)):
        command, _, said = stage.partition(" ")
        select, where = f"SELECT * FROM stage{number}", ""  # noqa: S608
        match command:
            case "filter":
                where = f" WHERE {as_sql(said)}"
            case "fields":
                made = [part for part in parts(said) if " as " in part]
                select = f"SELECT *, {as_sql(', '.join(made))} FROM stage{number}"  # noqa: S608
                select = select if made else f"SELECT * FROM stage{number}"  # noqa: S608
                shown = shown if made else as_sql(said)
            case "stats":
                counted, _, by = said.rpartition(" by ")
                grouped = as_sql(by)
                select = f"SELECT {grouped}, {as_sql(counted)} FROM stage{number}"  # noqa: S608
                where = f" GROUP BY {grouped}"
            case "sort":
                order = f" ORDER BY {as_sql(said)}"
            case _:
                raise ValueError(f"{command} is no command that is known here")
        duck.execute(f"CREATE VIEW stage{number + 1} AS {select}{where}")
    found = duck.execute(f"SELECT {shown} FROM stage{number + 1}{order}")  # noqa: S608
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def as_sql(said: str) -> str:
    """Return an expression of the language as one of SQL: fields are names, also with dots."""

    def written(token: re.Match[str]) -> str:
        if token["field"]:
            matched = f"regexp_matches(\"{token['field']}\", '{token['pattern']}')"
            # Whether a field that is missing is not like something is not documented: the wider
            # reading, under which a query has to say itself that a field must be there.
            return f"coalesce(NOT {matched}, true)" if token["negated"] else matched
        if token["text"] is not None:
            return f"'{token['text']}'"
        if token["called"]:
            return f"{token['word']}("
        if token["word"]:
            return token["word"] if token["word"] in KEPT else f'"{token["word"]}"'
        return token["other"]

    return TOKEN.sub(written, said)


def stages(text: str) -> list[str]:
    """Return the commands of a query, each on one line."""
    return [" ".join(stage.split()) for stage in re.split(r"(?m)^\|", text)]


def parts(said: str) -> list[str]:
    """Return what is between the commas that are outside of brackets."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", said)]


def events() -> Iterator[dict[str, Any]]:
    """Yield all events of the samples: they are in one log group."""
    for file in sorted((TRAIL / "AWSLogs").rglob("*.json")):
        yield from json.loads(file.read_text())["Records"]


def flattened(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the fields that Insights finds: `a.b` within objects, `a.0` within lists."""
    if isinstance(value, dict | list):
        for key, within in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flattened(within, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)


def load(duck: duckdb.DuckDBPyConnection, rows: list[dict[str, str]]) -> None:
    """Make the first stage of all that is in the log group."""
    names = sorted({name for row in rows for name in row})
    given = ", ".join(f'"{name}" VARCHAR' for name in names)
    duck.execute(f"CREATE TABLE stage0 ({given})")
    places = ", ".join("?" for _ in names)
    duck.executemany(
        f"INSERT INTO stage0 VALUES ({places})",  # noqa: S608
        [[row.get(name) for name in names] for row in rows],
    )
