"""The stack's AppConfig, where the policy's versions are kept and deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from vendctl.command_line import Failure
from vendctl.publishing.published import UNKNOWN, Known, Version, of_answer
from vendctl.stack import outputs

if TYPE_CHECKING:
    from argparse import Namespace

    import boto3
    from types_boto3_appconfig.client import AppConfigClient
    from types_boto3_appconfig.type_defs import (
        CreateHostedConfigurationVersionRequestTypeDef,
        StartDeploymentRequestTypeDef,
    )

    from vendctl.publishing.published import Deployment

OUTPUTS = (
    "PolicyApplicationId",
    "PolicyEnvironmentId",
    "PolicyProfileId",
    "PolicyStrategyId",
    "PolicyAtOnceStrategyId",
)
CONTENT_TYPE = "application/x-yaml"


class Conflicts(Failure):
    """AppConfig is no longer as it was when it was looked at. Exit code 2."""


class Refused(Exception):
    """The validator refuses a version; the message is its own."""


@dataclass(frozen=True, slots=True)
class PolicyStore:
    """Where the policy of one stack is published.

    Every method may raise what botocore raises: BotoCoreError where AWS does not answer,
    ClientError where it refuses.

    Attributes:
        client: Of AppConfig.
        stack: The stack's name.
        application: Its id, as of the next four.
        environment: Where the functions read from.
        profile: Whose versions are the policy's.
        strategy: How the stack deploys where nothing else is said.
        at_once: How it deploys so that no alarm that this sets off undoes it.
    """

    client: AppConfigClient
    stack: str
    application: str
    environment: str
    profile: str
    strategy: str
    at_once: str

    @classmethod
    def of(cls, session: boto3.Session, stack: str) -> Self:
        """Return the store of a stack.

        Raises:
            Failure: The stack is too old to tell where it is.
        """
        found = outputs(session, stack, *OUTPUTS)
        return cls(session.client("appconfig"), stack, *found)

    def known(self) -> Known:
        """Return every version and deployment of the policy, newest first."""
        versions = self._pages(
            "list_hosted_configuration_versions", ConfigurationProfileId=self.profile
        )
        deployments = self._pages("list_deployments", EnvironmentId=self.environment)
        numbered = sorted(
            (
                Version(int(one["VersionNumber"]), str(one.get("VersionLabel") or ""))
                for one in versions
            ),
            key=lambda one: -one.number,
        )
        begun = [
            of_answer(one, numbered)
            for one in deployments
            if one.get("ConfigurationProfileId", self.profile) == self.profile
        ]
        return Known(
            tuple(numbered),
            tuple(sorted(begun, key=lambda one: -one.number)),
            max((int(one["DeploymentNumber"]) for one in deployments), default=0),
        )

    def text(self, version: int) -> bytes | None:
        """Return the text of a version, or None when somebody deleted it, or nobody knows it."""
        if version == UNKNOWN:
            return None
        missing = self.client.exceptions.ResourceNotFoundException
        try:
            answer = self.client.get_hosted_configuration_version(
                ApplicationId=self.application,
                ConfigurationProfileId=self.profile,
                VersionNumber=version,
            )
        except missing:
            return None
        return answer["Content"].read()

    def again(self, one: Deployment) -> Deployment:
        """Return a deployment as it is now, with its log."""
        answer = self.client.get_deployment(**self._numbered(one))
        return of_answer(answer, [one.version])

    def create(self, text: bytes, label: str, *, after: int) -> Version:
        """Keep a text as a new version.

        Args:
            text: The policy.
            label: Of the version.
            after: The newest version that was there when its author looked; 0 for none.

        Raises:
            Conflicts: There is a newer one.
        """
        asked: CreateHostedConfigurationVersionRequestTypeDef = {
            "ApplicationId": self.application,
            "ConfigurationProfileId": self.profile,
            "Content": text,
            "ContentType": CONTENT_TYPE,
            "VersionLabel": label,
        }
        if after:
            asked["LatestVersionNumber"] = after
        try:
            made = self.client.create_hosted_configuration_version(**asked)
        except self.client.exceptions.ConflictException as problem:
            newest = next(iter(self.known().versions), None)
            if newest is None or newest.number <= after:
                raise Failure(f"nothing was published. AppConfig says: {said(problem)}") from None
            raise Conflicts(
                f"nothing was published: somebody else made {newest} since you asked. Look at it "
                f"(vendctl policy history --stack {self.stack}), take in what it changes and "
                "publish again"
            ) from None
        except self.client.exceptions.ServiceQuotaExceededException as problem:
            raise Failure(
                "nothing was published: AppConfig keeps no more versions. Delete old ones that do "
                f"not serve. AppConfig says: {said(problem)}"
            ) from None
        return Version(int(made["VersionNumber"]), label)

    def start(self, version: Version, *, strategy: str, after: int, told: str) -> Deployment:
        """Begin to deploy a version; the validator runs first.

        Args:
            version: Which.
            strategy: The id of how.
            after: The newest deployment that was there when its author looked; 0 for none.
            told: Who begins it and how, kept with it.

        Raises:
            Refused: By the validator.
            Conflicts: There is a newer deployment, or one is under way.
            Failure: The version is not there.
        """
        asked: StartDeploymentRequestTypeDef = {
            "ApplicationId": self.application,
            "EnvironmentId": self.environment,
            "ConfigurationProfileId": self.profile,
            "DeploymentStrategyId": strategy,
            "ConfigurationVersion": str(version.number),
            "Description": told[:1024],
        }
        if after:
            asked["LatestDeploymentNumber"] = after
        exceptions = self.client.exceptions
        try:
            return of_answer(self.client.start_deployment(**asked), [version])
        except exceptions.BadRequestException as problem:
            raise Refused(said(problem)) from None
        except exceptions.ConflictException as problem:
            raise Conflicts(
                f"{version} is not deployed: somebody else began a deployment meanwhile. Look at "
                f"it (vendctl policy status --stack {self.stack}) and ask again. AppConfig says: "
                f"{said(problem)}"
            ) from None
        except exceptions.ResourceNotFoundException as problem:
            raise Failure(
                f"{version} is not deployed: it, or the strategy {strategy}, is not there. "
                f"AppConfig says: {said(problem)}"
            ) from None

    def stop(self, one: Deployment) -> Deployment:
        """Undo a deployment that is under way, or has ended a moment ago.

        Raises:
            Conflicts: It cannot be undone any more.
        """
        try:
            # AllowRevert: without it, only what is DEPLOYING stops. What bakes, or has just ended,
            # would go on serving although it was asked to be undone.
            answer = self.client.stop_deployment(**self._numbered(one), AllowRevert=True)
        except self.client.exceptions.BadRequestException as problem:
            raise Conflicts(
                f"{one} cannot be stopped: {said(problem)}. Look where it stands: "
                f"vendctl policy status --stack {self.stack}"
            ) from None
        return of_answer(answer, [one.version])

    def strategy_of(self, asked: Namespace) -> str:
        """Return the id of the deployment strategy that is asked for; the stack's where none is.

        Args:
            asked: `at_once`, and `strategy`, a name or id or None.

        Raises:
            Failure: There is none, or several have the name.
        """
        wanted = asked.strategy
        if asked.at_once or wanted is None:
            return self.at_once if asked.at_once else self.strategy
        pages = self.client.get_paginator("list_deployment_strategies").paginate()
        every = [one for page in pages for one in page["Items"]]
        found = [one["Id"] for one in every if wanted in (one["Id"], one.get("Name"))]
        if len(found) == 1:
            return str(found[0])
        if found:
            raise Failure(f"several strategies are called {wanted}: name one by its id: {found}")
        names = ", ".join(sorted(str(one.get("Name")) for one in every))
        raise Failure(f"there is no deployment strategy {wanted}; there are {names}")

    def _numbered(self, one: Deployment) -> Any:
        return {
            "ApplicationId": self.application,
            "EnvironmentId": self.environment,
            "DeploymentNumber": one.number,
        }

    def _pages(self, operation: Any, **of: str) -> list[Any]:
        pages = self.client.get_paginator(operation).paginate(ApplicationId=self.application, **of)
        return [one for page in pages for one in page["Items"]]


def said(problem: Any) -> str:
    """Return what AppConfig says of an error, with the words of a validator where it has them."""
    response = problem.response
    words = [str(response.get("Error", {}).get("Message") or "")]
    details = (response.get("Details") or {}).get("InvalidConfiguration") or []
    words += [str(one.get("Reason") or "") for one in details]
    words += [str(one.get("Value") or "") for one in details]
    kept = [one for one in dict.fromkeys(words) if one]
    return "\n".join(kept) or str(problem)
