"""An AppConfig in memory, behind botocore's own clients: it records what they were asked."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
from boto3 import Session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.loaders import Loader
from botocore.response import StreamingBody

if TYPE_CHECKING:
    from collections.abc import Callable

LOADER = Loader()
"""Has each service's model once, for all sessions."""

BEGAN = datetime(2026, 11, 27, 20, 30, tzinfo=UTC)
PUBLISHER = "arn:aws:sts::111122223333:assumed-role/publisher/ana"
OUTPUTS = {
    "PolicyApplicationId": "app0001",
    "PolicyEnvironmentId": "env0001",
    "PolicyProfileId": "prof001",
    "PolicyStrategyId": "strat01",
    "PolicyAtOnceStrategyId": "strat02",
}
STRATEGIES = (
    {"Id": "strat01", "Name": "ecr-vend"},
    {"Id": "slow001", "Name": "slowly"},
    {"Id": "twin001", "Name": "twins"},
    {"Id": "twin002", "Name": "twins"},
)


class Answer(Exception):
    """An error that AWS answers."""

    def __init__(self, status: int, code: str, message: str = "", **more: Any) -> None:
        self.status, self.code, self.message, self.more = status, code, message, more


NOT_ALLOWED = Answer(403, "AccessDeniedException", "User: ana is not authorized to perform: this")
SLOW_DOWN = Answer(429, "ThrottlingException", "Rate exceeded")


