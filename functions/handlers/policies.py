"""Where a function's policy comes from, as its settings say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vending.policy_source import AppConfigPolicies, FilePolicies

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from types_boto3_appconfigdata import AppConfigDataClient

    from vending.ports import Policies
    from vending.settings import PolicySettings


def policies_of(
    settings: PolicySettings, appconfig: AppConfigDataClient, *, clock: Callable[[], datetime]
) -> Policies:
    """Return where the policy comes from."""
    if file := settings.policy_file():
        return FilePolicies(file)
    application, environment, profile = settings.policy.removeprefix("appconfig:").split("/")
    return AppConfigPolicies(
        appconfig,
        application=application,
        environment=environment,
        profile=profile,
        max_age=timedelta(seconds=settings.policy_max_age),
        clock=clock,
    )
