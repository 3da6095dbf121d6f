"""The shapes that others rely on, as flat tables: name → what it is. See docs/compatibility.md.

    PYTHONPATH=functions:client/src:. python -m tests.unit.compatibility.shapes

adds what is new to what has been promised, and changes nothing that is there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditing import archive_messages
from auditing import messages as audit_messages
from ecr_vend.layers import KEYS, TABLE_KEYS
from reconciling.findings import Finding, Kind, Span
from reconciling.sources import LedgerRecords
from tests.fake_people import FakePeople
from tests.fakes import NOW as THEN
from tests.fakes import ORIGIN, FakePolicies, caller, vending
from tests.revoking import KEY, World
from tests.unit.service.test_ledger import FakeKms, FakeTable, flood, ledger
from tools.template.translation import source
from vending import messages, revocation_messages
from vending.errors import Code, Refusal
from vending.policy import Policy
from vending.policy_problems import RULES
from vending.revocation_ledger import RevocationLedger
from vending.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

Shape = dict[str, str]

REQUESTS = (
    messages.TokenRequest,
    revocation_messages.RevocationRequest,
    audit_messages.LookupRequest,
    audit_messages.VendsQuery,
    audit_messages.AccessQuery,
    archive_messages.ArchiveQuery,
    archive_messages.ObjectQuery,
    archive_messages.RecordsRequest,
)
ANSWERS = (
    messages.TokenResponse,
    messages.DryRunResponse,
    messages.WhoamiResponse,
    revocation_messages.RevocationShown,
    revocation_messages.RevocationsResponse,
    audit_messages.VendsResponse,
    audit_messages.AccessResponse,
    archive_messages.ArchiveResponse,
    archive_messages.ObjectResponse,
    archive_messages.RecordsResponse,
)

PROMISED = Path(__file__).resolve().parents[2] / "vectors/compatible.json"

OPEN = {"evidence", "registries", "repositories", "scope", "seconds"}
"""Maps of records whose keys are no names of ours, or come and go."""

KEPT = "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup"
"""Resources that must outlive an upgrade: another logical id would make them anew, empty."""

NAMED = "AWS::IAM::Role", "AWS::AppConfig::Application", "AWS::Serverless::Api"
"""Resources that others may name."""

POLICY = """\
version: 1
ceiling: {accounts: ["111122223333"], repositories: [payments/*, search/*]}
grants:
  - name: payments-ci
    callers: [{role: "arn:aws:iam::111122223333:role/payments-ci"}]
    repositories: [payments/*]
    access: push
    bind_source_ip: true
denies:
  - {name: embargo, repositories: [payments/ledger]}
"""


def of_models(*models: type[BaseModel]) -> Shape:
    """Return each field of some models, and of the models in them."""
    found: Shape = {}
    for model in models:
        schema = model.model_json_schema()
        objects = {schema["title"]: schema, **schema.get("$defs", {})}
        for name, one in objects.items():
            for key, value in one.get("properties", {}).items():
                needed = "" if key in one.get("required", ()) else ", may be absent"
                found[f"{name}.{key}"] = kind_of(value) + needed
            if "enum" in one:
                found |= {f"{name}={value}": "value" for value in one["enum"]}
    return found


def kind_of(value: dict[str, Any]) -> str:
    """Return what JSON a field takes."""
    if "anyOf" in value:
        return " or ".join(sorted(map(kind_of, value["anyOf"])))
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "items" in value:
        return f"list of {kind_of(value['items'])}"
    if "enum" in value:
        return f"one of {', '.join(value['enum'])}"
    if "const" in value:
        return f"always {value['const']}"
    return str(value.get("format") or value.get("type", "anything"))


def of_records() -> Shape:
    """Return each attribute of each kind of record, written by the real ledger."""
    table = FakeTable()
    keeper = ledger(table, FakeKms())
    origin = replace(ORIGIN, vpc="vpc-1", vpc_endpoint="vpce-1")
    request = messages.TokenRequest(
        push=["payments/api"],
        pull=["payments/ledger"],
        grant="payments-ci",
        ttl_seconds=600,
        reason="why",
    )
    service = vending(policies=FakePolicies(POLICY))

    issued, refused, failed = (service.preview(caller(), origin, request) for _ in range(3))
    keeper.intend(issued)
    keeper.issue(issued, Token("x"), seconds={"mint": 0.1})
    keeper.refuse(refused, Refusal(Code.NOT_GRANTED, ""))
    keeper.fail(failed, "AssumeRole: AccessDenied", code=Code.MINT_FAILED)
    keeper.flood(flood())
    of_revocations(table)
    of_findings(table)
    found: Shape = {}
    for item in table.items.values():
        kind = record_kind(item)
        found |= {f"{kind}: {name}": held for name, held in attributes(item)}
    return found


def of_revocations(table: Any) -> None:
    """Let the revoking function write its records."""
    records: Any = RevocationLedger(table, FakePeople().keys(), table="ledger", clock=lambda: THEN)
    world = World(records=records)
    made = world.revoke(caller=KEY)
    world.lift(made.revocation.id)


def of_findings(table: Any) -> None:
    """Let the reconciler write its records."""
    records = LedgerRecords(table, "ledger")
    evidence: dict[str, str | int] = {"event_id": "event-1", "count": 1}
    records.add(Finding(Kind.UNRECORDED_CALL, "AssumeRole#session", THEN, evidence), THEN)
    records.reconciled(Span(THEN - timedelta(minutes=15), THEN), THEN, 1)


def record_kind(item: dict[str, Any]) -> str:
    """Return which record an item is: by its keys, whose parts that differ are left out."""
    beginning, sort = item["pk"]["S"].split("#")[0], item["sk"]["S"]
    if "outcome" in item and sort == "2#outcome":
        return f"vend {sort} {item['outcome']['S']}"
    if beginning == "vend":
        return f"vend {sort}"
    if beginning == "revocation":
        return f"revocation {sort[-7:]}"
    return str(beginning)


def attributes(item: dict[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Yield each attribute with DynamoDB's letter for its type, those of maps too."""
    for name, value in item.items():
        ((kind, held),) = value.items()
        yield at + name, kind
        if kind == "M" and name not in OPEN:
            yield from attributes(held, f"{at}{name}.")


def of_client() -> Shape:
    """Return each setting of the client."""
    return dict.fromkeys(KEYS, "setting") | {f"registries.{key}": "setting" for key in TABLE_KEYS}


def of_stack() -> Shape:
    """Return the stack's parameters, outputs, and the resources that keep their names."""
    template = source()
    found = {
        f"parameter {name}": f"{one['Type']}, default {one['Default']!r}"
        for name, one in template["Parameters"].items()
    }
    found |= {f"output {name}": "output" for name in template["Outputs"]}
    for logical, one in template["Resources"].items():
        if one["Type"] in KEPT or (one["Type"] in NAMED and not logical.endswith("FunctionRole")):
            name = one["Properties"].get("RoleName", one["Properties"].get("Name", ""))
            called = f", called {name['Fn::Sub']}" if "Fn::Sub" in name else ""
            found[f"resource {logical}"] = one["Type"] + called
    for index in template["Resources"]["LedgerTable"]["Properties"]["GlobalSecondaryIndexes"]:
        keys = " ".join(key["AttributeName"] for key in index["KeySchema"])
        found[f"index {index['IndexName']}"] = keys
    return found


def now() -> dict[str, Shape]:
    """Return every shape as the code has it."""
    return {
        "api requests": of_models(*REQUESTS),
        "api answers": of_models(*ANSWERS),
        "policy version 1": of_models(Policy),
        "policy problems": {code: rule.severity.value for code, rule in RULES.items()},
        "records schema 2": of_records(),
        "client settings": of_client(),
        "stack": of_stack(),
    }


if __name__ == "__main__":
    held = json.loads(PROMISED.read_text())
    for part, shape in now().items():
        held[part] = shape | held.get(part, {})
    PROMISED.write_text(json.dumps(held, indent=2, ensure_ascii=False) + "\n")