@dataclass
class FakeAppConfig:
    """The AppConfig of one stack.

    Attributes:
        texts: Of the versions that are kept, by number.
        labels: Of all versions that ever were, by number.
        deployments: In AWS's shape, oldest first.
        minutes: How long the strategy takes.
        steps: What each next GetDeployment finds: its state, percentage and an event.
        validator: Returns its objection to a text, or "".
        failing: What an operation answers instead, by its name: each once, in turn.
        meanwhile: Called when an operation begins, by its name: what others do.
        asked: Each call: service, operation and parameters.
    """

    texts: dict[int, bytes] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    minutes: int = 0
    steps: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)
    validator: Callable[[bytes], str] = lambda _: ""
    failing: dict[str, list[BaseException]] = field(default_factory=dict)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def session(self) -> Session:
        """Return a session whose clients this answers, without a network."""
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        core.set_credentials("AKIAEXAMPLE", "secret")
        session = Session(botocore_session=core, region_name="eu-west-1")
        session.events.register("before-parameter-build", self._record)
        session.events.register("before-call", self._answer)
        return session

    def operations(self) -> list[str]:
        """Return what was asked, as IAM's actions."""
        return [f"{service}:{operation}" for service, operation, _ in self.asked]

    def changes(self) -> list[str]:
        """Return what was asked to be changed."""
        reading = ("Get", "List", "Describe")
        return [name for _, name, _ in self.asked if not name.startswith(reading)]

    def serve(self, text: bytes, label: str = "ana@example.com/0000001") -> int:
        """Publish a text, as somebody else, and return its version."""
        version = self._keep(text, label)
        self._begin(version, "COMPLETE", 100.0, "")
        return version

    def _record(self, params: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        self.asked.append((model.service_model.service_name, model.name, dict(params)))
        context["asked"] = dict(params)

    def _answer(self, model: Any, context: Any, **_: Any) -> Any:
        try:
            if others := self.meanwhile.pop(model.name, None):
                others()
            if waiting := self.failing.get(model.name):
                raise waiting.pop(0)
            found = getattr(self, f"_{model.name}")(**context["asked"])
        except Answer as told:
            error = {"Code": told.code, "Message": told.message}
            parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": told.status}}
            return AWSResponse("https://aws", told.status, HTTPHeaders(), None), {
                **parsed,
                **told.more,
            }
        return AWSResponse("https://aws", 200, HTTPHeaders(), None), found

    def _keep(self, text: bytes, label: str) -> int:
        number = max(self.labels, default=0) + 1
        self.texts[number], self.labels[number] = text, label
        return number

    def _begin(self, version: int, state: str, percentage: float, told: str) -> dict[str, Any]:
        number = len(self.deployments) + 1
        began = BEGAN + timedelta(minutes=number)
        made = {
            "DeploymentNumber": number,
            "ConfigurationVersion": str(version),
            "VersionLabel": self.labels[version],
            "State": state,
            "PercentageComplete": percentage,
            "StartedAt": began,
            "Description": told,
            "DeploymentDurationInMinutes": self.minutes,
            "EventLog": [event("DEPLOYMENT_STARTED", "Deployment started", by="USER")],
            **({"CompletedAt": began} if state == "COMPLETE" else {}),
        }
        self.deployments.append(made)
        return made

    def _DescribeStacks(self, StackName: str) -> Any:  # noqa: N802, N803
        if StackName == "none":
            raise Answer(400, "ValidationError", "Stack with id none does not exist")
        told = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        return {"Stacks": [{"Outputs": told if StackName == "ecr-vend" else []}]}

    def _GetCallerIdentity(self) -> Any:  # noqa: N802
        return {"Arn": PUBLISHER}

    def _ListDeploymentStrategies(self, **_: Any) -> Any:  # noqa: N802
        return {"Items": list(STRATEGIES)}

    def _ListHostedConfigurationVersions(self, **_: Any) -> Any:  # noqa: N802
        found = [{"VersionNumber": one, "VersionLabel": self.labels[one]} for one in self.texts]
        return {"Items": found}

    def _ListDeployments(self, NextToken: str = "0", **_: Any) -> Any:  # noqa: N802, N803
        """Answer two at a time, so that whoever asks has to turn pages."""
        begin = int(NextToken)
        newest = list(reversed(self.deployments))
        told_later = ("Description", "EventLog")
        shown = [
            {key: value for key, value in one.items() if key not in told_later}
            for one in newest[begin : begin + 2]
        ]
        more = {"NextToken": str(begin + 2)} if begin + 2 < len(newest) else {}
        return {"Items": shown, **more}

    def _GetHostedConfigurationVersion(self, VersionNumber: int, **_: Any) -> Any:  # noqa: N802, N803
        if VersionNumber not in self.texts:
            raise Answer(404, "ResourceNotFoundException", f"no version {VersionNumber}")
        text = self.texts[VersionNumber]
        return {"Content": StreamingBody(io.BytesIO(text), len(text))}

    def _CreateHostedConfigurationVersion(  # noqa: N802
        self,
        Content: bytes,  # noqa: N803
        VersionLabel: str,  # noqa: N803
        LatestVersionNumber: int | None = None,  # noqa: N803
        **_: Any,
    ) -> Any:
        if LatestVersionNumber not in (None, max(self.texts, default=0)):
            raise Answer(409, "ConflictException", "not the latest version")
        return {"VersionNumber": self._keep(Content, VersionLabel)}

    def _StartDeployment(  # noqa: N802
        self,
        ConfigurationVersion: str,  # noqa: N803
        Description: str,  # noqa: N803
        LatestDeploymentNumber: int | None = None,  # noqa: N803
        **_: Any,
    ) -> Any:
        if LatestDeploymentNumber not in (None, len(self.deployments)):
            raise Answer(409, "ConflictException", "not the latest deployment")
        if int(ConfigurationVersion) not in self.texts:
            raise Answer(404, "ResourceNotFoundException", "no such version")
        if words := self.validator(self.texts[int(ConfigurationVersion)]):
            raise Answer(400, "BadRequestException", words)
        state = ("DEPLOYING", 0.0) if self.steps else ("COMPLETE", 100.0)
        return dict(self._begin(int(ConfigurationVersion), *state, Description))

    def _GetDeployment(self, DeploymentNumber: int, **_: Any) -> Any:  # noqa: N802, N803
        found = self.deployments[DeploymentNumber - 1]
        if self.steps and found is self.deployments[-1]:
            found["State"], found["PercentageComplete"], told = self.steps.pop(0)
            found["EventLog"] = [told, *found["EventLog"]]
        return dict(found)

    def _StopDeployment(self, DeploymentNumber: int, AllowRevert: bool, **_: Any) -> Any:  # noqa: N802, N803
        found = self.deployments[DeploymentNumber - 1]
        if found["State"] not in ("DEPLOYING", "BAKING") or not AllowRevert:
            raise Answer(400, "BadRequestException", f"it is {found['State']}")
        self.steps = []
        found["State"] = "ROLLED_BACK"
        return dict(found)


def event(kind: str, told: str, *, by: str = "APPCONFIG") -> dict[str, Any]:
    """Return a line of a deployment's log."""
    return {"EventType": kind, "TriggeredBy": by, "Description": told, "OccurredAt": BEGAN}
