"""Completion in the real shells, and the manual page in the real `man`."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from ecr_vend import command_line, commands, completions, manual
from tests.client.machine import Machine
from tests.tools_at_hand import require_tool

FORMATS = ["docker", "dockerconfigjson", "env", "json", "password"]
CASES = [
    ("whoa", ["whoami"]),
    ("get --f", ["--format"]),
    ("get --format ", FORMATS),
    ("get --format docker HOST --h", ["--help"]),
    ("explain HOST/x --access pu", ["pull", "pull-through", "push"]),
    ("completion ", ["bash", "fish", "zsh"]),
    ("configure --endpoint ", []),
    ("materialize --out note", ["notes.txt"]),
    ("exec ./note", ["./notes.txt"]),
]
"""What stands on the command line after the program's name → what Tab offers."""


def script(shell: str, folder: Path) -> Path:
    """Return a shell's script in a file, beside one to complete."""
    (folder / "notes.txt").touch()
    path = folder / {"zsh": "_ecr-vend"}.get(shell, f"ecr-vend.{shell}")
    path.write_text(completions.SHELLS[shell](command_line.parser()))
    return path


def run(*words: str | Path, given: str | None = None, home: Path) -> str:
    """Run a program without a word on stderr; what it printed."""
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        list(map(str, words)),
        input=given,
        cwd=home,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(("typed", "offered"), CASES)
def test_bash_offers_what_fits(typed: str, offered: list[str], tmp_path: Path) -> None:
    words = ["ecr-vend", *typed.split(" ")]
    asking = (
        f"source {script('bash', tmp_path)}; COMP_WORDS=({shlex.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _ecr_vend; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    shown = run(require_tool("bash"), "--norc", "-c", asking, home=tmp_path)
    assert sorted(shown.split()) == offered


@pytest.mark.parametrize(("typed", "offered"), CASES)
def test_fish_offers_what_fits(typed: str, offered: list[str], tmp_path: Path) -> None:
    asking = f"source {script('fish', tmp_path)}; complete -C {shlex.quote(f'ecr-vend {typed}')}"
    shown = run(require_tool("fish"), "--no-config", "-c", asking, home=tmp_path)
    assert sorted(line.split("\t")[0] for line in shown.splitlines()) == offered


@pytest.mark.parametrize(("typed", "completed"), [(t, o[0]) for t, o in CASES if len(o) == 1])
def test_zsh_completes_what_is_unambiguous(typed: str, completed: str, tmp_path: Path) -> None:
    zsh = require_tool("zsh")
    script("zsh", tmp_path)
    line = f"ecr-vend {typed}"
    # A terminal of its own, in which Tab is pressed and the line is then printed.
    driver = f"""
zmodload zsh/zpty
zpty shell {zsh} --no-rcs -i
zpty -w shell 'PS1=; fpath=({tmp_path} $fpath); autoload -U compinit; compinit -D -u'
zpty -w shell 'show() {{ print -r -- "<$BUFFER>" }}; zle -N show; bindkey "^X" show; print RE""ADY'
zpty -r -m shell seen '*READY*'
zpty -n -w shell {shlex.quote(line)}$'\\t\\x18'
zpty -r -m shell seen '*<*>*'
print -r -- $seen
zpty -d shell
"""
    shown = run(zsh, "--no-rcs", "-c", driver, home=tmp_path)
    *before, _ = line.split(" ")
    assert f"<{' '.join([*before, completed])} >" in shown


@pytest.mark.parametrize("shell", completions.SHELLS)
def test_every_command_is_offered_and_the_script_is_sound(shell: str, tmp_path: Path) -> None:
    path = script(shell, tmp_path)
    assert run(require_tool(shell), "-n", path, home=tmp_path) == ""
    assert all(name in path.read_text() for name in commands.NAMES)


@pytest.mark.parametrize("shell", completions.SHELLS)
def test_the_command_prints_the_script(shell: str, machine: Machine, tmp_path: Path) -> None:
    assert machine.run("completion", shell) == (script(shell, tmp_path).read_text(), "", 0)


def test_the_manual_page_has_every_command_and_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "ecr-vend.1"
    path.write_text(manual.page(command_line.parser()))
    shown = run(require_tool("man"), "--warnings", "-l", path, home=tmp_path)
    for name in commands.NAMES:
        assert f"\n   {name}\n" in shown
        assert f"       ecr-vend {name} " in shown
    assert "`" in shown
    assert "--dry-run" in shown
