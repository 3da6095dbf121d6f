"""The AWS services that the functions call, answering on loopback in their real wire shapes.

It records what it was asked and who signed. It checks no signature and no permission: those are
the emulator's part. The ledger's table keeps its items and refuses to write one twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.integration.loopback import Connection, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

XML = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result>{1}</{0}Result>
<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{0}Response>"""
XML_ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>{}</Code><Message>told to</Message></Error><RequestId>r-1</RequestId>
</ErrorResponse>"""
SESSION = """<Credentials><AccessKeyId>ASIAVENDED</AccessKeyId><SecretAccessKey>vended
</SecretAccessKey><SessionToken>vended-session</SessionToken><Expiration>2030-01-01T00:00:00Z
</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROAVENDED:{0}</AssumedRoleId>
<Arn>arn:aws:sts::111122223333:assumed-role/ecr-vend-pull/{0}</Arn></AssumedRoleUser>
<PackedPolicySize>40</PackedPolicySize>"""

VERSIONS = """<Versions><member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>
</member><member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion></member>
</Versions>"""
SAME: dict[str, Any] = {
    "ListPolicyVersions": VERSIONS,
    "CreatePolicyVersion": "<PolicyVersion><VersionId>v3</VersionId></PolicyVersion>",
    "DeletePolicyVersion": "",
    "GetItem": {},
    "DeleteItem": {},
}
"""Operation → what it always answers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        operation: AWS's name of it, such as `PutItem`.
        parameters: As they were sent.
        access_key: The access key id that signed.
        signed_at: When, as AWS writes it.
        connection: The port that it came from.
    """

    operation: str
    parameters: dict[str, Any]
    access_key: str
    signed_at: str = ""
    connection: int = 0


class Failure(Exception):
    """An AWS error to answer with."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(code)


