"""The vending function: `POST /v1/tokens` and `GET /v1/whoami`."""

from __future__ import annotations

from handlers import startup  # isort: skip

import logging
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import botocore.session

from handlers.api import api, uncounted, watch
from handlers.measured import Measured
from handlers.policies import policies_of
from vending import deadlines
from vending.aws_clients import patient_client
from vending.block_checks import DynamoBlocks
from vending.budgets import Budgets
from vending.counters import DynamoCounters
from vending.ledger import DynamoLedger
from vending.minting import StsMinter
from vending.person_keys import DynamoPersonKeys
from vending.request import Limits
from vending.settings import Settings
from vending.vend import Vending
from vending.vend_ids import new_vend_id

# At DEBUG botocore logs the body of every answer, the authorization token and the session's keys
# among them, and a function's log level can be set from outside its code.
logging.getLogger("botocore").setLevel(logging.WARNING)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def assemble(settings: Settings) -> Vending:
    """Return the service with its real ports."""
    session = botocore.session.Session()

    def client(service: str, patience: deadlines.Patience, region: str | None = None) -> Any:
        return patient_client(session, service, patience, region)

    return Vending(
        registries=settings.served(),
        policies=policies_of(settings, client("appconfigdata", deadlines.POLICY), clock=clock),
        blocks=DynamoBlocks(client("dynamodb", deadlines.BLOCKS), table=settings.block_table),
        ledger=DynamoLedger(
            client("dynamodb", deadlines.LEDGER),
            client("kms", deadlines.TOKEN_KEY),
            DynamoPersonKeys(
                client("dynamodb", deadlines.PERSON_KEYS),
                table=settings.person_key_table,
                clock=clock,
            ),
            table=settings.ledger_table,
            block_table=settings.block_table,
            token_key=settings.token_key,
            clock=clock,
        ),
        minter=StsMinter(
            cast("Any", Measured(client("sts", deadlines.MINTING))),
            lambda region: cast("Any", Measured(client("ecr", deadlines.MINTING, region))),
        ),
        budgets=Budgets(
            DynamoCounters(client("dynamodb", deadlines.COUNTERS), settings.budget_table),
            settings.budgets,
            uncounted,
        ),
        limits=Limits(timedelta(seconds=settings.max_ttl), timedelta(seconds=settings.min_ttl)),
        clock=clock,
        stopwatch=time.perf_counter,
        new_id=new_vend_id,
        deployment=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        prober=settings.stack_prober(),
        watch=watch,
    )


handler = api(assemble(Settings.from_environment()))
startup.ready()
