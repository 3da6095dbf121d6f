"""GitHub's runner, as far as a JavaScript action sees it: variables, files, masks, state.

After the sources of actions/runner: defaults come from action.yml, the runner's files are read even
when a program was killed, what a step saved comes back to its post step as `STATE_` variables, and
an `add-mask` hides a value in every line that follows it.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.client.machine import ROOT
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.machine import Machine

ACTION = ROOT / "client/ci/github"
FILES = ("ENV", "OUTPUT", "PATH", "STATE")


def definition() -> dict[str, Any]:
    """Return what action.yml says."""
    read: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text())
    return read


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of one of the runner's files, as the runner reads it.

    Raises:
        ValueError: The runner would fail the step.
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if not (name and heredoc and delimiter) or "=" in name:
            raise ValueError(f"invalid format {line!r}")
        value: list[str] = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        else:
            raise ValueError(f"{delimiter} is missing")
        found[name] = "\n".join(value)
    return found


@dataclass
class Step:
    """One use of the action, and what came of it.

    Attributes:
        inputs: The `INPUT_` variables.
        output: Everything its programs have printed, as they did.
        code: The last program's exit code.
        outputs: The step's outputs.
        state: What it saved for its post step.
        written: Each of the runner's files as it was left, by name.
    """

    inputs: dict[str, str]
    output: str = ""
    code: int | None = None
    outputs: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Return the workflow commands among what was printed, unescaped, in order."""
        found = []
        for line in self.output.splitlines():
            if line.startswith("::"):
                name, _, text = line[2:].partition("::")
                for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
                    text = text.replace(code, letter)
                found.append((name.partition(" ")[0], text))
        return found

    def said(self, command: str) -> list[str]:
        """Return the texts of one workflow command."""
        return [text for name, text in self.commands if name == command]

    @property
    def log(self) -> str:
        """Return the job's log: masks are not shown, and hide what comes after them."""
        masks: list[str] = []
        shown = []
        for line in self.output.splitlines():
            if line.startswith("::add-mask::"):
                masks.append(line.removeprefix("::add-mask::"))
                continue
            shown.append(re.sub("|".join(map(re.escape, masks)) or "(?!)", "***", line))
        return "\n".join(shown)


@dataclass
class GithubRunner:
    """A job on a machine.

    Attributes:
        environ: The job's variables, which a step's ENV and PATH files change.
        temp: RUNNER_TEMP.
    """

    environ: dict[str, str]
    temp: Path
    files: Path

    @classmethod
    def on(cls, machine: Machine) -> GithubRunner:
        """Start a job on a machine whose helper, and `ecr-vend`, are on the PATH."""
        temp, files = machine.home / "_temp", machine.home / "_files"
        temp.mkdir()
        files.mkdir()
        command = machine.home / "bin/ecr-vend"
        command.write_text(
            f'#!/bin/sh\nexec "{machine.home}/bin/python3" -P -m ecr_vend.command_line "$@"\n'
        )
        command.chmod(0o755)
        environ = machine.environ | {
            "PATH": f"{machine.home / 'bin'}:{machine.environ['PATH']}",
            "RUNNER_TEMP": str(temp),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "team/app",
            "GITHUB_RUN_ID": "42",
        }
        del environ["ECR_VEND_ENDPOINT"], environ["ECR_VEND_REGION"]
        return cls(environ, temp, files)

    def start(self, program: str, step: Step) -> subprocess.Popen[str]:
        """Start a program of the action: `main` or `post`."""
        for name in FILES:
            (self.files / name).write_text("")
        variables = {f"GITHUB_{name}": str(self.files / name) for name in FILES}
        state = {f"STATE_{name}": value for name, value in step.state.items()}
        return subprocess.Popen(
            [require_tool("node"), ACTION / definition()["runs"][program]],
            env=self.environ | step.inputs | variables | state,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Where a job's programs start: in the repository, which is not to be trusted.
            cwd=self.temp.parent,
        )

    def ended(self, process: subprocess.Popen[str], step: Step) -> Step:
        """Wait for a program, then read the runner's files."""
        with process:
            output, _ = process.communicate(timeout=120)
        step.output += output
        step.code = process.returncode
        step.written = {name: (self.files / name).read_text() for name in FILES}
        step.outputs |= pairs(step.written["OUTPUT"])
        step.state |= pairs(step.written["STATE"])
        self.environ |= pairs(step.written["ENV"])
        for folder in step.written["PATH"].splitlines():
            self.environ["PATH"] = f"{folder}:{self.environ['PATH']}"
        return step

    def step(self, inputs: dict[str, str]) -> Step:
        """Return a step with these inputs, and the defaults of the others."""
        declared = definition()["inputs"]
        assert set(inputs) <= set(declared)
        given = {name: str(about.get("default", "")) for name, about in declared.items()} | inputs
        return Step({f"INPUT_{name.upper()}": value for name, value in given.items()})

    def use(self, inputs: dict[str, str]) -> Step:
        """Run the action's main program."""
        step = self.step(inputs)
        return self.ended(self.start("main", step), step)

    def post(self, step: Step) -> Step:
        """Run its post program."""
        return self.ended(self.start("post", step), step)

    def docker_asks(self, host: str) -> subprocess.CompletedProcess[str]:
        """Call the helper as docker does in a later step."""
        return subprocess.run(
            ["/bin/sh", "-c", "exec docker-credential-ecr-vend get"],
            env=self.environ,
            input=host,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def node(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of JavaScript beside the action's sources."""
    return subprocess.run(
        [require_tool("node"), "-e", code],
        env={"PATH": os.defpath, **variables},
        capture_output=True,
        text=True,
        cwd=ACTION,
        timeout=60,
        check=False,
    )
