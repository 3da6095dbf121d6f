"""`python -m local.deployment`: a stack's life on the emulator, from `sam deploy` to `sam delete`.

Everything is done by the real SAM command line with the template that the embedded stack has, and
after each change somebody vends and pushes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from local import deploy, remains, seed
from local.__main__ import Ended, end_on_signals
from local.deploy import STACK, Failed
from local.emulator import ACCOUNT, REGION
from local.oci import Client, Refused, small_image
from local.printing import Printer, one_line
from local.process import ROOT, Emulator, NotStarted
from local.sam import Release, Sam
from local.signer import Signer
from local.stack import POLICY, TEMPLATE
from local.story import Unexpected
from tools.artefacts.bundle import build
from tools.environments import Missing, make

if TYPE_CHECKING:
    from collections.abc import Mapping

NEXT = "0.0.0+next"
"""The version that the changed functions say they are."""
ASKED = b'{"push": ["payments/api"]}'
JSON = {"Content-Type": "application/json"}
VENDED_ROLES = ("pull", "push", "pull-through")


@dataclass
class Life:
    """One stack's life.

    Attributes:
        emulator: Where it is lived.
        printer: Prints each step.
        sam: The command line.
    """

    emulator: Emulator
    printer: Printer
    sam: Sam
    _outputs: Mapping[str, str] = field(default_factory=dict)
    _people: Mapping[str, seed.Identity] = field(default_factory=dict)
    _vends: list[str] = field(default_factory=list)

    def live(self, first: Release, second: Release) -> None:
        """Go through all of it.

        Raises:
            Failed: A step that must succeed did not.
            Unexpected: A step ended in another way than it must.
        """
        self.deployed(first, "created the stack")
        self.policy_is_published()
        self.vends(first)
        self.deployed(second, "updated it: other code, another lifetime")
        self.vends(second)
        self.bad_parameters_change_nothing(second)
        self.failed_update_is_rolled_back(second)
        self.vends(second)
        self.deployed(first, "rolled back by hand: the old code and lifetime")
        self.vends(first)
        self.deleted_and_the_evidence_is_kept()

    def deployed(self, release: Release, promise: str) -> None:
        """Build and deploy a release."""
        before = self.versions() if self._outputs else []
        self.sam.release(release)
        stack = self.stack()
        if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise Unexpected(promise, "a complete stack", stack["StackStatus"])
        self._outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        published = sorted(set(self.versions()) - set(before))
        if not published:
            raise Unexpected(promise, "a new version of the function", f"still {before}")
        evidence = f"{stack['StackStatus']}; the function's version {published[-1]} was published"
        self.printer.shown(promise, evidence)

    def policy_is_published(self) -> None:
        """Make the people and repositories of the story, and publish its policy."""
        wanted = seed.roles(self._outputs, f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/none", [])
        people = seed.seed(self.administrator, wanted, ACCOUNT)
        self._people = {identity.role: identity for identity in people}
        version = deploy.publish_policy(self.administrator, self._outputs, POLICY.read_text())
        self.printer.shown("published a policy", f"version {version}; its own tests passed")

    def vends(self, release: Release) -> None:
        """Vend a token, push with it, and be refused another team's repository."""
        promise = f"it vends as {release.name} should"
        status, version, answer = self.ask("payments-publisher")
        if status != 200:
            raise Unexpected(promise, "a token", f"{status} {one_line(json.dumps(answer))}")
        left = datetime.fromisoformat(answer["expires_at"]) - datetime.now(UTC)
        lifetime = int(release.parameters["MaxTokenLifetime"])
        if not lifetime - 60 < left.total_seconds() <= lifetime:
            raise Unexpected(promise, f"a token of {lifetime} s", f"one of {left}")
        is_next = version == NEXT
        if is_next is not (release.name == "next"):
            raise Unexpected(promise, f"the code of {release.name}", f"that of {version}")
        client = Client(self.emulator.registry, answer["username"], answer["password"])
        image = small_image(answer["vend_id"])
        try:
            digest = client.push("payments/api", "latest", image)
        except Refused as refusal:
            raise Unexpected(promise, "a push", str(refusal)) from None
        try:
            client.push("search/indexer", "latest", image)
        except Refused as refusal:
            if refusal.status != 403:
                raise Unexpected(promise, "403", str(refusal)) from None
        else:
            raise Unexpected(promise, "another team's repository refused", "a push")
        self._vends.append(answer["vend_id"])
        evidence = f"{answer['vend_id']} of {version}, {lifetime} s; pushed {digest[:19]}"
        self.printer.shown(promise, f"{evidence}; another team's repository was refused")

    def bad_parameters_change_nothing(self, release: Release) -> None:
        """Deploy parameters that do not go together."""
        promise = "parameters that do not go together are refused before anything changes"
        wrong = Release(
            release.name, release.functions, {**release.parameters, "EndpointType": "PRIVATE"}
        )
        said = self.refused(promise, wrong, "UPDATE_COMPLETE")
        words = "EndpointType PRIVATE needs VpcEndpointIds"
        if words not in said:
            raise Unexpected(promise, words, said)
        self.printer.shown(promise, words)

    def failed_update_is_rolled_back(self, release: Release) -> None:
        """Deploy a change of which one resource cannot be made."""

        def add_what_fails(template: dict[str, Any]) -> None:
            # Last, when the function has been changed already.
            template["Resources"]["Fails"] = {
                "Type": "AWS::IAM::Policy",
                "DependsOn": "VendFunctionAliaslive",
                "Properties": {
                    "PolicyName": "fails",
                    "Roles": [f"{STACK}-no-such-role"],
                    "PolicyDocument": template["Resources"]["PullBoundary"]["Properties"][
                        "PolicyDocument"
                    ],
                },
            }

        promise = "an update that fails is rolled back"
        parameters = {**release.parameters, "MaxTokenLifetime": "120"}
        broken = Release(release.name, release.functions, parameters, add_what_fails)
        self.refused(promise, broken, "UPDATE_ROLLBACK_COMPLETE")
        self.printer.shown(promise, self.stack()["StackStatus"])

    def refused(self, promise: str, release: Release, status: str) -> str:
        """Deploy what must fail, and return what sam said."""
        try:
            self.sam.release(release)
        except Failed as refusal:
            found = self.stack()["StackStatus"]
            if found != status:
                raise Unexpected(promise, status, f"{found}; {refusal}") from None
            return str(refusal)
        raise Unexpected(promise, "a failure", "a deployment")

    def deleted_and_the_evidence_is_kept(self) -> None:
        """Delete the stack, and look for what must be left and what must not."""
        cloudformation = self.administrator.client("cloudformation")
        found = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]

        def names(key: str, value: str) -> list[str]:
            return [one["PhysicalResourceId"] for one in found if one[key] == value]

        (ledger,) = names("LogicalResourceId", "LedgerTable")
        keys = names("ResourceType", "AWS::KMS::Key")
        groups = names("ResourceType", "AWS::Logs::LogGroup")
        self.sam.delete()
        promise = "deleted it"
        try:
            status = self.stack()["StackStatus"]
        except ClientError:
            status = "DELETE_COMPLETE"
        if status != "DELETE_COMPLETE":
            raise Unexpected(promise, "no stack", status)
        remains.roles_are_gone(self.administrator, [f"{STACK}-{access}" for access in VENDED_ROLES])
        self.printer.shown(promise, "the stack and its vended roles are gone")
        for promise, evidence in (
            remains.ledger_is_whole(self.administrator, ledger, self._vends),
            remains.keys_and_logs_are_there(self.administrator, keys, groups),
        ):
            self.printer.shown(promise, evidence)

    @property
    def administrator(self) -> Signer:
        """Signs as the emulator's administrator, an IAM user."""
        emulator = self.emulator
        return Signer(emulator.url, emulator.access_key_id, emulator.secret_access_key)

    def stack(self) -> dict[str, Any]:
        """Return what CloudFormation says of the stack."""
        cloudformation = self.administrator.client("cloudformation")
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return found

    def versions(self) -> list[str]:
        """Return the published versions of the vending function."""
        cloudformation = self.administrator.client("cloudformation")
        name = cloudformation.describe_stack_resource(
            StackName=STACK, LogicalResourceId="VendFunction"
        )["StackResourceDetail"]["PhysicalResourceId"]
        lambda_ = self.administrator.client("lambda")
        pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        found = (one["Version"] for page in pages for one in page["Versions"])
        return [version for version in found if version != "$LATEST"]

    def ask(self, role: str) -> tuple[int, str, dict[str, Any]]:
        """Ask for a token as a role, and return status, the service's version and the answer."""
        person = self._people[role]
        user = Signer(self.emulator.url, person.access_key_id, person.secret_access_key)
        given = user.client("sts").assume_role(RoleArn=person.arn, RoleSessionName="deployment")
        keys = given["Credentials"]
        session = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        on_aws = urlsplit(self._outputs["Endpoint"])
        api = (on_aws.hostname or "").split(".")[0]
        url = f"{self.emulator.url}/restapis/{api}{on_aws.path}/_user_request_/v1/tokens"
        request = AWSRequest("POST", url, data=ASKED, headers=JSON)
        SigV4Auth(session, "execute-api", REGION).add_auth(request)
        answer = URLLib3Session(timeout=30).send(request.prepare())
        version = answer.headers.get("Ecr-Vend-Version", "")
        return answer.status_code, version, json.loads(answer.content or b"{}")


