"""Every installer puts the sh front in place as it is, and the front finds its Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__, command_line, completions, manual
from tests.tools_at_hand import missing
from tools.artefacts import packages
from tools.environments import ROOT, Missing, child_environment, uv
from tools.release.version import commit

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "docker-credential-ecr-vend"
FRONT = ROOT / "client" / "front" / NAME

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the sh front is for POSIX systems")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the wheels by platform."""
    return dict(
        zip(packages.PLATFORMS, packages.wheels(tmp_path_factory.mktemp("dist")), strict=True)
    )


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env=child_environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def pip(wheel: Path, home: Path) -> Path:
    """Install with pip."""
    run(sys.executable, "-m", "venv", home / "venv")
    run(home / "venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    return home / "venv/bin" / NAME


def pip_editable(wheel: Path, home: Path) -> Path:
    """Install the working tree with pip -e."""
    run(sys.executable, "-m", "venv", home / "venv")
    source = ("--editable", ROOT / "client")
    run(home / "venv/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", *source)
    return home / "venv/bin" / NAME


def uv_tool(wheel: Path, home: Path) -> Path:
    """Install with uv tool, which links the script from another folder."""
    folders = {"UV_TOOL_DIR": str(home / "tools"), "UV_TOOL_BIN_DIR": str(home / "bin")}
    run(uv(), "tool", "install", "--quiet", "--python", sys.executable, wheel, **folders)
    return home / "bin" / NAME


def pipx(wheel: Path, home: Path) -> Path:
    """Install with pipx, itself from the index, which links the script as well."""
    run(uv(), "venv", "--quiet", "--python", sys.executable, home / "pipx")
    try:
        run(uv(), "pip", "install", "--quiet", "--python", home / "pipx", "pipx")
    except AssertionError as error:
        missing(f"pipx could not be installed: {error}")
    folders = {"PIPX_HOME": str(home / "home"), "PIPX_BIN_DIR": str(home / "bin")}
    run(home / "pipx/bin/pipx", "install", "--quiet", "--python", sys.executable, wheel, **folders)
    return home / "bin" / NAME


@pytest.mark.parametrize("install", [pip, pip_editable, uv_tool, pipx])
def test_an_installed_helper_is_the_front_and_works(
    built: dict[str, Path], install: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    try:
        uv()
    except Missing as error:
        missing(str(error))
    script = install(built["any"], tmp_path)
    assert script.read_bytes() == FRONT.read_bytes()
    assert script.read_text().splitlines()[0] == "#!/bin/sh"
    home = tmp_path / "user"
    home.mkdir()
    bare = {"HOME": str(home), "PATH": "/usr/bin:/bin"}

    def call(path: Path, *words: str, given: str = "") -> tuple[str, str]:
        done = subprocess.run(
            [path, *words],
            env=bare,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
        )
        return done.stdout, done.stderr

    # The working directory is no place to take modules from.
    (home / "ecr_vend.py").write_text("raise SystemExit('taken from the working directory')")
    (home / "json.py").write_text("raise SystemExit('taken from the working directory')")
    version = f"{NAME} (github.com/ecr-vend/ecr-vend) v{__version__}\n"
    assert call(script, "version") == (version, "")
    assert call(script, "list") == ("{}\n", "")
    provider = script.parent / "ecr-vend-credential-provider"
    assert call(provider, "--version") == (f"{provider.name} {__version__}\n", "")
    refused = call(script, "get", given="111122223333.dkr.ecr.eu-west-1.amazonaws.com")
    assert refused[0].startswith("ecr-vend: no endpoint is set")
    alone = home / "bin" / NAME
    alone.parent.mkdir()
    alone.symlink_to(script)
    assert call(alone, "version") == (version, "")
    relative = home / NAME
    relative.symlink_to(Path("bin") / NAME)
    assert call(relative, "version") == (version, "")


def test_each_wheel_has_the_front_or_the_entry_point_and_never_both(
    built: dict[str, Path],
) -> None:
    for platform, wheel in built.items():
        assert wheel.name == f"ecr_vend-{__version__}-py3-none-{platform}.whl"
        with zipfile.ZipFile(wheel) as opened:
            names = opened.namelist()
            points = next(name for name in names if name.endswith("/entry_points.txt"))
            commands = {
                line.partition(" = ")[0] for line in opened.read(points).decode().split("\n")
            }
        scripts = [name for name in names if ".data/scripts/" in name]
        if platform == "any":
            assert [name.rpartition("/")[2] for name in scripts] == [NAME]
            assert NAME not in commands
        else:
            assert scripts == []
            assert NAME in commands


def test_the_posix_wheel_alone_has_the_manual_page_and_the_completions(
    built: dict[str, Path],
) -> None:
    for platform, wheel in built.items():
        with zipfile.ZipFile(wheel) as opened:
            shared = {
                name.partition(".data/data/")[2]: opened.read(name).decode()
                for name in opened.namelist()
                if ".data/data/" in name
            }
        if platform != "any":
            assert shared == {}
            continue
        assert shared == {
            "share/man/man1/ecr-vend.1": manual.page(command_line.parser()),
            "share/bash-completion/completions/ecr-vend": completions.bash(command_line.parser()),
            "share/zsh/site-functions/_ecr-vend": completions.zsh(command_line.parser()),
            "share/fish/vendor_completions.d/ecr-vend.fish": completions.fish(
                command_line.parser()
            ),
        }


def test_building_again_gives_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    again = packages.wheels(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in built.values()]


def test_a_wheel_says_what_it_was_built_from(built: dict[str, Path]) -> None:
    for platform, path in built.items():
        with zipfile.ZipFile(path) as zipped:
            names = zipped.namelist()
            written = json.loads(zipped.read("ecr_vend/release.json"))
        assert names.count("ecr_vend/release.json") == 1
        assert written == {"commit": commit(), "build": f"wheel {platform}"}
