"""What Bazel is answered: the headers for a URI, and until when to use them."""

from __future__ import annotations

import base64
import io
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend.dialects import docker
from tests.client.fake_service import HOST, REFUSAL

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

BLOB = f"https://{HOST}/v2/team/app/blobs/sha256:00"


def call(machine: Machine, given: str, **changes: str) -> tuple[str, str, int]:
    """Call the helper; what it printed, what it said on stderr and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    code = docker.run(["get"], io.StringIO(given), out, machine.environ | changes, err)
    return out.getvalue(), err.getvalue(), code


def answer(machine: Machine, uri: str, **changes: str) -> dict[str, Any]:
    out, err, code = call(machine, json.dumps({"uri": uri}), **changes)
    assert (err, code) == ("", 0)
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize(
    "uri", [BLOB, f"https://{HOST}/", f"https://{HOST}:443/v2/", f"https://{HOST}"]
)
def test_a_uri_of_our_registry_gets_the_password_as_basic_authentication(
    machine: Machine, service: FakeService, uri: str
) -> None:
    (value,) = answer(machine, uri)["headers"]["Authorization"]
    scheme, _, encoded = value.partition(" ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    assert (scheme, user) == ("Basic", "AWS")
    assert password.startswith("token-1-of-AKIAJOBONE-")
    assert service.asked == [{"registry": HOST}]


def test_it_expires_when_it_should_be_renewed_in_the_one_form_bazel_reads(
    machine: Machine, service: FakeService
) -> None:
    before = time.time()
    # `yyyy-MM-dd'T'HH:mm:ssXXX`: no fractions of a second.
    expires = datetime.strptime(answer(machine, BLOB)["expires"], "%Y-%m-%dT%H:%M:%S%z")
    assert 0 < expires.timestamp() - before <= 900 - 180


@pytest.mark.parametrize(
    "uri",
    [
        "https://prod-layers.s3.eu-west-1.amazonaws.com/x?X-Amz-Signature=1",
        "https://ghcr.io/v2/",
        f"https://{HOST}.evil.example/",
        f"https://user@{HOST}/",
        f"grpcs://{HOST}/build.bazel.remote.execution.v2.Capabilities/GetCapabilities",
        HOST,
        "unix:///run/x",
        "https://[::::]/",
    ],
)
def test_a_uri_that_is_not_ours_needs_no_headers(
    machine: Machine, service: FakeService, uri: str
) -> None:
    assert answer(machine, uri) == {"headers": {}}
    assert service.asked == []


def test_a_token_is_never_sent_in_the_open(machine: Machine, service: FakeService) -> None:
    out, err, code = call(machine, json.dumps({"uri": f"http://{HOST}/v2/"}))
    assert (out, code) == ("", 1)
    assert err == (
        f"ecr-vend: {HOST} is asked for over http://, where anyone on the way could read the "
        "token: use https://\n"
    )
    assert service.asked == []


@pytest.mark.parametrize("here", ["127.0.0.1:5000", "localhost", "[::1]:5000"])
def test_this_machine_is_not_on_the_way(machine: Machine, here: str) -> None:
    alias = {"ECR_VEND_REGISTRIES": f"{here}={HOST}"}
    assert answer(machine, f"http://{here}/v2/", **alias)["headers"]


def test_it_is_the_token_that_docker_gets(machine: Machine, service: FakeService) -> None:
    machine.python()
    assert answer(machine, BLOB)["headers"]
    assert len(service.asked) == 1


def test_a_refusal_is_one_line_on_stderr_which_bazel_shows(
    machine: Machine, service: FakeService
) -> None:
    service.refuse = (403, REFUSAL)
    out, err, code = call(machine, json.dumps({"uri": BLOB}))
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert "refused by policy (not_granted)" in err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{", "it is not JSON"),
        ("{}", "it has no `uri`, which Bazel sends"),
        ('{"uri": ""}', "it has no `uri`"),
        ('{"uri": ["x"]}', "it has no `uri`"),
        ('{"kind": "CredentialProviderRequest"}', "its apiVersion is None"),
    ],
)
def test_a_request_that_is_none_is_one_clear_line(machine: Machine, given: str, says: str) -> None:
    out, err, code = call(machine, given)
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert err.startswith("ecr-vend: the request on stdin is not understood: ")
    assert says in err


def test_properties_that_are_not_known_are_no_mistake(machine: Machine) -> None:
    assert call(machine, json.dumps({"uri": BLOB, "later": 1}))[2] == 0


def test_a_request_of_the_kubelet_is_answered_as_one(
    machine: Machine, service: FakeService
) -> None:
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": f"{HOST}/team/app",
    }
    out, err, code = call(machine, json.dumps(request))
    assert (err, code) == ("", 0)
    assert json.loads(out)["kind"] == "CredentialProviderResponse"
    assert service.asked == [{"registry": HOST, "pull": ["team/app"]}]


def test_a_fault_is_told_where_bazel_looks(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("token-of-someone")

    monkeypatch.setattr("ecr_vend.dialects.bazel.answer", fail)
    expected = "ecr-vend: a fault in the helper itself (ZeroDivisionError): please report it\n"
    assert call(machine, json.dumps({"uri": BLOB})) == ("", expected, 1)
