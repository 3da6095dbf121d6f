"""`vendctl policy rollback`: stop a deployment that is under way, or go back to a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure, action
from vendctl.console import printable
from vendctl.policy.history import positive
from vendctl.publishing.deploying import (
    add_how,
    confirmed,
    deploy,
    nothing_under_way,
    outcome,
    stays,
    who,
)
from vendctl.publishing.published import SERVES
from vendctl.publishing.store import PolicyStore
from vendctl.publishing.waiting import ended
from vendctl.stack import with_aws

if TYPE_CHECKING:
    import argparse

    import boto3

    from vendctl.console import Console
    from vendctl.publishing.published import Deployment, Known, Version


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "rollback",
        with_aws(run),
        examples=[
            "vendctl policy rollback --stack ecr-vend --wait",
            "vendctl policy rollback --to 7 --wait --yes",
        ],
    )
    parser.add_argument(
        "--to", type=positive, metavar="VERSION", help="(default: the one that served before)"
    )
    add_how(parser)


def run(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """Stop the deployment that is under way, or deploy the version that served before.

    The validator runs again. Nothing is deleted.
    """
    store = PolicyStore.of(session, asked.stack)
    known = store.known()
    if known.under_way and asked.to is None:
        return stop(store, known.under_way, asked, console)
    nothing_under_way(known.under_way, store)
    version = target(known, asked.to)
    serving = known.serving
    if serving and serving.version.number == version.number:
        if asked.json:
            outcome(console, serving=serving)
        else:
            console.line(printable(f"{version} serves already"))
        return 0
    if store.text(version.number) is None:
        raise Failure(
            f"the text of {version} was deleted: choose another one (vendctl policy history "
            f"--stack {store.stack}) by --to, or publish its file again"
        )
    strategy = store.strategy_of(asked)
    now = f"{serving.version} serves" if serving else "no policy serves"
    console.note(
        printable(
            f"{asked.stack}: {now}. What it denies and {version} does not is open again then: look "
            "first at what it was published for"
        )
    )
    if not confirmed(f"Go back to {version}?", asked, console):
        return 1
    return deploy(
        store,
        version,
        asked,
        console,
        strategy=strategy,
        after=known.latest_deployment,
        told=f"vendctl policy rollback by {who(session)}",
        serving=serving,
    )


def target(known: Known, wanted: int | None) -> Version:
    """Return the version to go back to.

    Args:
        known: What there is.
        wanted: The number that was asked for, or None for the one that served before.

    Raises:
        Failure: There is none.
    """
    number = wanted if wanted is not None else known.before
    if number is None:
        raise Failure("no other version served before: name one by --to")
    for version in (*known.versions, *(one.version for one in known.deployments)):
        if version.number == number:
            return version
    numbers = ", ".join(str(one.number) for one in known.versions[:20])
    raise Failure(f"there is no version {number}; the newest are {numbers or 'none'}")


def stop(
    store: PolicyStore, deployment: Deployment, asked: argparse.Namespace, console: Console
) -> int:
    """Undo a deployment that is under way, and tell what serves."""
    if not confirmed(f"Stop {deployment} ({deployment.progress})?", asked, console):
        return 1
    stopped = store.stop(deployment)
    if asked.wait:
        stopped = ended(store, stopped, console)
    serving = store.known().serving
    if asked.json:
        outcome(console, deployment=stopped, serving=serving)
    elif stopped.state == SERVES:
        console.note(printable(f"vendctl: {stopped} was faster than the stop, and serves"))
    else:
        console.line(printable(f"{stopped}: {stopped.state}. {stays(serving).capitalize()}"))
    return 1 if stopped.state == SERVES else 0
