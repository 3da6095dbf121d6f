"""The queries for Logs Insights answer what CloudTrail alone can tell."""

from __future__ import annotations

from tests import insights
from tests.unit.queries.test_queries import VENDS

SESSION = "arn:aws:sts::111122223333:assumed-role"


def test_what_a_vend_did_is_told_of_its_own_role_alone() -> None:
    vend = VENDS["pull"]
    rows = insights.ask("vend-used", ROLE=vend["role"], VEND=vend["vend_id"])
    assert [
        (row["eventTime"], row["requestParameters.repositoryName"], row["eventName"])
        for row in rows
    ] == [
        ("2026-11-23T20:00:09Z", "payments/api", "BatchGetImage"),
        ("2026-11-23T20:00:10Z", "payments/api", "BatchGetImage"),
        ("2026-11-23T20:00:11Z", "payments/api", "GetDownloadUrlForLayer"),
    ]


def test_a_push_is_told_with_the_digest_that_it_made() -> None:
    vend = VENDS["push"]
    *_, row = insights.ask("vend-used", ROLE=vend["role"], VEND=vend["vend_id"])
    assert row["eventName"] == "PutImage"
    assert row["requestParameters.imageTag"] == "v8"
    assert row["responseElements.image.imageId.imageDigest"] == "sha256:" + "e" * 64


def test_a_refusal_is_told_with_its_message() -> None:
    vend = VENDS["denied"]
    (row,) = insights.ask("vend-used", ROLE=vend["role"], VEND=vend["vend_id"])
    assert row["errorCode"] == "AccessDenied"
    assert "repository/payments/ledger with an explicit deny" in row["errorMessage"]


def test_a_token_that_was_minted_and_never_tried_is_told() -> None:
    (row,) = insights.ask("never-used", STACK="ecr-vend")
    assert row["userIdentity.arn"] == f"{SESSION}/ecr-vend-pull/{VENDS['unused']['vend_id']}"
    assert (row["calls"], row["minted"]) == (1, "2026-11-23T20:50:01Z")


def test_a_vended_role_under_another_name_or_asked_for_by_another_is_told() -> None:
    rows = insights.ask("outside-vend", STACK="ecr-vend")
    assert [(row["eventTime"], row["eventName"], row["userIdentity.arn"]) for row in rows] == [
        ("2026-11-23T21:40:01Z", "AssumeRole", f"{SESSION}/build-agent/job-7"),
        ("2026-11-23T21:46:01Z", "AssumeRole", f"{SESSION}/build-agent/job-7"),
        ("2026-11-23T21:50:01Z", "AssumeRole", f"{SESSION}/build-agent/job-7"),
        ("2026-11-23T21:51:01Z", "BatchGetImage", f"{SESSION}/ecr-vend-pull/admin"),
    ]


def test_another_stacks_roles_are_not_taken_for_this_ones() -> None:
    assert insights.ask("outside-vend", STACK="vend") == []
    assert insights.ask("never-used", STACK="vend") == []
