"""The bundle that is released starts on the processor it is released for."""

from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING

from tests.integration.vend_settings import SETTINGS
from tests.tools_at_hand import missing
from tools.arm64_python import arm64_python
from tools.artefacts.bundle import build
from tools.environments import ROOT, Missing, in_ci

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = sorted(
    f"handlers.{path.stem}"
    for path in (ROOT / "functions/handlers").glob("*.py")
    if path.stem != "__init__"
)
NATIVE = ("pydantic_core._pydantic_core", "yaml._yaml")


def test_every_handler_of_the_lambda_bundle_imports_on_arm64(tmp_path: Path) -> None:
    if platform.machine() not in {"aarch64", "arm64"} and not in_ci():
        missing("the Lambda bundle was not tried on arm64: emulated it takes a minute (CI=true)")
    try:
        python = arm64_python()
    except Missing as problem:
        missing(f"the Lambda bundle was not tried on arm64: {problem}")
    bundle = build("lambda", tmp_path / "bundle")
    modules = (*NATIVE, *HANDLERS)
    code = "".join(f"import {module}; print({module}.__file__)\n" for module in modules)
    done = subprocess.run(
        [*python, "-s", "-c", code],
        env={**SETTINGS, "PYTHONPATH": str(bundle), "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = done.stdout.splitlines()
    assert len(imported) == len(modules)
    assert all(path.startswith(str(bundle)) for path in imported), imported
