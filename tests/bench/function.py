"""The function: its start against the naive bundle, its CPU against bare calls, its size."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from tests.bench.measure import Row, compared
from tests.fakes import EVENTS, PASSWORD, POLICY
from tests.integration.fake_aws import fake_aws
from tests.integration.vend_settings import SETTINGS
from tools.artefacts.bundle import LOCK, build, compile_all, host_target, pack
from tools.environments import ROOT, run, uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
VEND = {
    "PutItem": "dynamodb",
    "AssumeRole": "sts",
    "GetAuthorizationToken": "ecr",
    "GenerateMac": "kms",
    "TransactWriteItems": "dynamodb",
}
"""The calls of one vend, in order, and who answers them."""

ENVIRONMENT = {
    **SETTINGS,
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "ASIAFUNCTION",
    "AWS_SECRET_ACCESS_KEY": "function",
    "AWS_SESSION_TOKEN": "function-session",
    "AWS_LAMBDA_FUNCTION_NAME": "vend",
}


def naive_bundle(folder: Path) -> Path:
    """Return a bundle from the same lock with nothing left out, compiled like ours."""
    target = host_target()
    locked = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", LOCK)
    run(uv(), "pip", "install", "--quiet", "--target", folder, *target.options, *locked)
    for module in ("naive_function", "naive_libraries"):
        shutil.copy(HERE / f"{module}.py", folder)
    shutil.copytree(ROOT / "functions/vending", folder / "vending")
    compile_all(folder, target.interpreter)
    return folder


def probe(name: str, *words: str | Path, environment: Mapping[str, str] = ENVIRONMENT) -> Any:
    """Return what a probe prints, run by the functions' Python."""
    # Not -I: it would hide the bundle's place. -S and -s: nothing but the bundle is there.
    done = subprocess.run(
        [host_target().interpreter, "-S", "-s", HERE / f"{name}.py", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def start(bundle: Path, module: str) -> float:
    """Return the seconds from an interpreter that is up to a handler that can be called."""
    return float(probe("start_probe", bundle, module))


def starts(folder: Path, *, rounds: int) -> Iterator[Row]:
    """Yield the time that a start takes.

    Once against the same function packed naively, and once against nothing but the libraries that
    such a function loads, with three of its clients: none of the function's own code.
    """
    ours, naive = build("host"), naive_bundle(folder / "naive")
    for peer, module in (("same, naive", "naive_function"), ("libraries only", "naive_libraries")):
        mine, theirs, ratio = compared(
            partial(start, ours, "handlers.vend"),
            partial(start, naive, module),
            rounds=rounds,
        )
        shown = f"{peer} {(theirs or 0) * 1000:.0f} ms"
        yield Row("function start (INIT)", "≤ 0.75", f"{mine * 1000:.0f} ms", shown, ratio)


def cpu(folder: Path, *, rounds: int) -> Row:
    """Return the CPU of a vend, against the calls that this very vend makes, made bare."""
    event, calls = EVENTS / "assumed-role.json", folder / "calls.json"
    bundle = build("host")
    with fake_aws(POLICY, PASSWORD) as aws:
        environment = ENVIRONMENT | {"AWS_ENDPOINT_URL": aws.endpoint}
        calls.write_text("[]")
        probe("cpu_probe", bundle, event, calls, "0", "1", environment=environment)
        made = aws.asked[-len(VEND) :]
        if [one.operation for one in made] != list(VEND):
            raise RuntimeError(f"a vend now calls {[one.operation for one in made]}")
        calls.write_text(
            json.dumps(
                [
                    [VEND[one.operation], xform_name(one.operation), said(one.parameters)]
                    for one in made
                ]
            )
        )
        pairs = probe("cpu_probe", bundle, event, calls, str(rounds), "20", environment=environment)
    mine, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    peer = f"bare AWS calls {bare * 1000:.1f} ms"
    return Row("CPU of a vend", "≤ 1.50", f"{mine * 1000:.1f} ms", peer, ratio)


def said(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return wire parameters as a client takes them: STS's form has only strings."""
    known = {name: value for name, value in parameters.items() if name != "Version"}
    if "DurationSeconds" in known:
        known["DurationSeconds"] = int(known["DurationSeconds"])
    return known


def size(folder: Path) -> Row:
    """Return the size of what is released."""
    megabytes = pack(build("lambda", folder / "lambda")).stat().st_size / 1e6
    return Row("zipped bundle", "≤ 1.00", f"{megabytes:.1f} MB", "limit 10 MB", megabytes / 10)


def rows(folder: Path, *, rounds: int) -> Iterator[Row]:
    """Yield every figure of the function."""
    yield from starts(folder, rounds=rounds)
    yield cpu(folder, rounds=rounds)
    yield size(folder)
