"""The bucket, the key and the topic, as AWS is asked for them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.session import Session
from botocore.stub import Stubber

from archiving.bucket import CONFLICTS, Lock, S3Bucket
from archiving.manifest import Named
from archiving.ports import NotPublished, Version
from archiving.seals import KmsSigner, SnsWitness
from tests.fake_archive import KEY, LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)
PUT = {"Bucket": "archive", "Key": "manifests/a", "Body": b"{}", "IfNoneMatch": "*"}


def stub(service: str) -> Stubber:
    client: Any = Session().create_client(
        service, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    return Stubber(client)


@pytest.fixture
def s3() -> Iterator[Stubber]:
    with stub("s3") as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def bucket(s3: Stubber, slept: list[float] | None = None, lock: Lock | None = None) -> S3Bucket:
    naps: list[float] = [] if slept is None else slept
    return S3Bucket(s3.client, "archive", lock, naps.append)


def test_nothing_is_ever_written_over(s3: Stubber) -> None:
    s3.add_response("put_object", {"VersionId": "1"}, PUT)
    assert bucket(s3).put("manifests/a", b"{}") == "1"
    s3.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
    assert bucket(s3).put("manifests/a", b"{}") is None


def test_a_write_that_met_another_one_is_tried_again(s3: Stubber) -> None:
    for _ in CONFLICTS:
        s3.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    s3.add_client_error("put_object", "PreconditionFailed", http_status_code=412)
    slept: list[float] = []
    assert bucket(s3, slept).put("manifests/a", b"{}") is None
    assert tuple(slept) == CONFLICTS


@pytest.mark.parametrize("times", [1, len(CONFLICTS) + 1])
def test_what_cannot_be_written_is_an_error(s3: Stubber, times: int) -> None:
    for _ in range(times):
        code = "AccessDenied" if times == 1 else "ConditionalRequestConflict"
        s3.add_client_error("put_object", code)
    with pytest.raises(ClientError):
        bucket(s3).put("manifests/a", b"{}")


def test_a_batch_is_locked_for_its_own_time(s3: Stubber) -> None:
    until = {
        "ObjectLockMode": "GOVERNANCE",
        "ObjectLockRetainUntilDate": datetime(2026, 12, 1, 20, tzinfo=UTC),
    }
    s3.add_response("put_object", {"VersionId": "1"}, PUT | until)
    bucket(s3, lock=Lock("GOVERNANCE", 8, lambda: NOW)).put("manifests/a", b"{}")


def test_a_version_is_read_and_no_other(s3: Stubber) -> None:
    body = StreamingBody(io.BytesIO(b"{}"), 2)
    asked = {"Bucket": "archive", "Key": "manifests/a", "VersionId": "1"}
    s3.add_response("get_object", {"Body": body}, asked)
    assert bucket(s3).read("manifests/a", "1") == b"{}"


def test_versions_and_markers_are_read_page_by_page(s3: Stubber) -> None:
    first = {
        "IsTruncated": True,
        "NextKeyMarker": "a",
        "NextVersionIdMarker": "2",
        "Versions": [{"Key": "a", "VersionId": "2"}],
        "DeleteMarkers": [{"Key": "a", "VersionId": "3"}],
    }
    second = {"IsTruncated": False, "Versions": [{"Key": "a", "VersionId": "1"}]}
    asked = {"Bucket": "archive", "Prefix": "manifests/"}
    s3.add_response("list_object_versions", first, asked)
    s3.add_response(
        "list_object_versions", second, asked | {"KeyMarker": "a", "VersionIdMarker": "2"}
    )
    assert list(bucket(s3).versions("manifests/")) == [
        Version("a", "2"),
        Version("a", "3", marker=True),
        Version("a", "1"),
    ]


def test_folders_are_read_page_by_page(s3: Stubber) -> None:
    asked = {"Bucket": "archive", "Prefix": "manifests/", "Delimiter": "/"}
    first = {
        "IsTruncated": True,
        "NextKeyMarker": "manifests/2026/",
        "CommonPrefixes": [{"Prefix": "manifests/2026/"}],
    }
    s3.add_response("list_object_versions", first, asked)
    second = {"CommonPrefixes": [{"Prefix": "manifests/2027/"}]}
    s3.add_response("list_object_versions", second, asked | {"KeyMarker": "manifests/2026/"})
    assert bucket(s3).folders("manifests/") == ["manifests/2026/", "manifests/2027/"]


def test_the_key_signs_the_digest_and_knows_its_signature() -> None:
    about = {
        "KeyId": KEY,
        "Message": bytes(32),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
    }
    with stub("kms") as kms:
        kms.add_response("sign", {"Signature": b"s"}, about)
        kms.add_response("verify", {"SignatureValid": True}, about | {"Signature": b"s"})
        kms.add_client_error("verify", "KMSInvalidSignatureException")
        kms.add_client_error("verify", "AccessDeniedException")
        signer = KmsSigner(kms.client, KEY)
        assert signer.sign("00" * 32) == b"s"
        assert signer.signed("00" * 32, b"s")
        assert not signer.signed("00" * 32, b"another")
        # That it could not be asked does not mean that a manifest seals nothing.
        with pytest.raises(ClientError):
            signer.signed("00" * 32, b"s")


def test_the_witnesses_are_told_which_manifest_of_which_ledger() -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:witnesses"
    message = (
        '{"hour":"2026-11-23T20","key":"manifests/a","ledger":"' + LEDGER + '",'
        '"schema":1,"sha256":"00","version_id":"1"}'
    )
    with stub("sns") as sns:
        sns.add_response("publish", {}, {"TopicArn": topic, "Message": message})
        sns.add_client_error("publish", "Throttled")
        witness = SnsWitness(sns.client, topic)
        witness.tell(LEDGER, NOW, Named("manifests/a", "1", "00"))
        with pytest.raises(NotPublished):
            witness.tell(LEDGER, NOW, Named("manifests/a", "1", "00"))