def next_functions(bundle: Path, folder: Path) -> Path:
    """Return a folder that sam builds to a bundle like `bundle` but of the version `NEXT`."""
    copied = folder / "bundle"
    shutil.copytree(bundle, copied)
    release = copied / "vending/release.py"
    release.write_text(f'VERSION = "{NEXT}"\nCOMMIT = ""\n')
    # The bundle's bytecode is not compared with its source.
    for compiled in release.parent.glob("__pycache__/release.*.pyc"):
        compiled.unlink()
    (folder / "Makefile").write_text('build-%:\n\tcp -R bundle/. "$(ARTIFACTS_DIR)"\n')
    return folder


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.deployment", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    printer = Printer(machine=parser.parse_args().json)
    end_on_signals()
    try:
        program = make("sam") / "bin/sam"
        bundle = build("host")
        with Emulator.start() as emulator:
            printer.progress(f"emulator serves on {emulator.url}, on loopback only")
            second = emulator.state / "next"
            second.mkdir()
            Life(emulator, printer, Sam(program, TEMPLATE, emulator)).live(
                Release("first", ROOT / "functions", {"MaxTokenLifetime": "900"}),
                Release("next", next_functions(bundle, second), {"MaxTokenLifetime": "300"}),
            )
    except Unexpected as problem:
        printer.broken(problem.promise, problem.expected, problem.got)
        return 1
    except (Failed, Missing, NotStarted) as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        # A folder that could not be copied lists each of its files.
        print(one_line(str(problem), 300), file=sys.stderr)
        return 1
    except Ended:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
