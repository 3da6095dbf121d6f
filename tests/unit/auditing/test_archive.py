"""Auditors are given the archive in parts, and records as the archive has them."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from archiving.batch import streamed
from auditing.archive import PART, Entry, Listing
from auditing.archive_messages import MOST_KEYS
from auditing.auditing import AT_ONCE, RecordsUnavailable
from auditing.bucket import S3Archive
from handlers.audit_api import audit
from tests.audited import Audited
from tests.fake_archive import stream_record
from tests.fakes import event

CONTEXT = object()
AUDITOR = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/auditor/jo",
    "caller": "AROA3XFRBF535AUDITOR01:jo",
}
OUTSIDER = {
    "userArn": "arn:aws:sts::111122223333:assumed-role/outsider/jo",
    "caller": "AROA3XFRBF535OUTSIDE01:jo",
}
MANIFEST = "manifests/2026/11/27/16.json"


class FakeArchive:
    """One manifest that was hidden, and what was asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def versions(self, beginning: str, after: str) -> Listing:
        self.asked.append((beginning, after))
        found = [Entry(MANIFEST, "m", 0, marker=True), Entry(MANIFEST, "v1", 7, marker=False)]
        return Listing(found, "" if after else f"{MANIFEST} v1")

    def part(self, key: str, version_id: str, offset: int) -> bytes | None:
        self.asked.append((key, version_id, offset))
        return b"content"[offset:] or None


def ask(
    world: Audited,
    path: str,
    *,
    query: dict[str, str] | None = None,
    body: Any = None,
    archive: Any = None,
    who: dict[str, str] = AUDITOR,
) -> tuple[int, dict[str, Any]]:
    method = "GET" if body is None else "POST"
    signed = event(method=method, path=path, body=body, **who) | {"queryStringParameters": query}
    answer = audit(world.service(archive=archive))(signed, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_every_version_of_a_day_is_listed_and_so_is_what_hides_one() -> None:
    archive = FakeArchive()
    query = {"day": "2026-11-27"}
    status, found = ask(Audited(), "/v1/archive", query=query, archive=archive)
    assert (status, archive.asked) == (200, [("manifests/2026/11/27/", "")])
    assert [(one["version_id"], one["marker"]) for one in found["objects"]] == [
        ("m", True),
        ("v1", False),
    ]
    query["after"] = found["next"]
    _, rest = ask(Audited(), "/v1/archive", query=query, archive=archive)
    assert rest["next"] is None


def test_an_object_is_given_in_parts() -> None:
    archive = FakeArchive()
    query = {"key": MANIFEST, "version_id": "v1", "offset": "3"}
    status, found = ask(Audited(), "/v1/archive/object", query=query, archive=archive)
    assert (status, base64.b64decode(found["content"])) == (200, b"tent")
    query["offset"] = "7"
    status, found = ask(Audited(), "/v1/archive/object", query=query, archive=archive)
    assert (status, found["code"]) == (404, "no_such_object")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/archive", {}),
        ("/v1/archive", {"day": "2026-11"}),
        ("/v1/archive", {"day": "2026-11-27", "kind": "other"}),
        ("/v1/archive", {"day": "2026-11-27", "after": "records/2026/11/27/x 1"}),
        ("/v1/archive", {"day": "2026-11-27", "after": MANIFEST}),
        ("/v1/archive", {"days": "2026-11-27"}),
        ("/v1/archive/object", {"key": MANIFEST}),
        ("/v1/archive/object", {"key": "other/2026/11/27/16.json", "version_id": "v1"}),
        ("/v1/archive/object", {"key": "manifests/../secret", "version_id": "v1"}),
        ("/v1/archive/object", {"key": MANIFEST, "version_id": "v 1"}),
        ("/v1/archive/object", {"key": MANIFEST, "version_id": "v1", "offset": "-1"}),
        ("/v1/archive/object", {"key": MANIFEST, "version_id": "v1", "offset": "9999999999"}),
    ],
)
def test_what_makes_no_sense_is_a_400_and_reads_nothing(path: str, query: dict[str, str]) -> None:
    archive = FakeArchive()
    status, found = ask(Audited(), path, query=query, archive=archive)
    assert (status, found["code"], archive.asked) == (400, "invalid_request", [])


@pytest.mark.parametrize("path", ["/v1/archive", "/v1/archive/object", "/v1/records"])
def test_who_is_no_auditor_is_told_nothing(path: str) -> None:
    archive = FakeArchive()
    body = {"keys": [{"pk": "a", "sk": "b"}]} if path == "/v1/records" else None
    status, found = ask(Audited(), path, body=body, archive=archive, who=OUTSIDER)
    assert (status, found["code"], archive.asked) == (403, "not_an_auditor", [])


