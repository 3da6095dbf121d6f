"""Where the policy comes from: AppConfig, with a bound on how stale it may be; or a file."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vending.errors import Code, Refused
from vending.policy_text import PolicyError, parse, revision_of
from vending.ports import ServingPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from types_boto3_appconfigdata import AppConfigDataClient
    from types_boto3_appconfigdata.type_defs import (
        GetLatestConfigurationResponseTypeDef,
        StartConfigurationSessionRequestTypeDef,
    )

    from vending.policy import Policy

POLL = 15
"""Seconds between polls: the least that AppConfig takes."""

log = logging.getLogger("ecr-vend")


class AppConfigPolicies:
    """The policy deployed to an AppConfig environment.

    When AppConfig does not answer, or serves a text that is no policy, the last good one goes on
    serving for a bounded time, and its age is in every record.
    """

    def __init__(
        self,
        client: AppConfigDataClient,
        *,
        application: str,
        environment: str,
        profile: str,
        max_age: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._of: StartConfigurationSessionRequestTypeDef = {
            "ApplicationIdentifier": application,
            "EnvironmentIdentifier": environment,
            "ConfigurationProfileIdentifier": profile,
            "RequiredMinimumPollIntervalInSeconds": POLL,
        }
        self._max_age = max_age
        self._clock = clock
        self._session = ""
        self._next_poll: datetime | None = None
        self._confirmed_at: datetime | None = None
        self._serving: tuple[Policy, str, str, bytes] | None = None

    def current(self) -> ServingPolicy:
        """Return the policy that serves now, polling when it is time.

        Raises:
            Refused: There is none, or it is older than the bound (`policy_unavailable`).
        """
        now = self._clock()
        if self._next_poll is None or now >= self._next_poll:
            self._poll(now)
        if self._serving is None or self._confirmed_at is None:
            raise Refused(
                Code.POLICY_UNAVAILABLE,
                "No policy is deployed, or it cannot be read: the platform team should deploy one "
                "to the service's AppConfig environment.",
            )
        age = now - self._confirmed_at
        if age > self._max_age:
            raise Refused(
                Code.POLICY_UNAVAILABLE,
                f"The policy could not be confirmed for {int(age.total_seconds())} s, longer than "
                "the service goes on without. Try again; if it lasts, tell the platform team.",
            )
        policy, revision, label, text = self._serving
        return ServingPolicy(policy, revision, label, text, age)

    def _poll(self, now: datetime) -> None:
        # Also after a failure: one slow AppConfig call must not be added to every request.
        self._next_poll = now + timedelta(seconds=POLL)
        # A session tells of a change once. It is kept only when what it told has been taken in
        # whole: else "unchanged" would confirm an old policy while a newer one is deployed.
        session, self._session = self._session, ""
        try:
            answer = self._latest(session)
            text = answer["Configuration"].read()
        except (BotoCoreError, ClientError) as error:
            log.error("the policy could not be polled", extra={"error": type(error).__name__})
            return
        if text:
            label = str(answer.get("VersionLabel") or "")
            try:
                self._serving = (parse(text, name="policy"), revision_of(text), label, text)
            except PolicyError as error:
                log.error("the deployed policy is not valid", extra={"problems": str(error)[:2000]})
                return
        self._session = answer["NextPollConfigurationToken"]
        self._next_poll = now + timedelta(seconds=answer["NextPollIntervalInSeconds"])
        if self._serving:
            self._confirmed_at = now

    def _latest(self, session: str) -> GetLatestConfigurationResponseTypeDef:
        if not session:
            started = self._client.start_configuration_session(**self._of)
            session = started["InitialConfigurationToken"]
        return self._client.get_latest_configuration(ConfigurationToken=session)


class FilePolicies:
    """The policy in a file, read again whenever it is asked for: for local work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def current(self) -> ServingPolicy:
        """Return the policy in the file.

        Raises:
            Refused: It cannot be read or is no policy (`policy_unavailable`).
        """
        try:
            text = self._path.read_bytes()
            policy = parse(text, name=self._path.name)
        except (OSError, PolicyError) as problem:
            raise Refused(
                Code.POLICY_UNAVAILABLE, f"The policy file cannot serve: {problem}"
            ) from None
        return ServingPolicy(policy, revision_of(text), "", text, timedelta(0))
