"""The ledger: what is written stays, and stays legible."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam.evaluator import Policies, Request, evaluate
from tests.template.test_roles import own_policies
from tools.template.stack import ACCOUNT, STACK_ID, Stack

KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
ADMINISTRATOR = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def table() -> dict[str, Any]:
    """Return the properties of the ledger's table."""
    return Stack().properties("LedgerTable")


def may(
    action: str,
    role: str = "role/admin",
    *,
    keys: tuple[str, ...] = ("vend#v-1",),
    at: str = "LedgerTable",
    index: str = "",
) -> bool:
    """Say whether a role of the account that may do everything may do this to a table."""
    stack = Stack()
    request = Request(
        f"dynamodb:{action}",
        stack.attribute(at, "Arn") + index,
        f"arn:aws:iam::{ACCOUNT}:{role}",
        context={"dynamodb:LeadingKeys": keys},
    )
    policy = stack.properties(at)["ResourcePolicy"]["PolicyDocument"]
    return bool(evaluate(Policies(identity=(ADMINISTRATOR,), resource=policy), request))


@pytest.mark.parametrize("role", ["role/admin", "role/ecr-vend-VendFunctionRole"])
@pytest.mark.parametrize(
    "action",
    [
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "PartiQLUpdate",
        "PartiQLDelete",
        "PartiQLInsert",
        "DeleteTable",
        "UpdateTimeToLive",
    ],
)
def test_nobody_updates_or_deletes_a_record(action: str, role: str) -> None:
    assert not may(action, role)


def test_nobody_but_the_vend_function_writes_a_record_of_a_vend() -> None:
    # A put replaces, so whoever may put may destroy.
    stack = Stack()
    assert stack.attribute("VendFunctionRole", "Arn").endswith(":role/ecr-vend-VendFunctionRole")
    assert may("PutItem", "role/ecr-vend-VendFunctionRole")
    for role in ("admin", "ecr-vend-PolicyValidatorFunctionRole", "ecr-vend-RevokeFunctionRole"):
        assert not may("PutItem", f"role/{role}")


@pytest.mark.parametrize("key", ["revocation#r-1", "revocations#2026-11"])
def test_the_revoking_function_writes_records_of_revocations_and_no_others(key: str) -> None:
    revoke = "role/ecr-vend-RevokeFunctionRole"
    assert may("PutItem", revoke, keys=(key,))
    for other in ("vend#v-1", "grant#a#2026-11", "policy#1", "policy-served#2026-11"):
        assert not may("PutItem", revoke, keys=(key, other))
    assert not may("PutItem", "role/admin", keys=(key,))


@pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"])
def test_nobody_but_the_revoking_function_writes_or_removes_a_block(action: str) -> None:
    assert may(action, "role/ecr-vend-RevokeFunctionRole", at="BlockTable")
    for role in ("admin", "ecr-vend-VendFunctionRole"):
        assert not may(action, f"role/{role}", at="BlockTable")
    assert may("GetItem", "role/ecr-vend-VendFunctionRole", at="BlockTable")
    assert not may("UpdateTimeToLive", at="BlockTable")


@pytest.mark.parametrize("action", ["PutItem", "UpdateItem"])
def test_a_persons_key_is_made_by_the_functions_and_changed_by_nobody(action: str) -> None:
    for role in ("VendFunctionRole", "RevokeFunctionRole"):
        assert may(action, f"role/ecr-vend-{role}", at="PersonKeyTable")
    for role in ("admin", "ecr-vend-AuditFunctionRole"):
        assert not may(action, f"role/{role}", at="PersonKeyTable")


def test_a_persons_key_can_be_destroyed_and_by_no_means_that_destroys_more() -> None:
    assert may("DeleteItem", "role/admin", at="PersonKeyTable")
    for action in ("BatchWriteItem", "DeleteTable", "PartiQLDelete", "UpdateTimeToLive"):
        assert not may(action, "role/admin", at="PersonKeyTable")


def test_a_legal_hold_keeps_every_key() -> None:
    policy = Stack({"LegalHold": "true"}).properties("PersonKeyTable")["ResourcePolicy"]
    statements = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    held = statements["LegalHold"]
    assert (held["Effect"], held["Principal"], held["Action"]) == (
        "Deny",
        "*",
        "dynamodb:DeleteItem",
    )
    assert "Condition" not in held


