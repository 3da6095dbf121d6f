"""This very function as most would write and pack it: the peer of its start.

The same domain code, with Logger, Metrics, the resolver with validation, and a boto3 client for
each of the five services it calls, in a bundle from which nothing was left out.
"""

from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Body

from vending.ledger import DynamoLedger
from vending.messages import TokenRequest, TokenResponse
from vending.minting import StsMinter
from vending.policy_source import AppConfigPolicies
from vending.settings import Settings

logger = Logger()
metrics = Metrics()
app = APIGatewayRestResolver(enable_validation=True)
settings = Settings.from_environment()
clients = {
    service: boto3.client(service) for service in ("appconfigdata", "dynamodb", "ecr", "kms", "sts")
}
ports = (AppConfigPolicies, DynamoLedger, StsMinter)


@app.post("/v1/tokens")
def tokens(request: Annotated[TokenRequest, Body()]) -> TokenResponse:
    """Answer nothing of use: only the start is measured."""
    raise NotImplementedError(request)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve one event."""
    return app.resolve(event, context)
