"""`vendctl policy history`: which versions there are, and when each was deployed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vendctl.console import printable
from vendctl.publishing.deploying import described
from vendctl.publishing.store import PolicyStore
from vendctl.stack import add_stack, with_aws
from vending.policy_text import revision_of

if TYPE_CHECKING:
    import boto3

    from vendctl.console import Console
    from vendctl.publishing.published import Deployment


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "history",
        with_aws(run),
        examples=[
            "vendctl policy history --stack ecr-vend",
            "vendctl policy history --limit 50 --json",
        ],
    )
    add_stack(parser)
    parser.add_argument(
        "--limit", type=positive, default=10, metavar="N", help="how many at most (default: 10)"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def positive(written: str) -> int:
    """Return a number of at least one."""
    if not written.isdecimal() or int(written) < 1:
        raise argparse.ArgumentTypeError(f"{written} is no number of at least 1")
    return int(written)


def run(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """List the deployments of the policy, newest first, and the versions that had none."""
    store = PolicyStore.of(session, asked.stack)
    known = store.known()
    begun = [store.again(one) for one in known.deployments[: asked.limit]]
    idle = known.never_deployed[: asked.limit]
    numbers = {one.version.number for one in begun} | {one.number for one in idle}
    texts = {number: store.text(number) for number in sorted(numbers)}
    if asked.json:
        console.json(
            {
                "deployments": [described(one, texts[one.version.number]) for one in begun],
                "never_deployed": [
                    {
                        "version": one.number,
                        "label": one.label,
                        "revision": revision(texts[one.number]) or None,
                    }
                    for one in idle
                ],
            }
        )
        return 0 if begun or idle else 1
    for one in begun:
        serves = known.serving is not None and one.number == known.serving.number
        console.line(printable(row(one, texts[one.version.number], serves=serves)))
    for version in idle:
        told = revision(texts[version.number])
        console.line(printable(f"never deployed: {version}  {told}"))
    if not begun and not idle:
        console.line("nothing was ever published")
    return 0 if begun or idle else 1


def row(deployment: Deployment, text: bytes | None, *, serves: bool) -> str:
    """Return a deployment as one line."""
    state = "serves" if serves else deployment.state
    started = f"{deployment.started:%Y-%m-%d %H:%M:%S}" if deployment.started else " " * 19
    told = deployment.reason or deployment.told
    return (
        f"{deployment.number:>4}  {started}  {state:<12}  "
        f"version {deployment.version.number:<4}  {revision(text) or 'deleted':<16}  "
        f"{deployment.version.label or '-'}" + (f"  {told}" if told else "")
    )


def revision(text: bytes | None) -> str:
    """Return the revision of a text, or "" where it was deleted."""
    return revision_of(text) if text is not None else ""
