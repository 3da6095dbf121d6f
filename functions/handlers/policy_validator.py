"""The AppConfig validator: a policy that does not parse or fails its own tests does not deploy."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from vending.policy_tests import checked

logger = Logger()


def handler(event: dict[str, Any], _: Any) -> None:
    """Refuse a configuration version by raising; AppConfig shows the message to the deployer.

    Raises:
        PolicyError: It does not parse.
        PolicyTestsFailed: It does not answer its own tests as they expect.
    """
    version = str(event.get("configurationVersion", ""))
    text = base64.b64decode(event["content"])
    policy = checked(text, name="policy.yaml", now=datetime.now(UTC))
    logger.info(
        "policy accepted", version=version, grants=len(policy.grants), tests=len(policy.tests)
    )
