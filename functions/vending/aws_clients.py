"""Clients of AWS that are done in time: see `deadlines`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vending.deadlines import QUICK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import botocore.session

    from vending.deadlines import Patience

BEGAN = "ecr-vend-began"
"""Where a call's context keeps the time of its first attempt."""

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""The error codes by which AWS says that it is asked too often."""


def failure_of(error: BotoCoreError | ClientError) -> str:
    """Return the call that failed and AWS's code, or the kind of error where none answered.

    Never AWS's words, which may quote what was sent.
    """
    if not isinstance(error, ClientError):
        return type(error).__name__
    codes = [error.response["Error"]["Code"], *cancellations(error)]
    return f"{error.operation_name}: {', '.join(code for code in codes if code != 'None')}"


def cancellations(error: ClientError) -> list[str]:
    """Return why a transaction was cancelled: a code for each of its items, `None` for none."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [str(reason.get("Code", "None")) for reason in reasons]


def patient_client(
    session: botocore.session.Session, service: str, patience: Patience, region: str | None = None
) -> Any:
    """Return a client whose calls end within `patience.longest`.

    botocore's own retries wait between attempts, and repeat one that used up its whole time. Here
    the caller's client repeats what hung; what is repeated at once is a call that failed at once,
    as it does on a connection that was closed while the function was frozen.
    """
    config = Config(
        connect_timeout=patience.connect,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": 1},
        parameter_validation=False,
    )
    client: Any = session.create_client(service, region_name=region, config=config)
    client.meta.events.register("before-call", begin)
    client.meta.events.register("needs-retry", again_at_once)
    return client


def begin(context: dict[str, Any], **_: Any) -> None:
    """Keep when a call began."""
    context[BEGAN] = time.monotonic()


def again_at_once(
    attempts: int,
    response: tuple[Any, Mapping[str, Any]] | None,
    caught_exception: Exception | None,
    request_dict: Mapping[str, Any],
    **_: Any,
) -> float | None:
    """Return the seconds to wait before another attempt, which are none, or None for no other.

    Args:
        attempts: How many there were.
        response: AWS's answer and what it says, or None.
        caught_exception: Why there is no answer, or None.
        request_dict: The request; its context is the call's.
    """
    if attempts > 1 or time.monotonic() - request_dict["context"][BEGAN] > QUICK:
        return None
    if response is not None:
        http, parsed = response
        if http.status_code < 500 or parsed.get("Error", {}).get("Code") in THROTTLES:
            return None
    elif caught_exception is None:
        return None
    return 0.0
