"""A pod pulls as its own service account: never as the node, never as another pod."""

from __future__ import annotations

import base64
import io
import json
import pickle
from typing import TYPE_CHECKING

import pytest

from ecr_vend.dialects import kubelet
from ecr_vend.secret import Secret
from ecr_vend.web_identity import WebIdentity
from tests.client import fake_sts
from tests.client.fake_service import HOST
from tests.client.fake_sts import FakeSts, key_of
from tests.client.renewals import age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

ROLE = "arn:aws:iam::111122223333:role/pulls/team"
OURS = "ecr-vend/role-arn"
EKS = "eks.amazonaws.com/role-arn"


def jwt(subject: str) -> str:
    """Return a token as a cluster signs it, but for the signature."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{claims}.c2lnbmF0dXJl"


POD = jwt("system:serviceaccount:payments:api")
OTHER_POD = jwt("system:serviceaccount:payments:web")


@pytest.fixture
def sts(machine: Machine) -> Iterator[FakeSts]:
    for served in fake_sts.serve(FakeSts()):
        machine.environ["AWS_ENDPOINT_URL_STS"] = served.url
        yield served


def call(
    machine: Machine, token: str | None, annotations: dict[str, str] | None = None
) -> tuple[str, str, int]:
    """Ask for an image as a pod; what was printed, what was said on stderr, the exit code."""
    request: dict[str, object] = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": f"{HOST}/team/app",
    }
    if token:
        request["serviceAccountToken"] = token
        request["serviceAccountAnnotations"] = {OURS: ROLE} if annotations is None else annotations
    out, err = io.StringIO(), io.StringIO()
    code = kubelet.run((), io.StringIO(json.dumps(request)), out, err, machine.environ)
    return out.getvalue(), err.getvalue(), code


def test_the_service_is_called_with_the_pods_role_and_not_as_the_node(
    machine: Machine, sts: FakeSts
) -> None:
    out, err, code = call(machine, POD)
    assert (err, code) == ("", 0)
    assert f"token-1-of-{key_of(ROLE, POD)}-" in out
    (asked,) = sts.asked
    assert (asked["Action"], asked["RoleArn"]) == ("AssumeRoleWithWebIdentity", ROLE)
    assert asked["WebIdentityToken"] == POD
    assert asked["RoleSessionName"] == "pod-payments.api"
    assert not sts.signed


def test_the_nodes_own_credentials_are_not_even_looked_for(
    machine: Machine, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> None:
        raise AssertionError("looked for")

    monkeypatch.setattr("botocore.credentials.create_credential_resolver", look)
    assert call(machine, POD)[2] == 0


def test_a_kept_token_is_for_the_pod_it_was_fetched_for(
    machine: Machine, service: FakeService, sts: FakeSts
) -> None:
    first = call(machine, POD)[0]
    assert json.loads(call(machine, POD)[0])["auth"] == json.loads(first)["auth"]
    assert (len(service.asked), len(sts.asked)) == (1, 1)
    assert f"token-2-of-{key_of(ROLE, OTHER_POD)}-" in call(machine, OTHER_POD)[0]
    other_role = f"{ROLE}-too"
    assert f"-of-{key_of(other_role, POD)}-" in call(machine, POD, {OURS: other_role})[0]
    assert "-of-AKIAJOBONE-" in call(machine, None)[0]
    assert len(service.asked) == 4


def test_a_role_for_pulling_goes_before_the_one_the_pod_runs_with(
    machine: Machine, sts: FakeSts
) -> None:
    running = "arn:aws:iam::111122223333:role/app"
    call(machine, POD, {EKS: running, OURS: ROLE})
    call(machine, POD, {EKS: running})
    assert [asked["RoleArn"] for asked in sts.asked] == [ROLE, running]


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        ({}, "the pod's service account names no role: annotate it with ecr-vend/role-arn"),
        ({"team": ROLE}, "the pod's service account names no role"),
        (
            {OURS: "team", EKS: ROLE},
            "the annotation ecr-vend/role-arn of the pod's service account",
        ),
        ({OURS: ""}, "the annotation ecr-vend/role-arn"),
        ({EKS: "arn:aws:iam::111122223333:user/me"}, "the annotation eks.amazonaws.com/role-arn"),
        ({OURS: f"{ROLE}\n"}, "write arn:aws:iam::ACCOUNT:role/NAME"),
    ],
)
def test_a_pod_without_a_role_does_not_pull_as_the_node(
    machine: Machine, service: FakeService, sts: FakeSts, annotations: dict[str, str], says: str
) -> None:
    out, err, code = call(machine, POD, annotations)
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert says in err
    assert (service.asked, sts.asked) == ([], [])


@pytest.mark.parametrize("code", ["InvalidIdentityToken", "AccessDenied", "ExpiredTokenException"])
def test_a_refusal_of_aws_says_what_to_check_and_never_the_token(
    machine: Machine, service: FakeService, sts: FakeSts, code: str
) -> None:
    sts.refuse = code
    out, err, exit_code = call(machine, POD)
    assert (out, exit_code, err.count("\n")) == ("", 1, 1)
    assert f"AWS did not give the pod's service account the role {ROLE}" in err
    assert f"({code}): check the role's trust policy" in err
    assert POD not in err
    assert service.asked == []


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (400, "Throttling")])
def test_sts_that_does_not_serve_is_no_fault_of_the_pods(
    machine: Machine, sts: FakeSts, status: int, code: str
) -> None:
    sts.refuse, sts.status = code, status
    out, err, exit_code = call(machine, POD)
    assert (out, exit_code, err.count("\n")) == ("", 1, 1)
    assert f"STS in eu-west-1 cannot be reached (HTTP {status})" in err


def test_a_pods_token_is_handed_to_no_process_that_renews(
    machine: Machine, service: FakeService, sts: FakeSts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> bool:
        raise AssertionError("started")

    call(machine, POD)
    age(machine, 800)
    monkeypatch.setattr("ecr_vend.renewal.start", start)
    assert call(machine, POD)[2] == 0
    assert len(service.asked) == 2


def test_neither_role_nor_profile_of_the_settings_counts_for_a_pod(
    machine: Machine, service: FakeService, sts: FakeSts
) -> None:
    machine.environ |= {"ECR_VEND_ROLE": ROLE + "-of-the-node", "ECR_VEND_PROFILE": "none"}
    assert f"token-1-of-{key_of(ROLE, POD)}-" in call(machine, POD)[0]
    assert [asked["RoleArn"] for asked in sts.asked] == [ROLE]


def test_no_file_holds_the_pods_token(machine: Machine, sts: FakeSts) -> None:
    call(machine, POD)
    sts.refuse = "AccessDenied"
    call(machine, OTHER_POD)
    kept = [path for path in machine.home.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        content = path.read_bytes()
        assert POD.encode() not in content
        assert OTHER_POD.encode() not in content


def test_an_identity_does_not_show_its_token() -> None:
    pod = WebIdentity(ROLE, Secret(POD))
    assert POD not in f"{pod} {pod!r}"
    with pytest.raises(TypeError):
        pickle.dumps(pod)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (POD, "pod-payments.api"),
        (jwt("x" * 100), "pod-" + "x" * 60),
        (jwt("a b/ü"), "pod-a-b--"),
        (jwt(["list"]), "pod---list--"),  # type: ignore[arg-type]
        ("no-jwt", "pod-"),
        ("a.!.c", "pod-"),
        ("a.W10.c", "pod-"),
        ("a.é.c", "pod-"),
    ],
)
def test_any_token_has_a_session_name_that_sts_takes(token: str, name: str) -> None:
    assert WebIdentity(ROLE, Secret(token)).session_name() == name


def test_sts_that_does_not_answer_is_one_line(machine: Machine, service: FakeService) -> None:
    machine.environ["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1"
    out, err, code = call(machine, POD)
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert err.startswith("ecr-vend: STS in eu-west-1 cannot be reached (Could not connect")
    assert service.asked == []


STRANGE = [
    "",
    "<",
    "not XML",
    "<a/>",
    "<AssumeRoleWithWebIdentityResponse/>",
    "<AssumeRoleResponse/>",
    "<R><AssumeRoleResult><Credentials/></AssumeRoleResult></R>",
    "<R><AssumeRoleWithWebIdentityResult><Credentials/></AssumeRoleWithWebIdentityResult></R>",
    "<a>" * 50_000,
]


@pytest.mark.parametrize("body", STRANGE, ids=range(len(STRANGE)))
def test_whatever_sts_answers_is_one_line(
    machine: Machine,
    service: FakeService,
    sts: FakeSts,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
) -> None:
    monkeypatch.setattr(sts, "answer", lambda _: (200, body))
    out, err, code = call(machine, POD)
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert "fault in the helper" not in err
    monkeypatch.setattr(service, "assume_role", lambda *_: (200, body))
    machine.environ["AWS_ENDPOINT_URL_STS"] = service.sts
    said = machine.python(ECR_VEND_ROLE=ROLE)
    assert said.count("\n") == 1
    assert said.startswith("ecr-vend: ")
    assert "fault in the helper" not in said
    assert service.asked == []
