"""What `ecr-vend configure` writes is what registry clients read."""

from __future__ import annotations

import subprocess

import pytest

from tests.client.fake_service import HOST
from tests.client.machine import Machine
from tests.tools_at_hand import require_tool


@pytest.mark.parametrize("words", [(), ("--podman",)])
def test_skopeo_asks_the_helper_whichever_file_names_it(
    words: tuple[str, ...], machine: Machine
) -> None:
    skopeo = require_tool("skopeo")
    machine.environ["PATH"] = f"{machine.home / 'bin'}:{machine.environ['PATH']}"
    machine.environ["XDG_RUNTIME_DIR"] = str(machine.home / "run")
    asking = [str(skopeo), "login", "--get-login", HOST]
    before = subprocess.run(
        asking, env=machine.environ, capture_output=True, text=True, check=False
    )
    assert before.returncode == 1
    assert machine.run("configure", *words, "--registry", HOST)[1:] == ("", 0)
    after = subprocess.run(asking, env=machine.environ, capture_output=True, text=True, check=False)
    assert (after.stdout, after.returncode) == ("AWS\n", 0), after.stderr
