"""What the kubelet is answered: a token for the image alone, and how long to keep it."""

from __future__ import annotations

import io
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import __version__
from ecr_vend.dialects import kubelet
from tests.client.fake_service import HOST, REFUSAL
from tests.client.renewals import age

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

V1 = "credentialprovider.kubelet.k8s.io/v1"
IMAGE = f"{HOST}/team/app"


def asks(image: object = IMAGE, **more: object) -> dict[str, object]:
    return {"apiVersion": V1, "kind": "CredentialProviderRequest", "image": image} | more


def call(
    machine: Machine, request: object, *arguments: str, **changes: str
) -> tuple[str, str, int]:
    """Call the program; what it printed, what it said on stderr and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    given = io.StringIO(request if isinstance(request, str) else json.dumps(request))
    code = kubelet.run(arguments, given, out, err, machine.environ | changes)
    return out.getvalue(), err.getvalue(), code


def answer(machine: Machine, request: object, **changes: str) -> dict[str, Any]:
    out, err, code = call(machine, request, **changes)
    assert (err, code) == ("", 0)
    document: dict[str, Any] = json.loads(out)
    return document


def seconds(response: dict[str, Any]) -> int:
    """Return a response's cacheDuration, which Go's time.ParseDuration must be able to read."""
    match = re.fullmatch(r"([0-9]+)s", response["cacheDuration"])
    assert match
    return int(match[1])


@pytest.mark.parametrize("version", [V1, f"{V1}beta1"])
def test_a_response_has_the_requests_version_and_no_field_the_kubelet_does_not_know(
    machine: Machine, version: str
) -> None:
    response = answer(machine, asks(apiVersion=version))
    assert (response["apiVersion"], response["kind"]) == (version, "CredentialProviderResponse")
    assert set(response) == {"apiVersion", "kind", "cacheKeyType", "cacheDuration", "auth"}
    assert response["cacheKeyType"] == "Image"
    (credential,) = response["auth"].values()
    assert set(credential) == {"username", "password"}
    assert credential["username"] == "AWS"
    assert credential["password"].startswith("token-1-of-AKIAJOBONE-")


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "key"),
    [
        (IMAGE, IMAGE),
        (f"{IMAGE}:1.2", IMAGE),
        (f"{IMAGE}:1.2@{DIGEST}", IMAGE),
        (f"{IMAGE}@{DIGEST}", IMAGE),
        (f"{HOST}:443/team/app", f"{HOST}:443/team/app"),
        (f"{HOST.upper()}/team/app", f"{HOST.upper()}/team/app"),
    ],
)
def test_the_credential_is_for_the_image_alone_by_the_kubelets_spelling_of_its_host(
    machine: Machine, service: FakeService, image: str, key: str
) -> None:
    assert list(answer(machine, asks(image))["auth"]) == [key]
    assert service.asked == [{"registry": HOST, "pull": ["team/app"]}]


def test_each_image_has_a_token_of_its_own_which_is_kept(
    machine: Machine, service: FakeService
) -> None:
    for repository in ("team/app", "team/web", "team/app"):
        answer(machine, asks(f"{HOST}/{repository}"))
    assert [asked["pull"] for asked in service.asked] == [["team/app"], ["team/web"]]


def test_the_token_of_the_docker_helper_is_not_for_one_image(
    machine: Machine, service: FakeService
) -> None:
    machine.python()
    assert "token-2-of" in json.dumps(answer(machine, asks()))
    assert service.asked[1] == {"registry": HOST, "pull": ["team/app"]}


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"ECR_VEND_ACCESS": "pull-through"}, {"pull_through": ["team/app"]}),
        ({"ECR_VEND_PULL_THROUGH": "team/app,hub/x"}, {"pull_through": ["team/app"]}),
        ({"ECR_VEND_PULL_THROUGH": "hub/x"}, {"pull": ["team/app"]}),
        ({"ECR_VEND_ACCESS": "push"}, {"pull": ["team/app"]}),
        ({"ECR_VEND_PUSH": "team/app"}, {"pull": ["team/app"]}),
        (
            {"ECR_VEND_TTL": "15m", "ECR_VEND_GRANT": "nodes", "ECR_VEND_REASON": "pods"},
            {"pull": ["team/app"], "ttl_seconds": 900, "grant": "nodes", "reason": "pods"},
        ),
    ],
)
def test_nothing_but_pulling_is_asked_for_with_what_else_the_settings_say(
    machine: Machine, service: FakeService, changes: dict[str, str], asked: dict[str, object]
) -> None:
    answer(machine, asks(), **changes)
    assert service.asked == [{"registry": HOST} | asked]


def test_an_alias_is_ours_by_its_own_name(machine: Machine, service: FakeService) -> None:
    alias = {"ECR_VEND_REGISTRIES": f"images.example:5000={HOST}"}
    response = answer(machine, asks("images.example:5000/team/app:1"), **alias)
    assert list(response["auth"]) == ["images.example:5000/team/app"]
    assert service.asked[0]["registry"] == HOST


@pytest.mark.parametrize("life", [60, 900, 3600])
def test_the_kubelet_keeps_it_until_it_should_be_renewed_and_never_longer(
    machine: Machine, service: FakeService, life: int
) -> None:
    service.life = life
    before = time.time()
    kept = seconds(answer(machine, asks()))
    margin = min(max(life / 3, 60), life / 2)
    assert 0 < kept <= life - margin
    assert before + kept < before + life


def test_a_token_past_its_refresh_point_is_not_kept_and_is_renewed_for_its_image_alone(
    machine: Machine, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, object]] = []

    def start(asked: str, request: object, environ: object) -> bool:
        started.append((asked, request))
        return True

    answer(machine, asks())
    age(machine, 800)
    monkeypatch.setattr("ecr_vend.renewal.start", start)
    response = answer(machine, asks())
    assert response["cacheDuration"] == "0s"
    assert "token-1-of" in json.dumps(response)
    assert started == [(HOST, {"pull": ["team/app"]})]


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/library/nginx",
        "nginx",
        "ghcr.io/team/app",
        f"{HOST}:5000/app",
        "public.ecr.aws/x",
    ],
)
def test_an_image_that_is_not_ours_is_left_to_others_at_once(
    machine: Machine, service: FakeService, image: str
) -> None:
    response = answer(machine, asks(image))
    assert (response["auth"], response["cacheDuration"]) == ({}, "0s")
    assert response["cacheKeyType"] == "Image"
    assert service.asked == []


def test_a_broken_configuration_is_told_for_our_images_only(machine: Machine) -> None:
    assert answer(machine, asks("nginx"), ECR_VEND_TTL="soon")["auth"] == {}
    assert "ECR_VEND_TTL" in call(machine, asks(), ECR_VEND_TTL="soon")[1]


def test_a_refusal_is_one_line_on_stderr_and_nothing_on_stdout(
    machine: Machine, service: FakeService
) -> None:
    service.refuse = (403, REFUSAL)
    out, err, code = call(machine, asks())
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert err.startswith("ecr-vend: refused by policy (not_granted)")


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is not a JSON object"),
        (asks(apiVersion=f"{V1}alpha1"), f"its apiVersion is {V1}alpha1; in the kubelet's"),
        (asks(apiVersion=["v1"]), "its apiVersion is ['v1']"),
        ({"image": IMAGE}, "its apiVersion is None"),
        (asks(kind="Pod"), "its kind is Pod, not CredentialProviderRequest"),
        (asks(None), "it has no `image`"),
        (asks(""), "it has no `image`"),
        (asks(7), "it has no `image`"),
        (asks(f"{HOST}/Team/App"), "names no image"),
        (asks(f"https://{IMAGE}"), "names no image"),
        (asks(f"docker://{IMAGE}"), "names no image"),
        (asks(serviceAccountToken=["x"]), "its service account is not one"),
        (asks(serviceAccountToken="\ud800"), "its service account is not one"),
        (asks(serviceAccountToken="x", serviceAccountAnnotations=[1]), "its service account"),
    ],
)
def test_a_request_that_is_none_is_one_clear_line(
    machine: Machine, service: FakeService, request_: object, says: str
) -> None:
    out, err, code = call(machine, request_)
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert err.startswith("ecr-vend: the request on stdin is not understood: ")
    assert says in err
    assert service.asked == []


def test_help_and_version(machine: Machine) -> None:
    out, err, code = call(machine, "", "--help")
    assert (err, code) == ("", 0)
    assert out.startswith("Usage: ecr-vend-credential-provider <request.json\n")
    expected = (f"ecr-vend-credential-provider {__version__}\n", "", 0)
    assert call(machine, "", "--version") == expected


def test_the_example_in_the_help_is_answered(machine: Machine) -> None:
    example = call(machine, "", "--help")[0].partition("echo '")[2].partition("'")[0]
    assert answer(machine, example)["auth"]


def test_the_argument_of_other_providers_is_no_mistake_and_another_is(machine: Machine) -> None:
    assert call(machine, asks(), "get-credentials")[2] == 0
    out, err, code = call(machine, asks(), "get-credentials", "--v=3")
    assert (out, code) == ("", 1)
    assert "takes a request on stdin and no arguments" in err
