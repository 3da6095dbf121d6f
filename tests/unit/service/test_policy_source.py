"""The policy that serves: polled, kept when the store fails, and never for too long."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ResponseStreamingError

from tests.fakes import NOW, POLICY
from vending.errors import Code, Refused
from vending.policy_source import AppConfigPolicies, FilePolicies
from vending.policy_text import revision_of

MAX_AGE = timedelta(minutes=10)
OTHER = POLICY.replace("payments-ci", "other-ci")


class FakeAppConfig:
    """Serves `text`, and an empty body when it has not changed, as AppConfig does."""

    def __init__(self, text: str = POLICY) -> None:
        self.text = text
        self.told: dict[str, str] = {}
        self.failure: Exception | None = None
        self.tears_bodies = False
        self.polls = 0
        self.sessions = 0

    def start_configuration_session(self, **_: Any) -> dict[str, Any]:
        self.sessions += 1
        if self.failure:
            raise self.failure
        return {"InitialConfigurationToken": f"session-{self.sessions}"}

    def get_latest_configuration(self, *, ConfigurationToken: str) -> dict[str, Any]:  # noqa: N803
        self.polls += 1
        if self.failure:
            raise self.failure
        session = ConfigurationToken.partition("/")[0]
        changed = self.told.get(session) != self.text
        self.told[session] = self.text
        body: Any = io.BytesIO(self.text.encode() if changed else b"")
        return {
            "NextPollConfigurationToken": f"{session}/{self.polls}",
            "NextPollIntervalInSeconds": 15,
            "Configuration": Torn() if self.tears_bodies else body,
            "VersionLabel": "alice/4f2c1d",
        }


class Torn:
    """A body whose connection drops."""

    def read(self) -> bytes:
        raise ResponseStreamingError(error="connection broken")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: int) -> None:
        self.now += timedelta(**time)


def source(store: FakeAppConfig, clock: Clock) -> AppConfigPolicies:
    client: Any = store
    return AppConfigPolicies(
        client, application="a", environment="e", profile="p", max_age=MAX_AGE, clock=clock
    )


def unavailable(policies: Any) -> str:
    with pytest.raises(Refused) as caught:
        policies.current()
    assert caught.value.refusal.code is Code.POLICY_UNAVAILABLE
    return caught.value.refusal.detail


def test_the_deployed_policy_serves_with_its_revision_label_and_age() -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    serving = policies.current()
    assert serving.revision == revision_of(POLICY.encode())
    assert serving.label == "alice/4f2c1d"
    assert serving.age == timedelta(0)
    clock.wait(seconds=14)
    assert policies.current().age == timedelta(seconds=14)
    assert store.polls == 1


def test_a_new_policy_serves_after_the_next_poll() -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    policies.current()
    store.text = OTHER
    clock.wait(seconds=15)
    assert policies.current().revision == revision_of(OTHER.encode())


def test_an_unchanged_policy_is_confirmed_by_an_empty_answer() -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    policies.current()
    clock.wait(seconds=15)
    assert policies.current().age == timedelta(0)
    assert store.sessions == 1


@pytest.mark.parametrize(
    "failure",
    [
        ConnectTimeoutError(endpoint_url="https://appconfigdata"),
        ClientError({"Error": {"Code": "BadRequestException", "Message": "expired"}}, "Get"),
    ],
)
def test_the_last_good_policy_serves_for_a_bounded_time(failure: Exception) -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    policies.current()
    store.failure = failure
    clock.wait(minutes=10)
    assert policies.current().age == MAX_AGE
    clock.wait(seconds=1)
    assert "could not be confirmed for 601 s" in unavailable(policies)
    store.failure = None
    clock.wait(seconds=15)
    assert policies.current().age == timedelta(0)


def test_a_store_that_fails_is_not_asked_on_every_request() -> None:
    store, clock = FakeAppConfig(), Clock()
    store.failure = ConnectTimeoutError(endpoint_url="https://appconfigdata")
    policies = source(store, clock)
    for _ in range(5):
        unavailable(policies)
    assert store.sessions == 1


def test_a_text_that_is_no_policy_never_counts_as_confirmed() -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    good = policies.current().revision
    store.text = "version: 1\n"
    clock.wait(seconds=15)
    assert policies.current().revision == good
    for _ in range(39):
        clock.wait(seconds=15)
        assert policies.current().revision == good
    clock.wait(seconds=15)
    unavailable(policies)


def test_a_new_policy_whose_body_was_lost_is_asked_for_again_and_not_passed_over() -> None:
    store, clock = FakeAppConfig(), Clock()
    policies = source(store, clock)
    old = policies.current().revision
    store.text, store.tears_bodies = OTHER, True
    clock.wait(seconds=15)
    assert policies.current().revision == old
    store.tears_bodies = False
    clock.wait(seconds=15)
    assert policies.current().revision == revision_of(OTHER.encode())


def test_nothing_deployed_is_said_so() -> None:
    assert "No policy is deployed" in unavailable(source(FakeAppConfig(""), Clock()))


def test_a_file_serves_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    assert FilePolicies(file).current().revision == revision_of(POLICY.encode())
    file.write_text("nonsense")
    assert "policy.yaml:1:1" in unavailable(FilePolicies(file))
    file.unlink()
    unavailable(FilePolicies(file))
