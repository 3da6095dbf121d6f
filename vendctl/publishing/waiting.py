"""Watching a deployment until it has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vendctl.command_line import Failure
from vendctl.console import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import ClientError

    from vendctl.console import Console
    from vendctl.publishing.published import Deployment
    from vendctl.publishing.store import PolicyStore

PAUSE = 2.0
"""Seconds between two looks."""

PATIENCE = 30
"""How many looks in a row AWS may leave unanswered: a minute, beside botocore's own retries."""

PASSING = frozenset({"ThrottlingException", "TooManyRequestsException", "InternalServerException"})


def ended(
    store: PolicyStore,
    deployment: Deployment,
    console: Console,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Deployment:
    """Return a deployment once it has ended, and show until then how far it is.

    On a terminal that is one line in its place; elsewhere each new event is a line of stderr.

    Raises:
        Failure: AWS does not tell any more; the deployment goes on.
        KeyboardInterrupt: As whoever watches wishes; the deployment goes on.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  as `with_aws`

    shown = 0
    try:
        while True:
            shown = show(deployment, shown, console)
            if not deployment.is_under_way:
                return deployment
            pause(PAUSE)
            deployment = asked(store, deployment, pause)
    except KeyboardInterrupt:
        console.progress("")
        console.note(f"vendctl: {goes_on(store, deployment)}")
        raise
    except (BotoCoreError, ClientError) as problem:
        raise Failure(f"{problem}. {goes_on(store, deployment)}") from None
    finally:
        console.progress("")


def asked(store: PolicyStore, one: Deployment, pause: Callable[[float], None]) -> Deployment:
    """Ask how far a deployment is, and again where AWS is only slow or gone for a moment."""
    from botocore import exceptions  # noqa: PLC0415  as `with_aws`

    for _ in range(PATIENCE):
        try:
            return store.again(one)
        except exceptions.ClientError as problem:
            if not passes(problem):
                raise
        except (exceptions.ConnectionError, exceptions.HTTPClientError):
            # The network: the next look may succeed.
            pass
        pause(PAUSE)
    return store.again(one)


def passes(problem: ClientError) -> bool:
    """Return whether AWS may answer the same question a moment later."""
    status = int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    return status >= 500 or problem.response.get("Error", {}).get("Code") in PASSING


def show(deployment: Deployment, shown: int, console: Console) -> int:
    """Show how far a deployment is, and return how many of its events have been shown."""
    words = [one.told.replace("\n", " ") or one.kind for one in deployment.events]
    last = f": {words[-1]}" if words else ""
    console.progress(printable(f"deployment {deployment.number}: {deployment.progress}{last}"))
    if not console.stderr.isatty():
        for event, told in zip(deployment.events[shown:], words[shown:], strict=True):
            at = f"{event.at:%H:%M:%S} " if event.at else ""
            console.note(printable(f"{at}{event.kind} {told}"))
    return len(deployment.events)


def goes_on(store: PolicyStore, deployment: Deployment) -> str:
    """Say that nobody watches any more, and what can be done."""
    return (
        f"{deployment} goes on. Watch it: vendctl policy status --stack {store.stack}; "
        f"stop it: vendctl policy rollback --stack {store.stack}"
    )
