"""The story of `make run`: what the service promises, shown on a running stack."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.images import ask_helper, tool
from local.oci import Client, Refused, small_image
from local.printing import one_line

if TYPE_CHECKING:
    from local.images import Tool
    from local.printing import Printer
    from local.seed import Session
    from local.stack import Stack

LONGEST_WAIT = 30
"""Seconds to wait for a token to die; the policy lets it live for 6."""


class Unexpected(Exception):
    """A promise was not kept.

    Attributes:
        promise: Which.
        expected: What should have happened.
        got: What did.
    """

    def __init__(self, promise: str, expected: str, got: str) -> None:
        super().__init__(f"{promise}: expected {expected}, got {got}")
        self.promise, self.expected, self.got = promise, expected, got


@dataclass
class Story:
    """One telling.

    Attributes:
        stack: The stack it is told on.
        printer: Prints each step.
        tool: The registry client.
    """

    stack: Stack
    printer: Printer
    tool: Tool = field(default_factory=tool)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def tell(self) -> None:
        """Show every promise.

        Raises:
            Unexpected: One was not kept; nothing after it is shown.
        """
        began = datetime.now(UTC)
        self.printer.plain(f"\nImages are moved by {self.tool.name}.\n")
        self.publishing_pushes()
        self.no_permission_on_ecr()
        self.ci_pulls()
        self.other_team_is_refused()
        self.push_with_a_pull_token_is_refused()
        self.outsider_is_refused()
        self.token_dies()
        self.everything_is_recorded(began)

    def publishing_pushes(self) -> None:
        """Two teams' pipelines push an image each, with push tokens."""
        for role, repository in (
            ("payments-publisher", "payments/api"),
            ("search-publisher", "search/indexer"),
        ):
            promise = f"{role} pushed {repository} with a vended push token"
            moved = self.tool.push(
                self.place(repository),
                small_image(f"{repository} of the story\n"),
                self.as_role(role, ECR_VEND_ACCESS="push"),
            )
            if not moved.ok:
                raise Unexpected(promise, "the push succeeds", one_line(sentence(moved.said)))
            self.printer.shown(promise, moved.said)

    def no_permission_on_ecr(self) -> None:
        """The CI role cannot get a token from ECR itself."""
        promise = "payments-ci holds no ECR permission: ECR itself refuses it"
        ecr = self.stack.client_of(self.stack.session("payments-ci", "story"), "ecr")
        try:
            ecr.get_authorization_token()
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "AccessDeniedException":
                raise Unexpected(promise, "AccessDeniedException", str(refusal)) from None
            self.printer.shown(promise, one_line(refusal.response["Error"]["Message"]))
        else:
            raise Unexpected(promise, "AccessDeniedException", "a token")

    def ci_pulls(self) -> None:
        """The CI role pulls with a vended token."""
        promise = "payments-ci pulled payments/api with a token from docker-credential-ecr-vend"
        expected = small_image("payments/api of the story\n").digest
        moved = self.tool.pull(self.place("payments/api"), self.as_role("payments-ci"))
        if not moved.ok or moved.said != expected:
            raise Unexpected(promise, expected, one_line(moved.said))
        self.printer.shown(promise, f"{moved.said}, the digest that was pushed")

    def other_team_is_refused(self) -> None:
        """The same token does not reach another team's image."""
        promise = "payments-ci cannot pull another team's search/indexer"
        moved = self.tool.pull(self.place("search/indexer"), self.as_role("payments-ci"))
        self.refused(promise, "ecr:BatchGetImage", moved.ok, moved.said)

    def push_with_a_pull_token_is_refused(self) -> None:
        """A token to pull does not push."""
        promise = "payments-ci cannot push payments/api with its pull token"
        moved = self.tool.push(
            self.place("payments/api"), small_image("forged\n"), self.as_role("payments-ci")
        )
        self.refused(promise, "ecr:", moved.ok, moved.said)

    def outsider_is_refused(self) -> None:
        """A caller who stands nowhere in the policy is told so."""
        promise = "outsider may call the API, stands nowhere in the policy, and is told why not"
        given = ask_helper(self.stack.emulator.registry, self.as_role("outsider"))
        self.refused(promise, "policy", given.ok, given.said)

    def token_dies(self) -> None:
        """A token of seconds works, and then does not."""
        promise = "payments-developer's token died when its time was over"
        registry = self.stack.emulator.registry
        given = ask_helper(registry, self.as_role("payments-developer"))
        if not given.ok:
            raise Unexpected(promise, "a token of 6 seconds", one_line(given.said))
        client = Client(registry, given.username, given.secret)
        began = time.monotonic()
        try:
            client.pull("payments/api", "1")
            while time.monotonic() - began < LONGEST_WAIT:
                time.sleep(0.5)
                client.pull("payments/api", "1")
        except Refused as refusal:
            lived = time.monotonic() - began
            if refusal.status != 403 or lived < 0.5:
                raise Unexpected(promise, "a pull, then a refusal", str(refusal)) from None
            self.printer.shown(
                promise, f"it pulled for {lived:.0f} s, then: {one_line(refusal.message)}"
            )
        else:
            raise Unexpected(promise, f"a refusal within {LONGEST_WAIT} s", "it still pulls")

    def everything_is_recorded(self, began: datetime) -> None:
        """An auditor, who may read the ledger and nothing else, finds every vend of this story."""
        promise = "each of these is in the audit ledger, as an auditor reads it"
        expected = [
            ("payments-publisher", "issued"),
            ("search-publisher", "issued"),
            ("payments-ci", "issued"),
            ("outsider", "refused"),
            ("payments-developer", "issued"),
        ]
        vends = self.vends_since(began)
        found = [(vend["who"], vend["outcome"]) for vend in vends]
        missing = [one for one in expected if one not in found]
        if missing:
            raise Unexpected(promise, f"{missing} among the records", str(found))
        lines = [
            f"{vend['vend_id']}  {vend['outcome']:<8} {vend['who']:<19} {vend['what']}"
            for vend in vends
        ]
        self.printer.shown(promise, "\n    ".join(lines))

    def vends_since(self, began: datetime) -> list[dict[str, str]]:
        """Return the vends from `began` on, in order, by the ledger's own index."""
        dynamodb = self.stack.client_of(self.stack.session("auditor", "story"), "dynamodb")
        vends = []
        hours = {
            moment.strftime("%Y-%m-%dT%H") for moment in (began, began + timedelta(minutes=10))
        }
        for hour in sorted(hours):
            listed = dynamodb.query(
                TableName=self.stack.ledger,
                IndexName="by-time",
                KeyConditionExpression="#hour = :hour",
                ExpressionAttributeNames={"#hour": "hour"},
                ExpressionAttributeValues={":hour": {"S": hour}},
            )["Items"]
            vends += [self.summary(dynamodb, intent) for intent in listed]
        return [vend for vend in vends if vend["asked_at"] >= f"{began:%Y-%m-%dT%H:%M:%S}"]

    def summary(self, dynamodb: Any, intent: dict[str, Any]) -> dict[str, str]:
        """Return what the two records of one vend say, as words."""
        vend_id = intent["vend_id"]["S"]
        outcome = dynamodb.get_item(
            TableName=self.stack.ledger,
            Key={"pk": {"S": f"vend#{vend_id}"}, "sk": {"S": "2#outcome"}},
        ).get("Item", {})
        scope = {
            access: ", ".join(pattern["S"] for pattern in held["L"])
            for access, held in intent.get("scope", {}).get("M", {}).items()
        }
        granted = "; ".join(f"{access} {names}" for access, names in scope.items() if names)
        return {
            "vend_id": vend_id,
            "asked_at": intent["asked_at"]["S"],
            "who": intent["caller"]["M"]["name"]["S"],
            "outcome": outcome.get("outcome", {}).get("S", "none"),
            "what": granted or outcome.get("code", {}).get("S", ""),
        }

    def place(self, repository: str) -> str:
        """Return the image of the story in a repository, as registry clients write it."""
        return f"{self.stack.emulator.registry}/{repository}:1"

    def as_role(self, role: str, **more: str) -> dict[str, str]:
        """Return the whole environment of a pipeline: a role, the helper, and no more."""
        if role not in self._sessions:
            self._sessions[role] = self.stack.session(role, "story")
        path = f"{self.stack.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {
            "HOME": str(self.stack.emulator.state),
            "PATH": path,
            **self.stack.settings(),
            **self._sessions[role].environment(),
            **more,
        }

    def refused(self, promise: str, expected: str, succeeded: bool, said: str) -> None:  # noqa: FBT001
        """Show a refusal whose words contain what is expected.

        Raises:
            Unexpected: There was none, or it says something else.
        """
        if succeeded or expected not in said:
            raise Unexpected(promise, f"a refusal that says {expected!r}", one_line(said))
        self.printer.shown(promise, one_line(sentence(said)))


def sentence(said: str) -> str:
    """Return the registry's or the helper's own words, without what a client adds."""
    match = re.search(r"User: arn:.* is not authorized to perform: [^\n]*|ecr-vend: [^\n]*", said)
    return match[0].rstrip('"` ') if match else said
