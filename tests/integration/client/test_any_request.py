"""Whatever JSON the kubelet or Bazel sends: an answer, or one line that says why there is none."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_vend import hosts, images
from ecr_vend.dialects import docker, kubelet
from tests.client import fake_sts
from tests.client.fake_service import HOST
from tests.client.fake_sts import FakeSts
from tests.client.kubelet_rules import decoded, matches
from tests.client.mutations import ANY_JSON, DEPTHS, UNREADABLE, nearly, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

V1 = kubelet.VERSIONS[0]
NODES: dict[str, Any] = {
    "apiVersion": V1,
    "kind": "CredentialProviderRequest",
    "image": f"{HOST}/team/app:1.2",
}
PODS = NODES | {
    "serviceAccountToken": "a.e30.c",
    "serviceAccountAnnotations": {"ecr-vend/role-arn": "arn:aws:iam::111122223333:role/x"},
}
BAZELS = {"uri": f"https://{HOST}/v2/team/app/manifests/1"}
STRANGE = [
    *UNREADABLE, "NaN", "-Infinity", "1e999", "null", "true", "0", '""', '"\\ud800"', '"x\\u0000"',
    "[]", "[[]]", "{}", '{"a": null}', '{"ecr-vend/role-arn": "\\ud800"}',
    *("[" * depth + "]" * depth for depth in DEPTHS),
    *('{"":' * depth + "0" + "}" * depth for depth in DEPTHS),
    f'"{"x" * 300_000}"',
]  # fmt: skip


@pytest.fixture(autouse=True)
def sts(machine: Machine) -> Iterator[FakeSts]:
    for served in fake_sts.serve(FakeSts()):
        machine.environ["AWS_ENDPOINT_URL_STS"] = served.url
        yield served


def check(machine: Machine, service: FakeService, text: str) -> None:
    """See that a request is answered by either program as its protocol has it."""
    for by_own_name in (True, False):
        before = len(service.asked)
        out, err = io.StringIO(), io.StringIO()
        given_ = io.StringIO(text)
        if by_own_name:
            code = kubelet.run([], given_, out, err, machine.environ)
        elif text.lstrip().startswith("{"):
            code = docker.run(["get"], given_, out, machine.environ, err)
        else:
            continue
        if code:
            assert (code, out.getvalue(), err.getvalue().count("\n")) == (1, "", 1)
            assert err.getvalue().startswith("ecr-vend: ")
            assert "fault in the helper" not in err.getvalue()
        else:
            assert (err.getvalue(), out.getvalue().count("\n")) == ("", 1)
            right(json.loads(text), out.getvalue())
        asked = service.asked[before:]
        assert not code or not asked
        assert all(request["registry"] == named(json.loads(text)) for request in asked)


def named(request: dict[str, Any]) -> str:
    """Return the registry that a request names, which alone may be asked for."""
    image = images.parse(request["image"]) if "kind" in request else None
    registry = hosts.parse((image.host if image else hosts.bare(request["uri"])) or "")
    assert registry
    return registry.host


def right(request: dict[str, Any], answer: str) -> None:
    """See that an answer has no credential but for what the request names."""
    if "kind" in request:
        for key in decoded(answer, request["apiVersion"])["auth"]:
            image = images.parse(request["image"])
            assert image
            assert hosts.parse(image.host)
            assert matches(key, request["image"])
    elif headers := json.loads(answer)["headers"]:
        assert set(headers) == {"Authorization"}
        asked = hosts.bare(request["uri"])
        assert asked
        assert hosts.parse(asked)
        assert request["uri"].lower().startswith("https://")


@pytest.mark.parametrize("document", [NODES, PODS, BAZELS], ids=["node", "pod", "bazel"])
def test_no_strange_value_anywhere_is_a_fault_of_ours(
    machine: Machine, service: FakeService, document: dict[str, Any]
) -> None:
    for *above, key in places(document):
        for value in STRANGE:
            changed = inside = json.loads(json.dumps(document))
            for step in above:
                inside = inside[step]
            inside[key] = "<here>"
            check(machine, service, json.dumps(changed).replace('"<here>"', value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=nearly(NODES) | nearly(PODS) | nearly(BAZELS) | ANY_JSON.map(json.dumps) | st.text())
@example(text=json.dumps(NODES | {"image": f"{HOST}.evil.example/team/app"}))
@example(text=json.dumps({"uri": f"https://{HOST}@evil.example/"}))
@example(text=json.dumps({"uri": f"https://evil.example/?https://{HOST}/"}))
@example(text=f'{{"uri": "https://evil.example/", "uri": "https://{HOST}/"}}')
@example(text=json.dumps({"uri": f"https://{HOST.replace('west', 'wesCt')}/"}))
def test_any_json_is_answered_as_its_protocol_has_it(
    machine: Machine, service: FakeService, text: str
) -> None:
    check(machine, service, text)
