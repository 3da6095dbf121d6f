"""`ecr-vend materialize`: tokens in a file, for programs that call no helper.

kaniko, for one: its image has no shell and no Python, and it reads `/kaniko/.docker/config.json`.
An init container, or the step before, writes that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_vend.command_line import described

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from ecr_vend.console import Console
    from ecr_vend.settings import Settings
    from ecr_vend.written_configs import Entry

FORMATS = ("docker", "containers", "k8s-secret")
STDOUT = "-"


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "materialize",
        "write tokens to a file, for kaniko and other programs that call no helper",
        examples=[
            "ecr-vend materialize --format docker --out /kaniko/.docker/config.json",
            "ecr-vend materialize --format containers --repository team/app --out auth.json",
            "ecr-vend materialize --format k8s-secret --name pull --out - | kubectl apply -f -",
        ],
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=FORMATS,
        help="docker: config.json; containers: auth.json of podman, buildah and skopeo; "
        "k8s-secret: an imagePullSecret",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="what to write, mode 0600; other entries that it has are kept; - for stdout",
    )
    parser.add_argument(
        "--registry",
        action="append",
        metavar="HOST",
        help="a registry to have a token for, may be repeated (default: those that the settings "
        "or docker's configuration name)",
    )
    parser.add_argument(
        "--repository",
        action="append",
        metavar="REPO",
        help="a repository to have a token for, may be repeated: with an entry and a token of its "
        "own, but in docker's format, which has one for each host",
    )
    parser.add_argument("--name", help="the Secret's name (default: ecr-vend)")
    parser.add_argument("--namespace", help="the Secret's namespace (default: none)")
    parser.add_argument("--json", action="store_true", help="print what was written, and its end")
    parser.set_defaults(wrong=parser.error)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out."""
    from ecr_vend import written_configs
    from ecr_vend.settings import load

    to_stdout = arguments.out == STDOUT
    secret = arguments.format == "k8s-secret"
    if to_stdout and arguments.json:
        arguments.wrong("--json prints a report on stdout: give a file to --out")
    if not secret and (arguments.name or arguments.namespace):
        arguments.wrong("--name and --namespace are for --format k8s-secret")
    path = Path("stdout") if to_stdout else written_configs.place(Path(arguments.out))
    # Before any token is asked for: a file that cannot be added to is an end.
    document = {} if to_stdout else written_configs.existing(path)
    entries = list(tokens_of(arguments, load(console.environ), console.environ))
    if secret:
        written = written_configs.with_secret(
            document, entries, path, name=arguments.name, namespace=arguments.namespace
        )
    else:
        written = written_configs.with_entries(document, entries, path)
        for warning in written_configs.asked_before(document, entries, path):
            console.note(f"ecr-vend: {warning}")
    if to_stdout:
        console.stdout.write(written_configs.text_of(written))
    else:
        written_configs.write(path, written)
    if arguments.json:
        listed = [{"entry": entry.key, "expires_at": entry.expires} for entry in entries]
        console.json({"file": str(path), "format": arguments.format, "entries": listed})
    elif not secret:
        # Neither format has a place for it, and what docker does not know it drops again.
        for entry in entries:
            console.note(f"ecr-vend: the token for {entry.key} works until {entry.expires}")
    return 0


def tokens_of(
    arguments: argparse.Namespace, settings: Settings, environ: Mapping[str, str]
) -> Iterator[Entry]:
    """Yield the entries to write.

    Raises:
        Problem: A token cannot be had.
    """
    from ecr_vend.registries import chosen
    from ecr_vend.tokens import obtain
    from ecr_vend.written_configs import WITH_PATHS, Entry

    repositories: list[str] = list(dict.fromkeys(arguments.repository or ()))
    for registry in chosen(arguments.registry, settings, environ):
        if repositories and arguments.format in WITH_PATHS:
            for name in repositories:
                token = obtain(registry.narrowed([name]), environ)
                yield Entry(f"{registry.name}/{name}", token)
        else:
            yield Entry(registry.name, obtain(registry.narrowed(repositories), environ))