def test_a_service_without_an_archive_says_so() -> None:
    status, found = ask(Audited(), "/v1/archive", query={"day": "2026-11-27"})
    assert (status, found["code"]) == (404, "no_archive")


def test_records_are_those_that_the_stream_had_and_nothing_in_them_is_opened() -> None:
    world = Audited()
    vend_id = world.vend(reason="why", push=["payments/api"])
    keys = [(f"vend#{vend_id}", "1#intent"), (f"vend#{vend_id}", "2#outcome"), ("no", "such")]
    status, found = ask(world, "/v1/records", body=body_of(keys))
    assert (status, found["asked"]) == (200, 3)
    wanted = []
    for key in keys[:2]:
        wire = world.table.items[key]
        record = stream_record({"pk": key[0], "sk": key[1]}, 1)
        record["dynamodb"]["NewImage"] = in_base64(wire)
        wanted.append(streamed(record).sealed())
    assert found["records"] == wanted
    assert "why" not in json.dumps(found)


def test_an_answer_with_records_ends_before_lambdas_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Audited()
    keys = [(f"vend#{world.vend()}", "1#intent") for _ in range(3 * AT_ONCE)]
    one = len(ask(world, "/v1/records", body=body_of(keys[:1]))[1]["records"][0])
    monkeypatch.setattr("auditing.auditing.FULL", (AT_ONCE + 3) * one + one // 2)
    _, found = ask(world, "/v1/records", body=body_of([("no", "such"), *keys]))
    assert (len(found["records"]), found["asked"]) == (AT_ONCE + 3, AT_ONCE + 4)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keys": []},
        {"keys": [{"pk": "a"}]},
        {"keys": [{"pk": "", "sk": "b"}]},
        {"keys": [{"pk": "a", "sk": "b"}] * (MOST_KEYS + 1)},
    ],
)
def test_keys_that_make_no_sense_are_a_400(body: dict[str, Any]) -> None:
    status, found = ask(Audited(), "/v1/records", body=body)
    assert (status, found["code"]) == (400, "invalid_request")


def body_of(keys: list[tuple[str, str]]) -> dict[str, Any]:
    return {"keys": [{"pk": pk, "sk": sk} for pk, sk in keys]}


def in_base64(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as Lambda passes it on from the stream."""

    def of(value: dict[str, Any]) -> dict[str, Any]:
        ((kind, held),) = value.items()
        if kind == "B":
            return {"B": base64.b64encode(held).decode()}
        if kind == "M":
            return {"M": in_base64(held)}
        if kind == "L":
            return {"L": [of(one) for one in held]}
        return value

    return {name: of(value) for name, value in item.items()}


@pytest.fixture
def stub() -> Any:
    s3: Any = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y"
    )
    with Stubber(s3) as found:
        yield found


def test_the_bucket_is_asked_for_versions_and_for_a_part_of_one(stub: Stubber) -> None:
    archive = S3Archive(stub.client, bucket="archive")
    page = {
        "Versions": [{"Key": "k", "VersionId": "2", "Size": 3}],
        "DeleteMarkers": [{"Key": "k", "VersionId": "3"}],
        "IsTruncated": True,
        "NextKeyMarker": "k",
        "NextVersionIdMarker": "2",
    }
    asked = {"Bucket": "archive", "Prefix": "manifests/", "MaxKeys": 1000}
    stub.add_response("list_object_versions", page, asked)
    listing = archive.versions("manifests/", "")
    assert listing.after == "k 2"
    assert {(one.version_id, one.marker) for one in listing.entries} == {("2", False), ("3", True)}
    asked |= {"KeyMarker": "k", "VersionIdMarker": "2"}
    stub.add_response("list_object_versions", {}, asked)
    assert archive.versions("manifests/", listing.after) == Listing([], "")
    part = {
        "Bucket": "archive",
        "Key": "k",
        "VersionId": "2",
        "Range": f"bytes=5-{5 + PART - 1}",
    }
    stub.add_response("get_object", {"Body": io.BytesIO(b"abc")}, part)
    assert archive.part("k", "2", 5) == b"abc"


def test_what_is_gone_is_nothing_and_what_fails_is_unavailable(stub: Stubber) -> None:
    archive = S3Archive(stub.client, bucket="archive")
    for code in ("NoSuchKey", "NoSuchVersion", "InvalidRange"):
        stub.add_client_error("get_object", code)
        assert archive.part("k", "v", 0) is None
    stub.add_client_error("get_object", "AccessDenied")
    with pytest.raises(RecordsUnavailable, match="GetObject: AccessDenied"):
        archive.part("k", "v", 0)
