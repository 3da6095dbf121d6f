"""What publishing and going back have in common: ask, deploy a version, watch it, tell the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vendctl.command_line import Failure
from vendctl.console import printable
from vendctl.publishing.published import SERVES
from vendctl.publishing.store import Refused
from vendctl.publishing.waiting import ended, goes_on
from vendctl.stack import add_stack
from vending.policy_text import revision_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    import boto3

    from vendctl.console import Console
    from vendctl.publishing.published import Deployment, Version
    from vendctl.publishing.store import PolicyStore


def add_how(parser: ArgumentParser) -> None:
    """Describe how a version is deployed, and how that is told."""
    add_stack(parser)
    strategy = parser.add_mutually_exclusive_group()
    strategy.add_argument(
        "--at-once",
        action="store_true",
        help="over at once, so that no alarm it sets off undoes it: to deny something now",
    )
    strategy.add_argument(
        "--strategy",
        metavar="NAME",
        help="an AppConfig deployment strategy, by name or id (default: the stack's)",
    )
    parser.add_argument("--wait", action="store_true", help="stay until it serves or is undone")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")
    parser.add_argument("--json", action="store_true", help="for scripts")


def nothing_under_way(deployment: Deployment | None, store: PolicyStore) -> None:
    """Refuse to go on while AppConfig is at another deployment.

    Raises:
        Failure: It is.
    """
    if deployment:
        raise Failure(
            f"{deployment} is under way ({deployment.progress}), and AppConfig takes one at a "
            f"time. Watch it: vendctl policy status --stack {store.stack}; stop it: vendctl "
            f"policy rollback --stack {store.stack}"
        )


def confirmed(question: str, asked: Namespace, console: Console) -> bool:
    """Return whether whoever sits at the terminal says yes, or has said so before."""
    if asked.yes:
        return True
    if not console.stdin.isatty():
        console.note("vendctl: give --yes, since there is no terminal to ask at")
    else:
        console.note(f"{printable(question)} [y/N]")
        if console.stdin.readline().strip().lower() in ("y", "yes"):
            return True
    console.note("vendctl: nothing was changed")
    return False


def who(session: boto3.Session) -> str:
    """Return who AWS takes this call for, or "" where it does not tell. No permission is needed."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  as `with_aws`

    try:
        return str(session.client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return ""


def deploy(
    store: PolicyStore,
    version: Version,
    asked: Namespace,
    console: Console,
    *,
    strategy: str,
    after: int,
    told: str,
    serving: Deployment | None,
) -> int:
    """Deploy a version, and tell what came of it.

    Args:
        store: Where.
        version: Which.
        asked: Has what `add_how` describes.
        console: Where it is told.
        strategy: The id of how.
        after: The newest deployment that was there before.
        told: Who deploys it and how.
        serving: What serves until then.

    Returns:
        The exit code: 0 when it serves or goes on, 1 when it was refused or undone.

    Raises:
        Failure: It is not deployed, or nobody can tell.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  as `with_aws`

    try:
        deployment = store.start(version, strategy=strategy, after=after, told=told)
    except Refused as problem:
        console.note(printable(f"vendctl: AppConfig refuses {version}:\n{problem}"))
        console.note(printable(f"vendctl: {stays(serving)}"))
        if asked.json:
            outcome(console, refused=str(problem), serving=serving)
        return 1
    except (BotoCoreError, ClientError) as problem:
        raise Failure(f"{problem}. {perhaps(store, version)}") from None
    except KeyboardInterrupt:
        console.note(f"vendctl: {perhaps(store, version)}")
        raise
    if deployment.minutes:
        console.note(
            f"vendctl: for {deployment.minutes} min some instances go on deciding by what served "
            "before: what is newly denied is denied everywhere only then"
        )
    if asked.wait:
        deployment = ended(store, deployment, console)
    return tell(store, deployment, asked, console)


def tell(store: PolicyStore, deployment: Deployment, asked: Namespace, console: Console) -> int:
    """Tell how a deployment stands, and what serves where it was undone."""
    serves, goes = deployment.state == SERVES, deployment.is_under_way
    serving = deployment if serves else store.known().serving
    if asked.json:
        outcome(console, published=serves or goes, deployment=deployment, serving=serving)
    if serves or goes:
        words = f"{deployment.progress}. {goes_on(store, deployment)}"
        if not asked.json:
            console.line(printable(f"{deployment.version} serves" if serves else words))
        return 0
    console.note(printable(f"vendctl: {deployment} was undone: {reason(deployment)}"))
    console.note(printable(f"vendctl: {stays(serving)}"))
    return 1


def perhaps(store: PolicyStore, version: Version) -> str:
    """Say how to learn whether a deployment has begun."""
    return (
        f"{version} is kept. Whether a deployment of it has begun: vendctl policy status "
        f"--stack {store.stack}"
    )


def reason(deployment: Deployment) -> str:
    """Return why a deployment was undone, as far as AppConfig tells."""
    return deployment.reason or f"{deployment.state}, and AppConfig tells no reason"


def stays(serving: Deployment | None) -> str:
    """Say what serves although something else was wanted."""
    if serving is None:
        return "no policy serves, so everybody is refused"
    return f"{serving.version} goes on serving"


def outcome(
    console: Console,
    *,
    published: bool = False,
    deployment: Deployment | None = None,
    refused: str | None = None,
    serving: Deployment | None = None,
) -> None:
    """Print what came of it, for a script.

    Args:
        console: Where.
        published: Whether a deployment was begun, and not undone.
        deployment: What was begun or stopped.
        refused: Why the text may not serve.
        serving: What serves.
    """
    console.json(
        {
            "published": published,
            "deployment": described(deployment) if deployment else None,
            "refused": refused,
            "serving": described(serving) if serving else None,
        }
    )


def described(deployment: Deployment, text: bytes | None = None) -> dict[str, Any]:
    """Return a deployment for a script.

    Args:
        deployment: Which.
        text: Of its version, where it was read.
    """
    return {
        "deployment": deployment.number,
        "version": deployment.version.number,
        "label": deployment.version.label,
        **({"revision": revision_of(text)} if text is not None else {}),
        "state": deployment.state,
        "percentage": deployment.percentage,
        "started": deployment.started and deployment.started.isoformat(),
        "completed": deployment.completed and deployment.completed.isoformat(),
        "description": deployment.told,
        "reason": deployment.reason,
    }
