"""Prove on a deployed stack what only a real account can show.

    make live-check ARGS=--list
    make live-check STACK=ecr-vend ARGS="--yes --report live-check.md"

What it makes begins with one prefix, and is removed at the end, Ctrl-C included. Exit code 0: no
check came out as `does not hold`; 1: one did; 2: they could not be made, or something is left.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
)

from tools.live_check.check import CannotTell, Check, Seen, Verdict
from tools.live_check.checks import CHECKS
from tools.live_check.made import make, remove_leftovers
from tools.live_check.registry import Registry
from tools.live_check.report import Report
from tools.live_check.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "ecr-vend-check"


def tried(check: Check, world: World) -> Seen:
    """Return what one check saw; whatever keeps it from being made is `could not tell`."""
    if not (check.emulated or world.on_aws):
        return Seen(Verdict.UNKNOWN, "nothing", "only AWS can answer this")
    try:
        return check.run(world)
    except CannotTell as reason:
        return Seen(Verdict.UNKNOWN, "tried", str(reason))
    except ClientError as error:
        # The message may quote a policy or an identity, and never a secret; the code is enough.
        code = error.response["Error"]["Code"]
        return Seen(Verdict.UNKNOWN, "tried", f"{error.operation_name}: {code}")
    except (BotoCoreError, httpx.HTTPError, OSError) as error:
        return Seen(Verdict.UNKNOWN, "tried", type(error).__name__)


def run(world: World, checks: Sequence[Check], *, say: bool) -> Report:
    """Make what the checks need, make them, and remove it again.

    Raises:
        Leftovers: Not everything could be removed.
    """
    began = datetime.now(UTC)
    results = []
    left: list[str] = []
    try:
        make(world)
        for check in checks:
            found = tried(check, world)
            results.append((check, found))
            if say:
                print(f"{found.verdict:<15} {check.name:<24} {found.saw}", flush=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        left = world.remove()
        for what in left:
            print(f"left: {what}", file=sys.stderr)
    if left:
        raise Leftovers
    return Report(world.stack, world.account, world.region, began, world.on_aws, results)


class Leftovers(Exception):
    """Something that was made is still there."""


def listed() -> None:
    """Print every check."""
    for check in CHECKS:
        print(
            f"{check.name:<24} {check.claim} (at most {check.minutes} min)\n{'':24} {check.rests}"
        )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(prog="make live-check", description=__doc__)
    parser.add_argument("--stack", default="ecr-vend")
    parser.add_argument("--list", action="store_true", help="the checks; needs no account")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--yes", action="store_true", help="make what is needed without asking")
    parser.add_argument("--slow", action="store_true", help="also what takes 16 minutes")
    parser.add_argument("--prefix", default=PREFIX, help=f"of what is made (default: {PREFIX})")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--report", type=Path, help="also write a page to keep")
    parser.add_argument("--remove", action="store_true", help="remove what a killed run has left")
    parser.add_argument("--endpoint", help="of the API, where it is not the stack's output")
    parser.add_argument("--registry", help="its URL, where it is not the account's own")
    return parser.parse_args(arguments)


def world_of(asked: argparse.Namespace) -> World:
    """Return the stack that the arguments and the environment name."""
    session = boto3.Session()
    emulator = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    world = World(
        session,
        asked.stack,
        asked.prefix,
        asked.endpoint or "",
        Registry(asked.registry or ""),
        on_aws=emulator is None,
        slow=asked.slow,
    )
    world.api = asked.endpoint or world.outputs()["Endpoint"]
    if not asked.registry:
        proxy = world.client("ecr").get_authorization_token()["authorizationData"][0]
        world.registry = Registry(str(proxy["proxyEndpoint"]))
    return world


def agreed(world: World, *, yes: bool) -> bool:
    """Return whether the person agrees to what will be made."""
    asking = (
        f"In account {world.account}, {world.region}, on stack {world.stack}: make and remove the "
        f"repositories {world.one} and {world.two}, the roles {world.holder}, {world.caller}, "
        f"{world.revoker} and {world.function_role}, the functions {world.function} and "
        f"{world.other_function}, the stack {world.small_stack}, and one policy version that is "
        "never deployed; ask the API for tokens and to revoke one, which its ledger keeps records "
        "of."
    )
    print(asking, file=sys.stderr)
    if yes:
        return True
    if not sys.stdin.isatty():
        print("Give --yes to agree.", file=sys.stderr)
        return False
    return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}


def why_not(error: Exception) -> str:
    """Return in a sentence why the checks could not be made."""
    match error:
        case ClientError():
            return f"{error.operation_name}: {error.response['Error']['Message']}"
        case NoRegionError() | NoCredentialsError():
            said = str(error).rstrip(".")
            return f"{said}: set AWS_PROFILE, or AWS_DEFAULT_REGION and keys of the account"
    return f"{type(error).__name__}: {error}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    asked = parse(arguments)
    if asked.list:
        listed()
        return 0
    checks = [check for check in CHECKS if not asked.only or check.name in asked.only]
    if unknown := set(asked.only) - {check.name for check in CHECKS}:
        print(f"no check is called {', '.join(sorted(unknown))}: see --list", file=sys.stderr)
        return 2

    def end(number: int, _: object) -> NoReturn:
        raise KeyboardInterrupt(number)

    signal.signal(signal.SIGTERM, end)
    try:
        world = world_of(asked)
        if asked.remove:
            print("\n".join(f"removed {what}" for what in remove_leftovers(world)))
            return 0
        if not agreed(world, yes=asked.yes):
            return 2
        report = run(world, checks, say=not asked.json)
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        print(why_not(error), file=sys.stderr)
        return 2
    except Leftovers:
        print("Remove it with --remove, or by hand.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Ended before all checks were made; what was made is removed.", file=sys.stderr)
        return 130
    if asked.report:
        asked.report.write_text("\n".join(report.as_page()) + "\n")
    if asked.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        counts = ", ".join(f"{report.count(verdict)} {verdict}" for verdict in Verdict)
        print(f"\n{report.head()}: {counts}")
    return 1 if report.count(Verdict.DOES_NOT) else 0


if __name__ == "__main__":
    sys.exit(main())
