"""Versions stand in one place, and what comes from outside is pinned to its bytes."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tools import pins
from tools.environments import ROOT, SUPPORTED, Missing
from tools.lookups import Action, Image, newest
from tools.release.version import version

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "1" * 40, "2" * 40
DIGEST = f"sha256:{'d' * 64}"
ONE_PYTHON = pins.FUNCTIONS_PLACES | pins.BEST_PLACES | pins.OLDEST_PLACES
PLACES = [*ONE_PYTHON, *pins.SUPPORTED_PLACES]
WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with all places of ours, one workflow and a pinned Dockerfile."""
    for name in (*PLACES, "requirements/uv.in", "requirements/uv.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    uses(tmp_path, f"actions/checkout@{ONE} # v1.2.3")
    dockerfile(tmp_path, f"docker.io/library/python:{SUPPORTED[0]}-alpine3.22@{DIGEST}")
    return tmp_path


@pytest.fixture(autouse=True)
def no_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REF_TYPE", raising=False)


def uses(root: Path, *actions: str) -> None:
    path = root / WORKFLOW
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("steps:\n" + "".join(f"  - uses: {action}\n" for action in actions))


def dockerfile(root: Path, base: str, *lines: str) -> None:
    path = root / pins.DOCKERFILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "\n".join([f"ARG BASE={base}", "FROM ${BASE} AS build", *lines, "FROM scratch"])
    )


def edit(root: Path, name: str, pattern: str, new: str) -> None:
    text = (root / name).read_text()
    fresh = re.sub(pattern, new, text, count=1, flags=re.MULTILINE)
    assert fresh != text
    (root / name).write_text(fresh)


def said(root: Path) -> list[str]:
    return [str(fault) for fault in pins.faults(root)]


def test_all_of_this_repository_agrees() -> None:
    assert [str(fault) for fault in pins.faults(ROOT) if not fault.missing] == []


def test_a_repository_whose_places_agree_has_no_fault(root: Path) -> None:
    assert said(root) == []
    assert pins.check(root, release=True) == 0


@pytest.mark.parametrize("ref", ["v1", "v1.2.3", "main", "1" * 39])
def test_an_action_at_what_can_be_moved_is_a_fault(root: Path, ref: str) -> None:
    uses(root, f"acme/cache/restore@{ref} # v1.2.3")
    (fault,) = said(root)
    assert fault == f"{WORKFLOW}:2: acme/cache/restore@{ref} can be moved: run `make pin`"
    assert pins.check(root, release=False) == 1


@pytest.mark.parametrize("comment", ["", " # latest", " # v1"])
def test_a_commit_without_its_version_is_a_fault(root: Path, comment: str) -> None:
    uses(root, f"acme/cache@{ONE}{comment}")
    (fault,) = said(root)
    assert "lacks its `# vX.Y.Z`" in fault


@pytest.mark.parametrize("other", [f"{TWO} # v1.2.3", f"{ONE} # v1.2.4"])
def test_one_action_in_two_versions_is_a_fault_that_names_both_places(
    root: Path, other: str
) -> None:
    uses(root, f"acme/cache@{ONE} # v1.2.3", f"acme/cache/save@{other}")
    (fault,) = said(root)
    assert fault.startswith(f"{WORKFLOW}:3: acme/cache is at ")
    assert f"{WORKFLOW}:2" in fault


def test_an_action_of_this_repository_needs_no_pin(root: Path) -> None:
    uses(root, "./.github/actions/python")
    assert said(root) == []


@pytest.mark.parametrize("name", ONE_PYTHON)
def test_another_python_in_any_place_is_a_fault(root: Path, name: str) -> None:
    places = ONE_PYTHON
    edit(root, name, places[name], outdated(root, name, places[name]))
    (fault,) = said(root)
    assert re.match(rf"{name}:\d+: says Python ", fault)


def outdated(root: Path, name: str, pattern: str) -> str:
    """Return the line that `pattern` finds, with a Python that nobody supports."""
    found = re.search(pattern, (root / name).read_text(), re.MULTILINE)
    assert found
    return found[0].replace(found[1], found[1][:-1] + "9")


@pytest.mark.parametrize("name", pins.SUPPORTED_PLACES)
@pytest.mark.parametrize("lacking", SUPPORTED)
def test_a_place_that_forgets_a_supported_python_is_a_fault(
    root: Path, name: str, lacking: str
) -> None:
    edit(root, name, pins.SUPPORTED_PLACES[name], forgetting(root, name, lacking))
    (fault,) = said(root)
    assert fault.endswith(f"does not name Python {lacking}, which is supported")


