"""The archive: who may add to it, that nobody may take away, and that both templates agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archiving.names import BATCHES, SEALED
from archiving.sealing import ENOUGH, SETTLED
from tests.iam.evaluator import Policies, Request, evaluate
from tests.template.test_functions import environment
from tests.template.test_roles import granted, own_policies
from tools.estimates.archive import ARCHIVING, SEALING
from tools.template.stack import ACCOUNT, Stack
from tools.template.translation import archive_template

ARCHIVER = f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-ArchiveFunctionRole"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-AuditFunctionRole"
SEALER = f"arn:aws:iam::{ACCOUNT}:role/ecr-vend-SealFunctionRole"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/admin"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
OWNER = "999988887777"
SHARED = (
    "ArchiveBucket",
    "ArchiveBucketPolicy",
    "SealKey",
    "WitnessTopic",
    "WitnessTopicPolicy",
    "SealFunction",
    "SealFunctionRole",
    "SealPermissions",
    "SealOnlyAsTheFunction",
    "SealSchedule",
    "SealSchedulePermission",
    "ArchiveFindingsAlarm",
    "SealErrorsAlarm",
    "SealBehindAlarm",
)


def elsewhere(account: str = OWNER, **parameters: str) -> Stack:
    """Return the stack of an archive in an account of its own."""
    given = {
        "ArchiveFunctionRoleArn": ARCHIVER,
        "AuditFunctionRoleArn": AUDITOR,
        "LedgerArn": Stack().attribute("LedgerTable", "Arn"),
    }
    return Stack(given | parameters, template=archive_template(), account=account)


def may(
    action: str, role: str, resource: str = "", *, stack: Stack | None = None, tls: str = "true"
) -> bool:
    """Say whether a role that may do everything may do this to the archive's bucket."""
    stack = stack or Stack()
    bucket = stack.attribute("ArchiveBucket", "Arn")
    request = Request(
        f"s3:{action}",
        f"{bucket}/{resource}" if resource else bucket,
        role,
        context={"aws:SecureTransport": tls},
        account=stack.account,
    )
    policy = stack.properties("ArchiveBucketPolicy")["PolicyDocument"]
    return bool(evaluate(Policies(identity=(EVERYTHING,), resource=policy), request))


@pytest.mark.parametrize("role", [ADMINISTRATOR, ARCHIVER, SEALER])
@pytest.mark.parametrize(
    "action", ["DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention"]
)
@pytest.mark.parametrize(
    "key", ["manifests/2026/11/23/20.json", "batches/2026/11/23/20/1.jsonl.gz"]
)
def test_nobody_removes_or_hides_an_object_of_the_archive(action: str, role: str, key: str) -> None:
    assert not may(action, role, key)
    assert not may("DeleteBucket", role)


@pytest.mark.parametrize("beginning", [BATCHES, *SEALED])
def test_each_object_is_written_by_the_function_whose_it_is_and_nobody_else(beginning: str) -> None:
    writer, other = (ARCHIVER, SEALER) if beginning == BATCHES else (SEALER, ARCHIVER)
    assert may("PutObject", writer, f"{beginning}a")
    assert not may("PutObject", other, f"{beginning}a")
    assert not may("PutObject", ADMINISTRATOR, f"{beginning}a")


def test_nothing_of_the_archive_goes_without_tls() -> None:
    assert not may("GetObject", SEALER, "manifests/a", tls="false")
    assert may("GetObject", ADMINISTRATOR, "manifests/a")


@pytest.mark.parametrize("action", ["PutObjectRetention", "PutObjectLegalHold"])
def test_what_is_archived_can_be_locked_for_longer_and_held(action: str) -> None:
    assert may(action, ADMINISTRATOR, "records/a")


def test_the_bucket_is_locked_versioned_encrypted_private_and_outlives_the_stack() -> None:
    stack = Stack({"ArchiveMode": "COMPLIANCE", "ArchiveRetentionDays": "3650"})
    for name in ("ArchiveBucket", "ArchiveKey", "SealKey", "WitnessTopic"):
        assert KEPT.items() <= stack.resource(name).items()
    bucket = stack.properties("ArchiveBucket")
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {
        "Mode": "COMPLIANCE",
        "Days": "3650",
    }
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = stack.attribute("ArchiveKey", "Arn")
    assert encryption["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key,
    }


