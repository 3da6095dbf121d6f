"""A policy's mistakes are named with line, key and cure; a good policy means what it says."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.fakes import POLICY, caller
from vending.caller_patterns import CallerPattern
from vending.policy_text import MOST_BYTES, PolicyError, parse, revision_of

ROLE = "arn:aws:sts::111122223333:assumed-role"


def mistakes(text: str | bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        parse(text.encode() if isinstance(text, str) else text, name="policy.yaml")
    return str(caught.value)


def aliases_that_multiply() -> bytes:
    lines = [f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]" for old, new in pairwise("abcdefg")]
    return "\n".join(["a: &a [1]", *lines]).encode()


def is_for(pattern: dict[str, Any], arn: str) -> bool:
    return CallerPattern.model_validate(pattern).matches(caller(arn))


def test_a_good_policy_is_read() -> None:
    text = POLICY + "    expires_on: 2027-06-30\n    bind_source_ip: true\n"
    grant = parse(text.encode(), name="policy.yaml").grants[0]
    assert grant.max_ttl == timedelta(minutes=30)
    assert grant.expires_on == date(2027, 6, 30)
    assert grant.bind_source_ip
    assert grant.registry == "default"


def test_every_problem_is_reported_at_once_each_at_its_place() -> None:
    text = POLICY.replace("access: push", "access: write").replace("max_ttl: 30m", "max_tll: 30m")
    lines = mistakes(text).splitlines()
    assert lines[0].startswith("policy.yaml:6:13: grants[0].access: 'write' is none of pull, push")
    assert lines[1].startswith("policy.yaml:7:5: grants[0].max_tll: there is no key `max_tll`")
    assert lines[1].endswith("did you mean `max_ttl`?")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("wrong", "right", "cure"),
    [
        ("role/payments-ci", "role/ci/payments-ci", "arn:aws:iam::111122223333:role/payments-ci"),
        (
            "iam::111122223333:role/payments-ci",
            "sts::111122223333:assumed-role/payments-ci/run",
            "name the role, not a session: arn:aws:iam::111122223333:role/payments-ci",
        ),
        (
            "role/payments-ci",
            "role/AWSReservedSSO_Dev_0123456789abcdef",
            'permission_set: {name: Dev, account: "111122223333"}',
        ),
        ("payments/*,", "'payments/${aws:username}',", "is no repository pattern"),
        ("payments/*,", "Payments/*,", "lower-case"),
        ("max_ttl: 30m", "max_ttl: 2h", "a token lives from 1s to 1h"),
        ("max_ttl: 30m", "max_ttl: 30", "write it like 30m"),
        ("max_ttl: 30m", "expires_on: soon", "write it like 2027-06-30"),
        ("max_ttl: 30m", "max_ttl: ''", "is no duration"),
        ("version: 1", "version: 2", "input should be 1"),
        ("version: 1", "version: yes", "True is no version: write `version: 1`"),
        ("version: 1", "version: 1\nversion: 1", "stands twice"),
        ("version: 1", "version: 1\nceiling: {accounts: [111122223333]}", '"111122223333"'),
        ('callers: [{role: "', 'callers: [{session: x, role: "', ""),
    ],
)
def test_a_mistake_comes_with_its_cure(wrong: str, right: str, cure: str) -> None:
    text = POLICY.replace(wrong, right)
    assert text != POLICY
    if cure:
        assert cure in mistakes(text)
    else:
        parse(text.encode(), name="policy.yaml")


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"session": "x"},
        {"account": "111122223333", "session": "x"},
        {"account": "111122223333", "root": "111122223333"},
    ],
)
def test_a_caller_is_named_in_exactly_one_way(pattern: dict[str, Any]) -> None:
    text = POLICY.replace('[{role: "arn:aws:iam::111122223333:role/payments-ci"}]', f"[{pattern}]")
    assert "grants[0].callers[0]" in mistakes(text)


def test_two_grants_of_one_name_are_refused() -> None:
    entry = POLICY.split("grants:\n")[1]
    assert "two grants are called 'payments-ci'" in mistakes(POLICY + entry)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"- 1",
        b"a: [",
        b"a: &a [*a]",
        b"\xff\xfe\xfa",
        b"\x00",
        b"version: 1\ngrants:\n- {name: a, expires_on: 2027-02-31}",
        b"[" * 100_000,
        b"1: 2",
        b"!!python/object:os.system x",
        b"version: !!bool maybe",
        b"version: !!int ''",
        b"version: !!timestamp soon",
        b"x" * (MOST_BYTES + 1),
        aliases_that_multiply(),
    ],
)
def test_what_is_no_policy_is_refused_in_words(text: bytes) -> None:
    assert mistakes(text).startswith("policy.yaml:")


def test_a_revision_names_exactly_one_text() -> None:
    assert revision_of(b"a") != revision_of(b"a ")
    assert revision_of(b"a") == revision_of(b"a")


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        ("arn:aws:iam::111122223333:role/payments-ci", f"{ROLE}/payments-ci/x", True),
        ("arn:aws:iam::111122223333:role/payments-*", f"{ROLE}/payments-ci/x", True),
        ("arn:aws:iam::111122223333:role/payments", f"{ROLE}/payments-ci/x", False),
        ("arn:aws:iam::444455556666:role/payments-ci", f"{ROLE}/payments-ci/x", False),
        ("arn:aws-cn:iam::111122223333:role/payments-ci", f"{ROLE}/payments-ci/x", False),
        ("arn:aws:iam::*:role/payments-ci", f"{ROLE}/payments-ci/x", True),
    ],
)
def test_roles_match_on_partition_account_and_name(pattern: str, arn: str, matches: bool) -> None:
    assert is_for({"role": pattern}, arn) is matches


def test_a_session_matches_only_where_the_policy_opts_in() -> None:
    role = "arn:aws:iam::111122223333:role/payments-ci"
    assert is_for({"role": role}, f"{ROLE}/payments-ci/anything")
    assert is_for({"role": role, "session": "main-*"}, f"{ROLE}/payments-ci/main-7")
    assert not is_for({"role": role, "session": "main-*"}, f"{ROLE}/payments-ci/branch")


def test_a_break_glass_grant_that_wants_longer_than_it_may_is_refused_with_the_cure() -> None:
    text = POLICY + "    break_glass: true\n"
    assert "policy.yaml:8:18: grants[0].break_glass: a break-glass token lives at most 15m" in (
        mistakes(text)
    )
    short = text.replace("max_ttl: 30m", "max_ttl: 15m")
    assert parse(short.encode(), name="policy.yaml").grants[0].longest == timedelta(minutes=15)
    unsaid = text.replace("    max_ttl: 30m\n", "")
    assert parse(unsaid.encode(), name="policy.yaml").grants[0].longest == timedelta(minutes=15)


def test_revokers_are_callers_that_the_document_names() -> None:
    assert not parse(POLICY.encode(), name="policy.yaml").lets_revoke(caller())
    text = POLICY + "revokers:\n  - role: arn:aws:iam::111122223333:role/incident-*\n"
    policy = parse(text.encode(), name="policy.yaml")
    assert policy.lets_revoke(caller(f"{ROLE}/incident-responder/jo"))
    assert not policy.lets_revoke(caller())
    wrong = text.replace("- role: arn", "- rol: arn")
    assert "revokers[0].rol: there is no key `rol` here: did you mean `role`?" in mistakes(wrong)


def test_a_role_pattern_never_matches_an_identity_center_role() -> None:
    signed_in = f"{ROLE}/AWSReservedSSO_Dev_0123456789abcdef/jo@example.com"
    assert not is_for({"role": "arn:aws:iam::111122223333:role/*"}, signed_in)
    assert is_for({"permission_set": {"name": "Dev", "account": "111122223333"}}, signed_in)
    named = {"name": "Dev", "account": "111122223333", "user": "bo@example.com"}
    assert not is_for({"permission_set": named}, signed_in)
    assert not is_for({"permission_set": {"name": "De", "account": "111122223333"}}, signed_in)


def test_a_glob_never_crosses_a_separator() -> None:
    user = "arn:aws:iam::111122223333:user/teams/payments/alice"
    assert is_for({"user": "arn:aws:iam::111122223333:user/teams/payments/*"}, user)
    assert not is_for({"user": "arn:aws:iam::111122223333:user/teams/*"}, user)
    assert not is_for({"user": "arn:aws:iam::111122223333:user/*"}, user)
    assert not is_for({"user": "arn:aws:iam::111122223333:user/teams?payments/alice"}, user)


def test_other_kinds_match_by_their_own_keys_only() -> None:
    root = "arn:aws:iam::111122223333:root"
    assert is_for({"root": "111122223333"}, root)
    assert not is_for({"role": "arn:aws:iam::111122223333:role/*"}, root)
    federated = "arn:aws:sts::111122223333:federated-user/build"
    assert is_for({"federated_user": "arn:aws:sts::111122223333:federated-user/b*"}, federated)
    assert not is_for({"user": "arn:aws:iam::111122223333:user/build"}, federated)
    assert is_for({"account": "111122223333"}, federated)
    assert not is_for({"account": "444455556666"}, federated)


def test_a_duration_is_read_in_full_however_many_zeros_it_begins_with() -> None:
    text = POLICY.replace("30m", "0000000059m")
    assert parse(text.encode(), name="policy.yaml").grants[0].max_ttl == timedelta(minutes=59)
