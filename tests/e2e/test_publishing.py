"""A policy is published, refused, watched and taken back on the embedded stack, by a publisher."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials

from tests.e2e.running import VENDCTL, running, send
from tools.environments import ROOT
from vending.policy_text import revision_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

GOOD = (ROOT / "local/policy.yaml").read_text()
SLOW = ("--strategy", "AppConfig.Linear50PercentEvery30Seconds")
YES = ("--label", "ana@example.com/1", "--yes")


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    with running() as stack:
        yield stack


@pytest.fixture(scope="module")
def publisher(own: Stack) -> Credentials:
    """An IAM user with the statements of `PublisherStatements`, and nothing else."""
    iam = own.client("iam")
    iam.create_user(UserName="publisher")
    statements = json.loads(own.about["outputs"]["PublisherStatements"])
    iam.put_user_policy(
        UserName="publisher",
        PolicyName="publish",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    made = iam.create_access_key(UserName="publisher")["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def written(folder: Path, more: str, *, text: str = GOOD) -> str:
    """Write a policy of its own, and return its file."""
    file = folder / f"{more}.yaml"
    file.write_text(f"{text}# {more}\n")
    return str(file)


def serving(stack: Stack) -> bytes:
    """Return the text that functions are given."""
    outputs = stack.about["outputs"]
    client = stack.client("appconfigdata")
    token = client.start_configuration_session(
        ApplicationIdentifier=outputs["PolicyApplicationId"],
        EnvironmentIdentifier=outputs["PolicyEnvironmentId"],
        ConfigurationProfileIdentifier=outputs["PolicyProfileId"],
    )["InitialConfigurationToken"]
    found = client.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
    return bytes(found)


@contextmanager
def publishing(stack: Stack, file: str, *more: str, until: str) -> Iterator[subprocess.Popen[str]]:
    """Publish a policy and wait for its end; the block begins when an event was told."""
    with subprocess.Popen(
        [*VENDCTL, "policy", "publish", file, *YES, *more, "--wait"],
        env=stack.vendctl_environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr
        for said in waiting.stderr:
            if until in said:
                break
        yield waiting


def status(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.vendctl("policy", "status", "--json")[1])
    return found


def test_a_publisher_brings_a_good_policy_to_the_functions(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    before = status(own)["serving"]
    granted = GOOD.replace("assumed-role/outsider/run-1", "assumed-role/nobody/run-1").replace(
        "denies:",
        "  - name: outsiders\n"
        '    callers: [{role: "arn:aws:iam::000000000000:role/outsider"}]\n'
        "    repositories: [base/python]\n    access: pull\n\ndenies:",
        1,
    )
    file = written(tmp_path, "granted", text=granted)
    code, out, err = own.vendctl("policy", "publish", file, *YES, "--wait", credentials=publisher)
    assert (code, out) == (0, f"version {before['version'] + 1} (ana@example.com/1) serves\n"), err
    assert f"version {before['version']} serves, revision {before['revision']}" in err
    assert "DEPLOYMENT_COMPLETED" in err
    text = (tmp_path / "granted.yaml").read_bytes()
    assert serving(own) == text

    end = time.monotonic() + 60
    body = json.dumps({"pull": ["base/python"]}).encode()
    while True:
        status_code, answer = send(own.signed("POST", "/v1/tokens", own.as_role("outsider"), body))
        if status_code == 200 or time.monotonic() > end:
            break
        time.sleep(1)
    assert answer["policy_revision"] == revision_of(text)
    assert status(own)["serving"]["revision"] == revision_of(text)
    assert "user/publisher" in status(own)["serving"]["description"]

    code, out, _ = own.vendctl("policy", "publish", file, *YES, credentials=publisher)
    assert (code, "serves already" in out) == (0, True)


def test_a_policy_that_fails_its_tests_is_refused_here_and_by_the_validator(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    before = serving(own)
    outputs = own.about["outputs"]
    asked = "    repository: search/indexer\n    access: pull\n    expect: "
    wrong = GOOD.replace(f"{asked}deny", f"{asked}allow")
    assert wrong != GOOD
    file = written(tmp_path, "wrong", text=wrong)
    code, _, err = own.vendctl("policy", "publish", file, *YES, credentials=publisher)
    assert (code, "nothing was published" in err) == (1, True)
    # Whoever goes around the command meets the validator, and so does a rollback.
    made = own.client("appconfig", publisher).create_hosted_configuration_version(
        ApplicationId=outputs["PolicyApplicationId"],
        ConfigurationProfileId=outputs["PolicyProfileId"],
        Content=(tmp_path / "wrong.yaml").read_bytes(),
        ContentType="application/x-yaml",
    )["VersionNumber"]
    code, _, err = own.vendctl(
        "policy", "rollback", "--to", str(made), "--yes", credentials=publisher
    )
    assert code == 1
    assert "search/indexer" in err
    assert "goes on serving" in err
    assert serving(own) == before
    assert f"never deployed: version {made}" in own.vendctl("policy", "history")[1]


def test_of_two_publishers_at_once_the_second_is_told_of_the_first(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    terminal, line = pty.openpty()
    mine = written(tmp_path, "mine")
    with subprocess.Popen(
        [*VENDCTL, "policy", "publish", mine, "--label", "ana@example.com/2"],
        env=own.vendctl_environment(publisher),
        stdin=line,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stderr
        for said in asking.stderr:
            if "[y/N]" in said:
                break
        theirs = written(tmp_path, "theirs")
        label = ("--label", "ben@example.com/1", "--yes")
        assert own.vendctl("policy", "publish", theirs, *label, credentials=publisher)[0] == 0
        os.write(terminal, b"y\n")
        told = asking.stderr.read()
    os.close(terminal)
    os.close(line)
    assert asking.returncode == 2
    assert "somebody else made version" in told
    assert "ben@example.com/1" in told
    assert serving(own) == (tmp_path / "theirs.yaml").read_bytes()


def test_the_version_before_is_brought_back_and_nothing_is_deleted(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    before = status(own)["serving"]
    file = written(tmp_path, "bad")
    assert own.vendctl("policy", "publish", file, *YES, credentials=publisher)[0] == 0
    code, out, _ = own.vendctl("policy", "rollback", "--yes", "--wait", credentials=publisher)
    assert (code, out.startswith(f"version {before['version']} ")) == (0, True)
    assert status(own)["serving"]["revision"] == before["revision"]
    listed = json.loads(own.vendctl("policy", "history", "--json", credentials=publisher)[1])
    versions = [one["version"] for one in listed["deployments"][:3]]
    assert versions == [before["version"], versions[1], before["version"]]
    assert listed["deployments"][1]["revision"] == revision_of((tmp_path / "bad.yaml").read_bytes())


def test_what_is_under_way_goes_on_after_ctrl_c_blocks_others_and_can_be_stopped(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    before = status(own)["serving"]
    file = written(tmp_path, "slow")
    code, _, err = own.vendctl("policy", "publish", file, *YES, *SLOW, credentials=publisher)
    assert (code, "appconfig:ListDeploymentStrategies" in err) == (2, True)

    with publishing(own, file, *SLOW, until="DEPLOYMENT_STARTED") as waiting:
        waiting.send_signal(signal.SIGINT)
        told = waiting.communicate()[1]
    assert waiting.returncode == 130
    assert "goes on. Watch it: vendctl policy status" in told
    assert "Traceback" not in told

    found = status(own)
    assert (found["under_way"]["state"], found["serving"]["version"]) == (
        "DEPLOYING",
        before["version"],
    )
    other = written(tmp_path, "other")
    code, _, err = own.vendctl("policy", "publish", other, *YES, credentials=publisher)
    assert (code, "is under way" in err) == (2, True)
    code, out, _ = own.vendctl("policy", "rollback", "--yes", "--wait", credentials=publisher)
    assert (code, "ROLLED_BACK" in out) == (0, True)
    assert status(own)["serving"]["version"] == before["version"]
    assert "(USER)" in status(own)["undone"]["reason"]


def test_a_stack_that_watches_has_a_policy_undone_by_its_alarm_and_a_deny_published_at_once(
    tmp_path: Path,
) -> None:
    with running("--parameter=PolicyBakeMinutes=20") as watched:
        before, cloudwatch = serving(watched), watched.client("cloudwatch")
        alarm = watched.physical("NotGrantedAlarm")
        file = written(tmp_path, "alarmed")
        with publishing(watched, file, until="BAKE_TIME_STARTED") as waiting:
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
            told = waiting.communicate()[1]
        assert waiting.returncode == 1, told
        assert re.search(
            rf"was undone: Rollback initiated by \S+{alarm} \(CLOUDWATCH_ALARM\)", told
        )
        assert "goes on serving" in told
        assert serving(watched) == before
        urgent = written(tmp_path, "urgent")
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="test")
        now = ("--label", "ana@example.com/2", "--yes", "--at-once", "--wait")
        code, _, err = watched.vendctl("policy", "publish", urgent, *now)
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
        assert (code, serving(watched)) == (0, Path(urgent).read_bytes()), err


@pytest.mark.parametrize("label", ["a" * 65, "12"])
def test_the_stacks_appconfig_refuses_a_label_that_is_none(own: Stack, label: str) -> None:
    outputs = own.about["outputs"]
    appconfig = own.client("appconfig")
    with pytest.raises(appconfig.exceptions.BadRequestException, match="VersionLabel"):
        appconfig.create_hosted_configuration_version(
            ApplicationId=outputs["PolicyApplicationId"],
            ConfigurationProfileId=outputs["PolicyProfileId"],
            Content=b"version: 1",
            ContentType="application/x-yaml",
            VersionLabel=label,
        )


def test_the_stacks_appconfig_deploys_no_version_that_is_not_there(own: Stack) -> None:
    outputs = own.about["outputs"]
    appconfig = own.client("appconfig")
    with pytest.raises(appconfig.exceptions.ResourceNotFoundException):
        appconfig.start_deployment(
            ApplicationId=outputs["PolicyApplicationId"],
            EnvironmentId=outputs["PolicyEnvironmentId"],
            ConfigurationProfileId=outputs["PolicyProfileId"],
            DeploymentStrategyId=outputs["PolicyStrategyId"],
            ConfigurationVersion="999",
        )


def test_a_stack_that_is_not_there_is_said_without_a_traceback(own: Stack) -> None:
    code, _, err = own.vendctl("policy", "status", "--stack", "none")
    assert (code, err.startswith("vendctl: "), "Traceback" in err) == (2, True, False)


def test_a_rule_in_monitor_mode_changes_nothing_and_is_recorded(
    own: Stack, publisher: Credentials, tmp_path: Path
) -> None:
    tried = GOOD.replace(
        "denies:\n",
        "  - name: tomorrow\n"
        '    callers: [{role: "arn:aws:iam::000000000000:role/payments-ci"}]\n'
        "    repositories: [search/*]\n    access: pull\n    mode: monitor\n\n"
        "denies:\n  - {name: freeze, repositories: [payments/api], mode: monitor}\n",
        1,
    )
    file = written(tmp_path, "tried", text=tried)
    code, _, err = own.vendctl("policy", "publish", file, *YES, "--wait", credentials=publisher)
    assert code == 0, err
    revision = revision_of((tmp_path / "tried.yaml").read_bytes())
    end = time.monotonic() + 60
    while (vend := own.vend("payments-ci", pull=["payments/api"]))["policy_revision"] != revision:
        assert time.monotonic() < end
        time.sleep(1)
    assert vend["scope"] == {"pull": ["payments/api"]}

    def asked(path: str, role: str) -> dict[str, Any]:
        return send(own.signed("GET", path, own.as_role(role)))[1]

    record = asked(f"/v1/vends/{vend['vend_id']}", "auditor")
    assert (record["outcome"], record["denies"]) == ("issued", [])
    assert [(one["rule"], one["effect"]) for one in record["monitored"]] == [
        ("deny freeze", "deny")
    ]
    who = asked("/v1/whoami", "payments-ci")
    assert [one["name"] for one in who["monitored"]] == ["tomorrow"]
    assert "tomorrow" not in [one["name"] for one in who["grants"]]
