"""What is vended is archived, locked, sealed and signed, and checked with the public key alone."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from archiving.batch import batch_of, streamed
from archiving.lines import canonical, plain
from archiving.names import HOUR, manifest_key, signature_key, start_of_hour
from local.helper_program import COMMAND
from tests.fake_archive import stream_record
from tests.load.run import items_of
from vending.vend_ids import new_vend_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.credentials import Credentials

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

LONGEST = 60
"""Seconds that the emulator may take to call the function."""


@contextmanager
def streaming(stack: Stack) -> Iterator[None]:
    """Let the ledger's stream call the archiving function, for a while."""
    lambda_ = stack.client("lambda")
    mapping = stack.physical("ArchiveStream")
    lambda_.update_event_source_mapping(UUID=mapping, Enabled=True)
    try:
        yield
    finally:
        lambda_.update_event_source_mapping(UUID=mapping, Enabled=False)


def as_function(stack: Stack, name: str) -> Credentials:
    """Return credentials of a function's role, as its execution has."""
    from botocore.credentials import Credentials

    role = stack.client("iam").get_role(RoleName=stack.physical(f"{name}Role"))["Role"]
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    iam = stack.client("iam")
    real = json.dumps(role["AssumeRolePolicyDocument"])
    iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=trust)
    try:
        given = stack.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")
    finally:
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=real)
    keys = given["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def keys_of(stack: Stack, beginning: str) -> list[str]:
    """Return the keys of the archive that begin so."""
    pages = stack.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=stack.about["outputs"]["Archive"], Prefix=beginning)
    return [one["Key"] for page in found for one in page.get("Contents", [])]


def read(stack: Stack, key: str) -> bytes:
    """Return the newest version of an object."""
    got = stack.client("s3").get_object(Bucket=stack.about["outputs"]["Archive"], Key=key)
    return bytes(got["Body"].read())


def lines_of(stack: Stack, beginning: str) -> list[dict[str, Any]]:
    """Return the lines of the objects whose keys begin so."""
    bodies = [gzip.decompress(read(stack, key)) for key in keys_of(stack, beginning)]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def sealed(stack: Stack) -> dict[str, Any]:
    """Run the sealing function."""
    answer = stack.client("lambda").invoke(
        FunctionName=stack.physical("SealFunction"), Payload=b"{}"
    )
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "sealed" in found, found
    return found


def arrived(stack: Stack, at: datetime, *records: dict[str, Any]) -> None:
    """Put a batch of another hour into the archive, as the archiving function would have."""
    batch = batch_of([streamed(record) for record in records], at)
    stack.client("s3", as_function(stack, "ArchiveFunction")).put_object(
        Bucket=stack.about["outputs"]["Archive"], Key=batch.key, Body=batch.body, IfNoneMatch="*"
    )


@dataclass(frozen=True)
class Hours:
    """Three hours that are sealed: one with a record, one with nothing, one with a change.

    Attributes:
        first: Of them.
        record: The record of the first.
        runs: How many hours the sealing function sealed, and then again.
    """

    first: datetime
    record: dict[str, Any]
    runs: tuple[int, int]


@pytest.fixture(scope="module")
def hours(stack: Stack) -> Hours:
    """Let records arrive, and have them sealed twice."""
    last = start_of_hour(datetime.now(UTC) - timedelta(minutes=5)) - HOUR
    first = last - 2 * HOUR
    vend_id = new_vend_id(first)
    record = {"pk": f"vend#{vend_id}", "sk": "1#intent", "vend_id": vend_id, "reason": "\x1b[2J"}
    arrived(stack, first, stream_record(record, 1001))
    arrived(stack, last, stream_record({**record, "reason": "other"}, 1002, event="MODIFY"))
    return Hours(first, record, (sealed(stack)["sealed"], sealed(stack)["sealed"]))


