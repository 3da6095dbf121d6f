"""`ecr-vend configure`: have the registry clients of this machine ask ecr-vend."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend import configured, configuring, decisions, drafts, hosts
from ecr_vend.command_line import described
from ecr_vend.config_files import config_path
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem, clean
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from ecr_vend.configuring import Plan
    from ecr_vend.console import Console
    from ecr_vend.drafts import Draft
    from ecr_vend.settings import Settings

SECONDS = 15.0
KEYS = ("endpoint", "region", "profile", "access")


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "configure",
        "have docker, podman and the others ask ecr-vend",
        examples=[
            "ecr-vend configure --endpoint https://abc.execute-api.eu-west-1.amazonaws.com/live",
            "ecr-vend configure --registry 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "ecr-vend configure --registry HOST --profile partner --access push",
            "ecr-vend configure --dry-run",
            "ecr-vend configure --remove",
        ],
    )
    parser.add_argument(
        "--registry",
        metavar="HOST",
        action="append",
        default=[],
        help="a registry, or ALIAS=HOST; more than once if need be. Without it: those that "
        "docker-credential-ecr-login answers for now, else those that your grants are for",
    )
    parser.add_argument("--endpoint", metavar="URL", help="the Endpoint output of the stack")
    parser.add_argument("--region", metavar="R", help="the region to sign for (custom domains)")
    parser.add_argument("--profile", metavar="P", help="the AWS profile to sign with")
    parser.add_argument("--access", choices=("pull", "push"), help="ask for all of it granted")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--global",
        dest="everything",
        action="store_true",
        help="docker's `credsStore` instead of an entry for each registry",
    )
    where.add_argument(
        "--podman", action="store_true", help="containers' auth.json instead of docker's file"
    )
    parser.add_argument(
        "--force", action="store_true", help="with --global: even where passwords are kept already"
    )
    parser.add_argument("--remove", action="store_true", help="undo what was configured")
    parser.add_argument("--dry-run", action="store_true", help="print the changes, make none")
    parser.add_argument("--json", action="store_true", help="print a JSON object for a script")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    if arguments.remove:
        return remove(arguments, console)
    plan, answers = planned(arguments, console.environ)
    files = [plan.config, *plan.clients]
    if arguments.json:
        changes = write(files, plan.record, dry=arguments.dry_run)
        console.json(
            {
                "registries": plan.names,
                "files": changes,
                "switched": plan.switched,
                "warnings": plan.warnings,
            }
        )
        return 0
    if arguments.dry_run:
        differences(files, console)
    else:
        told(write(files, plan.record), console, "Everything is configured already")
        for name, helper in plan.switched.items():
            undone = "`ecr-vend configure --remove` gives it back"
            console.line(f"{name} was answered for by {clean(helper)}; {undone}")
        for line in answers:
            console.line(line)
    for warning in plan.warnings:
        console.note(f"ecr-vend: warning: {clean(warning)}")
    return 0


def remove(arguments: argparse.Namespace, console: Console) -> int:
    """Undo what was configured, for the registries named or altogether."""
    record = configured.read(configuring.record_path(config_path(console.environ)))
    files = [drafts.read(path) for path in record.files()]
    names: list[str | None] = [hosts.bare(given) or given for given in arguments.registry]
    left = [
        what for draft in files for name in names or [None] for what in record.undo(draft, name)
    ]
    if arguments.json:
        changes = write(files, record, dry=arguments.dry_run, undoing=True)
        console.json({"files": changes, "left": left})
        return 0
    if arguments.dry_run:
        differences(files, console)
    else:
        told(write(files, record, undoing=True), console, "There is nothing to undo")
    for what in left:
        console.note(f"ecr-vend: warning: left alone: {clean(what)}")
    return 0


def planned(arguments: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Plan, list[str]]:
    """Return what is to change, and what the service says of it.

    Raises:
        Problem: It cannot be done as it was asked for.
    """
    plan = configuring.begin(environ, podman=arguments.podman)
    chosen = {key: value for key in KEYS if (value := getattr(arguments, key)) is not None}
    for given in arguments.registry:
        plan.name(given)
    plan.set(chosen, named=bool(arguments.registry))
    if not arguments.registry:
        plan.switch()
    with drafted(plan) as settings:
        if arguments.everything:
            plan.answer_for_all(plan.clients[0], force=arguments.force)
        elif not plan.switched:
            for host in [] if plan.names else granted(settings, environ):
                plan.name(host)
            plan.answer_for_named(plan.clients[0])
        for name in plan.names:
            if not settings.managed(name):
                raise Problem("not_managed", host=name, config=str(plan.config.path))
        plan.look_around()
        return plan, [line for name in plan.names for line in asked(name, settings, plan)]


@contextlib.contextmanager
def drafted(plan: Plan) -> Iterator[Settings]:
    """Give the settings as they will be, before they are.

    Raises:
        Problem: They would not be valid, or the block's own, each naming the real file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / plan.config.path.name
        path.touch(mode=0o600)
        path.write_bytes(plan.config.content or b"")
        try:
            yield load({**plan.environ, "ECR_VEND_CONFIG": str(path)})
        except Problem as problem:
            text = problem.text.replace(str(path), str(plan.config.path))
            raise Problem.recorded(problem.code, text) from None


