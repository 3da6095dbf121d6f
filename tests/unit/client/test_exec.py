"""Parts of `ecr-vend exec` that its processes do not show everywhere."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_vend import keeper
from ecr_vend.commands import exec as command
from ecr_vend.config_folder import ConfigFolder, parent
from ecr_vend.errors import Problem


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--", "cmd", "--flag", "--", "x"], ["--", "cmd", "--flag", "--", "x"]),
        (["--registry", "h", "--", "cmd", "-v"], ["--", "cmd", "-v"]),
        (["cmd", "--registry", "its own"], ["cmd", "--registry", "its own"]),
    ],
)
def test_the_commands_own_words_reach_it_as_they_are(line: list[str], words: list[str]) -> None:
    top = argparse.ArgumentParser()
    command.add(top.add_subparsers())
    assert top.parse_args(["exec", *line]).words == words


def test_where_a_process_cannot_be_replaced_its_exit_code_is_handed_on() -> None:
    words = ["python", "-c", "import os; raise SystemExit(int(os.environ['CODE']))"]
    assert command.wait_for(sys.executable, words, {"CODE": "9"}) == 9


@pytest.mark.parametrize("wait", [lambda pid: keeper.end_of(pid)(), keeper.poll])
def test_the_end_of_a_process_that_has_ended_already_is_known(wait: object) -> None:
    assert callable(wait)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    assert not keeper.alive(ended.pid)
    wait(ended.pid)


def test_removing_a_folder_spares_what_its_links_lead_to(tmp_path: Path) -> None:
    contexts = tmp_path / "contexts"
    contexts.mkdir()
    (contexts / "meta.json").write_text("{}")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "contexts").symlink_to(contexts)
    (folder / "config.json").write_text("{}")
    keeper.remove(str(folder))
    assert not folder.exists()
    assert (contexts / "meta.json").exists()


def test_a_runtime_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o755)
    environ = {"XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(tmp_path)}
    assert parent(environ) == tmp_path
    runtime.chmod(0o700)
    assert parent(environ) == runtime


@pytest.mark.skipif(os.name == "nt", reason="the keeper is for POSIX")
def test_without_its_keeper_no_command_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ConfigFolder({"TMPDIR": str(tmp_path)})
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Problem, match="its watcher did not start"):
        folder.keep({})
    folder.remove()
    assert list(tmp_path.iterdir()) == []