@dataclass
class FakeAws:
    """The services' state.

    Attributes:
        policy: The text that AppConfig serves.
        password: The registry password that ECR answers with.
        fail: Operation, or operation and table (`UpdateItem budgets`) → the error it answers with.
        slow: Likewise → the seconds that its answer takes.
        logs: Log group → the messages in it.
        asked: Every request, in order of arrival.
        items: The tables of the ledger and of blocks: (pk, sk) → item in wire form. The ledger
            refuses to write one twice.
        counts: The counters' table: (pk, sk) → how many.
        people: The table of people's keys: (name, caller key) → item in wire form.
        endpoint: `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    """

    policy: str
    password: str
    fail: dict[str, Failure] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    people: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    endpoint: str = ""

    def operations(self) -> list[str]:
        """Return the names of what was asked, in order."""
        return [one.operation for one in self.asked]

    def handle(self, operation: str, parameters: dict[str, Any]) -> Any:
        """Return the answer's content.

        Raises:
            Failure: The operation is told to fail, or the table refuses.
        """
        for name in names(operation, parameters) & self.fail.keys():
            raise self.fail[name]
        if operation in SAME:
            return SAME[operation]
        match operation:
            case "AssumeRole":
                return SESSION.format(parameters["RoleSessionName"])
            case "GetAuthorizationToken":
                token = base64.b64encode(f"AWS:{self.password}".encode()).decode()
                host = "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"
                one = {"authorizationToken": token, "proxyEndpoint": host}
                return {"authorizationData": [one | {"expiresAt": time.time() + 43_200}]}
            case "GenerateMac":
                message = base64.b64decode(parameters["Message"])
                mac = hmac.digest(b"fake-key", message, hashlib.sha256)
                key = "arn:aws:kms:eu-west-1:111122223333:key/fake"
                return {"Mac": base64.b64encode(mac).decode(), "KeyId": key}
            case "Query":
                # The indexes lag behind; the table itself is asked for a key by `pk`.
                values = parameters["ExpressionAttributeValues"]
                wanted = values.get(":pk", {}).get("S")
                found = [item for (pk, _), item in sorted(self.items.items()) if pk == wanted]
                return {"Items": found[::-1], "Count": 0}
            case "FilterLogEvents":
                messages = self.logs.get(parameters["logGroupName"], [])
                return {"events": [{"message": message} for message in messages]}
            case "PutItem":
                self._put(parameters)
                return {}
            case "UpdateItem":
                return {"Attributes": self._updated(parameters)}
            case "TransactWriteItems":
                # No block stands, so every check holds.
                for put in (one["Put"] for one in parameters["TransactItems"] if "Put" in one):
                    self._put(put)
                return {}
        raise Failure(400, "UnknownOperationException")

    def _updated(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key = asked["Key"]
        if asked["TableName"] != "people":
            counter = (key["pk"]["S"], key["sk"]["S"])
            spent = self.counts[counter] = self.counts.get(counter, 0) + 1
            return {"spent": {"N": str(spent)}}
        item = self.people.setdefault((key["name"]["S"], key["caller_key"]["S"]), dict(key))
        kept = re.findall(r"(\w+) = if_not_exists\(\1, (:\w+)\)", asked["UpdateExpression"])
        for name, value in kept:
            item.setdefault(name, asked["ExpressionAttributeValues"][value])
        return item

    def _put(self, put: Mapping[str, Any]) -> None:
        item = put["Item"]
        key = (item["pk"]["S"], item["sk"]["S"])
        if (held := self.items.get(key)) and put["TableName"] == "ledger":
            attempt = put.get("ExpressionAttributeValues", {}).get(":attempt")
            if attempt is None or held.get("attempt") != attempt:
                raise Failure(400, "ConditionalCheckFailedException")
        self.items[key] = item


class AwsConnection(Connection):
    """Speaks the protocols of these services; `aws` holds their state."""

    aws: FakeAws

    def post(self) -> None:
        body = self.body()
        target = self.headers.get("X-Amz-Target")
        if target:
            operation, parameters = target.rpartition(".")[2], json.loads(body)
        elif self.path == "/configurationsessions":
            operation, parameters = "StartConfigurationSession", json.loads(body)
        else:
            parameters = dict(parse_qsl(body.decode()))
            operation = parameters.pop("Action")
        self._record(operation, parameters)
        try:
            if operation == "StartConfigurationSession":
                if failure := self.aws.fail.get(operation):
                    raise failure
                self.answer(201, b'{"InitialConfigurationToken": "poll-1"}')
                return
            result = self.aws.handle(operation, parameters)
        except Failure as failure:
            if target or operation == "StartConfigurationSession":
                text = json.dumps({"__type": failure.code, "message": "told to"})
                self.answer(failure.status, text.encode(), {"x-amzn-ErrorType": failure.code})
            else:
                self.answer(failure.status, XML_ERROR.format(failure.code).encode())
        else:
            if target:
                self.answer(200, json.dumps(result).encode())
            else:
                self.answer(200, re.sub(r"\n(?=</)", "", XML.format(operation, result)).encode())

    def get(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self._record("GetLatestConfiguration", query)
        if failure := self.aws.fail.get("GetLatestConfiguration"):
            self.answer(failure.status, b"{}", {"x-amzn-ErrorType": failure.code})
            return
        unchanged = query["configuration_token"] != "poll-1"
        headers = {
            "Next-Poll-Configuration-Token": "poll-2",
            "Next-Poll-Interval-In-Seconds": "15",
            "Version-Label": "someone/abc123",
            "Content-Type": "application/x-yaml",
        }
        self.answer(200, b"" if unchanged else self.aws.policy.encode(), headers)

    def _record(self, operation: str, parameters: dict[str, Any]) -> None:
        signed = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        self.aws.asked.append(
            Asked(
                operation,
                parameters,
                signed[1] if signed else "",
                self.headers.get("X-Amz-Date", ""),
                self.client_address[1],
            )
        )
        slow = names(operation, parameters) & self.aws.slow.keys()
        time.sleep(sum(self.aws.slow[name] for name in slow))


def names(operation: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return the names by which an operation can be told to fail, or to be slow."""
    return {operation, f"{operation} {parameters.get('TableName')}"}


@contextmanager
def fake_aws(policy: str, password: str) -> Iterator[FakeAws]:
    """Serve these services until the block ends."""
    aws = FakeAws(policy, password)

    class Here(AwsConnection):
        pass

    Here.aws = aws
    with serving(Here) as address:
        aws.endpoint = f"http://{address}"
        yield aws
