"""Homebrew's formula and Scoop's manifest name the files of this very release, and install them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecr_vend import __version__, completions
from tests.tools_at_hand import missing, require_tool
from tools.artefacts import descriptions, packages, pyz
from tools.environments import Missing, find_interpreter

DOWNLOADS = f"https://github.com/ecr-vend/ecr-vend/releases/download/v{__version__}/"
WHEEL = f"ecr_vend-{__version__}-py3-none-any.whl"
HELPER = "docker-credential-ecr-vend"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    packages.wheels(folder)
    pyz.build(folder)
    assert [path.name for path in descriptions.build(folder)] == ["ecr-vend.rb", "ecr-vend.json"]
    return folder


def manifest(dist: Path) -> dict[str, Any]:
    document = json.loads((dist / "ecr-vend.json").read_text())
    assert isinstance(document, dict)
    return document


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_is_left_to_fill_in(dist: Path) -> None:
    for name in ("ecr-vend.rb", "ecr-vend.json"):
        assert not re.search(r"@[A-Z]", (dist / name).read_text())


def test_what_is_not_built_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"ecr-vend\.pyz"):
        descriptions.build(tmp_path)


def test_homebrew_installs_what_works(dist: Path, tmp_path: Path) -> None:
    ruby = require_tool("ruby")
    subprocess.run([ruby, "-c", dist / "ecr-vend.rb"], check=True, capture_output=True)
    if not (found := find_interpreter("3.13")):
        missing("Python 3.13 is not installed (pyenv install 3.13)")
    python = tmp_path / "opt/python3.13"
    python.parent.mkdir()
    python.symlink_to(found)
    prefix, cellar = tmp_path / "homebrew", tmp_path / "Cellar/ecr-vend"
    home = tmp_path / "home"
    home.mkdir()
    # No Python on the PATH is of any use: the formula's own is what runs.
    (home / "python3").symlink_to("/bin/false")
    environ = {"PATH": f"{home}:{os.defpath}", "HOME": str(home), "LC_ALL": "C.UTF-8"}
    script = Path(__file__).with_name("formula.rb")
    done = subprocess.run(
        [ruby, script, dist / "ecr-vend.rb", dist, python, prefix, cellar],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{DOWNLOADS}ecr-vend.pyz", f"{DOWNLOADS}{WHEEL}"]
    assert (prefix / "bin" / HELPER).read_text().startswith("#!/bin/sh\n")
    assert sorted(path.name for path in (prefix / "bin").iterdir()) == [
        HELPER,
        "ecr-vend",
        "ecr-vend-credential-provider",
    ]
    assert (cellar / "share/man/man1/ecr-vend.1").exists()
    assert len(list((cellar / "share").rglob("*ecr-vend*"))) == 1 + len(completions.SHELLS)
    assert list((cellar / "libexec/lib/ecr-vend").rglob("*.pyc"))


def test_scoop_is_told_of_the_file_and_its_digest(dist: Path) -> None:
    told = manifest(dist)
    assert told["version"] == __version__
    assert told["url"] == f"{DOWNLOADS}{pyz.NAME}"
    assert told["hash"] == digest(dist / pyz.NAME)
    assert (told["depends"], told["license"]) == ("python", "Apache-2.0")
    fresh = told["autoupdate"]["url"].replace("$version", __version__)
    assert (told["checkver"], fresh) == ("github", told["url"])


def test_scoop_finds_the_digest_of_a_later_release_in_its_sums(dist: Path) -> None:
    found = manifest(dist)["autoupdate"]["hash"]
    # As `lib/autoupdate.ps1` fills it.
    pattern = found["regex"].replace("$sha256", "([a-fA-F0-9]{64})")
    pattern = pattern.replace("$basename", re.escape(pyz.NAME))
    others = "".join(f"{'0' * 64}  {other}\n" for other in ("a.zip", f"{pyz.NAME}.cdx.json"))
    sums = f"{others}{digest(dist / pyz.NAME)}  {pyz.NAME}\n"
    match = re.search(pattern, sums)
    assert match
    assert match[1] == digest(dist / pyz.NAME)
    assert found["url"] == "$baseurl/SHA256SUMS"


@pytest.mark.parametrize("name", ["ecr-vend", HELPER, "ecr-vend-credential-provider"])
def test_scoop_makes_an_executable_that_starts_each_program(
    dist: Path, tmp_path: Path, name: str
) -> None:
    shims = {alias: (target, words) for target, alias, words in manifest(dist)["bin"]}
    assert set(shims) == {"ecr-vend", HELPER, "ecr-vend-credential-provider"}
    target, words = shims[name]
    # Only for an .exe does Scoop make an .exe, and docker calls nothing else.
    assert target == "python.exe"
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy(dist / pyz.NAME, folder)
    command = shlex.split(words.replace("$dir\\", f"{folder}/"))
    flag = {"ecr-vend": "version", HELPER: "version"}.get(name, "--version")
    done = subprocess.run(
        [sys.executable, *command, flag], capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.startswith((f"{name} ", f"ecr-vend {__version__}"))
    assert __version__ in done.stdout
