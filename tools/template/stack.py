"""One deployment of a template: its intrinsics resolved, as CloudFormation does."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools.template.translation import Document, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "111122223333"
API = "a1b2c3d4e5"
STACK_ID = "5c1e9f20-3b7a-11f0-9d3e-0a1b2c3d4e5f"
NO_VALUE = object()

RESOURCES = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:{}"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"),
    "AWS::Events::Rule": ("events", "rule/{}"),
    "AWS::KMS::Key": ("kms", "key/{}"),
    "AWS::Lambda::Function": ("lambda", "function:{}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{}:*"),
    "AWS::SNS::Topic": ("sns", "{}"),
    "AWS::SQS::Queue": ("sqs", "{}"),
}
"""Type of a resource → the service and the resource of its ARN."""


@dataclass(frozen=True)
class Stack:
    """One deployment: where, and with which parameters (those not given have their defaults)."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    partition: str = "aws"
    region: str = "eu-west-1"
    suffix: str = "amazonaws.com"
    name: str = "ecr-vend"
    template: Document = field(default_factory=translated)
    account: str = ACCOUNT

    def resources(self, kind: str) -> dict[str, Document]:
        """Return the resources of a type that are deployed, resolved, by logical id."""
        return {
            logical: self.resource(logical)
            for logical, found in self.template["Resources"].items()
            if found["Type"] == kind and self.holds(found.get("Condition"))
        }

    def resource(self, logical: str) -> Document:
        """Return one resource, attributes such as DeletionPolicy included."""
        found: Document = self.resolve(self.template["Resources"][logical])
        return found

    def properties(self, logical: str) -> Document:
        """Return the properties of one resource."""
        found: Document = self.resource(logical)["Properties"]
        return found

    def output(self, name: str) -> str:
        """Return the value of an output."""
        return str(self.resolve(self.template["Outputs"][name]["Value"]))

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return an ARN of this account, in this region unless the service knows none."""
        where = self.region if region else ""
        return f"arn:{self.partition}:{service}:{where}:{self.account}:{resource}"

    def holds(self, condition: str | None) -> bool:
        """Say whether a named condition holds; none at all does."""
        return condition is None or bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        """Replace every intrinsic below `value`, as CloudFormation does."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self.intrinsic(name, argument)
        fields = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in fields.items() if item is not NO_VALUE}

    def intrinsic(self, name: str, argument: Any) -> Any:
        """Evaluate one function of CloudFormation.

        Raises:
            NotImplementedError: The template uses one that is not known here.
        """
        match name:
            case "Ref":
                return self.ref(argument)
            case "Fn::GetAtt":
                return self.attribute(*argument)
            case "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.holds(condition) else no)
            case "Fn::Equals":
                left, right = self.resolve(argument)
                return str(left) == str(right)
            case "Fn::Contains":
                held, value = self.resolve(argument)
                return value in held
            case "Fn::Not":
                return not self.resolve(argument)[0]
            case "Fn::Join":
                return argument[0].join(self.resolve(argument[1]))
            case "Fn::Select":
                return self.resolve(argument[1])[int(argument[0])]
            case "Fn::Split":
                return self.resolve(argument[1]).split(argument[0])
            case "Fn::Sub":
                return self.substitute(argument)
        raise NotImplementedError(name)

    def substitute(self, argument: Any) -> str:
        """Evaluate Fn::Sub, with or without variables of its own."""
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(found: re.Match[str]) -> str:
            name = found[1]
            if name in own:
                return str(self.resolve(own[name]))
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def ref(self, name: str) -> Any:
        """Return what Ref gives for a parameter, a pseudo parameter or a resource."""
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.arn("cloudformation", f"stack/{self.name}/{STACK_ID}"),
            "AWS::StackName": self.name,
            "AWS::URLSuffix": self.suffix,
        }
        if name in pseudo:
            return pseudo[name]
        if declared := self.template["Parameters"].get(name):
            value = str(self.parameters[name] if name in self.parameters else declared["Default"])
            return value.split(",") if declared["Type"] == "CommaDelimitedList" else value
        match self.deployed(name)["Type"]:
            case "AWS::ApiGateway::RestApi":
                return API
            case "AWS::ApiGateway::Stage":
                return self.template["Resources"][name]["Properties"]["StageName"]
            case "AWS::IAM::ManagedPolicy" | "AWS::Lambda::Alias" | "AWS::SNS::Topic":
                return self.attribute(name, "Arn")
            case "AWS::DynamoDB::Table":
                return self.own_name(name, self.properties(name))
            case "AWS::ECR::Repository":
                return self.properties(name)["RepositoryName"]
            case _:
                return f"{self.name}-{name}"

    def attribute(self, name: str, attribute: str) -> str:
        """Return an attribute of a resource: its ARN, mostly.

        Raises:
            NotImplementedError: It is another attribute, or a type not known here.
        """
        found = self.deployed(name)
        own = self.resolve(self.own_name(name, found["Properties"]))
        match attribute, found["Type"]:
            case "Arn", "AWS::IAM::Role":
                return self.arn("iam", f"role/{own}", region=False)
            case "Arn", "AWS::IAM::ManagedPolicy":
                return self.arn("iam", f"policy/{own}", region=False)
            case "Arn", "AWS::Lambda::Alias":
                function = self.resolve(found["Properties"]["FunctionName"])
                return self.arn("lambda", f"function:{function}:{found['Properties']['Name']}")
            case "Arn", "AWS::S3::Bucket":
                return f"arn:{self.partition}:s3:::{self.ref(name)}"
            case "QueueName", "AWS::SQS::Queue":
                return self.ref(name)  # type: ignore[no-any-return]
            case "StreamArn", "AWS::DynamoDB::Table":
                return f"{self.attribute(name, 'Arn')}/stream/2026-11-23T20:00:00.000"
            case "Version", "AWS::Lambda::Version":
                return "1"
            case "Arn", kind if kind in RESOURCES:
                service, resource = RESOURCES[kind]
                return self.arn(service, resource.format(own))
            case _, "AWS::ApiGateway::DomainName":
                return f"{attribute} of {self.resolve(found['Properties']['DomainName'])}"
        raise NotImplementedError(f"{name}.{attribute}")

    def deployed(self, name: str) -> Document:
        """Return a resource as it stands in the template.

        Raises:
            ValueError: Its condition does not hold, so that CloudFormation would refuse whatever
                names it.
        """
        found: Document = self.template["Resources"][name]
        if not self.holds(found.get("Condition")):
            raise ValueError(f"{name} is named, and not deployed")
        return found

    def own_name(self, logical: str, properties: Document) -> Any:
        """Return a resource's name: the template's, or one such as CloudFormation makes up.

        A managed policy is replaced when its description changes, so that its name is another.
        """
        for key in ("RoleName", "ManagedPolicyName"):
            if key in properties:
                return properties[key]
        made_up = f"{self.name}-{logical}"
        if "KeySchema" in properties:
            return f"{made_up}-1A2B3C4D5E6F7"
        if "PolicyDocument" in properties and "Description" in properties:
            description = str(self.resolve(properties["Description"]))
            return f"{made_up}-{hashlib.sha256(description.encode()).hexdigest()[:12].upper()}"
        return made_up

    def descriptions(self) -> dict[str, str]:
        """Return the description of each function's next version, where it has one."""
        described = [
            version["Properties"]
            for version in self.resources("AWS::Lambda::Version").values()
            if "Description" in version["Properties"]
        ]
        return {
            name: str(version["Description"])
            for version in described
            for name in self.resources("AWS::Lambda::Function")
            if self.ref(name) == version["FunctionName"]
        }

    def api(self) -> Document:
        """Return the definition of the REST API."""
        (api,) = self.resources("AWS::ApiGateway::RestApi").values()
        body: Document = api["Properties"]["Body"]
        return body

    def api_policy(self) -> Document:
        """Return the API's resource policy, `execute-api:/` written out as API Gateway does."""
        text = json.dumps(self.api()["x-amazon-apigateway-policy"])
        policy: Document = json.loads(text.replace("execute-api:/", f"{self.route('')}/"))
        return policy

    def route(self, path: str) -> str:
        """Return the ARN of a route, such as `/live/POST/v1/tokens`."""
        return self.arn("execute-api", f"{API}{path}")
