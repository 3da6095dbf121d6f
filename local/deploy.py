"""Deploys the real template and the real bundle to the emulator, through its own CloudFormation."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from samtranslator.yaml_helper import yaml_parse

from local.adapt import Difference, adapt, host_architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.signer import Signer

T = TypeVar("T")

STACK = "ecr-vend"
BUCKET = "ecr-vend-local-code"
LIMIT = 120.0
"""Seconds that one step may take."""


class Failed(Exception):
    """A step of the deployment failed; the message says which, and what the service answered."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack that stands.

    Attributes:
        outputs: Of the stack, by name.
        differences: How the deployed template differs from the real one.
    """

    outputs: Mapping[str, str]
    differences: tuple[Difference, ...]


def zipped(folder: Path) -> bytes:
    """Return the files of `folder` as a zip."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return held.getvalue()


def upload(session: Signer, bundle: Path) -> str:
    """Put the bundle into the emulator's S3 and return its `s3://` URI."""
    return f"s3://{BUCKET}/{put(session, zipped(bundle), 'zip')}"


def put(session: Signer, content: bytes, suffix: str) -> str:
    """Put a content into the emulator's S3 and return its key."""
    key = f"{hashlib.sha256(content).hexdigest()}.{suffix}"
    s3 = session.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return key


def deploy(
    session: Signer,
    template: Path,
    bundle: Path,
    *,
    parameters: Mapping[str, str],
    say: Callable[[str], None],
) -> Deployed:
    """Create the stack and return its outputs.

    Args:
        session: Signs as the emulator's administrator, an IAM user.
        template: The real `template.yaml`.
        bundle: The folder of the functions' bundle for this host.
        parameters: Of the stack; those the template does not know are an error there.
        say: Takes one line for each step.

    Raises:
        Failed: The stack was not made; the message names the resource and the reason.
    """
    return settled(session, "create_stack", template, bundle, parameters=parameters, say=say)


def update(
    session: Signer,
    template: Path,
    bundle: Path,
    *,
    parameters: Mapping[str, str],
    say: Callable[[str], None],
) -> Deployed:
    """Update the stack to another template or bundle and return its outputs.

    Raises:
        Failed: As `deploy`; CloudFormation has then gone back to what was there.
    """
    return settled(session, "update_stack", template, bundle, parameters=parameters, say=say)


def settled(
    session: Signer,
    operation: str,
    template: Path,
    bundle: Path,
    *,
    parameters: Mapping[str, str],
    say: Callable[[str], None],
) -> Deployed:
    """Let CloudFormation create or update the stack, wait for the end, and return its outputs.

    Raises:
        Failed: It did not end well.
    """
    code = upload(session, bundle)
    say(f"uploaded the functions' bundle ({bundle.name})")
    adapted, differences = adapt(
        yaml_parse(template.read_text()),
        code=code,
        architecture=host_architecture(),
        url=session.url,
    )
    cloudformation = session.client("cloudformation")
    # CloudFormation takes 51,200 bytes in the request itself, and a megabyte from S3.
    key = put(session, json.dumps(adapted, default=str).encode(), "json")
    getattr(cloudformation, operation)(
        StackName=STACK,
        TemplateURL=f"{session.url}/{BUCKET}/{key}",
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )

    def described() -> dict[str, Any]:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return stack

    stack = wait_for(described, lambda stack: not stack["StackStatus"].endswith("IN_PROGRESS"))
    if stack["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise Failed(f"the stack is {stack['StackStatus']}: " + "; ".join(reasons))
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    say(f"deployed template.yaml: {len(resources)} resources, {len(differences)} adapted")
    return Deployed(outputs, differences)


def publish_policy(
    session: Signer, outputs: Mapping[str, str], document: str, *, description: str = ""
) -> int:
    """Publish a policy document the way its authors do, and return its version.

    The deployment runs the validator function: a policy that does not parse, or fails its own
    tests, never reaches the vending function.

    Raises:
        Failed: AppConfig refused the document; the message holds the validator's words.
    """
    appconfig = session.client("appconfig")
    application, profile = outputs["PolicyApplicationId"], outputs["PolicyProfileId"]
    environment = outputs["PolicyEnvironmentId"]
    try:
        version = appconfig.create_hosted_configuration_version(
            ApplicationId=application,
            ConfigurationProfileId=profile,
            Content=document.encode(),
            ContentType="application/x-yaml",
            Description=description,
        )["VersionNumber"]
        started = appconfig.start_deployment(
            ApplicationId=application,
            EnvironmentId=environment,
            # The release before this one has one strategy, which is over at once.
            DeploymentStrategyId=outputs.get("PolicyAtOnceStrategyId", outputs["PolicyStrategyId"]),
            ConfigurationProfileId=profile,
            ConfigurationVersion=str(version),
        )
    except appconfig.exceptions.BadRequestException as problem:
        raise Failed(f"the policy was refused: {problem.response['Error']['Message']}") from None

    def state() -> str:
        found = appconfig.get_deployment(
            ApplicationId=application,
            EnvironmentId=environment,
            DeploymentNumber=started["DeploymentNumber"],
        )
        return str(found["State"])

    ended = wait_for(state, lambda now: now in {"COMPLETE", "ROLLED_BACK", "REVERTED"})
    if ended != "COMPLETE":
        raise Failed(f"the policy's deployment ended as {ended}")
    return int(version)


def wait_for(ask: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Ask until the answer is good, and return it.

    Raises:
        Failed: It was not good in time.
    """
    end = time.monotonic() + LIMIT
    while not good(answer := ask()):
        if time.monotonic() > end:
            raise Failed(f"still waiting after {LIMIT:.0f} s: {answer}")
        time.sleep(0.05)
    return answer
