"""Runs an embedded stack in a process of its own environment, and acts on it from a test."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.images import Helper, ask_helper
from local.oci import Client
from tests.people import keys_in, session_of
from tools.environments import ROOT, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vending.sealing import PersonKey

VENDCTL = [str(ROOT / ".venv/dev/bin/python"), "-m", "vendctl"]

START_LIMIT = 180
"""Seconds for a stack to stand, the bundle and the environments built first."""


@dataclass(frozen=True)
class Stack:
    """A running stack, as its own description tells it.

    Attributes:
        about: What `python -m local serve --json` printed.
        process: That program.
    """

    about: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def registry(self) -> str:
        """The registry's host and port."""
        return str(self.about["registry"])

    @property
    def administrator(self) -> Credentials:
        """The keys of the emulator's administrator, an IAM user."""
        keys = self.about["administrator"]
        return Credentials(keys["access_key_id"], keys["secret_access_key"])

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """Return an AWS client that signs with `credentials`, the administrator's by default."""
        signing = credentials or self.administrator
        make_client: Any = boto3.client
        return make_client(
            service,
            region_name=self.about["region"],
            endpoint_url=self.about["url"],
            aws_access_key_id=signing.access_key,
            aws_secret_access_key=signing.secret_key,
            aws_session_token=signing.token,
        )

    def physical(self, logical: str) -> str:
        """Return the name that a resource of the stack was given."""
        found = self.client("cloudformation").describe_stack_resource(
            StackName="ecr-vend", LogicalResourceId=logical
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def as_role(self, role: str, session: str = "tests") -> Credentials:
        """Assume a seeded role as its own user."""
        identity = self.about["identities"][role]
        user = Credentials(identity["access_key_id"], identity["secret_access_key"])
        given = self.client("sts", user).assume_role(
            RoleArn=identity["arn"], RoleSessionName=session
        )["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def signed(
        self, method: str, path: str, credentials: Credentials, body: bytes | None = None
    ) -> AWSRequest:
        """Return a request to the deployed API, signed."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        request = AWSRequest(method, self.about["endpoint"] + path, data=body, headers=headers)
        SigV4Auth(credentials, "execute-api", self.about["region"]).add_auth(request)
        return request

    def vend(self, role: str, **asked: Any) -> dict[str, Any]:
        """Ask the API for a token and return its answer."""
        status, answer = send(
            self.signed("POST", "/v1/tokens", self.as_role(role), json.dumps(asked).encode())
        )
        assert status == 200, answer
        return answer

    def with_token(self, answer: dict[str, Any], source: str = "") -> Client:
        """Return a registry client that holds a vended token."""
        return Client(self.registry, answer["username"], answer["password"], source)

    def helper_environment(self, credentials: Credentials, cache: Path) -> dict[str, str]:
        """Return the environment in which the helper runs, with a cache of its own."""
        return {
            "HOME": str(cache),
            "PATH": f"{self.about['programs']}{os.pathsep}{os.environ['PATH']}",
            **self.about["settings"],
            "ECR_VEND_CACHE_DIR": str(cache / "cache"),
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token or "",
        }

    def ask_helper(self, environment: dict[str, str]) -> Helper:
        """Run the credential helper for this stack's registry."""
        return ask_helper(self.registry, environment)

    def vendctl_environment(self, credentials: Credentials | None = None) -> dict[str, str]:
        """Return the environment in which `vendctl` runs as the administrator, or as another."""
        keys = credentials or self.administrator
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}",
            "AWS_ENDPOINT_URL": self.about["url"],
            "AWS_DEFAULT_REGION": self.about["region"],
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
        }

    def vendctl(self, *words: str, credentials: Credentials | None = None) -> tuple[int, str, str]:
        """Run the platform team's command, and return its exit code and what it wrote."""
        done = subprocess.run(
            [*VENDCTL, *words],
            env=self.vendctl_environment(credentials),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def vends(self) -> list[dict[str, Any]]:
        """Return every intent in the ledger."""
        table = self.about["outputs"]["LedgerTableName"]
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"] if item["sk"]["S"] == "1#intent"]

    def vends_of(self, session: str) -> list[str]:
        """Return the ids of the vends of callers whose session has a name."""
        keys = self.person_keys()
        return [vend["vend_id"]["S"] for vend in self.vends() if session_of(vend, keys) == session]

    def person_keys(self) -> dict[str, PersonKey]:
        """Return what opens the records' boxes, by its id."""
        return keys_in(self.client("dynamodb"), self.about["outputs"]["PersonKeyTableName"])


def send(request: AWSRequest) -> tuple[int, dict[str, Any]]:
    """Send a request and return the status and the JSON answer."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(str(request.url))
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(
            str(request.method),
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body=request.data or None,
            headers=dict(request.headers),
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


@contextmanager
def running(*arguments: str) -> Iterator[Stack]:
    """Run `python -m local serve` and end it."""
    process = started(*arguments)
    try:
        yield Stack(ready(process), process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout
        process.stdout.close()


def local_python() -> Path:
    """Return the interpreter of the embedded stack's environment, made where it is not there."""
    return make("local") / "bin/python"


def started(*arguments: str) -> subprocess.Popen[str]:
    """Start `python -m local serve` in the embedded stack's own environment."""
    return subprocess.Popen(
        [local_python(), "-m", "local", "serve", "--json", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
    )


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a starting stack says of itself once it stands."""
    assert process.stdout
    end = time.monotonic() + START_LIMIT
    for line in process.stdout:
        told = json.loads(line)
        if "ready" in told:
            about: dict[str, Any] = told["ready"]
            return about
        assert time.monotonic() < end, "the stack takes too long"
    raise AssertionError(f"the stack ended with {process.wait()}")
