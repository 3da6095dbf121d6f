"""`vendctl policy status` and `history`: what serves, since when, and what was before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fake_appconfig import NOT_ALLOWED, event
from vendctl.__main__ import main
from vending.policy_text import revision_of

if TYPE_CHECKING:
    from tests.fake_appconfig import FakeAppConfig

TEXTS = (b"one", b"two", b"three")


@pytest.fixture
def three(appconfig: FakeAppConfig) -> FakeAppConfig:
    """Three versions served, one after the other."""
    for number, text in enumerate(TEXTS, 1):
        appconfig.serve(text, f"ana/{number}")
    return appconfig


def test_what_serves_is_told_with_the_revision_that_records_have(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1]["Description"] = "by Ana\x1b[2J"
    assert main(["policy", "status"]) == 0
    out = capsys.readouterr().out
    assert (
        f"version 3 (ana/3) serves since 2026-11-27 20:33:00 UTC, revision {revision_of(b'three')}"
        in out
    )
    assert "deployment 3: by Ana\\u001b[2J" in out
    assert main(["policy", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["serving"]["revision"] == revision_of(b"three")
    assert (told["under_way"], told["undone"]) == (None, None)


def test_where_nothing_serves_that_is_said_and_ends_with_one(
    appconfig: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "status"]) == 1
    assert "no policy serves, so everybody is refused" in capsys.readouterr().out
    assert main(["policy", "status", "--json"]) == 1
    assert main(["policy", "history"]) == 1
    assert "nothing was ever published" in capsys.readouterr().out


def test_what_is_under_way_stands_beside_what_serves(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1].update(State="DEPLOYING", PercentageComplete=25.0)
    assert main(["policy", "status"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("version 2 (ana/2) serves")
    assert "deployment 3 of version 3 (ana/3) is under way: DEPLOYING, 25 %" in out
    assert main(["policy", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["under_way"]["percentage"] == 25.0


def test_a_newest_deployment_that_was_undone_is_told_with_its_reason(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    log = [event("ROLLBACK_STARTED", "by the alarm X", by="CLOUDWATCH_ALARM")]
    three.deployments[-1].update(State="ROLLED_BACK", EventLog=log)
    assert main(["policy", "status"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("version 2 (ana/2) serves")
    assert "version 3 (ana/3) was undone: by the alarm X (CLOUDWATCH_ALARM)" in out


def test_a_serving_version_whose_text_was_deleted_is_told_without_a_revision(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    del three.texts[3]
    assert main(["policy", "status"]) == 0
    assert "its text was deleted" in capsys.readouterr().out
    assert main(["policy", "history"]) == 0
    assert "deleted" in capsys.readouterr().out.splitlines()[0]


def test_the_history_is_newest_first_with_what_never_served(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three._keep(b"refused", "ben/4")
    assert main(["policy", "history"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["3", "2", "1"]
    assert [line.split()[3] for line in lines[:3]] == ["serves", "COMPLETE", "COMPLETE"]
    assert f"version 3     {revision_of(b'three')}  ana/3" in lines[0]
    assert lines[3] == f"never deployed: version 4 (ben/4)  {revision_of(b'refused')}"
    assert main(["policy", "history", "--json", "--limit", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["deployment"] for one in told["deployments"]] == [3]
    assert told["never_deployed"][0]["label"] == "ben/4"


def test_a_long_history_is_read_to_its_end_and_asked_for_no_more_than_is_shown(
    appconfig: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 8):
        appconfig.serve(b"%d" % number)
    assert main(["policy", "history", "--limit", "5"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert appconfig.operations().count("appconfig:GetDeployment") == 5


def test_a_deployment_of_another_profile_is_not_the_policys(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1]["ConfigurationProfileId"] = "other01"
    assert main(["policy", "status"]) == 0
    assert capsys.readouterr().out.startswith("version 2 (ana/2) serves")
    # AppConfig counts, and locks, the environment's deployments together.
    assert main(["policy", "rollback", "--yes"]) == 0
    (started,) = [asked for _, name, asked in three.asked if name == "StartDeployment"]
    assert started["LatestDeploymentNumber"] == 3


def test_a_version_that_was_deployed_by_its_label_is_shown_by_it(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1]["ConfigurationVersion"] = "ana/3"
    assert main(["policy", "history"]) == 0
    assert "version 3 " in capsys.readouterr().out.splitlines()[0]
    assert main(["policy", "rollback", "--yes"]) == 0
    assert three.deployments[-1]["ConfigurationVersion"] == "2"


def test_a_version_that_was_deployed_by_its_label_and_deleted_is_no_riddle(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    three.deployments[-1]["ConfigurationVersion"] = "ana/3"
    del three.texts[3]
    assert main(["policy", "status"]) == 0
    assert "(ana/3) serves" in capsys.readouterr().out
    assert main(["policy", "rollback", "--yes"]) == 0
    assert three.deployments[-1]["ConfigurationVersion"] == "2"


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_is_a_number_of_at_least_one(
    limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["policy", "history", "--limit", limit])
    assert ended.value.code == 2


def test_reading_changes_nothing_and_needs_only_what_reads(
    three: FakeAppConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "status"]) == 0
    assert main(["policy", "history"]) == 0
    assert three.changes() == []
    three.failing["ListDeployments"] = [NOT_ALLOWED]
    assert main(["policy", "status"]) == 2
    assert "not authorized" in capsys.readouterr().err
