"""The service that installed clients are tried with, on this machine: the embedded stack.

    .venv/local/bin/python -m tests.installed.service         # see `make local`
    python -m tests.installed.service --fake                  # where that does not run

It prints what a task needs to know of it, then answers a JSON list a line on stdin: `["session",
FOR, NAME]` with the variables of an identity, `["vends", NAME]` with the number of vends of that
name. It ends with its stdin. The fake takes every signature and knows no policy but its own, so
what is refused by it proves less: it is there for Windows, whose pipes the stack does not wait on.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from tests.installed.fake import FakeStack

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = {
    "pull": "payments-ci",
    "many": "payments-ci",
    "short": "payments-developer",
    "refused": "outsider",
}
"""What an identity is for → its role in `local/policy.yaml`."""

GRANTED, OTHER = "payments/api", "search/indexer"
POINTING = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "ECR_VEND_ENDPOINT",
    "ECR_VEND_REGION",
    "ECR_VEND_REGISTRIES",
)
"""The stack's variables that name none of its files, which other users and roots cannot read."""


class Running(Protocol):
    """A service that runs."""

    def described(self) -> dict[str, Any]:
        """Return the `service` of a task."""

    def session(self, purpose: str, name: str) -> dict[str, str]:
        """Return the variables of an identity.

        Args:
            purpose: One of ROLES.
            name: Of the session, which its vends are counted by.
        """

    def vends(self, name: str) -> int:
        """Return how many tokens were asked for by sessions of a name."""


class Embedded:
    """The embedded stack, with an image in two of its repositories."""

    def __init__(self, stack: Any) -> None:
        import base64

        from local.oci import Client, small_image

        self._stack = stack
        ecr = stack.administrator.client("ecr")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        client = Client(stack.emulator.registry, "AWS", password)
        self._digests = {
            name: client.push(name, "1", small_image(f"{name} of the trials\n"))
            for name in (GRANTED, OTHER)
        }

    def described(self) -> dict[str, Any]:
        """Return the `service` of a task."""
        settings = self._stack.settings()
        return {
            "kind": "the embedded stack",
            "registry": self._stack.emulator.registry,
            "registry_host": self._stack.emulator.registry_host,
            "settings": {name: settings[name] for name in POINTING},
            "granted": self._image(GRANTED),
            "other": self._image(OTHER),
            "longest": 6,
        }

    def session(self, purpose: str, name: str) -> dict[str, str]:
        """Return the variables of an identity."""
        variables: dict[str, str] = self._stack.session(ROLES[purpose], name).environment()
        return variables

    def vends(self, name: str) -> int:
        """Return how many intents of a session's name are in the ledger."""
        people = self._stack.deployed.outputs["PersonKeyTableName"]
        keys = [item["key_id"] for item in self._items(people) if item["name"]["S"] == name]
        return sum(
            item["sk"]["S"] == "1#intent" and item["sealed_under"] in keys
            for item in self._items(self._stack.ledger)
        )

    def _items(self, table: str) -> Iterator[dict[str, Any]]:
        scan = self._stack.administrator.client("dynamodb").get_paginator("scan")
        for page in scan.paginate(TableName=table):
            yield from page["Items"]

    def _image(self, repository: str) -> dict[str, str]:
        return {"repository": repository, "tag": "1", "digest": self._digests[repository]}


@contextmanager
def embedded() -> Iterator[Running]:
    """Run the embedded stack within a block."""
    from local.stack import Stack
    from tools.artefacts.bundle import build

    with Stack.start(build("host"), say=lambda _: None) as stack:
        yield Embedded(stack)


def main() -> int:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fake", action="store_true")
    with FakeStack() if parser.parse_args().fake else embedded() as running:
        print(json.dumps(running.described()), flush=True)
        for line in sys.stdin:
            what, *words = json.loads(line)
            answer = running.session(*words) if what == "session" else running.vends(*words)
            print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
