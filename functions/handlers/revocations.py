"""The revoking function: `/v1/revocations`, and every quarter of an hour what was left undone."""

from __future__ import annotations

from handlers import startup  # isort: skip

import logging
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from handlers.policies import policies_of
from handlers.revocation_api import revocations
from vending.deny_policies import IamDenier
from vending.denying import Denying
from vending.person_keys import DynamoPersonKeys
from vending.revocation_ledger import RevocationLedger
from vending.revocation_table import DynamoRegister
from vending.revoking import Revoking
from vending.settings import RevokingSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_iam import IAMClient

    from vending.settings import RevokerSetting

# A registry that hangs must leave time for the others and for an answer: see ENOUGH in
# vending.denying.
PATIENCE = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,
)

# At DEBUG botocore logs the body of every answer, an assumed session's keys among them.
logging.getLogger("botocore").setLevel(logging.WARNING)


def clock() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def assemble(settings: RevokingSettings) -> Revoking:
    """Return the service with its real ports."""
    session = botocore.session.Session()

    def client(service: str, **more: Any) -> Any:
        return session.create_client(service, config=PATIENCE, **more)

    def iam_as(role: str | None) -> Callable[[], IAMClient]:
        if role is None:
            own: IAMClient = client("iam")
            return lambda: own

        def assumed() -> IAMClient:
            given = client("sts").assume_role(RoleArn=role, RoleSessionName="revocations")
            keys = given["Credentials"]
            found: IAMClient = client(
                "iam",
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys["SessionToken"],
            )
            return found

        return assumed

    def denier(revoker: RevokerSetting | None) -> IamDenier | None:
        if revoker is None:
            return None
        return IamDenier(iam_as(revoker.role), list(revoker.policies.values()))

    dynamodb = client("dynamodb")
    register = DynamoRegister(dynamodb, table=settings.block_table, clock=clock)
    return Revoking(
        policies=policies_of(settings, client("appconfigdata"), clock=clock),
        register=register,
        denying=Denying(
            register=register,
            deniers={host: denier(revoker) for host, revoker in settings.revokers().items()},
            clock=clock,
            sleep=time.sleep,
            new_turn=new_turn,
        ),
        records=RevocationLedger(
            dynamodb,
            DynamoPersonKeys(dynamodb, table=settings.person_key_table, clock=clock),
            table=settings.ledger_table,
            clock=clock,
        ),
        clock=clock,
        new_turn=new_turn,
    )


def new_turn() -> str:
    """Return a random name."""
    return secrets.token_hex(8)


handler = revocations(assemble(RevokingSettings.from_environment()))
startup.ready()