def test_the_lifecycle_removes_batches_after_their_lock_and_nothing_else() -> None:
    stack = Stack({"ArchiveBatchDays": "30"})
    rules = stack.properties("ArchiveBucket")["LifecycleConfiguration"]["Rules"]
    removing = [
        rule
        for rule in rules
        if set(rule)
        & {"ExpirationInDays", "NoncurrentVersionExpiration", "ExpiredObjectDeleteMarker"}
    ]
    assert {rule["Prefix"] for rule in removing} == {BATCHES}
    assert removing[0]["ExpirationInDays"] == "30"
    assert environment(stack, "ArchiveFunction")["ARCHIVE_BATCH_DAYS"] == "30"


def test_the_seal_key_signs_and_does_nothing_else() -> None:
    key = Stack().properties("SealKey")
    assert (key["KeySpec"], key["KeyUsage"]) == ("RSA_3072", "SIGN_VERIFY")


def test_the_archiving_function_may_read_the_stream_and_add_batches_and_nothing_else() -> None:
    stack = Stack()
    stream, log = (
        stack.attribute("LedgerTable", "StreamArn"),
        stack.attribute("ArchiveLogGroup", "Arn"),
    )
    batches = f"{stack.attribute('ArchiveBucket', 'Arn')}/batches/*"
    assert granted(stack, "ArchiveFunctionRole") == {
        **{
            (f"dynamodb:{action}", stream): None
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        },
        ("kms:Decrypt", stack.attribute("LedgerKey", "Arn")): through("dynamodb"),
        ("kms:GenerateDataKey", stack.attribute("ArchiveKey", "Arn")): through("s3"),
        ("s3:PutObject", batches): None,
        ("s3:PutObjectRetention", batches): None,
        ("sqs:SendMessage", stack.attribute("ArchiveDeadLetters", "Arn")): None,
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
    }


def through(*services: str) -> dict[str, Any]:
    """Return the condition that a key is used through services alone."""
    via = [f"{service}.eu-west-1.amazonaws.com" for service in services]
    return {"StringEquals": {"kms:ViaService": via[0] if len(via) == 1 else via}}


def test_the_sealing_function_may_read_versions_seal_and_sign_and_nothing_else() -> None:
    stack = Stack()
    bucket, log = stack.attribute("ArchiveBucket", "Arn"), stack.attribute("SealLogGroup", "Arn")
    encrypted = stack.attribute("ArchiveKey", "Arn")
    assert granted(stack, "SealFunctionRole") == {
        ("s3:ListBucketVersions", bucket): None,
        ("s3:GetObjectVersion", f"{bucket}/*"): None,
        **{("s3:PutObject", f"{bucket}/{beginning}*"): None for beginning in SEALED},
        ("kms:Decrypt", encrypted): through("s3", "sns"),
        ("kms:GenerateDataKey", encrypted): through("s3", "sns"),
        ("kms:Sign", stack.attribute("SealKey", "Arn")): None,
        ("kms:Verify", stack.attribute("SealKey", "Arn")): None,
        ("sns:Publish", stack.ref("WitnessTopic")): None,
        ("logs:CreateLogStream", log): None,
        ("logs:PutLogEvents", log): None,
    }


@pytest.mark.parametrize("stack", [Stack(), elsewhere()], ids=["here", "elsewhere"])
def test_nobody_but_the_sealing_function_tells_the_witnesses(stack: Stack) -> None:
    topic = stack.ref("WitnessTopic")
    policy = stack.properties("WitnessTopicPolicy")["PolicyDocument"]
    sealer = stack.attribute("SealFunctionRole", "Arn")
    for role, allowed in ((sealer, True), (sealer.replace("Seal", "Vend"), False)):
        asked = Request("sns:Publish", topic, role, account=stack.account)
        found = Policies(identity=(EVERYTHING,), resource=policy)
        assert bool(evaluate(found, asked)) is allowed


@pytest.mark.parametrize(
    ("source", "allowed"),
    [("{function}", True), ("{function}:7", True), ("{function}-copy", False)],
)
@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("Archive", "dynamodb:GetRecords"),
        ("Archive", "s3:PutObject"),
        ("Archive", "sqs:SendMessage"),
        ("Seal", "s3:PutObject"),
        ("Seal", "kms:Sign"),
    ],
)
def test_code_of_another_function_gains_nothing_by_the_roles(
    name: str, action: str, source: str, *, allowed: bool
) -> None:
    stack = Stack()
    role, function = (stack.attribute(f"{name}Function{kind}", "Arn") for kind in ("Role", ""))
    ((_, resource),) = [
        found
        for found in granted(stack, f"{name}FunctionRole")
        if found[0] == action and "/late/" not in found[1] and "/records/" not in found[1]
        and "/changes/" not in found[1]
    ]  # fmt: skip
    own = tuple(own_policies(stack, f"{name}FunctionRole"))
    target = resource.replace("*", "a")
    context = {"lambda:SourceFunctionArn": source.format(function=function)}
    request = Request(action, target, role, context=context)
    assert bool(evaluate(Policies(identity=own), request)) is allowed