def forgetting(root: Path, name: str, lacking: str) -> str:
    """Return what names the supported versions in a file, less one."""
    found = re.search(pins.SUPPORTED_PLACES[name], (root / name).read_text(), re.MULTILINE)
    assert found
    return found[0].replace(lacking, "3.9").replace("\\", "\\\\")


def test_a_place_that_lost_its_version_is_named(root: Path) -> None:
    edit(root, "template.yaml", r"^ +Runtime: .*\n", "")
    with pytest.raises(Missing, match=r"template\.yaml does not say its version"):
        pins.faults(root)


@pytest.mark.parametrize(
    "line", ["RUN pip install uv==0.1.2", "COPY --from=ghcr.io/astral-sh/uv:0.1.2 /uv /uv"]
)
def test_another_uv_is_a_fault(root: Path, line: str) -> None:
    dockerfile(root, f"docker.io/library/python:{SUPPORTED[0]}-alpine@{DIGEST}", line)
    (fault,) = said(root)
    assert "says uv 0.1.2, requirements/uv.in " in fault


def test_a_missing_digest_stops_nothing_but_a_release(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dockerfile(root, f"docker.io/library/python:{SUPPORTED[0]}-alpine3.22")
    assert pins.check(root, release=False) == 0
    assert "warning: no release can be made before `make pin`" in capsys.readouterr().err
    assert pins.check(root, release=True) == 1
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"), [(["--check"], 0), (["--check", "--release"], 1), (["--release"], 1)]
)
def test_only_a_release_is_strict(
    root: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    dockerfile(root, f"docker.io/library/python:{SUPPORTED[0]}-alpine3.22")
    monkeypatch.setattr(pins, "ROOT", root)
    monkeypatch.setattr("sys.argv", ["pins.py", *words])
    assert pins.main() == code


@pytest.mark.parametrize("words", [["--check", "--upgrade"], ["--release", "--upgrade"]])
def test_a_check_never_writes(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr("sys.argv", ["pins.py", *words])
    with pytest.raises(SystemExit, match="2"):
        pins.main()


@pytest.mark.parametrize("tag", ["3.1-alpine", f"{SUPPORTED[0]}0", SUPPORTED[-1], "latest"])
def test_a_base_of_another_python_is_a_fault(root: Path, tag: str) -> None:
    dockerfile(root, f"docker.io/library/python:{tag}@{DIGEST}")
    (fault,) = said(root)
    assert f"is not of Python {SUPPORTED[0]}" in fault


def test_a_stage_on_an_image_of_its_own_is_a_fault(root: Path) -> None:
    base = f"docker.io/library/python:{SUPPORTED[0]}@{DIGEST}"
    dockerfile(root, base, "FROM --platform=$BUILDPLATFORM alpine:3 AS other", "FROM build")
    (fault,) = said(root)
    assert fault == "client/Dockerfile:3: builds on alpine:3, and every stage builds on ${BASE}"


@pytest.mark.parametrize(
    "base", ["python:3.13", "docker.io/library/python", "docker.io/a:1@sha256:1"]
)
def test_a_base_that_is_not_named_in_full_is_refused(root: Path, base: str) -> None:
    dockerfile(root, base)
    with pytest.raises(Missing, match="is no image as HOST/NAME:TAG"):
        pins.faults(root)


def test_a_tag_that_is_not_the_versions_stops_its_release(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", f"v{version()}")
    assert said(root) == []
    monkeypatch.setenv("GITHUB_REF_NAME", "v99.0.0")
    assert said(root) == [f"tag v99.0.0: the version is {version()}: tag it as v{version()}"]


RELEASES = {"v1.2.3": ONE, "v1.10.0": TWO, "v1": TWO, "v2.0.0": "3" * 40, "v3.0.0-beta.1": "4" * 40}


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("v1", "v1.10.0"), ("v1.2.3", "v1.2.3"), ("v1.1", None), (ONE, "v1.2.3"), ("9" * 40, None)],
)
def test_what_is_missing_is_pinned_to_what_it_meant(ref: str, expected: str | None) -> None:
    action = Action("a.yml:1", "acme/cache", ref, "")
    if expected is None:
        with pytest.raises(Missing, match=rf"a\.yml:1: acme/cache has no release .* {ref}"):
            newest(action, RELEASES, upgrade=False)
    else:
        assert newest(action, RELEASES, upgrade=False) == (RELEASES[expected], expected)


def test_an_upgrade_takes_the_newest_release_and_no_preview() -> None:
    action = Action("a.yml:1", "acme/cache", ONE, "v1.2.3")
    assert newest(action, RELEASES, upgrade=True) == ("3" * 40, "v2.0.0")


def test_an_image_is_named_as_it_was_read() -> None:
    for text in ("docker.io/library/python:3.13-alpine3.22", f"127.0.0.1:5000/a/b:1@{DIGEST}"):
        assert str(Image.parse(text)) == text
