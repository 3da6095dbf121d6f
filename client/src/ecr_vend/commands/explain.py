"""`ecr-vend explain`: what the service would decide about an image, without a token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ecr_vend import decisions, images, registries
from ecr_vend.command_line import described
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem
from ecr_vend.settings import load

if TYPE_CHECKING:
    import argparse

    from ecr_vend.console import Console

SECONDS = 25.0
SCOPE = {"pull": "pull", "push": "push", "pull-through": "pull_through"}
"""Access → the field of a request that names repositories for it."""


def add(commands: argparse._SubParsersAction[Any]) -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = described(
        commands,
        "explain",
        "say whether the policy lets you have an image, and why",
        examples=[
            "ecr-vend explain 111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2",
            "ecr-vend explain HOST/team/app --access push --json",
            "ecr-vend explain HOST  (what your settings ask of this registry)",
        ],
    )
    parser.add_argument(
        "image", metavar="IMAGE", help="HOST/REPOSITORY[:TAG][@DIGEST], or a HOST alone"
    )
    parser.add_argument(
        "--access", choices=tuple(SCOPE), help="what to do with it (default for an image: pull)"
    )
    parser.add_argument("--json", action="store_true", help="print the service's answer as it is")
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry the command out; 0 when all is allowed, else 1."""
    from ecr_vend.service import connect

    image = None
    if "/" in arguments.image and not (image := images.parse(arguments.image)):
        raise Problem("not_an_image", image=arguments.image)
    name = image.host if image else arguments.image
    registry = registries.named(name, load(console.environ))
    request = dict(registry.settings.request)
    if image or arguments.access:
        request = {key: value for key, value in request.items() if key not in SCOPE.values()}
        request.pop("access", None)
        access = arguments.access or "pull"
        request |= {SCOPE[access]: [image.repository]} if image else {"access": access}
    service = connect(registry.settings, console.environ)
    answer = service.explain({"registry": registry.host, **request}, Deadline(SECONDS))
    decision = decisions.read(answer, service.endpoint)
    if arguments.json:
        console.json(answer)
    else:
        first, *others = decision.lines(time.time())
        console.line(console.coloured(first, "green" if decision.whole else "red"))
        for line in others:
            console.line(line)
    return 0 if decision.whole else 1
