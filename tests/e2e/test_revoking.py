"""Revoking on the emulator: a working token stops working, and its neighbour goes on."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.helper_program import COMMAND
from local.oci import Refused, small_image
from tests.e2e.running import running, send
from tests.people import unsealed
from vending import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

REASON = {"reason": "a test of revoking"}
KEEP_UP = {"keep_up": "revocations"}


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """A stack of its own: revoking everything would reach the tokens of other tests."""
    with running() as stack:
        client = stack.with_token(stack.vend("payments-publisher", access="push"))
        client.push("payments/api", "revoking", small_image("revoking"))
        yield stack


def pulls(stack: Stack, token: dict[str, Any]) -> bool:
    """Say whether a token pulls, or an explicit deny stops it.

    Raises:
        Refused: Something else stops it.
    """
    try:
        stack.with_token(token).pull("payments/api", "revoking")
    except Refused as refusal:
        if refusal.code == "DENIED" and "with an explicit deny" in refusal.message:
            return False
        raise
    return True


def call(
    stack: Stack, method: str, path: str, role: str = "incident-responder", **body: Any
) -> tuple[int, dict[str, Any]]:
    content = json.dumps(body).encode() if body else None
    return send(stack.signed(method, path, stack.as_role(role), content))


def revoke(stack: Stack, **what: str) -> dict[str, Any]:
    status, answer = call(stack, "POST", "/v1/revocations", **REASON, **what)
    assert status == 200, answer
    assert set(answer["registries"].values()) == {"denied"}
    return answer


def key_of(stack: Stack, role: str) -> str:
    _, answer = call(stack, "GET", "/v1/whoami", role)
    return str(answer["caller"]["key"])


def test_a_revoked_token_stops_working_and_its_neighbour_goes_on(own: Stack) -> None:
    token, neighbour = own.vend("payments-ci"), own.vend("payments-ci")
    assert pulls(own, token)
    revoke(own, vend_id=token["vend_id"])
    assert not pulls(own, token)
    assert pulls(own, neighbour)
    assert pulls(own, own.vend("payments-ci"))


def test_a_blocked_callers_tokens_stop_working_and_it_gets_no_more_until_it_is_let_in(
    own: Stack,
) -> None:
    tokens = [own.vend("payments-ci"), own.vend("payments-ci")]
    neighbour = own.vend("payments-publisher")
    assert all(pulls(own, token) for token in tokens)
    made = revoke(own, caller=key_of(own, "payments-ci"))
    assert not any(pulls(own, token) for token in tokens)
    assert pulls(own, neighbour)
    status, answer = call(own, "POST", "/v1/tokens", "payments-ci", access="pull")
    assert (status, answer["code"]) == (403, "revoked")
    status, answer = call(own, "DELETE", f"/v1/revocations/{made['id']}")
    assert (status, answer["blocked"]) == (200, False)
    time.sleep(1)  # the second in which the block was lifted counts as before
    assert pulls(own, own.vend("payments-ci"))
    assert not any(pulls(own, token) for token in tokens)


def test_everything_before_a_moment_stops_working_and_what_comes_after_works(own: Stack) -> None:
    tokens = [own.vend("payments-ci"), own.vend("payments-publisher", access="push")]
    assert all(pulls(own, token) for token in tokens)
    made = revoke(own, before="now")
    assert not any(pulls(own, token) for token in tokens)
    time.sleep(1)  # the second that was not over is revoked with the rest
    assert pulls(own, own.vend("payments-ci"))
    assert datetime.fromisoformat(made["target"]) <= datetime.now(UTC)


def test_who_is_not_named_in_the_policy_may_not_revoke(own: Stack) -> None:
    status, answer = call(own, "POST", "/v1/revocations", "meddler", **REASON, before="now")
    assert (status, answer["code"]) == (403, "not_a_revoker")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/revocations"),
        ("GET", "/v1/revocations"),
        ("DELETE", "/v1/revocations/r-aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ],
)
def test_who_may_vend_may_not_even_call_the_revoking_routes(
    own: Stack, method: str, path: str
) -> None:
    status, answer = call(own, method, path, "payments-ci")
    assert status == 403
    assert "execute-api:Invoke" in json.dumps(answer)


def test_revocations_are_listed_and_on_record(own: Stack) -> None:
    made = revoke(own, vend_id=own.vend("payments-ci")["vend_id"])
    _, answer = call(own, "GET", "/v1/revocations")
    assert made in answer["revocations"]
    found = own.client("dynamodb").query(
        TableName=own.about["outputs"]["LedgerTableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"revocation#{made['id']}"}},
    )["Items"]
    assert [item["sk"]["S"][-8:] for item in found] == ["#1#begun", "#2#ended"]
    by = unsealed(found[0], own.person_keys())["caller"]["arn"]
    assert by.endswith("/incident-responder/tests")
    assert found[1]["registries"]["M"].popitem()[1] == {"S": "denied"}


def test_the_client_revokes_lists_and_lifts(own: Stack, cache: Path) -> None:
    environment = own.helper_environment(own.as_role("incident-responder"), cache)
    command = Path(own.about["programs"]) / COMMAND

    def told(*words: str) -> Any:
        done = subprocess.run(
            [command, "revoke", *words, "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    token = own.vend("payments-ci")
    assert token["vend_id"] == told("vend", token["vend_id"], "--reason", "a test")["target"]
    assert not pulls(own, token)
    made = told("caller", key_of(own, "payments-developer"), "--reason", "a test")
    assert made["id"] in {one["id"] for one in told("list")["revocations"]}
    assert told("lift", made["id"])["blocked"] is False


def test_a_vend_in_flight_that_is_blocked_meanwhile_yields_nothing(own: Stack) -> None:
    # As a caller's block that arrives after the vend has looked: this one stands for a vend that
    # is asked for before a moment which is still to come, so only the last look can find it.
    table, dynamodb = own.physical("BlockTable"), own.client("dynamodb")
    late = str(int((time.time() + 3600) * 1000))
    for key in blocks.copies_of_everything():
        item = {"pk": {"S": key}, "sk": {"S": blocks.BLOCK}, blocks.BEFORE: {"N": late}}
        dynamodb.put_item(TableName=table, Item=item)
    try:
        status, answer = call(own, "POST", "/v1/tokens", "payments-ci", access="pull")
    finally:
        for key in blocks.copies_of_everything():
            dynamodb.delete_item(TableName=table, Key={"pk": {"S": key}, "sk": {"S": blocks.BLOCK}})
    assert (status, answer["code"]) == (403, "revoked")
    records = dynamodb.query(
        TableName=own.about["outputs"]["LedgerTableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"vend#{answer['vend_id']}"}},
    )["Items"]
    assert [item["sk"]["S"] for item in records] == ["1#intent", "2#outcome"]
    assert records[0]["role"]["S"].endswith("ecr-vend-pull")
    assert records[1]["outcome"]["S"] == "refused"


def test_the_schedule_heals_a_policy_that_somebody_changed(own: Stack) -> None:
    token = own.vend("payments-ci")
    revoke(own, vend_id=token["vend_id"])
    assert not pulls(own, token)
    other = [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]
    open_to_all = {"Version": "2012-10-17", "Statement": other}
    own.client("iam").create_policy_version(
        PolicyArn=own.physical("PullRevocations"),
        PolicyDocument=json.dumps(open_to_all),
        SetAsDefault=True,
    )
    assert pulls(own, token)
    answer = own.client("lambda").invoke(
        FunctionName=own.physical("RevokeFunction"), Payload=json.dumps(KEEP_UP).encode()
    )
    assert json.loads(answer["Payload"].read()) == {"pending": 0}
    assert not pulls(own, token)


def test_the_revoking_function_may_touch_no_other_policy(own: Stack) -> None:
    # Its role is held by Lambda alone; what it may do is asked of IAM itself.
    with pytest.raises(ClientError, match="AccessDenied"):
        own.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::000000000000:role/{own.physical('RevokeFunctionRole')}",
            RoleSessionName="tests",
        )


def test_when_the_policies_are_full_the_answer_is_409_and_the_block_stays(own: Stack) -> None:
    # Straight into the table: a hundred and eighty calls would take their time.
    table, dynamodb = own.physical("BlockTable"), own.client("dynamodb")
    stood = made_up(200)
    for item in stood:
        dynamodb.put_item(TableName=table, Item=item)
    try:
        token = own.vend("payments-ci")
        status, answer = call(own, "POST", "/v1/revocations", **REASON, vend_id=token["vend_id"])
        assert (status, answer["code"]) == (409, "revocations_full")
        assert set(answer["revocation"]["registries"].values()) == {"full"}
        assert answer["revocation"]["blocked"] is True
        assert pulls(own, token)
    finally:
        for item in stood:
            dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})


def made_up(number: int) -> list[dict[str, Any]]:
    """Return the items of revoked vends."""
    from vending.ledger import attributes_of
    from vending.revocation_items import item_of
    from vending.revocations import Kind, Revocation
    from vending.vend_ids import new_vend_id

    now = datetime.now(UTC)
    return [
        attributes_of(
            item_of(Revocation(Kind.VEND, new_vend_id(now), "x", "arn:x", "key", now, "turn", now))
        )
        for _ in range(number)
    ]