def test_people_keys_outlive_the_stack_and_no_backup_brings_one_back() -> None:
    resource = Stack().resource("PersonKeyTable")
    assert KEPT.items() <= resource.items()
    properties = resource["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is False
    assert properties["SSESpecification"] == table()["SSESpecification"]
    assert "StreamSpecification" not in properties
    assert "TimeToLiveSpecification" not in properties


def test_blocks_outlive_the_stack_and_do_not_expire() -> None:
    resource = Stack().resource("BlockTable")
    assert KEPT.items() <= resource.items()
    properties = resource["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"] == table()["SSESpecification"]
    assert "TimeToLiveSpecification" not in properties


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("finding#2026-11", True),
        ("reconciled#2026-11", True),
        ("vend#v-01jd8w0123456789abcdefghjk", False),
        ("policy#1", False),
        ("finding", False),
    ],
)
def test_the_reconciler_writes_findings_and_no_record_of_anyone_else(
    key: str, *, allowed: bool
) -> None:
    assert may("PutItem", "role/ecr-vend-ReconcilerFunctionRole", keys=(key,)) is allowed
    # By its own permissions too, should the table's policy be lost.
    stack = Stack()
    own = tuple(own_policies(stack, "ReconcilerFunctionRole"))
    role, ledger, function = (
        stack.attribute(name, "Arn")
        for name in ("ReconcilerFunctionRole", "LedgerTable", "ReconcilerFunction")
    )
    context = {"dynamodb:LeadingKeys": key, "lambda:SourceFunctionArn": function}
    put = Request("dynamodb:PutItem", ledger, role, context=context)
    assert bool(evaluate(Policies(identity=own), put)) is allowed


@pytest.mark.parametrize(
    "action",
    [
        "GetItem",
        "Query",
        "DescribeTable",
        "UpdateTable",
        "UpdateContinuousBackups",
        "TagResource",
        "PutResourcePolicy",
    ],
)
def test_auditors_still_read_and_cloudformation_still_updates_the_table(action: str) -> None:
    assert may(action)


def test_the_table_cannot_be_deleted_by_mistake_and_outlives_the_stack() -> None:
    resource = Stack().resource("LedgerTable")
    assert KEPT.items() <= resource.items()
    assert resource["Properties"]["DeletionProtectionEnabled"] is True
    assert "TableName" not in resource["Properties"]  # a name kept would stop the next deployment
    backups = resource["Properties"]["PointInTimeRecoverySpecification"]
    assert backups["PointInTimeRecoveryEnabled"] is True


def test_no_record_expires() -> None:
    assert "TimeToLiveSpecification" not in table()


def test_the_table_is_encrypted_with_the_stacks_key() -> None:
    assert table()["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": Stack().attribute("LedgerKey", "Arn"),
    }


def test_the_ledger_answers_the_auditors_questions() -> None:
    def keys(found: dict[str, Any]) -> list[str]:
        return [key["AttributeName"] for key in found["KeySchema"]]

    assert keys(table()) == ["pk", "sk"]
    indexes = table()["GlobalSecondaryIndexes"]
    assert {index["IndexName"]: keys(index) for index in indexes} == {
        "by-time": ["hour", "vend_id"],
        "by-caller": ["caller_key", "vend_id"],
        "by-outcome": ["outcome_day", "vend_id"],
        "by-token": ["token_mac", "vend_id"],
    }
    assert {index["Projection"]["ProjectionType"] for index in indexes} == {"ALL"}
    assert table()["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table()["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("key", ["LedgerKey", "TokenKey"])
def test_the_keys_outlive_the_stack_and_are_not_deleted_in_a_hurry(key: str) -> None:
    resource = Stack().resource(key)
    assert KEPT.items() <= resource.items()
    assert resource["Properties"]["PendingWindowInDays"] == 30


def test_the_token_key_can_only_make_fingerprints() -> None:
    key = Stack().properties("TokenKey")
    assert (key["KeySpec"], key["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")


def test_the_ledger_key_is_rotated() -> None:
    assert Stack().properties("LedgerKey")["EnableKeyRotation"] is True


@pytest.mark.parametrize("key", ["LedgerKey", "TokenKey"])
def test_no_other_account_is_let_to_a_key(key: str) -> None:
    stack = Stack()
    own = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    logs = {"Service": "logs.eu-west-1.amazonaws.com"}
    for statement in stack.properties(key)["KeyPolicy"]["Statement"]:
        assert statement["Principal"] in (own, logs)
        if statement["Principal"] == logs:
            where = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
            own_groups = ("log-group:ecr-vend-*", "log-group:/aws/events/ecr-vend-*")
            assert where == [stack.arn("logs", group) for group in own_groups]


def test_every_log_group_is_kept_for_a_set_time_and_encrypted() -> None:
    stack = Stack({"LogRetentionDays": "90"})
    groups = stack.resources("AWS::Logs::LogGroup")
    assert set(groups) == {
        "ApiAccessLogGroup",
        "ArchiveLogGroup",
        "AuditLogGroup",
        "PolicyValidatorLogGroup",
        "ProberLogGroup",
        "ReconcilerLogGroup",
        "RevokeLogGroup",
        "SealLogGroup",
        "TrailLogGroup",
        "VendLogGroup",
    }
    # EventBridge takes no name that CloudFormation makes up; this one is no other stack's either.
    name = groups["TrailLogGroup"]["Properties"].pop("LogGroupName")
    assert name == f"/aws/events/ecr-vend-{STACK_ID}"
    for group in groups.values():
        assert KEPT.items() <= group.items()
        assert group["Properties"] == {
            "RetentionInDays": "90",
            "KmsKeyId": stack.attribute("LedgerKey", "Arn"),
        }
