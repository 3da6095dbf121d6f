"""The whole embedded stack: the emulator, the deployed service, its people, its policy."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from local import deploy, seed
from local.emulator import ACCOUNT, REGION
from local.helper_program import install_client
from local.process import ROOT, Emulator
from local.proof import prove
from local.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

TEMPLATE = ROOT / "template.yaml"
POLICY = ROOT / "local/policy.yaml"


@dataclass
class Stack:
    """A running stack; use it as a context manager.

    Attributes:
        emulator: Its process.
        administrator: Signs as the emulator's administrator, an IAM user.
        deployed: What was deployed.
        identities: Each role with the key of the user who assumes it.
        programs: The folder that holds `docker-credential-ecr-vend` and `ecr-vend`.
    """

    emulator: Emulator
    administrator: Signer
    deployed: deploy.Deployed
    identities: Mapping[str, seed.Identity]
    programs: Path
    _removed_at_end: list[Path] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        bundle: Path,
        *,
        port: int = 0,
        template: Path = TEMPLATE,
        policy: Path = POLICY,
        parameters: Mapping[str, str] | None = None,
        faults: bool = False,
        say: Callable[[str], None],
    ) -> Self:
        """Start, deploy, fill and prove a stack.

        Args:
            bundle: The functions' bundle for this host.
            port: To serve on; 0 for any free one.
            template: The real template.
            policy: The policy document to publish.
            parameters: Of the template, where they are not its defaults.
            faults: Whether calls of AWS can be made to fail: see `local.faults`.
            say: Takes one line for each step.

        Raises:
            NotStarted: The emulator did not come up.
            Failed: The deployment did not succeed.
            Unproven: The stack let something through that it must refuse.
        """
        emulator = Emulator.start(port, faults=faults)
        try:
            say(f"emulator serves on {emulator.url}, on loopback only")
            administrator = Signer(emulator.url, emulator.access_key_id, emulator.secret_access_key)
            deployed = deploy.deploy(
                administrator,
                template,
                bundle,
                parameters=parameters or {},
                say=say,
            )
            table = administrator.client("dynamodb").describe_table(
                TableName=deployed.outputs["LedgerTableName"]
            )["Table"]
            key = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
            wanted = seed.roles(deployed.outputs, table["TableArn"], [key] if key else [])
            identities = {
                identity.role: identity for identity in seed.seed(administrator, wanted, ACCOUNT)
            }
            say(f"made {len(seed.REPOSITORIES)} repositories and {len(identities)} roles")
            version = deploy.publish_policy(administrator, deployed.outputs, policy.read_text())
            say(f"published {policy.name} as version {version}: its own tests passed")
            for line in prove(administrator, emulator.registry):
                say(line)
            programs = install_client(emulator.state / "bin")
            stack = cls(emulator, administrator, deployed, identities, programs)
            stack.write_settings()
        except BaseException:
            emulator.stop()
            raise
        return stack

    @property
    def endpoint(self) -> str:
        """The deployed API, at the emulator."""
        on_aws = urlsplit(self.deployed.outputs["Endpoint"])
        api = (on_aws.hostname or "").split(".")[0]
        return f"{self.emulator.url}/restapis/{api}{on_aws.path.rstrip('/')}/_user_request_"

    @property
    def ledger(self) -> str:
        """The name of the ledger's table."""
        return self.deployed.outputs["LedgerTableName"]

    def session(self, role: str, name: str = "local") -> seed.Session:
        """Assume a role as its user and return the credentials.

        Args:
            role: Its name.
            name: Of the session.
        """
        identity = self.identities[role]
        user = Signer(self.emulator.url, identity.access_key_id, identity.secret_access_key)
        answer = user.client("sts").assume_role(RoleArn=identity.arn, RoleSessionName=name)
        given = answer["Credentials"]
        return seed.Session(
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given["SessionToken"],
            answer["AssumedRoleUser"]["Arn"],
        )

    def client_of(self, session: seed.Session, service: str) -> Any:
        """Return an AWS client that signs as `session`."""
        signer = Signer(
            self.emulator.url,
            session.access_key_id,
            session.secret_access_key,
            session.session_token,
        )
        return signer.client(service)

    def settings(self) -> dict[str, str]:
        """Return the variables that point the helper and the registry clients at this stack.

        They choose no identity: that is `session(...).environment()`, or `AWS_PROFILE`.
        """
        docker = self.emulator.state / "docker"
        return {
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": str(self.emulator.state / "aws/config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.emulator.state / "aws/credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "ECR_VEND_ENDPOINT": self.endpoint,
            "ECR_VEND_REGION": REGION,
            "ECR_VEND_REGISTRIES": f"{self.emulator.registry}={self.emulator.registry_host}",
            "ECR_VEND_CACHE_DIR": str(self.emulator.state / "cache"),
            "ECR_VEND_CONFIG": str(self.emulator.state / "config.toml"),
            "DOCKER_CONFIG": str(docker),
            "REGISTRY_AUTH_FILE": str(docker / "config.json"),
        }

    def exports(self, role: str = "payments-ci") -> dict[str, str]:
        """Return what a shell needs to act as `role` on this stack."""
        path = f"{self.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**self.settings(), "AWS_PROFILE": role, "PATH": path}

    def write_settings(self) -> None:
        """Write the AWS profiles and the docker configuration that the variables name."""
        state = self.emulator.state
        for folder in ("aws", "docker"):
            (state / folder).mkdir(mode=0o700)
        (state / "config.toml").touch(mode=0o600)
        config = [f"[profile administrator]\nregion = {REGION}"]
        credentials = [
            profile("administrator", self.emulator.access_key_id, self.emulator.secret_access_key)
        ]
        for role, identity in self.identities.items():
            user = f"{role}-login"
            config.append(
                f"[profile {role}]\nrole_arn = {identity.arn}\nsource_profile = {user}\n"
                f"role_session_name = local\nregion = {REGION}"
            )
            credentials.append(profile(user, identity.access_key_id, identity.secret_access_key))
        private(state / "aws/config", "\n\n".join(config) + "\n")
        private(state / "aws/credentials", "\n\n".join(credentials) + "\n")
        helpers = {"credHelpers": {self.emulator.registry: "ecr-vend"}}
        private(state / "docker/config.json", json.dumps(helpers, indent=2) + "\n")

    def write_exports(self, file: Path) -> None:
        """Write the exports as shell lines, to be removed with the stack."""
        private(file, "".join(f"{line}\n" for line in shell_lines(self.exports())))
        self._removed_at_end.append(file)

    def described(self) -> dict[str, Any]:
        """Return all that a program needs to use this stack."""
        return {
            "url": self.emulator.url,
            "pid": self.emulator.pid,
            "state": str(self.emulator.state),
            "region": REGION,
            "account": ACCOUNT,
            "registry": self.emulator.registry,
            "registry_host": self.emulator.registry_host,
            "endpoint": self.endpoint,
            "outputs": dict(self.deployed.outputs),
            "administrator": {
                "access_key_id": self.emulator.access_key_id,
                "secret_access_key": self.emulator.secret_access_key,
            },
            "identities": {
                role: {
                    "arn": identity.arn,
                    "access_key_id": identity.access_key_id,
                    "secret_access_key": identity.secret_access_key,
                }
                for role, identity in self.identities.items()
            },
            "programs": str(self.programs),
            "settings": self.settings(),
            "differences": [str(difference) for difference in self.deployed.differences],
        }

    def stop(self) -> None:
        """End the stack and remove every file of it."""
        for file in self._removed_at_end:
            file.unlink(missing_ok=True)
        self.emulator.stop()

    def __enter__(self) -> Self:
        """Return the stack itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


def profile(name: str, access_key_id: str, secret_access_key: str) -> str:
    """Return one section of an AWS credentials file."""
    return (
        f"[{name}]\naws_access_key_id = {access_key_id}\n"
        f"aws_secret_access_key = {secret_access_key}"
    )


def private(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)


def shell_lines(variables: Mapping[str, str]) -> list[str]:
    """Return `export` lines for a POSIX shell."""
    for name in variables:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            raise ValueError(f"{name} is no variable")
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