def test_what_lambda_does_with_the_stream_and_the_queue_names_no_function() -> None:
    stack = Stack()
    own = tuple(own_policies(stack, "ArchiveFunctionRole"))
    role = stack.attribute("ArchiveFunctionRole", "Arn")

    def allowed(action: str, resource: str) -> bool:
        return bool(evaluate(Policies(identity=own), Request(action, resource, role)))

    assert allowed("dynamodb:GetRecords", stack.attribute("LedgerTable", "StreamArn"))
    assert allowed("sqs:SendMessage", stack.attribute("ArchiveDeadLetters", "Arn"))
    # A put is the function's own: without a function's name it is somebody else's.
    assert not allowed("s3:PutObject", f"{stack.attribute('ArchiveBucket', 'Arn')}/batches/a")


def test_a_record_is_tried_until_shortly_before_the_stream_loses_it_and_then_told_of() -> None:
    stack = Stack()
    mapping = stack.properties("ArchiveStream")
    assert mapping["EventSourceArn"] == stack.attribute("LedgerTable", "StreamArn")
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["MaximumRetryAttempts"] == -1
    assert 20 * 3600 < mapping["MaximumRecordAgeInSeconds"] < 23 * 3600
    assert mapping["BisectBatchOnFunctionError"] is True
    queue = stack.attribute("ArchiveDeadLetters", "Arn")
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    assert stack.properties("ArchiveDeadLetters")["SqsManagedSseEnabled"] is True
    alarm = stack.properties("ArchiveBehindAlarm")
    assert alarm["Threshold"] / 1000 < mapping["MaximumRecordAgeInSeconds"] / 10


def test_an_hour_is_sealed_once_it_has_settled_and_a_batch_is_written_before() -> None:
    stack = Stack()
    schedule = stack.properties("SealSchedule")["ScheduleExpression"]
    minute = int(schedule.removeprefix("cron(").split()[0])
    assert schedule == f"cron({minute} * * * ? *)"
    assert minute * 60 > SETTLED.total_seconds()
    assert stack.properties("ArchiveFunction")["Timeout"] < SETTLED.total_seconds()
    assert stack.properties("SealFunction")["Timeout"] > 2 * ENOUGH


def test_the_estimate_of_the_cost_is_of_these_functions() -> None:
    memory = [
        Stack().properties(name)["MemorySize"] for name in ("ArchiveFunction", "SealFunction")
    ]
    assert memory == [ARCHIVING, SEALING]


def test_an_archive_elsewhere_leaves_here_what_adds_to_it_and_nothing_else() -> None:
    there = elsewhere()
    told = dict(one.split("=") for one in there.output("ArchiveParameters").split())
    stack = Stack(told)
    for kind in ("AWS::S3::Bucket", "AWS::SNS::Topic"):
        assert not stack.resources(kind)
    assert environment(stack, "ArchiveFunction")["ARCHIVE_BUCKET"] == there.ref("ArchiveBucket")
    found = granted(stack, "ArchiveFunctionRole")
    batches = f"{there.attribute('ArchiveBucket', 'Arn')}/batches/*"
    assert {resource for action, resource in found if action.startswith("s3:")} == {batches}
    assert ("kms:GenerateDataKey", there.attribute("ArchiveKey", "Arn")) in found
    body = json.loads(stack.properties("Dashboard")["DashboardBody"])
    (shown,) = (w["properties"]["alarms"] for w in body["widgets"] if w["type"] == "alarm")
    alarms = stack.resources("AWS::CloudWatch::Alarm")
    assert sorted(shown) == sorted(stack.attribute(name, "Arn") for name in alarms)


def test_nothing_is_read_from_the_stream_before_there_is_a_bucket() -> None:
    stack = Stack({"ArchiveBucketName": "none"})
    assert not stack.resources("AWS::Lambda::EventSourceMapping")
    assert not stack.resources("AWS::S3::Bucket")
    assert not {
        action for action, _ in granted(stack, "ArchiveFunctionRole") if action[:3] == "s3:"
    }


