"""The live check on the embedded stack: what that can answer holds, a broken stack does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.test_api import publish
from tools.environments import ROOT
from tools.live_check.checks import CHECKS
from vending.policy_text import revision_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

ANSWERED = {check.name for check in CHECKS if check.emulated}
GRANT = """
  - name: live-check
    callers: [{role: "arn:aws:iam::000000000000:role/ecr-vend-check-caller"}]
    repositories: [ecr-vend-check/one]
    access: pull
"""
REVOKER = """
  - role: arn:aws:iam::000000000000:role/ecr-vend-check-revoker"""


def environment(stack: Stack) -> dict[str, str]:
    keys = stack.administrator
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        "PYTHONPATH": os.pathsep.join(("functions", "client/src", ".")),
        "AWS_ENDPOINT_URL": stack.about["url"],
        "AWS_REGION": stack.about["region"],
        "AWS_DEFAULT_REGION": stack.about["region"],
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }


def command(stack: Stack, *arguments: str) -> list[str]:
    where = ("--endpoint", stack.about["endpoint"], "--registry", f"http://{stack.registry}")
    return [sys.executable, "-m", "tools.live_check", "--yes", *where, *arguments]


def live_check(stack: Stack, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it, and return its exit code and its report."""
    done = subprocess.run(
        command(stack, "--json", *arguments),
        cwd=ROOT,
        env=environment(stack),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in report["checks"]}


def left(stack: Stack) -> list[str]:
    """Return what a run has left behind."""
    repositories = stack.client("ecr").describe_repositories()["repositories"]
    roles = stack.client("iam").list_roles()["Roles"]
    names = [one["repositoryName"] for one in repositories] + [one["RoleName"] for one in roles]
    return [name for name in names if name.startswith("ecr-vend-check")]


def serve(stack: Stack, text: str) -> None:
    """Publish a policy, and wait until it serves: the function polls every 15 seconds."""
    publish(stack, text)
    end = time.monotonic() + 60
    while stack.vend("payments-ci")["policy_revision"] != revision_of(text.encode()):
        assert time.monotonic() < end
        time.sleep(0.5)


@pytest.fixture
def granted(stack: Stack) -> Iterator[None]:
    """A policy that grants the live check's caller its own repository, and names its revoker."""
    original = (ROOT / "local/policy.yaml").read_text()
    granting = original.replace("\ndenies:", GRANT + "denies:", 1)
    serve(stack, granting.replace("\nrevokers:", "\nrevokers:" + REVOKER, 1))
    yield
    serve(stack, original)


def test_what_the_emulator_can_answer_holds_and_the_rest_it_cannot_tell(
    stack: Stack, granted: None, tmp_path: Path
) -> None:
    page = tmp_path / "report.md"
    code, report = live_check(stack, "--report", str(page))
    told = verdicts(report)
    assert code == 0, json.dumps(report["checks"], indent=1)
    assert set(told) == {check.name for check in CHECKS}
    assert {name for name, verdict in told.items() if verdict == "holds"} == ANSWERED, json.dumps(
        report["checks"], indent=1
    )
    assert {told[name] for name in set(told) - ANSWERED} == {"could not tell"}
    assert "AN EMULATOR" in page.read_text()
    assert left(stack) == []


def test_a_stack_that_is_broken_is_told_so(stack: Stack) -> None:
    iam = stack.client("iam")
    name = {"RoleName": "ecr-vend-push"}
    trust = iam.get_role(**name)["Role"]["AssumeRolePolicyDocument"]
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    opened = {"Version": "2012-10-17", "Statement": [anyone]}
    iam.update_assume_role_policy(**name, PolicyDocument=json.dumps(opened))
    try:
        code, report = live_check(stack, "--only", "vended-roles")
    finally:
        iam.update_assume_role_policy(**name, PolicyDocument=json.dumps(trust))
    (one,) = report["checks"]
    assert (code, one["verdict"], one["saw"]) == (1, "does not hold", "assumed: PushRole")


def test_without_a_grant_the_vend_cannot_be_told_and_the_report_says_what_to_do(
    stack: Stack,
) -> None:
    code, report = live_check(stack, "--only", "vend")
    (one,) = report["checks"]
    assert (code, one["verdict"]) == (0, "could not tell")
    assert "docs/live-check.md" in one["saw"]


def test_a_stack_whose_revocations_deny_nothing_is_told_so(stack: Stack, granted: None) -> None:
    iam = stack.client("iam")
    denies = {
        "RoleName": "ecr-vend-pull",
        "PolicyArn": stack.physical("PullRevocations"),
    }
    iam.detach_role_policy(**denies)
    end = time.monotonic() + 60
    try:
        while True:
            code, report = live_check(stack, "--only", "revocation")
            (one,) = report["checks"]
            # The revoking function polls for itself, and may not know its revoker yet.
            if one["verdict"] != "could not tell" or time.monotonic() > end:
                break
    finally:
        iam.attach_role_policy(**denies)
    assert (code, one["verdict"]) == (1, "does not hold")
    assert "it still pulled" in one["saw"]


def begun(stack: Stack) -> subprocess.Popen[str]:
    """Start a run that takes a while, and return when it has made what it needs."""
    process = subprocess.Popen(
        command(stack, "--only", "deny-by-issue-time"),
        cwd=ROOT,
        env=environment(stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while "ecr-vend-check-caller" not in left(stack) and time.monotonic() < end:
        time.sleep(0.05)
    return process


def test_an_interrupted_run_leaves_nothing(stack: Stack) -> None:
    process = begun(stack)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert left(stack) == []


def test_what_a_killed_run_has_left_is_removed_on_request(stack: Stack) -> None:
    process = begun(stack)
    process.kill()
    process.communicate()
    assert left(stack) != []
    again = subprocess.run(
        command(stack, "--only", "vended-roles"),
        cwd=ROOT,
        env=environment(stack),
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 2, again.stderr
    subprocess.run(command(stack, "--remove"), cwd=ROOT, env=environment(stack), check=True)
    assert left(stack) == []


def test_what_others_have_made_under_such_a_name_is_never_removed(stack: Stack) -> None:
    ecr, iam = stack.client("ecr"), stack.client("iam")
    ecr.create_repository(repositoryName="theirs/one")
    iam.create_role(RoleName="theirs-holder", AssumeRolePolicyDocument=json.dumps({}))
    try:
        for arguments in (("--remove",), ("--only", "vended-roles")):
            words = command(stack, "--prefix", "theirs", *arguments)
            subprocess.run(
                words, cwd=ROOT, env=environment(stack), capture_output=True, check=False
            )
            ecr.describe_repositories(repositoryNames=["theirs/one"])
            iam.get_role(RoleName="theirs-holder")
    finally:
        ecr.delete_repository(repositoryName="theirs/one")
        iam.delete_role(RoleName="theirs-holder")


def test_a_run_without_consent_makes_nothing(stack: Stack) -> None:
    words = [word for word in command(stack) if word != "--yes"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environment(stack),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 2
    assert "Give --yes" in done.stderr
    with pytest.raises(ClientError, match="NoSuchEntity"):
        stack.client("iam").get_role(RoleName="ecr-vend-check-caller")
