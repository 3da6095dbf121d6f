"""The queries in docs/queries answer what they say they answer.

They run on samples in CloudTrail's own folders and shapes. Sources: "Logging Amazon ECR actions
with AWS CloudTrail" and "CloudTrail userIdentity element" of AWS's guides; for refusals
"Troubleshoot access denied error messages" and for another account's role "Logging IAM and AWS STS
API calls with AWS CloudTrail", both of IAM's; for `AWS Internal` aws/containers-roadmap#244, #1634.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.athena import FUNCTIONS, QUERIES, TRAIL, Athena, called, columns, definition
from tools.environments import ROOT

TABLES = ("cloudtrail", "vends")
ASKED = sorted(path.stem for path in QUERIES.glob("*.sql") if path.stem not in TABLES)
SCHEMA = json.loads((ROOT / "docs/vend.schema.json").read_text())
LINES = (TRAIL / "vends/2026/11/23/vends.json").read_text().splitlines()
# What each sample is, as its caller's session says it: `run-pull`.
VENDS: dict[str, dict[str, Any]] = {
    vend["caller"]["session"].removeprefix("run-"): vend for vend in map(json.loads, LINES)
}
ACCOUNTS, REGIONS = "111122223333,444455556666", "eu-west-1,us-east-1"
DAY, NEXT = "2026/11/23", "2026/11/24"
REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


def athena(work: Path, *, accounts: str = ACCOUNTS, regions: str = REGIONS) -> Athena:
    """Return Athena with both tables over the samples."""
    found = Athena(TRAIL, work, date(2026, 11, 25))
    found.define("cloudtrail", accounts=accounts, regions=regions, since="2026/11/20")
    found.define("vends", since="2026/11/20")
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Athena:
    """Return Athena with both tables over the samples."""
    return athena(tmp_path_factory.mktemp("athena"))


def used(tables: Athena, name: str) -> list[dict[str, Any]]:
    """Return what a vend did."""
    vend = VENDS[name]
    return tables.ask("vend-used", vend["vend_id"], vend["role"], DAY, NEXT)


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Return some columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]


def digest(letter: str) -> str:
    """Return the digest of a sample."""
    return "sha256:" + letter * 64


def test_a_pull_is_told_with_its_tag_its_digests_and_where_it_came_from(tables: Athena) -> None:
    rows = used(tables, "pull")
    assert told(rows, "called_at", "what", "repository", "tag", "digest") == [
        ("2026-11-23T20:00:09Z", "pull", "payments/api", "v7", None),
        ("2026-11-23T20:00:10Z", "pull", "payments/api", None, digest("a")),
        ("2026-11-23T20:00:11Z", "pull layer", "payments/api", None, digest("b")),
    ]
    assert set(told(rows, "source", "account", "region", "error")) == {
        ("AWS Internal", "111122223333", "eu-west-1", None)
    }


def test_a_push_is_told_with_the_digest_that_it_made(tables: Athena) -> None:
    assert told(used(tables, "push"), "what", "action", "repository", "tag", "digest") == [
        ("look", "BatchCheckLayerAvailability", "payments/api", None, digest("d")),
        ("push layer", "InitiateLayerUpload", "payments/api", None, None),
        ("push layer", "UploadLayerPart", "payments/api", None, None),
        ("push layer", "CompleteLayerUpload", "payments/api", None, digest("d")),
        ("push", "PutImage", "payments/api", "v8", digest("e")),
    ]


def test_a_refused_pull_names_its_repository_where_cloudtrail_left_the_request_out(
    tables: Athena,
) -> None:
    (row,) = used(tables, "denied")
    assert (row["what"], row["repository"], row["error"]) == (
        "refused",
        "payments/ledger",
        "AccessDenied",
    )
    assert row["message"].endswith("with an explicit deny in a session policy")


def test_a_token_that_was_tried_after_its_revocation_is_told_as_refused(tables: Athena) -> None:
    rows = used(tables, "revoked")
    assert told(rows, "called_at", "what", "repository", "source") == [
        ("2026-11-23T20:31:01Z", "pull", "base/python", "203.0.113.9"),
        ("2026-11-23T20:40:01Z", "refused", "base/python", "AWS Internal"),
    ]


def test_a_session_of_another_role_is_never_told_as_the_vends(tables: Athena) -> None:
    vend_id = VENDS["pull"]["vend_id"]
    other = "arn:aws:iam::111122223333:role/build-agent"
    assert told(tables.ask("vend-used", vend_id, other, DAY, NEXT), "repository") == [
        ("base/python",)
    ]
    assert "base/python" not in {row["repository"] for row in used(tables, "pull")}


def test_a_pull_after_midnight_is_told_with_the_next_days_logs(tables: Athena) -> None:
    vend = VENDS["midnight"]
    assert told(used(tables, "midnight"), "called_at", "what") == [("2026-11-24T00:02:00Z", "pull")]
    assert tables.ask("vend-used", vend["vend_id"], vend["role"], DAY, DAY) == []


def test_a_pull_from_another_accounts_registry_is_told_where_its_logs_are_read(
    tables: Athena, tmp_path: Path
) -> None:
    assert told(used(tables, "partner"), "repository", "account", "region") == [
        ("partner/edge", "444455556666", "us-east-1")
    ]
    alone = athena(tmp_path, accounts="111122223333", regions="eu-west-1")
    assert used(alone, "partner") == []


def test_a_token_without_a_use_in_its_life_is_told_as_never_used(tables: Athena) -> None:
    # A session of that name in another role pulled meanwhile, which is no use of the token.
    rows = tables.ask("never-used", DAY, NEXT, DAY, DAY)
    assert told(rows, "vend_id", "logged", "afterwards") == [
        (VENDS["unused"]["vend_id"], True, 0),
        (VENDS["late"]["vend_id"], True, 1),
        (VENDS["unlogged"]["vend_id"], False, 0),
    ]
    assert (rows[0]["grants"], rows[0]["registry"]) == ("payments-ci", REGISTRY)


def test_a_token_of_a_registry_without_a_trail_is_told_as_unknown(tmp_path: Path) -> None:
    alone = athena(tmp_path, accounts="111122223333", regions="eu-west-1")
    rows = alone.ask("never-used", DAY, NEXT, DAY, DAY)
    known = {row["vend_id"]: row["logged"] for row in rows}
    assert known[VENDS["partner"]["vend_id"]] is False


def test_whatever_no_vend_explains_is_told_and_nothing_else(tables: Athena) -> None:
    rows = tables.ask("outside-vend", "ecr-vend", DAY, NEXT, "2026/11/22", NEXT)
    by_name = {vend["vend_id"]: name for name, vend in VENDS.items()}
    assert [
        (row["why"], row["action"], by_name.get(row["session"], row["session"])) for row in rows
    ] == [
        ("it worked after its end", "BatchGetImage", "outlived"),
        ("no vend has this id", "AssumeRole", "v-0000000000000000000000000z"),
        ("no vend has this id", "GetAuthorizationToken", "v-0000000000000000000000000z"),
        ("no vend has this id", "BatchGetImage", "v-0000000000000000000000000z"),
        ("the vend was refused", "AssumeRole", "refused"),
        ("the vend let no token out", "BatchGetImage", "failed"),
        ("the vend had another role", "PutImage", "pull"),
        ("a token is of use to ECR alone", "GetCallerIdentity", "unused"),
        ("not the vending function asked for it", "AssumeRole", "unused"),
        ("no vend has this id", "BatchGetImage", "admin"),
    ]


def test_without_their_vends_all_calls_of_vended_roles_are_told(tables: Athena) -> None:
    rows = tables.ask("outside-vend", "ecr-vend", DAY, NEXT, "2026/11/21", "2026/11/21")
    assert {row["why"] for row in rows} == {"no vend has this id"}
    told_of = {row["session"] for row in rows}
    assert {VENDS[name]["vend_id"] for name in ("pull", "push", "partner", "midnight")} <= told_of
    assert not any(row["role"].endswith("/build-agent") for row in rows)


def test_another_stacks_roles_are_not_taken_for_this_ones(tables: Athena) -> None:
    assert tables.ask("outside-vend", "vend", DAY, NEXT, "2026/11/21", "2026/11/21") == []


def test_the_samples_of_vends_are_of_the_published_shape() -> None:
    for vend in VENDS.values():
        jsonschema.validate(vend, SCHEMA)


def test_the_table_of_vends_has_every_field_of_the_published_shape() -> None:
    table = columns(definition((QUERIES / "vends.sql").read_text()))
    assert list(table) == list(SCHEMA["properties"])
    parts = {"caller": "CallerRecord", "asked": "AskedRecord", "registry": "RegistryRecord"}
    left_out = set()
    for column, part in parts.items():
        of_table = [one.name for one in table[column].expressions]
        left_out |= {f"{column}.{one}" for one in SCHEMA["$defs"][part]["properties"]} - {
            f"{column}.{one}" for one in of_table
        }
    assert left_out == {"asked.grant", "caller.partition"}
    for column, part in (("dropped", "DroppedRecord"), ("monitored", "MonitoredRecord")):
        of_list = table[column].expressions[0].expressions
        assert [one.name for one in of_list] == list(SCHEMA["$defs"][part]["properties"])


@pytest.mark.parametrize("name", ASKED)
def test_a_query_calls_only_functions_that_athena_has(name: str) -> None:
    assert called((QUERIES / f"{name}.sql").read_text()) <= FUNCTIONS


@pytest.mark.parametrize("name", ASKED)
def test_a_query_says_each_of_its_parameters(name: str) -> None:
    text = (QUERIES / f"{name}.sql").read_text()
    comments = "\n".join(re.findall(r"(?m)^ *--.*$", text))
    # Whatever counts the parameters may count those in comments as well.
    assert "?" not in comments
    numbers = re.findall(r"(?m)^--   ((?:\d, )?\d) ", comments)
    said = [int(number) for group in numbers for number in group.split(", ")]
    assert said == list(range(1, text.count("?") + 1))


@pytest.mark.parametrize("name", ASKED)
def test_a_query_reads_no_more_of_cloudtrail_than_its_days(name: str) -> None:
    text = (QUERIES / f"{name}.sql").read_text()
    assert text.count("FROM cloudtrail") == 1
    assert text.count("day BETWEEN ? AND ?") == 1 + text.count("FROM vends")


def test_the_auditors_page_names_every_query() -> None:
    page = (ROOT / "docs/auditing.md").read_text()
    for path in QUERIES.iterdir():
        assert f"(queries/{path.name})" in page