def test_the_platform_team_tells_the_archives_account_what_it_needs() -> None:
    told = dict(one.split("=") for one in Stack().output("ArchiveParameters").split())
    assert told == {
        "ArchiveFunctionRoleArn": ARCHIVER,
        "AuditFunctionRoleArn": AUDITOR,
        "LedgerArn": Stack().attribute("LedgerTable", "Arn"),
    }
    assert set(told) <= set(archive_template()["Parameters"])


@pytest.mark.parametrize("name", SHARED)
def test_an_archive_elsewhere_is_the_services_own_word_for_word(name: str) -> None:
    here, there = Stack().resource(name), elsewhere(account=ACCOUNT).resource(name)
    here.pop("Condition", None)
    assert there == here


def test_the_parameters_that_both_have_are_the_same() -> None:
    mine, theirs = (stack.template["Parameters"] for stack in (Stack(), elsewhere()))
    both = set(mine) & set(theirs)
    assert both == {
        "AlarmTopicArn",
        "ArchiveBatchDays",
        "ArchiveMode",
        "ArchiveRetentionDays",
        "LogRetentionDays",
    }
    assert {name: mine[name] for name in both} == {name: theirs[name] for name in both}


def test_the_functions_that_both_have_are_built_alike() -> None:
    mine, theirs = (
        stack.properties("SealFunction") for stack in (Stack(), elsewhere(account=ACCOUNT))
    )
    assert mine["Runtime"] == theirs["Runtime"]
    assert mine["Architectures"] == theirs["Architectures"]


def test_in_another_account_only_the_service_adds_batches() -> None:
    stack = elsewhere()
    assert may("PutObject", ARCHIVER, "batches/a", stack=stack)
    assert not may("PutObject", ARCHIVER, "manifests/a", stack=stack)
    assert not may("GetObjectVersion", ARCHIVER, "batches/a", stack=stack)
    assert not may("PutObject", ARCHIVER.replace("Archive", "Vend"), "batches/a", stack=stack)
    for name in ("ArchiveKey", "SealKey"):
        others = [
            one
            for one in stack.properties(name)["KeyPolicy"]["Statement"]
            if one["Principal"] != {"AWS": f"arn:aws:iam::{OWNER}:root"}
            and "Service" not in one["Principal"]
        ]
        expected = ["kms:GenerateDataKey", "kms:Decrypt"] if name == "ArchiveKey" else []
        assert [one["Action"] for one in others] == expected


def test_in_another_account_the_auditing_function_shows_the_archive_and_changes_nothing() -> None:
    stack = elsewhere()
    for action, key in (("GetObjectVersion", "manifests/a"), ("ListBucketVersions", "")):
        assert may(action, AUDITOR, key, stack=stack)
        assert not may(action, AUDITOR.replace("Audit", "Vend"), key, stack=stack)
    assert not may("PutObject", AUDITOR, "manifests/a", stack=stack)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {
            "ArchiveBucketName": "archive-of-ours",
            "ArchiveKeyArn": f"arn:aws:kms:eu-west-1:{OWNER}:key/1234abcd-12ab-34cd",
        },
    ],
)
def test_the_auditing_function_reads_the_archive_wherever_it_is(parameters: dict[str, str]) -> None:
    stack = Stack(parameters)
    bucket = environment(stack, "AuditFunction")["VEND_ARCHIVE_BUCKET"]
    assert bucket == (parameters.get("ArchiveBucketName") or stack.ref("ArchiveBucket"))
    found = granted(stack, "AuditFunctionRole")
    assert {one for one in found if one[0][:3] == "s3:"} == {
        ("s3:ListBucketVersions", f"arn:aws:s3:::{bucket}"),
        ("s3:GetObjectVersion", f"arn:aws:s3:::{bucket}/*"),
    }
    key = parameters.get("ArchiveKeyArn") or stack.attribute("ArchiveKey", "Arn")
    assert ("kms:Decrypt", key) in found


def test_without_an_archive_the_auditing_function_knows_of_none() -> None:
    stack = Stack({"ArchiveBucketName": "none"})
    assert environment(stack, "AuditFunction")["VEND_ARCHIVE_BUCKET"] == ""
    assert not [one for one, _ in granted(stack, "AuditFunctionRole") if one[:3] == "s3:"]
