"""`vendctl policy status`: which policy serves, and what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import action
from vendctl.console import printable
from vendctl.publishing.deploying import described, reason
from vendctl.publishing.published import UNDONE
from vendctl.publishing.store import PolicyStore
from vendctl.stack import add_stack, with_aws
from vending.policy_text import revision_of

if TYPE_CHECKING:
    import argparse

    import boto3

    from vendctl.console import Console


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "status",
        with_aws(run),
        examples=["vendctl policy status --stack ecr-vend", "vendctl policy status --json"],
    )
    add_stack(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """Say which policy serves, since when, and which deployment is under way."""
    store = PolicyStore.of(session, asked.stack)
    known = store.known()
    serving = store.again(known.serving) if known.serving else None
    text = store.text(serving.version.number) if serving else None
    newest = next(iter(known.deployments), None)
    undone = store.again(newest) if newest and newest.state in UNDONE else None
    if asked.json:
        console.json(
            {
                "serving": described(serving, text) if serving else None,
                "under_way": described(known.under_way) if known.under_way else None,
                "undone": described(undone) if undone else None,
            }
        )
        return 0 if serving else 1
    lines = []
    if serving is None:
        lines.append("no policy serves, so everybody is refused")
    else:
        revision = f"revision {revision_of(text)}" if text is not None else "its text was deleted"
        since = f" since {serving.completed:%Y-%m-%d %H:%M:%S %Z}" if serving.completed else ""
        lines.append(f"{serving.version} serves{since}, {revision}")
        lines.append(f"  deployment {serving.number}: {serving.told or 'begun by hand'}")
    if known.under_way:
        lines.append(f"{known.under_way} is under way: {known.under_way.progress} of the")
        lines.append("   functions' instances decide by it already")
    if undone:
        lines.append(f"{undone} was undone: {reason(undone)}")
    console.line(printable("\n".join(lines)))
    return 0 if serving else 1
