#!/usr/bin/env python3
"""Do all that a release does, short of publishing, from a clean clone of HEAD, and print one table.

    python3 tools/release/check.py                  # every step
    python3 tools/release/check.py dist image       # these, and what they need
    python3 tools/release/check.py --base local     # where the image's base cannot be pulled
    python3 tools/release/check.py --json           # for a script

The clone, its home and its caches are new and are removed at the end. What a step printed is in
build/release-check/ (--logs), where the next run replaces it. The exit code is 0 where every step
succeeded.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT
from tools.release.version import commit, version

if TYPE_CHECKING:
    from collections.abc import Iterable

LOGS = ROOT / "build/release-check"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a release does.

    Attributes:
        name: Its name here.
        words: What make is told.
        needs: The steps without which it makes no sense.
    """

    name: str
    words: tuple[str, ...]
    needs: tuple[str, ...] = ()


TESTS = "tests/unit tests/template tests/integration/release tests/integration/test_bundle.py"
"""What is tested here. The whole suite is CI's, for each change on its way to main; the client is
tried once more by the matrix, as it is installed."""

STEPS = (
    Step("pins", ("pins-check", "ARGS=--release")),
    Step("check", ("check",)),
    Step("validate", ("validate",)),
    Step("scan", ("scan",)),
    Step("audit", ("audit",)),
    Step("test", ("test", f"ARGS={TESTS}")),
    Step("run", ("run",)),
    Step("dist", ("dist",)),
    Step("durations", ("durations",), ("dist",)),
    Step("reproducible", ("verify-reproducible",)),
    Step("image", ("image", "ARGS=--client dist/ecr-vend.pyz"), ("dist",)),
    Step("matrix", ("matrix", "ARGS=--dist dist"), ("dist",)),
    Step("provenance", ("provenance",), ("dist",)),
    Step("verify", ("verify-release", "DIR=dist", "ARGS=--allow-unsigned"), ("provenance",)),
)
"""In the order of a release; what fails costs the others nothing but those that need it."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a step ended.

    Attributes:
        step: Its name.
        ended: `ok`, `FAILED`, or `not run` where what it needs did not succeed.
        seconds: How long it took.
        said: The last line it printed.
    """

    step: str
    ended: str
    seconds: int
    said: str


def chosen(names: Iterable[str]) -> list[Step]:
    """Return the steps of these names and those they need, in order; all where none is named."""
    wanted = set(names) or {step.name for step in STEPS}
    for step in reversed(STEPS):
        if step.name in wanted:
            wanted.update(step.needs)
    return [step for step in STEPS if step.name in wanted]


def environment(folder: Path, base: str | None) -> dict[str, str]:
    """Return the variables of a machine that knows nothing of ours: a new home and no settings.

    Args:
        folder: Where the home goes.
        base: Another base of the image than its Dockerfile names.
    """
    kept = ("PIP_", "UV_", "NPM_", "SSL_CERT_", "PYENV_ROOT", "CI", "TERM", "LANG", "NODE_EXTRA_CA")
    home = folder / "home"
    home.mkdir()
    return {
        **{name: value for name, value in os.environ.items() if name.startswith(kept)},
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        # What a step says last is to stand last in its log, whichever stream it goes to.
        "PYTHONUNBUFFERED": "1",
        **({"BASE": base} if base else {}),
    }


