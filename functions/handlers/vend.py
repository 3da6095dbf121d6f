"""The vending function: `POST /v1/tokens` and `GET /v1/whoami`."""

from __future__ import annotations

from handlers import startup  # isort: skip

import logging
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.config import Config

from handlers.api import api
from handlers.policies import policies_of
from vending.block_checks import DynamoBlocks
from vending.decision import Limits
from vending.ledger import DynamoLedger
from vending.minting import StsMinter
from vending.settings import Settings
from vending.vend import Vending
from vending.vend_ids import new_vend_id

# The function has 15 seconds and API Gateway 29: a dependency that hangs must leave time to say so.
PATIENCE = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,
)

# At DEBUG botocore logs the body of every answer, the authorization token and the session's keys
# among them, and a function's log level can be set from outside its code.
logging.getLogger("botocore").setLevel(logging.WARNING)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def assemble(settings: Settings) -> Vending:
    """Return the service with its real ports."""
    session = botocore.session.Session()

    def client(service: str, region: str | None = None) -> Any:
        return session.create_client(service, region_name=region, config=PATIENCE)

    dynamodb = client("dynamodb")
    return Vending(
        registries=settings.served(),
        policies=policies_of(settings, client("appconfigdata"), clock=clock),
        blocks=DynamoBlocks(dynamodb, table=settings.block_table),
        ledger=DynamoLedger(
            dynamodb,
            client("kms"),
            table=settings.ledger_table,
            block_table=settings.block_table,
            token_key=settings.token_key,
            clock=clock,
        ),
        minter=StsMinter(client("sts"), lambda region: client("ecr", region)),
        limits=Limits(timedelta(seconds=settings.max_ttl), timedelta(seconds=settings.min_ttl)),
        clock=clock,
        stopwatch=time.perf_counter,
        new_id=new_vend_id,
        deployment=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
    )


handler = api(assemble(Settings.from_environment()))
startup.ready()
