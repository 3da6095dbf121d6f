"""The AppConfig validator: a policy with an error in it does not deploy."""

from __future__ import annotations

import base64
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from checking.checks import checked
from vending.policy_problems import Severity
from vending.policy_text import PolicyError

logger = Logger()

MOST_TOLD = 20
"""Problems in a refusal and in the log: what AppConfig shows, and a log line, have their ends."""


SPARE = 4.0
"""Seconds that are kept for the answer. AppConfig waits no longer than the function may take, and
what it does not hear of in time does not deploy: a warning is not worth that."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Refuse a configuration version by raising; AppConfig shows the message to the deployer.

    It finds what `vendctl policy check` finds. Warnings are logged and let the policy pass; those
    of a policy that takes longer than there is time for are left to `vendctl`.

    Raises:
        PolicyError: With the errors, the first of them if they are many.
    """
    version = str(event.get("configurationVersion", ""))
    report = checked(
        base64.b64decode(event["content"]),
        name="policy.yaml",
        now=datetime.now(UTC),
        left=lambda: context.get_remaining_time_in_millis() / 1000 - SPARE,
    )
    errors = report.of(Severity.ERROR)
    if errors or report.policy is None:
        raise PolicyError("policy.yaml", errors, most=MOST_TOLD)
    mild = [one for one in report.problems if one.severity is Severity.WARNING]
    if mild:
        logger.warning(
            "policy has warnings",
            version=version,
            codes=dict(Counter(one.code for one in mild)),
            first=[f"{one.line}:{one.column}: {one.code}: {one}" for one in mild[:MOST_TOLD]],
        )
    logger.info(
        "policy accepted",
        version=version,
        grants=len(report.policy.grants),
        tests=len(report.policy.tests),
        warnings=len(mild),
        all_warnings=report.whole,
    )
