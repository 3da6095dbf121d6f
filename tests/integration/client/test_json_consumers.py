"""The kubelet and Bazel, replayed: the programs as they start them, what they send and take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.client import fake_sts
from tests.client.fake_service import HOST, REFUSAL
from tests.client.fake_sts import FakeSts, key_of
from tests.client.kubelet_rules import decoded, matches
from tests.client.machine import ROOT, SHELLS
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

V1 = "credentialprovider.kubelet.k8s.io/v1"
IMAGE = f"{HOST}/team/app"
ROLE = "arn:aws:iam::111122223333:role/pulls"
FORMS = ["provider", "front", "python"]
"""By its own name, and by docker's through the front and through Python."""


@pytest.fixture
def sts() -> Iterator[FakeSts]:
    yield from fake_sts.serve(FakeSts())


def start(machine: Machine, form: str, **changes: str | None) -> subprocess.Popen[str]:
    """Start the program with the environment of the machine, changed."""
    if form == "provider":
        words = [sys.executable, "-P", "-m", "ecr_vend.dialects.kubelet"]
    else:
        words = [*machine.command(front=form == "front"), "get"]
    environ = {k: v for k, v in (machine.environ | changes).items() if v is not None}
    if form != "front":
        environ["PYTHONPATH"] = str(ROOT / "client" / "src")
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=environ, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def call(
    machine: Machine, form: str, request: object, **changes: str | None
) -> tuple[str, str, int]:
    """Return what was printed, what was said on stderr and the exit code, within a minute."""
    with start(machine, form, **changes) as process:
        out, err = process.communicate(json.dumps(request), timeout=60)
        return out, err, process.returncode


def asks(image: str = IMAGE, version: str = V1, **more: object) -> dict[str, object]:
    # The kubelet's encoder ends a document with a line feed; it makes no difference here.
    kind = "CredentialProviderRequest"
    return {"kind": kind, "apiVersion": version, "image": image} | more


# kubelet


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", [V1, f"{V1}beta1"])
def test_the_kubelet_takes_the_answer_and_finds_the_credential_for_its_image(
    machine: Machine, service: FakeService, form: str, version: str
) -> None:
    out, err, code = call(machine, form, asks(version=version))
    assert (err, code) == ("", 0)
    response = decoded(out, version)
    (key,) = response["auth"]
    assert matches(key, IMAGE)
    assert not matches(key, f"{HOST}/team")
    assert not matches(key, "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app")
    assert service.asked == [{"registry": HOST, "pull": ["team/app"]}]


@pytest.mark.parametrize("form", FORMS)
def test_the_kubelet_goes_on_with_an_image_that_is_not_ours(machine: Machine, form: str) -> None:
    out, err, code = call(machine, form, asks("docker.io/library/nginx"))
    assert (err, code) == ("", 0)
    assert decoded(out, V1)["auth"] == {}


@pytest.mark.parametrize("form", FORMS)
def test_the_kubelet_logs_why_it_has_no_credential(
    machine: Machine, service: FakeService, form: str
) -> None:
    service.refuse = (403, REFUSAL)
    out, err, code = call(machine, form, asks())
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert "refused by policy" in err


def test_the_kubelet_has_no_home_and_no_place_for_a_cache(
    machine: Machine, service: FakeService, tmp_path: Path
) -> None:
    config = str(tmp_path / "none.toml")
    nowhere = {"HOME": None, "ECR_VEND_CACHE_DIR": os.devnull, "ECR_VEND_CONFIG": config}
    nowhere |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for number in (1, 2):
        out, err, code = call(machine, "provider", asks(), **nowhere)
        assert (err, code) == ("", 0)
        assert f"token-{number}-of" in out
    assert len(service.asked) == 2


def as_pod(token: str) -> dict[str, object]:
    annotations = {"ecr-vend/role-arn": ROLE}
    return asks(serviceAccountToken=token, serviceAccountAnnotations=annotations)


@pytest.mark.parametrize("form", FORMS)
def test_the_kubelets_pods_pull_as_themselves(
    machine: Machine, service: FakeService, sts: FakeSts, form: str
) -> None:
    for pod in ("header.pod-one.signature", "header.pod-two.signature"):
        out, err, code = call(machine, form, as_pod(pod), AWS_ENDPOINT_URL_STS=sts.url)
        assert (err, code) == ("", 0)
        assert f"-of-{key_of(ROLE, pod)}-" in out
    assert len(service.asked) == 2


@pytest.mark.parametrize("shell", SHELLS)
def test_a_pods_token_is_in_no_list_of_processes_and_in_no_file(
    machine: Machine, sts: FakeSts, shell: str
) -> None:
    machine.shell = SHELLS[shell]
    require_tool(machine.shell[0])
    request = as_pod("header.pod.signature")
    out, err, code = call(machine, "front", request, AWS_ENDPOINT_URL_STS=sts.url)
    assert (err, code) == ("", 0)
    assert decoded(out, V1)["auth"]
    # All that the front started, with all its words.
    assert machine.started.read_text() == "-P -m ecr_vend.dialects.docker get\n"
    for path in machine.home.rglob("*"):
        assert path.is_dir() or b"pod.signature" not in path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_long_request_of_the_kubelet_is_read_whole(machine: Machine, form: str) -> None:
    annotations = {f"example.com/{number}": "x" * 1000 for number in range(90)}
    out, err, code = call(machine, form, asks(serviceAccountAnnotations=annotations))
    assert (err, code) == ("", 0)
    assert decoded(out, V1)["auth"]


# Bazel


def bazel(uri: str) -> dict[str, str]:
    return {"uri": uri}


@pytest.mark.parametrize("form", ["front", "python"])
def test_bazel_asks_for_many_at_once(machine: Machine, service: FakeService, form: str) -> None:
    service.delay = 0.3
    uris = [f"https://{HOST}/v2/team/app/blobs/sha256:{number:064}" for number in range(16)]
    processes = [start(machine, form) for _ in uris]
    for process, uri in zip(processes, uris, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps(bazel(uri)))
        process.stdin.close()
    answers = set()
    for process in processes:
        with process:
            assert process.stdout
            assert process.stderr
            answers.add((process.stdout.read(), process.stderr.read(), process.wait(60)))
    ((out, err, code),) = answers
    assert (err, code) == ("", 0)
    assert set(json.loads(out)) == {"headers", "expires"}
    assert service.asked == [{"registry": HOST}]


@pytest.mark.parametrize("form", ["front", "python"])
def test_bazel_follows_a_redirect_to_another_host(machine: Machine, form: str) -> None:
    uri = "https://prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com/x?a=b&c=%20"
    assert call(machine, form, bazel(uri)) == ('{"headers": {}}\n', "", 0)


@pytest.mark.parametrize("form", ["front", "python"])
def test_bazel_shows_why_it_has_no_headers(
    machine: Machine, service: FakeService, form: str
) -> None:
    service.refuse = (403, REFUSAL)
    out, err, code = call(machine, form, bazel(f"https://{HOST}/v2/"))
    assert (out, code, err.count("\n")) == ("", 1, 1)
    assert "refused by policy" in err
