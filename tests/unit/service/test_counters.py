"""The counters' table: what is asked of DynamoDB, and what its errors mean."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from tests.fakes import NOW
from vending.budgets import CountersThrottled, CountersUnavailable, Hour
from vending.counters import DynamoCounters


@pytest.fixture
def stub() -> Stubber:
    client: Any = botocore.session.Session().create_client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="AKIAFUNCTIONSOWN0000",
        aws_secret_access_key="own-secret",
    )
    return Stubber(client)


def add(stub: Stubber) -> int:
    client: Any = stub.client
    with stub:
        return DynamoCounters(client, "budgets").add("caller#aws:1:AROA", Hour.of(NOW))


def test_one_atomic_addition_counts_and_tells_the_sum(stub: Stubber) -> None:
    expected = {
        "TableName": "budgets",
        "Key": {"pk": {"S": "caller#aws:1:AROA"}, "sk": {"S": "2026-11-23T20"}},
        "UpdateExpression": "ADD spent :one SET expires_at = :expires",
        # Two hours after the hour began: 2026-11-23T22:00:00Z.
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":expires": {"N": "1795471200"}},
        "ReturnValues": "UPDATED_NEW",
    }
    answer = {"Attributes": {"spent": {"N": "7"}, "expires_at": {"N": "1795471200"}}}
    stub.add_response("update_item", answer, expected)
    assert add(stub) == 7


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    ],
)
def test_a_throttle_is_told_from_a_failure(stub: Stubber, code: str) -> None:
    stub.add_client_error("update_item", code)
    with pytest.raises(CountersThrottled, match=code):
        add(stub)


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "InternalServerError", "ResourceNotFoundException"],
)
def test_any_other_error_is_a_failure(stub: Stubber, code: str) -> None:
    stub.add_client_error("update_item", code)
    with pytest.raises(CountersUnavailable, match=code):
        add(stub)


@pytest.mark.parametrize("error", [ConnectTimeoutError, ReadTimeoutError])
def test_no_answer_is_a_failure(stub: Stubber, error: Any) -> None:
    def hang(**_: Any) -> None:
        raise error(endpoint_url="https://dynamodb")

    stub.client.meta.events.register("before-send.dynamodb", hang)
    client: Any = stub.client
    with pytest.raises(CountersUnavailable, match=error.__name__):
        DynamoCounters(client, "budgets").add("asks#aws:1:AROA", Hour.of(NOW))
