"""`ecr-vend materialize`: the file that programs without a helper read."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ecr_vend import command_line, written_configs
from ecr_vend.console import Console
from tests.client.fake_service import HOST, FakeService
from tests.client.machine import Machine

OTHER = {"auth": base64.b64encode(b"me:mine").decode()}


def materialize(machine: Machine, *words: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    console = Console(io.StringIO(), out, err, machine.environ)
    code = command_line.run(["materialize", *words], console)
    return out.getvalue(), err.getvalue(), code


def kaniko_reads(path: Path, host: str) -> tuple[str, str]:
    """Return the user and password that kaniko finds for a registry."""
    auths = json.loads(path.read_text())["auths"]
    user, _, password = base64.b64decode(auths[host]["auth"]).decode().partition(":")
    return user, password


def pull_secret(document: dict[str, Any]) -> Any:
    """Return what the kubelet finds in a Secret."""
    assert document["apiVersion"] == "v1"
    assert document["kind"] == "Secret"
    assert document["type"] == "kubernetes.io/dockerconfigjson"
    return json.loads(base64.b64decode(document["data"][".dockerconfigjson"]))["auths"]


def test_kaniko_finds_the_token_in_its_configuration(machine: Machine) -> None:
    path = machine.home / "kaniko" / ".docker" / "config.json"
    words = ("--format", "docker", "--registry", HOST, "--out", str(path))
    out, err, code = materialize(machine, *words)
    assert (out, code) == ("", 0)
    user, password = kaniko_reads(path, HOST)
    assert user == "AWS"
    assert password.startswith("token-1-of-AKIAJOBONE-")
    assert password not in err
    assert err.startswith(f"ecr-vend: the token for {HOST} works until 20")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_that_a_file_holds_is_lost(machine: Machine) -> None:
    path = machine.home / "config.json"
    kept = {"proxies": {"x": 1}, "credHelpers": {"a": "b"}}
    before = {**kept, "auths": {"quay.io": OTHER, HOST: OTHER}}
    path.write_text(json.dumps(before))
    path.chmod(0o644)
    words = ("--format", "docker", "--registry", HOST, "--out", str(path))
    assert materialize(machine, *words)[2] == 0
    after = json.loads(path.read_text())
    assert kaniko_reads(path, HOST)[0] == "AWS"
    assert after["auths"].pop(HOST) != OTHER
    assert after == {**kept, "auths": {"quay.io": OTHER}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in machine.home.glob(".*.new")] == []


@pytest.mark.parametrize("content", ['{"auths": {', "[]", '{"auths": []}', "kind: Secret"])
@pytest.mark.parametrize("kind", ["docker", "containers", "k8s-secret"])
def test_a_file_that_is_something_else_is_left_as_it_is(
    kind: str, content: str, machine: Machine
) -> None:
    path = machine.home / "file"
    path.write_text(content)
    out, err, code = materialize(machine, "--format", kind, "--registry", HOST, "--out", str(path))
    assert (out, code) == ("", 1)
    assert err.startswith(f"ecr-vend: {path}: ")
    assert path.read_text() == content


def test_a_repository_has_a_token_of_its_own_where_the_format_knows_paths(
    machine: Machine, service: FakeService
) -> None:
    path = machine.home / "auth.json"
    machine.environ["ECR_VEND_PUSH"] = "team/app"
    repositories = ("--repository", "team/app", "--repository", "base/python")
    words = ("--format", "containers", "--registry", HOST, *repositories, "--out", str(path))
    assert materialize(machine, *words)[2] == 0
    assert service.asked == [
        {"registry": HOST, "push": ["team/app"]},
        {"registry": HOST, "pull": ["base/python"]},
    ]
    assert kaniko_reads(path, f"{HOST}/team/app")[1].startswith("token-1-")
    assert kaniko_reads(path, f"{HOST}/base/python")[1].startswith("token-2-")
    assert set(json.loads(path.read_text())["auths"]) == {f"{HOST}/team/app", f"{HOST}/base/python"}


def test_repositories_share_the_hosts_token_where_the_format_does_not(
    machine: Machine, service: FakeService
) -> None:
    path = machine.home / "config.json"
    repositories = ("--repository", "team/app", "--repository", "base/python")
    words = ("--format", "docker", "--registry", HOST, *repositories, "--out", str(path))
    assert materialize(machine, *words)[2] == 0
    assert service.asked == [{"registry": HOST, "pull": ["team/app", "base/python"]}]
    assert set(json.loads(path.read_text())["auths"]) == {HOST}


def test_a_secret_can_be_applied_and_says_when_it_ends(machine: Machine) -> None:
    words = ("--format", "k8s-secret", "--registry", HOST, "--repository", "team/app", "--out", "-")
    out, err, code = materialize(machine, *words, "--name", "pull", "--namespace", "web")
    assert (err, code) == ("", 0)
    document = json.loads(out)
    assert set(pull_secret(document)) == {f"{HOST}/team/app"}
    ends = document["metadata"].pop("annotations")
    assert list(ends) == [written_configs.EXPIRES]
    assert ends[written_configs.EXPIRES].endswith("Z")
    assert document["metadata"] == {"name": "pull", "namespace": "web"}


def test_a_secret_keeps_its_other_entries_and_its_name(machine: Machine) -> None:
    path = machine.home / "secret.json"
    inner = base64.b64encode(json.dumps({"auths": {"quay.io": OTHER}}).encode()).decode()
    before = {
        "kind": "Secret",
        "apiVersion": "v1",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "mine", "labels": {"a": "b"}},
        "data": {".dockerconfigjson": inner},
    }
    path.write_text(json.dumps(before))
    words = ("--format", "k8s-secret", "--registry", HOST, "--out", str(path))
    assert materialize(machine, *words)[2] == 0
    after = json.loads(path.read_text())
    assert set(pull_secret(after)) == {"quay.io", HOST}
    assert after["metadata"]["name"] == "mine"
    assert after["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize("inner", ["%", "W10=", 3])
def test_a_secret_with_another_content_is_left_as_it_is(inner: object, machine: Machine) -> None:
    path = machine.home / "secret.json"
    kind = {"kind": "Secret", "type": "kubernetes.io/dockerconfigjson"}
    path.write_text(json.dumps({**kind, "data": {".dockerconfigjson": inner}}))
    before = path.read_text()
    words = ("--format", "k8s-secret", "--registry", HOST, "--out", str(path))
    _, err, code = materialize(machine, *words)
    assert code == 1
    assert "its .dockerconfigjson is not" in err
    assert path.read_text() == before


def test_a_report_has_the_end_of_each_entry_and_no_token(machine: Machine) -> None:
    path = machine.home / "config.json"
    words = ("--format", "docker", "--registry", HOST, "--out", str(path), "--json")
    out, err, code = materialize(machine, *words)
    assert (err, code) == ("", 0)
    report = json.loads(out)
    assert [entry["entry"] for entry in report["entries"]] == [HOST]
    assert report["entries"][0]["expires_at"].endswith("Z")
    assert "token-1" not in out


def test_what_is_asked_before_the_entry_is_told(machine: Machine) -> None:
    path = machine.home / "config.json"
    path.write_text(json.dumps({"credHelpers": {HOST: "ecr-login"}, "credsStore": "desktop"}))
    words = ("--format", "docker", "--registry", HOST, "--out", str(path))
    _, err, code = materialize(machine, *words)
    assert code == 0
    assert f"`credHelpers` of {path} has {HOST}: its helper is asked" in err
    assert f"`credsStore` of {path} is desktop" in err


def test_a_link_of_ones_own_is_followed_and_stays(machine: Machine) -> None:
    real, link = machine.home / "real.json", machine.home / "link.json"
    link.symlink_to(real)
    words = ("--format", "docker", "--registry", HOST, "--out", str(link))
    assert materialize(machine, *words)[2] == 0
    assert link.is_symlink()
    assert kaniko_reads(real, HOST)[0] == "AWS"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs to give a link away")
def test_a_link_of_another_user_is_refused(machine: Machine) -> None:
    link = machine.home / "link.json"
    link.symlink_to(machine.home / "real.json")
    os.lchown(link, 65534, 65534)
    words = ("--format", "docker", "--registry", HOST, "--out", str(link))
    _, err, code = materialize(machine, *words)
    assert (err, code) == (
        f"ecr-vend: {link} cannot be written: it is a link of another user's\n",
        1,
    )


@pytest.mark.parametrize("name", ["", "blocked/config.json"])
def test_what_cannot_be_written_is_told_before_a_token_is_asked_for(
    name: str, machine: Machine, service: FakeService
) -> None:
    (machine.home / "blocked").write_text("")
    path = machine.home / name
    words = ("--format", "docker", "--registry", HOST, "--out", str(path))
    _, err, code = materialize(machine, *words)
    assert code == 1
    assert f"ecr-vend: {path} cannot be written: " in err
    assert service.asked == []


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "docker", "--out", "-", "--json"),
        ("--format", "docker", "--out", "x", "--name", "pull"),
        ("--format", "podman", "--out", "x"),
    ],
)
def test_a_wrong_command_line_ends_with_2(
    words: tuple[str, ...], machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert materialize(machine, *words)[2] == 2
    assert "error: " in capsys.readouterr().err


def test_a_host_that_is_not_ours_is_refused(machine: Machine) -> None:
    words = ("--format", "docker", "--registry", "quay.io", "--out", "-")
    out, err, code = materialize(machine, *words)
    assert (out, code) == ("", 1)
    assert "quay.io is not a registry that this helper answers for" in err


def test_dockers_own_configuration_names_the_registries(machine: Machine) -> None:
    docker = machine.home / ".docker" / "config.json"
    docker.parent.mkdir()
    docker.write_text(json.dumps({"credHelpers": {HOST: "ecr-vend", "gcr.io": "gcloud"}}))
    out, _, code = materialize(machine, "--format", "docker", "--out", "-")
    assert code == 0
    assert set(json.loads(out)["auths"]) == {HOST}
