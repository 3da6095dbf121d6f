"""Runs the real `sam build`, `sam deploy` and `sam delete` against the emulator."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samtranslator.yaml_helper import yaml_parse

from local.adapt import adapt, host_architecture
from local.deploy import STACK, Failed
from local.emulator import REGION
from local.printing import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.process import Emulator

LIMIT = 300.0
"""Seconds that one run of sam may take; a build from nothing downloads packages."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is deployed: code, and the answers to the stack's questions.

    Attributes:
        name: What it is called in what is printed.
        functions: A folder that sam builds, with the Makefile of its functions.
        parameters: Of the stack.
        change: Makes the template another one, in place.
    """

    name: str
    functions: Path
    parameters: Mapping[str, str]
    change: Callable[[dict[str, Any]], None] = lambda _: None


@dataclass(frozen=True)
class Sam:
    """The SAM command line, of its own environment.

    Attributes:
        program: Its path.
        template: The real `template.yaml`.
        emulator: Where everything goes; its state folder is sam's home as well.
    """

    program: Path
    template: Path
    emulator: Emulator

    def release(self, release: Release) -> None:
        """Build and deploy, as a platform team does.

        Raises:
            Failed: sam says why.
        """
        work = self.emulator.state / "sam"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        adapted, _ = adapt(
            yaml_parse(self.template.read_text()),
            code=str(release.functions),
            architecture=host_architecture(),
            url=self.emulator.url,
        )
        release.change(adapted)
        (work / "template.json").write_text(json.dumps(adapted, default=str))
        self.run(
            "build", "--build-in-source", "--template", "template.json", "--build-dir", "built"
        )
        given = [f"{name}={value}" for name, value in release.parameters.items()]
        self.run(
            "deploy",
            *("--template", "built/template.yaml", "--stack-name", STACK, "--resolve-s3"),
            *("--capabilities", "CAPABILITY_NAMED_IAM", "--no-confirm-changeset"),
            *("--no-progressbar", "--on-failure", "ROLLBACK"),
            *(["--parameter-overrides", *given] if given else []),
        )

    def delete(self) -> None:
        """Delete the stack.

        Raises:
            Failed: sam says why.
        """
        self.run("delete", "--no-prompts", "--stack-name", STACK, "--region", REGION)

    def run(self, *words: str) -> None:
        """Run sam in the work folder.

        Raises:
            Failed: It ended with an error; the message is the end of what it printed.
        """
        child = subprocess.Popen(
            [self.program, *words],
            cwd=self.emulator.state / "sam",
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = child.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise Failed(f"sam {words[0]} had not ended after {LIMIT:.0f} s") from None
        finally:
            # What it started as well: `make` would go on building after a Ctrl-C.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.returncode:
            raise Failed(f"sam {words[0]}: {one_line(said[-1200:], 1200)}")

    def environment(self) -> dict[str, str]:
        """Return sam's environment: the emulator's administrator, and nothing of the user's."""
        state = self.emulator.state
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(state),
            "TMPDIR": str(state / "tmp"),
            "LANG": "C.UTF-8",
            "SAM_CLI_TELEMETRY": "0",
            "BUNDLE": "host",
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.emulator.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.emulator.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
