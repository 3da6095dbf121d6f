"""The checks of a deployed stack: each can hold, and each comes out otherwise when it should."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pytest

from tests.unit.tools.live_world import BY_IAM, check, served, verdict, world
from tools.live_check.__main__ import tried
from tools.live_check.made import MADE_BY, TAGS, document, remove_leftovers

VEND_ARN = "arn:aws:lambda:eu-west-1:111122223333:function:ecr-vend-VendFunction"
TIED = {
    "Sid": "OnlyAsTheFunction",
    "Effect": "Deny",
    "NotAction": ["logs:PutLogEvents"],
    "Resource": "*",
    "Condition": {"ArnNotLike": {"lambda:SourceFunctionArn": [VEND_ARN, f"{VEND_ARN}:*"]}},
}


def said(own: str, other: str) -> dict[str, Any]:
    """Return the answers of a Lambda whose functions say so."""
    active = {"State": "Active", "LastUpdateStatus": "Successful"}

    def invoked(parameters: dict[str, Any]) -> dict[str, Any]:
        text = other if parameters["FunctionName"].endswith("-other-function") else own
        return {"Payload": io.BytesIO(json.dumps(text).encode())}

    return {
        "iam.GetRolePolicy": {"PolicyDocument": document([TIED])},
        "lambda.GetFunction": {"Configuration": active},
        "lambda.GetFunctionConfiguration": active,
        "lambda.PublishVersion": {"Version": "1"},
        "lambda.Invoke": invoked,
    }


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("allowed", "AccessDeniedException", "holds"),
        ("allowed", "allowed", "does not hold"),
        ("AccessDeniedException", "AccessDeniedException", "does not hold"),
        ("allowed", "ThrottlingException", "does not hold"),
    ],
)
def test_a_role_that_is_tied_to_a_function_works_there_alone(
    own: str, other: str, expected: str
) -> None:
    assert verdict("function-role", said(own, other))[0] == expected


def test_the_role_is_tied_as_the_stacks_own_is_and_to_the_checks_function() -> None:
    tested = world(answers=said("allowed", "AccessDeniedException"))
    tried(check("function-role"), tested)
    ((_, put),) = [one for one in tested.aws.asked if one[0] == "iam.PutRolePolicy"]
    allow, deny = json.loads(put["PolicyDocument"])["Statement"]
    own = "arn:aws:lambda:eu-west-1:111122223333:function:ecr-vend-check-function"
    assert allow["Action"] == "ecr:GetAuthorizationToken"
    assert deny == json.loads(json.dumps(TIED).replace(VEND_ARN, own))
    assert own in json.dumps(deny)


def test_a_function_that_breaks_proves_nothing() -> None:
    broken = {
        "lambda.Invoke": lambda _: {"Payload": io.BytesIO(b"{}"), "FunctionError": "Unhandled"}
    }
    assert verdict("function-role", said("", "") | broken)[0] == "could not tell"


@pytest.mark.parametrize(
    ("snap", "expected"),
    [
        ({"ApplyOn": "None", "OptimizationStatus": "Off"}, "could not tell"),
        ({"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}, "does not hold"),
        ({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}, "holds"),
    ],
)
def test_a_snapshot_starts_where_lambda_made_one(snap: dict[str, str], expected: str) -> None:
    assert (
        verdict("snapstart", {"lambda.GetFunctionConfiguration": {"SnapStart": snap}})[0]
        == expected
    )


@pytest.mark.parametrize(
    ("status", "expected"), [("DELETE_COMPLETE", "holds"), ("DELETE_FAILED", "does not hold")]
)
def test_a_stack_that_cannot_delete_its_policy_is_told_so(status: str, expected: str) -> None:
    states = iter(["CREATE_COMPLETE"])

    def stacks(_: dict[str, Any]) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": next(states, status)}]}

    assert verdict("policy-versions", {"cloudformation.DescribeStacks": stacks})[0] == expected


def not_named(request: str, role: str) -> httpx.Response:
    if "revocations" in request:
        return httpx.Response(403, json={"code": "not_a_revoker"})
    told = {"password": "p", "vend_id": "v-0", "expires_at": "2100-01-01T00:00:00Z"}
    return httpx.Response(200, json=told)


def test_without_a_revoker_in_the_policy_the_revocation_cannot_be_told() -> None:
    outcome, saw = verdict("revocation", {}, not_named)
    assert (outcome, "docs/live-check.md" in saw) == ("could not tell", True)


def deployed(status: str, events: dict[str, str]) -> dict[str, Any]:
    """Return the answers of a CodeDeploy with one deployment."""
    told = [{"lifecycleEventName": name, "status": one} for name, one in events.items()]
    return {
        "codedeploy.ListDeployments": {"deployments": ["d-1"]},
        "codedeploy.GetDeployment": {
            "deploymentInfo": {"status": status, "deploymentConfigName": "Canary"}
        },
        "codedeploy.ListDeploymentTargets": {"targetIds": ["t"]},
        "codedeploy.GetDeploymentTarget": {
            "deploymentTarget": {"lambdaTarget": {"lifecycleEvents": told}}
        },
    }


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (deployed("Succeeded", {"BeforeAllowTraffic": "Succeeded"}), "holds"),
        (deployed("Succeeded", {}), "does not hold"),
        (deployed("Failed", {"BeforeAllowTraffic": "Failed"}), "does not hold"),
        ({"codedeploy.ListDeployments": {"deployments": []}}, "could not tell"),
    ],
)
def test_the_canary_is_read_from_the_last_deployment(
    answers: dict[str, Any], expected: str
) -> None:
    assert verdict("canary", answers)[0] == expected


DENIED = "AccessDeniedException: with an explicit deny in a resource-based policy"


@pytest.mark.parametrize("name", ["table-changes", "table-puts", "block-table"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (DENIED, "holds"),
        ("AccessDeniedException: no identity-based policy allows it", "could not tell"),
        ("ConditionalCheckFailedException: no", "does not hold"),
    ],
)
def test_a_write_must_be_stopped_by_the_tables_own_policy(
    name: str, answer: str, expected: str
) -> None:
    tries = dict.fromkeys((f"dynamodb.{verb}Item" for verb in ("Put", "Update", "Delete")), answer)
    assert verdict(name, tries)[0] == expected


def test_each_table_is_tried_and_no_write_could_change_anything() -> None:
    for name, table in (
        ("table-changes", "ledger"),
        ("table-puts", "ledger"),
        ("block-table", "ecr-vend-BlockTable"),
    ):
        tested = world(answers={})
        tried(check(name), tested)
        assert {how["TableName"] for _, how in tested.aws.asked} == {table}
        assert {how["ConditionExpression"] for _, how in tested.aws.asked} == {
            "attribute_exists(pk)"
        }


def api_of(kind: str) -> dict[str, Any]:
    return {"apigateway.GetRestApi": {"endpointConfiguration": {"types": [kind]}}}


def unreached(request: str, role: str) -> httpx.Response:
    raise httpx.ConnectError("no route")


def refused(request: str, role: str) -> httpx.Response:
    return httpx.Response(403, json=BY_IAM)


@pytest.mark.parametrize(
    ("kind", "api", "expected"),
    [
        ("REGIONAL", served, "could not tell"),
        ("PRIVATE", served, "holds"),
        ("PRIVATE", refused, "does not hold"),
        ("PRIVATE", unreached, "could not tell"),
    ],
)
def test_a_private_api_must_let_its_callers_in(kind: str, api: Any, expected: str) -> None:
    assert verdict("private-callers", api_of(kind), api)[0] == expected


def test_iams_refusal_of_the_check_itself_is_no_verdict_on_the_ledger() -> None:
    assert verdict("ledger-key", {}, refused)[0] == "could not tell"


def standing(made_by: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    """Return the answers of an account in which everything of these names stands."""
    absent = "ValidationError: does not exist"
    gone: list[bool] = []

    def stacks(_: dict[str, Any]) -> Any:
        return absent if gone else {"Stacks": [{"Tags": tags}]}

    def delete_stack(_: dict[str, Any]) -> dict[str, Any]:
        gone.append(True)
        return {}

    return {
        "ecr.DescribeRepositories": {"repositories": [{"repositoryArn": "arn"}]},
        "ecr.ListTagsForResource": {"tags": tags},
        "lambda.GetFunction": {"Configuration": {"Description": made_by}},
        "cloudformation.DescribeStacks": stacks,
        "cloudformation.DeleteStack": delete_stack,
        "iam.ListPolicyVersions": {
            "Versions": [
                {"VersionId": "v1", "IsDefaultVersion": False},
                {"VersionId": "v2", "IsDefaultVersion": True},
            ]
        },
        "iam.GetRole": {"Role": {"Description": made_by}},
        "iam.ListRolePolicies": {"PolicyNames": ["only"]},
    }


def removals(answers: dict[str, Any]) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """Return what is told to be removed, and the operations that remove."""
    tested = world(answers=answers)
    told = remove_leftovers(tested)
    return told, [asked for asked in tested.aws.asked if "Delete" in asked[0]]


def test_all_that_a_killed_run_can_have_left_is_removed() -> None:
    told, deleted = removals(standing(MADE_BY, TAGS))
    names = ("one", "two", "function", "other-function", "policy")
    roles = ("holder", "caller", "revoker", "function-role")
    assert [one.removeprefix("ecr-vend-check")[1:] for one in told] == [*names, *roles]
    # CloudFormation would refuse the rest, and IAM the default one.
    assert [how["VersionId"] for what, how in deleted if what == "iam.DeletePolicyVersion"] == [
        "v1"
    ]
    assert [what for what, _ in deleted].count("lambda.DeleteFunction") == 2


def test_what_others_have_made_under_these_names_stays() -> None:
    assert removals(standing("theirs", [])) == ([], [])
