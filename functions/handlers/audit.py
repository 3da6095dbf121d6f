"""The auditing function: `/v1/vends`. It reads, and writes nothing."""

from __future__ import annotations

from handlers import startup  # isort: skip

import logging
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.config import Config

from auditing.auditing import Auditing
from auditing.person_keys import DynamoKnownPeople
from auditing.table import DynamoRecords, KmsTracer
from handlers.audit_api import audit
from handlers.policies import policies_of
from vending.settings import AuditingSettings

# A page is many reads, one after the other; API Gateway waits for 29 seconds.
PATIENCE = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,
)

# At DEBUG botocore logs the body of every answer, and of the request to KMS the token's digest.
logging.getLogger("botocore").setLevel(logging.WARNING)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def assemble(settings: AuditingSettings) -> Auditing:
    """Return the service with its real ports."""
    session = botocore.session.Session()

    def client(service: str) -> Any:
        return session.create_client(service, config=PATIENCE)

    dynamodb = client("dynamodb")
    return Auditing(
        serving=policies_of(settings, client("appconfigdata"), clock=clock),
        ledger=DynamoRecords(
            dynamodb,
            DynamoKnownPeople(dynamodb, table=settings.person_key_table),
            table=settings.ledger_table,
        ),
        tracer=KmsTracer(client("kms"), token_key=settings.token_key),
        clock=clock,
    )


handler = audit(assemble(AuditingSettings.from_environment()))
startup.ready()
