"""The JSON Schema of a policy: that of the code, laxer than `parse` at most, never stricter."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import BaseModel

from tests.fakes import POLICY
from tests.policy_documents import as_editors_read, whole_documents
from tools.policy_schema import PAGE, SCHEMA, TABLES, table, text_of
from vendctl.__main__ import main
from vendctl.policy.schema import policy_schema
from vending.policy import Policy
from vending.policy_text import PARTS, PolicyError, parse

ROOT = Path(__file__).parents[3]
CHECKER = Draft7Validator(policy_schema())
ROLE = '[{role: "arn:aws:iam::111122223333:role/payments-ci"}]'
ODD: list[Any] = [
    *(None, True, 0, 1, 1.0, "", "on", "*", "A", "1h", "90s", "0h", "2h", "0090s", "2027-06-30"),
    *("111122223333", "default", "pull", [], {}, [None], ["*"], {"account": "111122223333"}),
    *("arn:aws:sts::111122223333:role/x", "arn:aws:iam::1*:user/a/b", "a\n", "aa"),
]
"""Values that fit somewhere in a policy, and elsewhere do not."""


def takes(document: Any) -> bool:
    return CHECKER.is_valid(as_editors_read(document))


def parses(document: Any) -> bool:
    try:
        parse(yaml.safe_dump(document).encode(), name="policy.yaml")
    except PolicyError:
        return False
    return True


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every mapping and list below `value` with each of its keys."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [one for key in keys for one in places(value[key])]


def read(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_committed_schema_and_the_reference_are_those_of_the_code() -> None:
    assert SCHEMA.read_text() == text_of(policy_schema()), "run make policy-schema"
    for name in TABLES:
        assert table(policy_schema(), name) in PAGE.read_text(), "run make policy-schema"


def test_the_command_prints_what_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "schema"]) == 0
    assert capsys.readouterr().out == SCHEMA.read_text()


def test_it_is_a_schema_and_explains_every_key() -> None:
    schema = policy_schema()
    Draft7Validator.check_schema(schema)
    parts = [schema, *schema["definitions"].values()]
    fields = [one for part in parts for one in part.get("properties", {}).values()]
    models: set[type[BaseModel]] = {Policy, *PARTS.values()}
    assert len(fields) == sum(len(model.model_fields) for model in models)
    assert all("description" in field for field in fields)
    assert all(
        part["additionalProperties"] is False for part in parts if part.get("type") == "object"
    )


@pytest.mark.parametrize("file", ["policy/policy.yaml", "local/policy.yaml"])
def test_the_policies_of_the_repository_are_valid(file: str) -> None:
    assert takes(read((ROOT / file).read_text()))


def test_the_example_names_the_schema_for_editors() -> None:
    first = (ROOT / "policy/policy.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA.name}"


@given(whole_documents())
def test_every_policy_is_valid(document: dict[str, Any]) -> None:
    assert parses(document)
    assert takes(document), next(CHECKER.iter_errors(as_editors_read(document)))


@given(whole_documents(), st.data())
def test_what_parse_takes_is_never_refused(document: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        owner, key = data.draw(st.sampled_from(places(changed)))
        if isinstance(owner, dict) and data.draw(st.booleans()):
            del owner[key]
        else:
            owner[key] = data.draw(st.sampled_from(ODD))
        if not places(changed):
            break
    if parses(changed):
        assert takes(changed), next(CHECKER.iter_errors(as_editors_read(changed)))


@pytest.mark.parametrize(
    ("right", "unusual"),
    [
        (ROLE, '[{role: null, account: "111122223333"}]'),
        (ROLE, '[{account: "111122223333", session: null}]'),
        (ROLE, '[{role: "arn:aws:sts::1*:role/a", session: "?"}]'),
        (ROLE, '[{permission_set: {name: Dev, account: "111122223333", user: null}}]'),
        ("max_ttl: 30m", "max_ttl: 00000059m"),
        ("max_ttl: 30m", "max_ttl: 0h59m60s"),
        ("max_ttl: 30m", "max_ttl: 3600s"),
        ("max_ttl: 30m", "max_ttl: null\n    owner: null\n    expires_on: null"),
        ("version: 1", "version: 1\nceiling: {accounts: null, repositories: [], max_ttl: null}"),
        ("version: 1", "version: 1\ndenies: [{name: a, repositories: [a], callers: null}]"),
    ],
)
def test_what_is_unusual_and_right_is_taken(right: str, unusual: str) -> None:
    assert right in POLICY
    changed = read(POLICY.replace(right, unusual, 1))
    assert parses(changed)
    assert takes(changed), next(CHECKER.iter_errors(changed))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("version: 1", "version: 2"),
        ("version: 1", ""),
        ("max_ttl: 30m", "max_tll: 30m"),
        ("max_ttl: 30m", "max_ttl: 30"),
        ("max_ttl: 30m", "max_ttl: ''"),
        ("max_ttl: 30m", "max_ttl: 2h"),
        ("max_ttl: 30m", "max_ttl: 90m"),
        ("max_ttl: 30m", "break_glass: 'yes'"),
        ("max_ttl: 30m", "registry: EU"),
        ("max_ttl: 30m", "registry: null"),
        ("max_ttl: 30m", "expires_on: soon"),
        ("max_ttl: 30m", "expires_on: 2027-6-30"),
        ("access: push", "access: write"),
        ("access: push", ""),
        ("payments/*,", "Payments/*,"),
        ("payments/*,", "'payments/${aws:username}',"),
        ("name: payments-ci", "name: Payments CI"),
        (ROLE, "[]"),
        (ROLE, "[{}]"),
        (ROLE, "[{session: x}]"),
        (ROLE, "[{account: 111122223333}]"),
        (ROLE, '[{account: "1111"}]'),
        (ROLE, '[{account: "111122223333", session: x}]'),
        (ROLE, '[{account: "111122223333", root: "111122223333"}]'),
        (ROLE, '[{rol: "arn:aws:iam::111122223333:role/payments-ci"}]'),
        (ROLE, '[{role: "arn:aws:iam::111122223333:role/ci/payments-ci"}]'),
        (ROLE, '[{role: "arn:aws:sts::111122223333:assumed-role/payments-ci/run"}]'),
        (ROLE, '[{role: "arn:aws:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcdef"}]'),
        (ROLE, '[{user: "arn:aws:iam::111122223333:role/payments-ci"}]'),
        (ROLE, "[{permission_set: {name: Dev}}]"),
        ("version: 1", "version: 1\ntests: [{caller: x, repository: aa, access: pull}]"),
    ],
)
def test_what_is_wrong_is_refused_as_it_is_typed(right: str, wrong: str) -> None:
    assert takes(read(POLICY))
    assert right in POLICY
    changed = read(POLICY.replace(right, wrong, 1))
    assert not parses(changed)
    assert not takes(changed)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("max_ttl: 30m", "max_ttl: 1h30m"),
        ("max_ttl: 30m", "max_ttl: 0s"),
        ("max_ttl: 30m", "expires_on: '2027-02-31'"),
        ("max_ttl: 30m", "max_ttl: 30m\n    break_glass: true"),
        ("version: 1", "version: 1\ndenies: [&a {name: a, repositories: [aa]}, *a]"),
    ],
)
def test_what_a_schema_cannot_say_is_left_to_parse(right: str, wrong: str) -> None:
    changed = read(POLICY.replace(right, wrong, 1))
    assert not parses(changed)
    assert takes(changed)