def granted(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Return the registries of the caller's grants.

    Raises:
        Problem: The service does not say, or there are none.
    """
    from ecr_vend.service import connect

    answer: dict[str, Any] = connect(settings, environ).whoami(Deadline(SECONDS))
    grants = answer.get("grants")
    found = [
        registry.host
        for grant in (grants if isinstance(grants, list) else [])
        if isinstance(grant, dict)
        and (registry := hosts.parse(str(grant.get("registry"))))
        and settings.managed(registry.host)
    ]
    if not found:
        raise Problem("no_registry")
    return list(dict.fromkeys(found))


def asked(name: str, settings: Settings, plan: Plan) -> list[str]:
    """Return what the service says of a registry's scope; none and a warning when it does not."""
    from ecr_vend.service import connect

    host, settings = settings.managed(name), settings.for_registry(name)
    try:
        service = connect(settings, plan.environ)
        answer = service.explain({"registry": host, **settings.request}, Deadline(SECONDS))
        decision = decisions.read(answer, service.endpoint)
    except Problem as problem:
        text = problem.text.replace(str(settings.config), str(plan.config.path))
        plan.warnings.append(f"{name}: {text.removeprefix('ecr-vend: ')}")
        return []
    if not decision.whole:
        plan.warnings.append(f"{name}: {decision.lines(time.time())[0]}")
    return decision.lines(time.time())


def write(
    files: list[Draft], record: configured.Record, *, dry: bool = False, undoing: bool = False
) -> list[dict[str, str | None]]:
    """Make the changes; each with its file and where the file is kept as it was.

    The record is written before a change is made and after one is undone: what it names too much
    is nothing to undo.
    """
    changed = [draft for draft in files if draft.changed]
    if dry:
        return [{"file": str(draft.path), "backup": None} for draft in changed]
    if not undoing:
        record.write()
    made = []
    for draft in changed:
        backup = draft.write()
        made.append({"file": str(draft.path), "backup": str(backup) if backup else None})
    if undoing:
        record.write()
    return made


def told(changes: list[dict[str, str | None]], console: Console, otherwise: str) -> None:
    """Say which files were changed, or that none was."""
    for change in changes:
        kept = f" (as it was: {change['backup']})" if change["backup"] else ""
        console.line(f"Changed {change['file']}{kept}")
    if not changes:
        console.line(otherwise)


def differences(files: list[Draft], console: Console) -> None:
    """Print what would change."""
    for draft in files:
        console.stdout.write(draft.difference())
