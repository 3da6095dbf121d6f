"""`--wait`: how far a deployment is, how it ends, and what an interruption leaves."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fake_appconfig import NOT_ALLOWED, SLOW_DOWN, Answer, event
from tests.unit.vendctl.conftest import Terminal
from vendctl.__main__ import main
from vendctl.publishing import waiting

if TYPE_CHECKING:
    from tests.fake_appconfig import FakeAppConfig

HALF = ("DEPLOYING", 50.0, event("PERCENTAGE_UPDATED", "Deployed to 50% of targets"))
BAKES = ("BAKING", 100.0, event("BAKE_TIME_STARTED", "Bake time started"))
DONE = ("COMPLETE", 100.0, event("DEPLOYMENT_COMPLETED", "Deployment completed"))
ALARM = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:VendDefects"
UNDONE = (
    "ROLLED_BACK",
    50.0,
    event("ROLLBACK_STARTED", f"Rollback initiated by {ALARM}\x1b[2J", by="CLOUDWATCH_ALARM"),
)
OLD = b"version: 1\n"


def publish(file: str, *words: str) -> int:
    return main(["policy", "publish", file, "--yes", "--wait", "--label", "ana/1", *words])


def test_each_event_is_a_line_where_nobody_sits_at_a_terminal(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.steps = [HALF, BAKES, DONE]
    assert publish(policy) == 0
    out, err = capsys.readouterr()
    assert out == "version 1 (ana/1) serves\n"
    assert err.splitlines()[-4:] == [
        "20:30:00 DEPLOYMENT_STARTED Deployment started",
        "20:30:00 PERCENTAGE_UPDATED Deployed to 50% of targets",
        "20:30:00 BAKE_TIME_STARTED Bake time started",
        "20:30:00 DEPLOYMENT_COMPLETED Deployment completed",
    ]


def test_a_terminal_shows_one_line_in_its_place_and_takes_it_away(
    appconfig: FakeAppConfig, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    appconfig.steps = [HALF, UNDONE]
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert publish(policy) == 1
    shown = terminal.getvalue()
    half = "deployment 1: DEPLOYING, 50 %: Deployed to 50% of targets"
    assert f"\r\x1b[K{half}\r\x1b[K" in shown
    assert "PERCENTAGE_UPDATED" not in shown
    assert "\r\x1b[K\r\x1b[K" not in shown
    assert shown.rpartition("\x1b[K")[2].startswith("vendctl: deployment 1 of version 1")
    assert "\x1b[2J" not in shown


def test_a_line_in_its_place_never_wraps(
    appconfig: FakeAppConfig, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    appconfig.steps = [("COMPLETE", 100.0, event("DEPLOYMENT_COMPLETED", "Done " * 40))]
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "50")
    assert publish(policy) == 0
    drawn = terminal.getvalue().split("\r\x1b[K")[1:]
    assert max(map(len, drawn)) == 49


def test_a_deployment_that_is_undone_ends_with_one_its_reason_and_what_serves(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    appconfig.steps = [HALF, ("ROLLING_BACK", 50.0, UNDONE[2]), UNDONE]
    assert publish(policy, "--json") == 1
    out, err = capsys.readouterr()
    assert f"Rollback initiated by {ALARM}\\u001b[2J (CLOUDWATCH_ALARM)" in err
    assert "version 1 (ana@example.com/0000001) goes on serving" in err
    told = json.loads(out)
    assert (told["published"], told["serving"]["version"]) == (False, 1)
    assert told["deployment"]["state"] == "ROLLED_BACK"


def test_ctrl_c_leaves_the_deployment_going_on_and_says_how_to_watch_or_stop_it(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.steps = [HALF] * 3
    appconfig.failing["GetDeployment"] = [KeyboardInterrupt()]
    assert publish(policy) == 130
    err = capsys.readouterr().err
    assert "deployment 1 of version 1 (ana/1) goes on" in err
    assert "vendctl policy status --stack ecr-vend" in err
    assert "vendctl policy rollback --stack ecr-vend" in err
    assert "StopDeployment" not in appconfig.changes()


def test_ctrl_c_while_it_begins_says_how_to_learn_whether_it_did(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.failing["StartDeployment"] = [KeyboardInterrupt()]
    assert publish(policy) == 130
    assert "Whether a deployment of it has begun: vendctl policy status" in capsys.readouterr().err


def test_a_throttled_or_lost_answer_is_asked_for_again(
    appconfig: FakeAppConfig, policy: str
) -> None:
    appconfig.steps = [DONE]
    appconfig.failing["GetDeployment"] = [
        SLOW_DOWN,
        EndpointConnectionError(endpoint_url="https://appconfig"),
        Answer(503, "ServiceUnavailable"),
    ]
    assert publish(policy) == 0


@pytest.mark.parametrize(
    "problem", [NOT_ALLOWED, EndpointConnectionError(endpoint_url="https://appconfig")]
)
def test_where_aws_does_not_tell_any_more_the_deployment_is_said_to_go_on(
    appconfig: FakeAppConfig,
    policy: str,
    problem: Exception,
    capsys: pytest.CaptureFixture[str],
) -> None:
    appconfig.steps = [HALF]
    appconfig.failing["GetDeployment"] = [problem] * (waiting.PATIENCE + 1)
    assert publish(policy) == 2
    err = capsys.readouterr().err
    assert "deployment 1 of version 1 (ana/1) goes on" in err
    assert "Traceback" not in err
