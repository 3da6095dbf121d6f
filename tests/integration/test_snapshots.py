"""Nothing that must be one copy's own, secret or fresh is in a snapshot of the started function."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import EVENTS, PASSWORD, POLICY
from tests.integration.fake_aws import Asked, fake_aws
from tests.integration.loopback import Connection, serving
from tests.integration.runtime_api import runtime_python
from tests.integration.vend_settings import SETTINGS
from tools.artefacts.bundle import build

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE = Path(__file__).parent / "snapshot_probe.py"


@dataclass
class Restored:
    """One copy.

    Attributes:
        at: When it was restored.
        keys: The credentials that were handed out by then, and to it.
        answer: What the handler answered, with a number drawn from Python's generator.
        asked: What it asked AWS.
        intent: Its record.
    """

    at: datetime
    keys: tuple[int, int]
    answer: dict[str, Any]
    asked: list[Asked]
    intent: dict[str, Any] = field(default_factory=dict)


@contextmanager
def credentials() -> Iterator[tuple[str, list[str]]]:
    """Serve credentials as Lambda does with SnapStart: each time others, which soon expire."""
    given: list[str] = []

    class Here(Connection):
        def get(self) -> None:
            given.append(f"ASIACOPY{len(given)}")
            soon = datetime.now(UTC) + timedelta(minutes=1)
            keys = {
                "AccessKeyId": given[-1],
                "SecretAccessKey": "secret",
                "Token": "token",
                "Expiration": soon.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            self.answer(200, json.dumps(keys).encode())
            # What a restored copy finds of a connection that the snapshot held.
            self.close_connection = True

    with serving(Here) as address:
        yield f"http://{address}/credentials", given


@dataclass
class Told:
    """What the snapshot held, and its two copies."""

    sockets: int
    asked_before: list[Asked]
    copies: list[Restored]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    python = runtime_python()
    bundle = build("host", tmp_path_factory.mktemp("bundle") / "host")
    event = json.dumps(json.loads((EVENTS / "assumed-role.json").read_text()))
    with fake_aws(POLICY, PASSWORD) as aws, credentials() as (address, given):
        environment = {
            **SETTINGS,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(bundle),
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": address,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of this copy",
            "AWS_LAMBDA_FUNCTION_NAME": "vend",
        }
        probe = subprocess.Popen(
            [python, "-s", PROBE],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with probe:
            assert probe.stdin
            assert probe.stdout

            def next_line() -> dict[str, Any]:
                assert probe.stdout
                for line in probe.stdout:
                    found: dict[str, Any] = json.loads(line)
                    if found.keys() & {"sockets", "drawn"}:
                        return found
                raise AssertionError("the probe ended")

            sockets = next_line()["sockets"]
            found = Told(sockets, list(aws.asked), [])
            for _ in range(2):
                time.sleep(1.1)  # signatures and policy ages have whole seconds
                before, keys, at = len(aws.asked), len(given), datetime.now(UTC)
                probe.stdin.write(event + "\n")
                probe.stdin.flush()
                answer = next_line()
                copy = Restored(at, (keys, len(given)), answer, aws.asked[before:])
                vend = answer["body"]["vend_id"]
                copy.intent = aws.items[(f"vend#{vend}", "1#intent")]
                found.copies.append(copy)
        assert probe.returncode == 0
    return found


def test_a_start_asks_aws_nothing_and_keeps_no_connection_with_it(told: Told) -> None:
    assert told.asked_before == []
    # That is with Lambda's own endpoint for credentials; botocore makes another when it is dead.
    assert told.sockets == 1


def test_two_copies_of_a_snapshot_have_other_ids(told: Told) -> None:
    one, two = told.copies
    assert {one.answer["status"], two.answer["status"]} == {200}
    assert one.answer["body"]["vend_id"] != two.answer["body"]["vend_id"]
    assert one.intent["attempt"] != two.intent["attempt"]


def test_two_copies_of_a_snapshot_wait_for_other_times(told: Told) -> None:
    # Clients draw from this how long they wait before they try again.
    one, two = told.copies
    assert one.answer["drawn"] != two.answer["drawn"]


def test_a_copy_reads_the_policy_anew_and_its_age_is_its_own(told: Told) -> None:
    for copy in told.copies:
        operations = [one.operation for one in copy.asked]
        assert operations[:2] == ["StartConfigurationSession", "GetLatestConfiguration"]
        assert copy.intent["policy_age_seconds"] == {"N": "0"}


def test_a_copy_signs_with_its_own_time(told: Told) -> None:
    for copy in told.copies:
        restored = copy.at.strftime("%Y%m%dT%H%M%SZ")
        assert all(one.signed_at >= restored for one in copy.asked)
        assert copy.intent["asked_at"]["S"] >= copy.at.strftime("%Y-%m-%dT%H:%M:%S")


def test_a_copy_signs_with_credentials_of_its_own(told: Told) -> None:
    used = []
    for copy in told.copies:
        first, after = copy.keys
        own = {f"ASIACOPY{number}" for number in range(first, after)}
        used.append({one.access_key for one in copy.asked} - {"ASIAVENDED"})
        assert used[-1]
        assert used[-1] <= own
    assert not used[0] & used[1]


def test_copies_share_no_connection(told: Told) -> None:
    one, two = ({asked.connection for asked in copy.asked} for copy in told.copies)
    assert not one & two
