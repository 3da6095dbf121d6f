"""`vendctl policy publish`: what it refuses, what it asks of AppConfig, and what it tells."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fake_appconfig import NOT_ALLOWED, PUBLISHER, Answer, event
from tests.fakes import POLICY
from tests.unit.vendctl.conftest import Terminal, committed, git
from vendctl.__main__ import main

if TYPE_CHECKING:
    from tests.fake_appconfig import FakeAppConfig

LABEL = ("--label", "ana@example.com/1")
OLD = POLICY.encode() + b"# old\n"
FAILING = (
    "tests: [{caller: 'arn:aws:sts::111122223333:assumed-role/payments-ci/x', "
    "repository: payments/api, access: push, expect: deny}]\n"
)


def publish(file: str, *words: str) -> int:
    return main(["policy", "publish", file, "--yes", *words])


def test_a_policy_becomes_a_version_and_is_deployed_by_the_stacks_strategy(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    assert publish(policy, *LABEL) == 0
    assert (appconfig.texts[2], appconfig.labels[2]) == (POLICY.encode(), LABEL[1])
    (started,) = [asked for _, name, asked in appconfig.asked if name == "StartDeployment"]
    assert started["DeploymentStrategyId"] == "strat01"
    assert started["Description"] == f"vendctl policy publish by {PUBLISHER}"
    out, err = capsys.readouterr()
    assert out == "version 2 (ana@example.com/1) serves\n"
    assert "version 1 (ana@example.com/0000001) serves, revision" in err


@pytest.mark.parametrize("broken", [POLICY + FAILING, POLICY.replace("push", "write"), "\x00"])
def test_a_policy_that_does_not_pass_reaches_nobody(
    appconfig: FakeAppConfig, policy: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(policy).write_text(broken)
    assert publish(policy, *LABEL) == 1
    assert appconfig.asked == []
    assert "nothing was published" in capsys.readouterr().err
    assert publish(policy, *LABEL, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["published"], bool(told["refused"])) == (False, True)


def test_the_very_text_that_serves_is_not_published_again(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(POLICY.encode())
    assert publish(policy, *LABEL) == 0
    assert appconfig.changes() == []
    assert "serves already" in capsys.readouterr().out
    assert publish(policy, *LABEL, "--json") == 0
    assert json.loads(capsys.readouterr().out)["published"] is False
    assert publish(policy, *LABEL, "--force") == 0
    assert len(appconfig.deployments) == 2


def test_a_text_that_served_once_and_no_longer_does_is_published(
    appconfig: FakeAppConfig, policy: str
) -> None:
    appconfig.serve(POLICY.encode())
    appconfig.serve(OLD)
    assert publish(policy, *LABEL) == 0
    assert appconfig.deployments[-1]["ConfigurationVersion"] == "3"


def test_the_label_is_of_the_commit_that_last_changed_the_file(
    appconfig: FakeAppConfig, policy: str
) -> None:
    commit = committed(policy)
    assert publish(policy) == 0
    assert appconfig.labels == {1: f"ana@example.com/{commit}"}


def test_a_link_to_a_policy_has_the_label_of_what_it_leads_to(
    appconfig: FakeAppConfig, policy: str
) -> None:
    committed(policy)
    link = Path(policy).with_name("link.yaml")
    link.symlink_to(policy)
    git(policy, "add", ".")
    git(policy, "commit", "--quiet", "-m", "link")
    Path(policy).write_text(POLICY + "# not committed\n")
    assert publish(str(link)) == 2
    assert appconfig.asked == []


def test_what_is_not_committed_needs_a_label(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(policy) == 2
    assert "in no git checkout" in capsys.readouterr().err
    committed(policy)
    Path(policy).write_text(POLICY + "# not yet\n")
    assert publish(policy) == 2
    assert "not as it was committed" in capsys.readouterr().err
    new = Path(policy).with_name("new.yaml")
    new.write_text(POLICY)
    assert publish(str(new)) == 2
    assert appconfig.asked == []


def test_where_git_is_not_installed_a_label_is_needed_and_enough(
    appconfig: FakeAppConfig,
    policy: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commit = committed(policy)
    appconfig.serve(OLD, f"ben@example.com/{commit}")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert publish(policy) == 2
    assert "give --label" in capsys.readouterr().err
    assert publish(policy, *LABEL) == 0


def test_what_comes_on_stdin_has_no_author(
    appconfig: FakeAppConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, code in (((), 2), (LABEL, 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(POLICY.encode())))
        assert publish("-", *words) == code
    assert appconfig.texts == {1: POLICY.encode()}


@pytest.mark.parametrize("label", ["", "a" * 65, "12", "a\nb", "ä/1", " a"])
def test_a_label_that_appconfig_would_refuse_is_refused_before_it_is_asked(
    appconfig: FakeAppConfig, policy: str, label: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(policy, "--label", label) == 2
    assert appconfig.asked == []
    assert "--label: " in capsys.readouterr().err


def test_a_long_author_leaves_the_commit_whole(appconfig: FakeAppConfig, policy: str) -> None:
    commit = committed(policy, author=f"{'ana' * 30}@exämple.com")
    assert publish(policy) == 0
    author, _, named = appconfig.labels[1].rpartition("/")
    assert (len(appconfig.labels[1]), author.startswith("anaana"), named) == (64, True, commit)


def test_what_others_published_from_a_commit_not_followed_is_pointed_out(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = committed(policy)
    appconfig.serve(OLD, f"ben@example.com/{commit}")
    assert publish(policy) == 0
    assert "does not follow" not in capsys.readouterr().err
    git(policy, "checkout", "--quiet", "--orphan", "mine")
    git(policy, "commit", "--quiet", "-m", "mine")
    appconfig.serve(OLD, f"ben@example.com/{commit}")
    assert publish(policy) == 0
    assert "HEAD does not follow" in capsys.readouterr().err
    appconfig.serve(OLD, "ben@example.com/fffffff")
    assert publish(policy) == 0
    assert "does not follow" not in capsys.readouterr().err


def test_two_publishers_at_once_do_not_overwrite_each_other(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    appconfig.meanwhile["CreateHostedConfigurationVersion"] = lambda: appconfig.serve(
        OLD + b"# theirs\n", "ben@example.com/2"
    )
    assert publish(policy, *LABEL) == 2
    err = capsys.readouterr().err
    assert "nothing was published: somebody else made version 2 (ben@example.com/2)" in err
    assert appconfig.deployments[-1]["ConfigurationVersion"] == "2"

    appconfig.meanwhile["StartDeployment"] = lambda: appconfig.serve(OLD + b"# 3\n") and None
    assert publish(policy, *LABEL) == 2
    assert "somebody else began a deployment meanwhile" in capsys.readouterr().err
    assert appconfig.deployments[-1]["ConfigurationVersion"] == "4"


def test_a_conflict_that_no_other_publisher_caused_is_told_in_awss_words(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    appconfig.failing["CreateHostedConfigurationVersion"] = [
        Answer(409, "ConflictException", "this label is taken")
    ]
    assert publish(policy, *LABEL) == 2
    err = capsys.readouterr().err
    assert "nothing was published. AppConfig says: this label is taken" in err
    assert "somebody else" not in err


def test_what_an_attempt_before_left_is_deployed_and_not_kept_twice(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.failing["StartDeployment"] = [NOT_ALLOWED]
    assert publish(policy, *LABEL) == 2
    err = capsys.readouterr().err
    assert "not authorized" in err
    assert "version 1 (ana@example.com/1) is kept" in err
    assert publish(policy, *LABEL) == 0
    assert list(appconfig.texts) == [1]


def test_a_deployment_under_way_is_named_and_nothing_is_begun(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    appconfig.serve(OLD)
    appconfig.deployments[-1].update(State="BAKING", PercentageComplete=100.0)
    assert publish(policy, *LABEL) == 2
    assert "deployment 2 of version 2" in (err := capsys.readouterr().err)
    assert "is under way (BAKING, 100 %)" in err
    assert appconfig.changes() == []


def test_a_refusal_of_the_validator_is_told_in_its_words_and_the_old_policy_serves(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.serve(OLD)
    appconfig.validator = lambda _: "tests[3]: expected\x1b[2J deny"
    assert publish(policy, *LABEL, "--json") == 1
    out, err = capsys.readouterr()
    assert "tests[3]: expected\\u001b[2J deny" in err
    assert "version 1 (ana@example.com/0000001) goes on serving" in err
    told = json.loads(out)
    assert (told["published"], told["serving"]["version"]) == (False, 1)


def test_the_validators_words_are_found_where_aws_puts_them_into_the_details(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    details = {"InvalidConfiguration": [{"Reason": "tests[3]: expected deny"}]}
    appconfig.failing["StartDeployment"] = [
        Answer(400, "BadRequestException", "Error invoking Lambda validator", Details=details)
    ]
    assert publish(policy, *LABEL) == 1
    err = capsys.readouterr().err
    assert "tests[3]: expected deny" in err
    assert "no policy serves, so everybody is refused" in err


def test_nothing_changes_without_a_yes(
    appconfig: FakeAppConfig,
    policy: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["policy", "publish", policy, *LABEL]
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(words) == 1
    assert "give --yes" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal("\n"))
    assert main(words) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert appconfig.changes() == []
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert main(words) == 0


def test_what_must_be_denied_now_is_published_without_being_watched(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(policy, *LABEL, "--at-once") == 0
    (started,) = [asked for _, name, asked in appconfig.asked if name == "StartDeployment"]
    assert started["DeploymentStrategyId"] == "strat02"
    with pytest.raises(SystemExit):
        publish(policy, *LABEL, "--at-once", "--strategy", "slowly")
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_strategy_is_named_by_its_name_or_id(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for wanted in ("slowly", "slow001"):
        assert publish(policy, *LABEL, "--force", "--strategy", wanted) == 0
        asked = [one for _, name, one in appconfig.asked if name == "StartDeployment"]
        assert asked[-1]["DeploymentStrategyId"] == "slow001"
    before = len(appconfig.changes())
    assert publish(policy, *LABEL, "--force", "--strategy", "none") == 2
    assert publish(policy, *LABEL, "--force", "--strategy", "twins") == 2
    err = capsys.readouterr().err
    assert "there are ecr-vend, slowly" in err
    assert "several strategies are called twins" in err
    assert len(appconfig.changes()) == before


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("DescribeStacks", 2),
        ("ListHostedConfigurationVersions", 2),
        ("ListDeployments", 2),
        ("GetHostedConfigurationVersion", 2),
        ("CreateHostedConfigurationVersion", 2),
        ("StartDeployment", 2),
        ("GetCallerIdentity", 0),
    ],
)
def test_without_a_right_or_a_network_the_sentence_is_awss_and_nothing_breaks(
    appconfig: FakeAppConfig,
    policy: str,
    operation: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    appconfig.serve(OLD)
    for problem in (NOT_ALLOWED, EndpointConnectionError(endpoint_url="https://appconfig")):
        appconfig.failing[operation] = [problem]
        assert publish(policy, *LABEL) == code
        err = capsys.readouterr().err
        assert ("not authorized" in err or "https://appconfig" in err) == (code == 2)
        appconfig.deployments.pop() if code == 0 else None


def test_what_appconfig_has_no_room_for_is_said(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.failing["CreateHostedConfigurationVersion"] = [
        Answer(402, "ServiceQuotaExceededException", "too many")
    ]
    assert publish(policy, *LABEL) == 2
    assert "Delete old ones" in capsys.readouterr().err


def test_a_stack_that_is_none_or_too_old_is_said(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(policy, *LABEL, "--stack", "none") == 2
    assert "does not exist" in capsys.readouterr().err
    assert publish(policy, *LABEL, "--stack", "old") == 2
    assert "has no output PolicyApplicationId" in capsys.readouterr().err


def test_a_gradual_strategy_is_told_to_hold_denies_back(
    appconfig: FakeAppConfig, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    appconfig.steps = [("COMPLETE", 100.0, event("DEPLOYMENT_COMPLETED", "Done"))]
    appconfig.minutes = 20
    assert publish(policy, *LABEL) == 0
    out, err = capsys.readouterr()
    assert "for 20 min some instances go on deciding by what served before" in err
    assert "DEPLOYING, 0 %. deployment 1 of version 1 (ana@example.com/1) goes on" in out
