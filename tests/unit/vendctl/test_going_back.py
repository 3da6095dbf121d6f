"""`vendctl policy rollback`: to which version, and what it never does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fake_appconfig import PUBLISHER, event
from tests.fakes import POLICY
from vendctl.__main__ import main
from vendctl.publishing.published import before

if TYPE_CHECKING:
    from tests.fake_appconfig import FakeAppConfig

TEXTS = [POLICY.encode() + b"# %d\n" % number for number in range(1, 4)]


def rollback(*words: str) -> int:
    return main(["policy", "rollback", "--yes", *words])


@pytest.fixture
def three(appconfig: FakeAppConfig) -> FakeAppConfig:
    """Three versions served, one after the other."""
    for number, text in enumerate(TEXTS, 1):
        appconfig.serve(text, f"ana/{number}")
    return appconfig


@pytest.mark.parametrize(
    ("served", "wanted"),
    [
        ([], None),
        ([1], None),
        ([1, 1], None),
        ([1, 2], 1),
        ([1, 2, 3], 2),
        # Gone back from 3 to 2: the next one back is 1, and not 3 again.
        ([1, 2, 3, 2], 1),
        ([1, 2, 3, 2, 1], None),
        ([1, 2, 1, 3], 1),
        ([1, 2, 2, 3, 3], 2),
    ],
)
def test_the_version_before_is_never_one_that_was_gone_back_from(
    served: list[int], wanted: int | None
) -> None:
    assert before(served) == wanted


def test_the_version_that_served_before_is_deployed_again(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback("--wait") == 0
    assert three.deployments[-1]["ConfigurationVersion"] == "2"
    assert three.deployments[-1]["Description"] == f"vendctl policy rollback by {PUBLISHER}"
    out, err = capsys.readouterr()
    assert out == "version 2 (ana/2) serves\n"
    assert "What it denies and version 2 (ana/2) does not is open again" in err
    assert rollback() == 0
    assert three.deployments[-1]["ConfigurationVersion"] == "1"
    assert rollback() == 2
    assert "name one by --to" in capsys.readouterr().err
    assert three.changes() == ["StartDeployment"] * 2


def test_a_version_is_chosen_by_its_number(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback("--to", "1") == 0
    assert three.deployments[-1]["ConfigurationVersion"] == "1"
    assert rollback("--to", "1") == 0
    assert "serves already" in capsys.readouterr().out
    assert len(three.deployments) == 4
    assert rollback("--to", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["published"], told["serving"]["version"]) == (False, 1)
    assert rollback("--to", "9") == 2
    assert "there is no version 9; the newest are 3, 2, 1" in capsys.readouterr().err


def test_a_version_that_was_deleted_is_said_and_nothing_is_begun(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    del three.texts[2]
    assert rollback() == 2
    assert "the text of version 2 (ana/2) was deleted" in capsys.readouterr().err
    assert three.changes() == []


def test_a_version_that_is_deleted_meanwhile_is_not_deployed(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.meanwhile["StartDeployment"] = lambda: three.texts.pop(2)
    assert rollback() == 2
    assert "version 2 (ana/2) is not deployed" in capsys.readouterr().err
    assert len(three.deployments) == 3


def test_the_validator_runs_again(three: FakeAppConfig, capsys: pytest.CaptureFixture[str]) -> None:
    three.validator = lambda _: "tests[0]: expected deny"
    assert rollback() == 1
    err = capsys.readouterr().err
    assert "tests[0]: expected deny" in err
    assert "version 3 (ana/3) goes on serving" in err


@pytest.mark.parametrize("state", ["DEPLOYING", "BAKING"])
def test_what_is_under_way_is_stopped_and_nothing_else_is_begun(
    three: FakeAppConfig, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1].update(State=state, PercentageComplete=50.0)
    assert rollback("--to", "1") == 2
    assert "is under way" in capsys.readouterr().err
    assert rollback("--wait", "--json") == 0
    assert three.changes() == ["StopDeployment"]
    told = json.loads(capsys.readouterr().out)
    assert (told["deployment"]["state"], told["serving"]["version"]) == ("ROLLED_BACK", 2)


def test_what_has_ended_before_it_could_be_stopped_is_said(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1].update(State="DEPLOYING", PercentageComplete=50.0)
    three.meanwhile["StopDeployment"] = lambda: three.deployments[-1].update(State="COMPLETE")
    assert rollback() == 2
    assert "deployment 3 of version 3 (ana/3) cannot be stopped" in capsys.readouterr().err


def test_a_rollback_that_is_not_wanted_changes_nothing(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1].update(State="DEPLOYING", PercentageComplete=50.0)
    assert main(["policy", "rollback"]) == 1
    three.deployments[-1].update(State="COMPLETE")
    assert main(["policy", "rollback"]) == 1
    assert three.changes() == []


def test_a_rollback_tells_when_another_deployment_was_faster(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.meanwhile["StartDeployment"] = lambda: three.serve(b"theirs")
    assert rollback() == 2
    assert "somebody else began a deployment meanwhile" in capsys.readouterr().err


def test_waiting_for_a_stop_ends_when_all_is_undone(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1].update(State="DEPLOYING", PercentageComplete=50.0)
    stop = three._StopDeployment

    def slow(**asked: object) -> object:
        stop(**asked)  # type: ignore[arg-type]
        three.steps = [("ROLLED_BACK", 50.0, event("ROLLBACK_COMPLETED", "Rollback completed"))]
        return {**three.deployments[-1], "State": "ROLLING_BACK"}

    three._StopDeployment = slow  # type: ignore[method-assign,assignment]
    assert rollback("--wait") == 0
    out, err = capsys.readouterr()
    assert (
        out == "deployment 3 of version 3 (ana/3): ROLLED_BACK. Version 2 (ana/2) goes on serving\n"
    )
    assert "ROLLBACK_COMPLETED Rollback completed" in err
