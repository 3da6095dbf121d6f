"""Where registry clients keep their credentials, and what is said of a broken file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_vend import registry_configs
from ecr_vend.errors import Problem
from ecr_vend.registry_configs import containers_auth_files, docker_config, host_of

HOME = {"HOME": "/home/me"}
DOCKER = Path("/home/me/.docker/config.json")
USER = Path("/home/me/.config/containers/auth.json")
LEGACY = Path("/home/me/.dockercfg")


def test_dockers_file_is_where_docker_looks() -> None:
    assert docker_config(HOME) == DOCKER
    assert docker_config({**HOME, "DOCKER_CONFIG": "/d"}) == Path("/d/config.json")


@pytest.mark.parametrize(
    ("changes", "files"),
    [
        (
            {"XDG_RUNTIME_DIR": "/run/u"},
            (Path("/run/u/containers/auth.json"), USER, DOCKER, LEGACY),
        ),
        ({"REGISTRY_AUTH_FILE": "/a.json", "DOCKER_CONFIG": "/d"}, (Path("/a.json"),)),
        ({"DOCKER_CONFIG": "/d"}, (Path("/d/config.json"),)),
    ],
)
def test_containers_files_are_in_the_order_podman_reads_them(
    changes: dict[str, str], files: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert containers_auth_files(HOME | changes) == files


def test_there_is_no_runtime_folder_but_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert containers_auth_files({**HOME, "XDG_RUNTIME_DIR": "/run/u"}) == (USER, DOCKER, LEGACY)


def test_a_broken_file_is_named_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{\n  "auths": {,}\n}')
    with pytest.raises(Problem, match=r"config\.json: is not JSON: .* at line 2, column 13"):
        registry_configs.read(path)


@pytest.mark.parametrize("content", [b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(Problem, match="is not"):
        registry_configs.read(path)


def test_no_file_and_an_empty_one_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert registry_configs.read(path) is None
    path.write_text("\n")
    assert registry_configs.read(path) == {}


def test_a_table_of_another_kind_is_refused() -> None:
    with pytest.raises(Problem, match="`auths` is not an object"):
        registry_configs.table({"auths": []}, "auths", DOCKER)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("example.com/team/app", "example.com"),
        ("https://index.docker.io/v1/", "index.docker.io"),
        ("localhost:5000", "localhost:5000"),
    ],
)
def test_a_key_tells_its_host(key: str, host: str) -> None:
    assert host_of(key) == host
