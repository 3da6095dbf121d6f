"""The libraries that such a function loads, with three of its clients, and none of its code."""

from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict

logger = Logger()
metrics = Metrics()
app = APIGatewayRestResolver(enable_validation=True)
sts = boto3.client("sts")
ecr = boto3.client("ecr")
dynamodb = boto3.client("dynamodb")


class TokenRequest(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid")

    pull: list[str] = []
    push: list[str] = []


class TokenResponse(BaseModel):
    """What is answered."""

    password: str


@app.post("/v1/tokens")
def tokens(request: Annotated[TokenRequest, Body()]) -> TokenResponse:
    """Answer nothing of use: only the start is measured."""
    return TokenResponse(password=",".join(request.pull))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one event."""
    return app.resolve(event, context)