def attempt(step: Step, checkout: Path, environ: dict[str, str], log: Path) -> Result:
    """Carry a step out in the clone and keep what it prints in `log`."""
    began = time.monotonic()
    with log.open("wb") as out:
        running = subprocess.Popen(
            ["make", *step.words],
            cwd=checkout,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while running.poll() is None:
                time.sleep(0.2)
                if sys.stderr.isatty():
                    print(f"\r{step.name} {passed(began)} s ", end="", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            end(running)
            raise
    ended = "FAILED" if running.returncode else "ok"
    return Result(step.name, ended, passed(began), last_line(log))


def end(running: subprocess.Popen[bytes]) -> None:
    """End a step and all of its group, which must be gone before their folder is."""
    for number, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        until = time.monotonic() + patience
        with suppress(ProcessLookupError):
            os.killpg(running.pid, number)
            while time.monotonic() < until:
                running.poll()
                os.killpg(running.pid, 0)
                time.sleep(0.05)


def remove(folder: Path) -> None:
    """Remove a folder, also while a process outside of a step's group still writes to it."""
    until = time.monotonic() + 15
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
    if folder.exists():
        print(f"{folder} could not be removed: remove it by hand", file=sys.stderr)


def passed(began: float) -> int:
    """Return the whole seconds since `began`."""
    return round(time.monotonic() - began)


def last_line(log: Path) -> str:
    """Return the last line of a log that says something; make's own only as a last resort."""
    lines = [line.strip(" =") for line in log.read_text("utf-8", "replace").splitlines()]
    said = [line for line in lines if line] or [""]
    ours = [line for line in said if not line.startswith("make")]
    return (ours or said)[-1][:100]


def table(results: Iterable[Result]) -> str:
    """Return what came of every step, for people."""
    rows = [("step", "", "seconds", "")]
    rows += [(one.step, one.ended, str(one.seconds), one.said) for one in results]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:<{wide[0]}}  {ended:<{wide[1]}}  {seconds:>{wide[2]}}  {said}".rstrip()
        for name, ended, seconds, said in rows
    )


def check(steps: list[Step], logs: Path, base: str | None = None) -> list[Result]:
    """Carry the steps out in a clean clone of HEAD; how each ended."""
    logs.mkdir(parents=True, exist_ok=True)
    for step in STEPS:
        (logs / f"{step.name}.log").unlink(missing_ok=True)
    results: dict[str, Result] = {}
    folder = Path(tempfile.mkdtemp(prefix="ecr-vend-release-"))
    try:
        # Others must be able to look in: one of the builds is another user's.
        folder.chmod(0o755)
        checkout = folder / "checkout"
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
        environ = environment(folder, base)
        for step in steps:
            if all(results[name].ended == "ok" for name in step.needs):
                result = attempt(step, checkout, environ, logs / f"{step.name}.log")
                start = "\r" if sys.stderr.isatty() else ""
                print(f"{start}{step.name} {result.ended}, {result.seconds} s", file=sys.stderr)
            else:
                result = Result(step.name, "not run", 0, f"it needs {', '.join(step.needs)}")
            results[step.name] = result
    finally:
        remove(folder)
    return list(results.values())


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [step.name for step in STEPS]
    parser.add_argument(
        "step", nargs="*", help=f"one of {', '.join(names)}; all where none is named"
    )
    parser.add_argument("--base", help="of the image; local makes one here")
    parser.add_argument(
        "--logs", type=Path, default=LOGS, metavar="DIR", help="where what is printed goes"
    )
    parser.add_argument("--json", action="store_true", help="print how each step ended as JSON")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.step if name not in names]:
        parser.error(f"there is no step {', '.join(unknown)}; there are {', '.join(names)}")
    if commit().endswith("-dirty"):
        print("what is not committed is not checked: this is of HEAD", file=sys.stderr)
    # What ends this by a signal ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = check(chosen(arguments.step), arguments.logs.absolute(), arguments.base)
    except KeyboardInterrupt:
        print("\nended before the end", file=sys.stderr)
        return 130
    if arguments.json:
        document = {
            "version": version(),
            "commit": commit().removesuffix("-dirty"),
            "steps": [asdict(one) for one in results],
        }
        print(json.dumps(document, indent=2))
    else:
        print(f"\n{table(results)}")
    failed = [one.step for one in results if one.ended != "ok"]
    if failed:
        print(
            f"not ready for a release: {', '.join(failed)}; see {arguments.logs}",
            file=sys.stderr,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
