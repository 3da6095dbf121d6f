"""What the GitHub Action's files say of each other."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ecr_vend import __version__
from ecr_vend.errors import PROBLEMS
from tests.integration.ci.github_runner import ACTION, definition, node
from tests.tools_at_hand import require_tool


def test_the_action_declares_what_it_reads_and_runs() -> None:
    runs = definition()["runs"]
    assert runs == {
        "using": "node24",
        "main": "main.js",
        "post": "post.js",
        "post-if": "always()",
    }
    sources = {path.name: path.read_text() for path in ACTION.glob("*.js")}
    assert {runs["main"], runs["post"]} <= set(sources)
    for text in sources.values():
        modules = re.findall(r"require\('([^']+)'\)", text)
        assert all(
            name.startswith("node:") or name.removeprefix("./") in sources for name in modules
        )
    together = "".join(sources.values())
    read = set(re.findall(r"\b(?:input|line|list|flag)\('([a-z-]+)'\)", together))
    for constant in ("ONE_LINE", "SCOPE"):
        found = re.search(rf"^const {constant} = \[(.*)\];$", together, re.MULTILINE)
        assert found
        read |= set(re.findall(r"'([a-z-]+)'", found[1]))
    assert read == set(definition()["inputs"])
    written = set(re.findall(r"set\('OUTPUT', '([a-z-]+)'", together))
    assert written == set(definition()["outputs"])


def test_the_action_installs_the_version_it_belongs_to() -> None:
    assert definition()["inputs"]["version"]["default"] == __version__


def test_each_cure_is_for_a_line_that_the_helper_says() -> None:
    done = node("console.log(JSON.stringify(Object.keys(require('./helper.js').CURES)))")
    lines = [f"ecr-vend: {sentence}" for sentence in PROBLEMS.values()]
    starts = json.loads(done.stdout)
    assert len(starts) == 2
    assert all(sum(line.startswith(start) for line in lines) == 1 for start in starts)


@pytest.mark.parametrize("path", sorted(ACTION.glob("*.js")), ids=lambda path: path.name)
def test_the_sources_are_javascript(path: Path) -> None:
    done = subprocess.run(
        [require_tool("node"), "--check", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