def public_key(stack: Stack) -> RSAPublicKey:
    """Return the key that an auditor keeps."""
    key = stack.about["outputs"]["SealKeyArn"]
    loaded = load_der_public_key(stack.client("kms").get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(loaded, RSAPublicKey)
    return loaded


def test_every_record_of_a_vend_is_in_the_archive_as_it_was_written(stack: Stack) -> None:
    vend_id = stack.vend("payments-ci")["vend_id"]
    with streaming(stack):
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            lines = lines_of(stack, "batches/")
            if any(
                one["record"]["pk"] == f"vend#{vend_id}" and one["record"]["sk"] == "2#outcome"
                for one in lines
            ):
                break
            time.sleep(0.2)
    table = stack.about["outputs"]["LedgerTableName"]
    recorded = [
        {name: plain(wire(value)) for name, value in item.items()}
        for item in items_of(stack, table)
    ]
    archived = {canonical(one["record"]) for one in lines if one["event"] == "INSERT"}
    ours = [record for record in recorded if record.get("vend_id") == vend_id]
    assert len(ours) >= 3
    assert {canonical(record) for record in ours} <= archived
    s3, bucket = stack.client("s3"), stack.about["outputs"]["Archive"]
    lock = s3.get_object_retention(Bucket=bucket, Key=keys_of(stack, "batches/")[0])["Retention"]
    assert lock["Mode"] == "GOVERNANCE"
    assert timedelta(days=7) < lock["RetainUntilDate"] - datetime.now(UTC) <= timedelta(days=8)


def wire(attribute: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute as the stream has it, which writes bytes in base64."""
    import base64

    match attribute:
        case {"B": bytes(value)}:
            return {"B": base64.b64encode(value).decode()}
        case {"M": members}:
            return {"M": {name: wire(member) for name, member in members.items()}}
        case {"L": members}:
            return {"L": [wire(member) for member in members]}
    return attribute


def test_hours_are_sealed_in_a_chain_that_the_public_key_alone_checks(
    stack: Stack, hours: Hours
) -> None:
    assert hours.runs == (3, 0)
    first, last = hours.first, hours.first + 2 * HOUR
    key, previous = public_key(stack), None
    manifests = []
    for hour in (first, first + HOUR, last):
        body = read(stack, manifest_key(hour))
        digest = hashlib.sha256(body).hexdigest()
        key.verify(read(stack, signature_key(hour, digest)), body, PKCS1v15(), SHA256())
        with pytest.raises(InvalidSignature):
            key.verify(read(stack, signature_key(hour, digest)), body + b" ", PKCS1v15(), SHA256())
        said = json.loads(body)
        assert canonical(said).encode() == body
        assert (said["previous"] or {}).get("sha256") == previous
        for one in said["objects"]:
            assert hashlib.sha256(read(stack, one["key"])).hexdigest() == one["sha256"]
        previous = digest
        manifests.append(said)
    assert [one["kind"] for one in manifests[0]["objects"]] == ["records"]
    assert lines_of(stack, f"records/{first:%Y/%m/%d/%H}/") == [hours.record]
    assert manifests[1]["objects"] == []
    assert [one["kind"] for one in manifests[2]["findings"]] == ["modify"]
    ledger = stack.about["outputs"]["LedgerTableName"]
    assert manifests[0]["ledger"].endswith(f":table/{ledger}")


def test_an_auditor_exports_and_verifies_it_with_the_audit_paths_alone(
    stack: Stack, hours: Hours, tmp_path: Path
) -> None:
    environment = stack.helper_environment(stack.as_role("auditor"), tmp_path)
    key = stack.client("kms").get_public_key(KeyId=stack.about["outputs"]["SealKeyArn"])
    (tmp_path / "key.der").write_bytes(key["PublicKey"])
    last = hours.first + 2 * HOUR

    def told(*words: str) -> tuple[int, str, str]:
        command = Path(stack.about["programs"]) / COMMAND
        done = subprocess.run(
            [command, "audit", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    span = ("--from", f"{hours.first:%Y-%m-%dT%H}", "--to", f"{last:%Y-%m-%dT%H}")
    code, out, err = told("export", "--out", str(tmp_path / "copy"), *span, "--batches")
    assert (code, err) == (0, ""), out
    given = ("--archive", str(tmp_path / "copy"), "--key", str(tmp_path / "key.der"), "--json")
    found = {"kind": "found", "where": f"{hours.record['pk']} 1#intent"}
    code, out, err = told("verify", *given)
    verified = json.loads(out)
    assert (code, err, verified["hours"], verified["records"]) == (1, "", 3, 1)
    assert [one | {"what": ""} for one in verified["problems"]] == [found | {"what": ""}]
    # The record was put into the archive for this test: the ledger does not have it.
    code, out, _ = told("verify", *given, "--ledger")
    kinds = [(one["kind"], one["where"]) for one in json.loads(out)["problems"]]
    assert ("missing", f"{hours.record['pk']} 1#intent") in kinds


@pytest.mark.parametrize("beginning", ["manifests/", "records/", "batches/"])
def test_not_even_an_administrator_takes_anything_away(
    stack: Stack, hours: Hours, beginning: str
) -> None:
    s3, bucket = stack.client("s3"), stack.about["outputs"]["Archive"]
    key = keys_of(stack, beginning)[0]
    (version,) = [
        one["VersionId"]
        for one in s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        if one["Key"] == key
    ]
    for more in (
        {},
        {"VersionId": version},
        {"VersionId": version, "BypassGovernanceRetention": True},
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=key, **more)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"forged")
    # The lock alone, were the policy gone: a version cannot be removed, only hidden, which is seen.
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@pytest.mark.parametrize(
    ("function", "key"),
    [
        ("ArchiveFunction", "manifests/2026/11/23/20.json"),
        ("ArchiveFunction", "records/2026/11/23/20/000-0.jsonl.gz"),
        ("SealFunction", "batches/2026/11/23/20/1-0.jsonl.gz"),
    ],
)
def test_a_function_writes_what_is_its_own(stack: Stack, function: str, key: str) -> None:
    s3 = stack.client("s3", as_function(stack, function))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=stack.about["outputs"]["Archive"], Key=key, Body=b"{}")
