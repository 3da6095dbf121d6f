"""`vendctl policy publish`: bring a checked policy to the functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from checking.checks import checked
from vendctl.command_line import action
from vendctl.console import printable
from vendctl.policy.document import add_file, text_of
from vendctl.publishing.deploying import add_how, confirmed, deploy, nothing_under_way, outcome, who
from vendctl.publishing.labels import checked_label, label_of, unseen
from vendctl.publishing.store import PolicyStore
from vendctl.stack import with_aws
from vending.policy_problems import Severity
from vending.policy_text import PolicyError, revision_of

if TYPE_CHECKING:
    import argparse

    import boto3

    from vendctl.console import Console
    from vendctl.publishing.published import Known, Version


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "publish",
        with_aws(run),
        examples=[
            "vendctl policy publish policy/policy.yaml --stack ecr-vend --wait",
            "vendctl policy publish policy/policy.yaml --stack ecr-vend --wait --yes --json",
            "vendctl policy publish new.yaml --label ana@example.com/try-1",
            "vendctl policy publish policy/policy.yaml --at-once --wait",
            "vendctl policy publish policy/policy.yaml --strategy AppConfig.AllAtOnce --wait",
        ],
    )
    add_file(parser)
    parser.add_argument(
        "--label",
        metavar="AUTHOR/COMMIT",
        help="stands in every record (default: of the commit that last changed the file)",
    )
    parser.add_argument(
        "--force", action="store_true", help="also where the very text serves already"
    )
    add_how(parser)


def run(asked: argparse.Namespace, console: Console, session: boto3.Session) -> int:
    """Check a policy, keep it as a new version in AppConfig and deploy it.

    What serves goes on serving until then, and where the new one is refused or undone.
    """
    text = text_of(asked.file)
    report = checked(text, name=asked.file, now=datetime.now(UTC))
    policy, errors = report.policy, report.of(Severity.ERROR)
    if errors or policy is None:
        problems = PolicyError(asked.file, errors)
        console.note(printable(str(problems)))
        console.note("vendctl: nothing was published: the policy has to pass first")
        if asked.json:
            outcome(console, refused=str(problems))
        return 1
    label = checked_label(asked.label) if asked.label is not None else label_of(asked.file)

    store = PolicyStore.of(session, asked.stack)
    known = store.known()
    nothing_under_way(known.under_way, store)
    serving = known.serving
    serves = store.text(serving.version.number) if serving else None
    if serving and serves == text and not asked.force:
        if asked.json:
            outcome(console, serving=serving)
        else:
            console.line(printable(f"{serving.version} is this very text, and serves already"))
        return 0

    if serving is None:
        console.note(f"{asked.stack}: no policy serves")
    else:
        revision = revision_of(serves) if serves is not None else "unknown, it was deleted"
        console.note(printable(f"{asked.stack}: {serving.version} serves, revision {revision}"))
        if unseen(asked.file, serving.version.label):
            console.note(
                "vendctl: what serves was published from a commit that this checkout's HEAD does "
                "not follow: you may undo what it changed. Merge it first"
            )
    console.note(
        printable(
            f"{asked.file}: {len(policy.grants)} grants, {len(policy.denies)} denies, "
            f"{len(policy.tests)} tests pass, revision {revision_of(text)}, label {label}"
        )
    )
    strategy = store.strategy_of(asked)
    if not confirmed(f"Publish it to {asked.stack}?", asked, console):
        return 1
    return deploy(
        store,
        kept(store, known, text, label),
        asked,
        console,
        strategy=strategy,
        after=known.latest_deployment,
        told=f"vendctl policy publish by {who(session)}",
        serving=serving,
    )


def kept(store: PolicyStore, known: Known, text: bytes, label: str) -> Version:
    """Return the version that has a text: a new one, or one that an attempt before has left."""
    left = next((one for one in known.never_deployed if one.number == known.latest_version), None)
    if left and left.label == label and store.text(left.number) == text:
        return left
    return store.create(text, label, after=known.latest_version)
