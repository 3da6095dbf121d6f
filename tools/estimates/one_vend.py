"""Vends with the real function, with AWS answered in this process, and tells what AWS was asked.

    python -m tools.estimates.one_vend FILE    # the function's environment is this process's

What the function prints goes to this process's own streams, as it would to its log; the record goes
to FILE: each AWS call of a cold and of two warm vends, the answers' size, the time each took here.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = Path(__file__).resolve().parents[2] / "events/assumed-role.json"
ACCOUNT = "111122223333"
POLICY = f"""\
version: 1
grants:
  - name: payments-ci
    callers: [{{role: "arn:aws:iam::{ACCOUNT}:role/payments-ci"}}]
    repositories: [payments/*, base/python]
    access: push
    max_ttl: 15m
"""
PASSWORD = base64.b64encode(b"x" * 1900).decode()
"""As long as those of ECR are (about 2,500 characters; undocumented)."""

STS = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>ASIAVENDED</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
POLL = {"Next-Poll-Configuration-Token": "next", "Next-Poll-Interval-In-Seconds": "15"}


class Body(io.BytesIO):
    """An answer's body, as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield what is left."""
        yield self.read()


class Aws:
    """Answers every call that a vend makes, and keeps it.

    Attributes:
        calls: Each call: its service, its operation and what DynamoDB was sent.
        unknown: Calls that have no answer here.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.unknown: list[str] = []
        self._polls = 0
        self._macs = 0

    def answer(self, event_name: str, request: Any, **_: Any) -> AWSResponse:
        """Answer one request in the place of the network; see botocore's event `before-send`."""
        service, operation = event_name.split(".")[1:]
        parameters: dict[str, Any] = json.loads(request.body) if service == "dynamodb" else {}
        self.calls.append({"service": service, "operation": operation, "sent": parameters})
        headers = HTTPHeaders()
        content: str
        match service, operation:
            case "sts", "AssumeRole":
                content = STS
            case "ecr", "GetAuthorizationToken":
                token = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
                content = json.dumps({"authorizationData": [{"authorizationToken": token}]})
            case "kms", "GenerateMac":
                key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
                self._macs += 1
                mac = self._macs.to_bytes(32, "big")
                content = json.dumps({"Mac": base64.b64encode(mac).decode(), "KeyId": key})
            case "appconfigdata", "StartConfigurationSession":
                content = json.dumps({"InitialConfigurationToken": "first"})
            case "appconfigdata", "GetLatestConfiguration":
                # An empty body says that nothing has changed.
                content = "" if self._polls else POLICY
                headers = HTTPHeaders.from_dict(POLL)
                self._polls += 1
            case "dynamodb", "UpdateItem":
                content = json.dumps({"Attributes": updated(parameters)})
            case "dynamodb", _:
                content = "{}"
            case _:
                self.unknown.append(f"{service} {operation}")
                return AWSResponse(request.url, 400, headers, Body(b"{}"))
        return AWSResponse(request.url, 200, headers, Body(content.encode()))


def updated(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that an update sets, or adds to, as of an item that was not there."""
    values = parameters["ExpressionAttributeValues"]
    expression = re.sub(r"if_not_exists\(\w+, (:\w+)\)", r"\1", parameters["UpdateExpression"])
    named = re.findall(r"(\w+)\s*=?\s*(:\w+)", expression)
    return {name: values[value] for name, value in named if value in values}


def vends(handler: Any, aws: Aws) -> Iterator[dict[str, Any]]:
    """Yield what each of three vends was, the first of them with nothing at hand.

    Raises:
        NotImplementedError: The function asks for something that is not known here.
        ValueError: One yielded no token, so that it says nothing about one that does.
    """
    event = json.loads(EVENT.read_text())
    for number in range(3):
        body = {"registry": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", "pull": ["payments/api"]}
        event |= {"body": json.dumps(body), "isBase64Encoded": False}
        context = SimpleNamespace(
            aws_request_id=f"00000000-0000-0000-0000-{number:012}",
            function_name="vend",
            memory_limit_in_mb=1024,
            invoked_function_arn=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:vend",
        )
        aws.calls = []
        began = time.perf_counter()
        answer = handler(event, context)
        seconds = time.perf_counter() - began
        if aws.unknown:
            raise NotImplementedError(
                f"the vend calls {', '.join(aws.unknown)}: teach tools/estimates/one_vend.py to "
                "answer it, and tools/estimates/cost.py what it costs"
            )
        if answer["statusCode"] != 200:
            raise ValueError(f"no token: {re.sub('password.*', '', answer['body'])}")
        headers = sum(len(name) + len(value) for name, value in answer["headers"].items())
        sent = len(answer["body"]) + headers
        yield {"calls": aws.calls, "answer_bytes": sent, "seconds": seconds}
        print("END OF A VEND", flush=True)


def main() -> None:
    """Run the function and write the record."""
    aws = Aws()
    # Before any session is made: each takes its handlers from here.
    botocore.handlers.BUILTIN_HANDLERS.append(("before-send", aws.answer))
    from handlers.vend import handler  # noqa: PLC0415  it assembles the service when imported

    Path(sys.argv[1]).write_text(json.dumps(list(vends(handler, aws))))


if __name__ == "__main__":
    main()
