"""Who is asking, from the identity that API Gateway verified."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fakes import caller, event
from vending.caller import Caller, CallerKind, caller_of
from vending.errors import Code, Refused

KINDS = {
    "assumed-role": CallerKind.ROLE,
    "partner-role": CallerKind.ROLE,
    "assumed-role-aws-cn": CallerKind.ROLE,
    "assumed-role-aws-us-gov": CallerKind.ROLE,
    "private-api": CallerKind.ROLE,
    "iam-user": CallerKind.USER,
    "identity-center": CallerKind.IDENTITY_CENTER,
    "federated-user": CallerKind.FEDERATED,
    "root": CallerKind.ROOT,
}


def refusal(changed: dict[str, Any]) -> Code:
    with pytest.raises(Refused) as caught:
        caller_of(changed)
    return caught.value.refusal.code


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_each_kind_of_caller_is_recognised(name: str, kind: CallerKind) -> None:
    found, origin = caller_of(event(name))
    identity = event(name)["requestContext"]["identity"]
    assert found.kind is kind
    assert found.account == identity["accountId"]
    assert found.arn == identity["userArn"]
    assert origin.source_ip == identity["sourceIp"]


def test_a_role_in_another_partition_keeps_its_partition() -> None:
    assert caller_of(event("assumed-role-aws-cn"))[0].partition == "aws-cn"
    assert caller_of(event("assumed-role-aws-us-gov"))[0].partition == "aws-us-gov"


def test_a_user_keeps_its_path_and_a_role_has_none() -> None:
    assert caller_of(event("iam-user"))[0].path != "/"
    assert caller_of(event("assumed-role"))[0].path == "/"


def test_a_private_caller_brings_its_vpc() -> None:
    _, origin = caller_of(event("private-api"))
    assert origin.vpc.startswith("vpc-")
    assert origin.vpc_endpoint.startswith("vpce-")


def test_a_console_test_invocation_is_refused() -> None:
    assert refusal(event("console-test")) is Code.TEST_INVOCATION
    changed = event("assumed-role")
    changed["requestContext"]["stage"] = "test-invoke-stage"
    assert refusal(changed) is Code.TEST_INVOCATION


@pytest.mark.parametrize(
    "identity",
    [
        {"userArn": None},
        {"userArn": "arn:aws:iam::111122223333:group/admins"},
        {"userArn": "arn:aws:sts::111122223333:assumed-role/a/path/session"},
        {"userArn": "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1\n"},
        {"caller": None},
        {"caller": "AROAEXAMPLEEXAMPLE12:another-session"},
        {"caller": "AIDAEXAMPLEEXAMPLE12:run-1"},
        {"accountId": "999988887777"},
        {"sourceIp": ""},
        {"sourceIp": "not-an-address"},
    ],
)
def test_an_identity_that_does_not_add_up_is_refused(identity: dict[str, Any]) -> None:
    assert refusal(event("assumed-role", **identity)) is Code.UNSUPPORTED_CALLER


def test_an_event_without_an_identity_is_refused() -> None:
    assert refusal({}) is Code.UNSUPPORTED_CALLER
    assert refusal({"requestContext": None}) is Code.UNSUPPORTED_CALLER


def test_the_session_name_is_no_part_of_the_key() -> None:
    one = caller("arn:aws:sts::111122223333:assumed-role/payments-ci/one")
    two = caller("arn:aws:sts::111122223333:assumed-role/payments-ci/two")
    assert one.key == two.key
    assert one.source_identity == two.source_identity


def test_identity_center_users_have_keys_of_their_own() -> None:
    role = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef"
    one, two = caller(f"{role}/ana@example.com"), caller(f"{role}/bo@example.com")
    assert one.key != two.key
    assert one.source_identity.startswith("ana@example.com.")


def test_federated_users_of_an_account_share_a_key_since_they_choose_their_names() -> None:
    found, _ = caller_of(event("federated-user"))
    other = event("federated-user")
    identity = other["requestContext"]["identity"]
    identity["userArn"] = identity["userArn"] + "2"
    identity["caller"] = identity["caller"] + "2"
    assert caller_of(other)[0].key == found.key


@pytest.mark.parametrize(
    "name", ["x", "a" * 64, "payments-ci", "aws:evil", "ünïcode", "with space", "aws"]
)
def test_a_source_identity_is_one_that_sts_takes(name: str) -> None:
    found = Caller(CallerKind.ROLE, "aws", "111122223333", "AROAX", name, "/", "", "arn")
    assert re.fullmatch(r"[\w+=,.@-]{2,64}", found.source_identity, re.ASCII)
    assert not found.source_identity.startswith("aws:")
