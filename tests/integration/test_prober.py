"""The prober in AWS's own runtime loop; Lambda, CodeDeploy and the registry are on loopback."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import PASSWORD, SECRETS
from tests.integration.loopback import Connection, serving
from tests.integration.runtime_api import running, runtime_python
from tools.artefacts.bundle import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPOSITORY = "ecr-vend-probe/5c1e9f20"
VERSION, SERVING = "vend:8", "vend:live"
HOOK = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}
GRANTED = {"password": PASSWORD, "scope": {"pull": [REPOSITORY]}}
BASIC = "Basic " + base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()


def answered(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "body": json.dumps(body)}


def refused(code: str, status: int = 403) -> dict[str, Any]:
    return answered(status, {"code": code})


@dataclass
class World:
    """What the prober meets.

    Attributes:
        answers: (function, who asks) → what the function answers; None is a function that crashed.
        own_status: What the registry answers about the prober's own repository.
        reported: What CodeDeploy was told.
        endpoint: `http://127.0.0.1:PORT`.
    """

    answers: dict[tuple[str, str], dict[str, Any] | None] = field(default_factory=dict)
    own_status: int = 200
    reported: list[dict[str, str]] = field(default_factory=list)
    endpoint: str = ""


class Services(Connection):
    """Lambda, CodeDeploy and the registry, by their paths."""

    world: World

    def get(self) -> None:
        known = self.headers.get("Authorization") == BASIC
        own = self.path == f"/v2/{REPOSITORY}/tags/list"
        self.answer(401 if not known else self.world.own_status if own else 403)

    def post(self) -> None:
        body = self.body()
        if self.path.startswith("/v2/"):
            self.get()
        elif self.path.endswith("/invocations"):
            function = self.path.split("/")[3].replace("%3A", ":")
            said = self.world.answers[(function, json.loads(body)["probe"])]
            headers = {} if said else {"X-Amz-Function-Error": "Unhandled"}
            self.answer(200, json.dumps(said or {"errorMessage": PASSWORD}).encode(), headers)
        else:
            self.world.reported.append(json.loads(body))
            self.answer(200, b"{}")


@contextmanager
def world() -> Iterator[World]:
    """Serve a world in which the new version works, until the block ends."""
    found = World()
    for function in (VERSION, SERVING):
        found.answers[(function, "granted")] = answered(200, GRANTED)
        found.answers[(function, "stranger")] = refused("not_granted")

    class Here(Services):
        pass

    Here.world = found
    with serving(Here) as address:
        found.endpoint = f"http://{address}"
        yield found


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runtime_python()
    return build("host", tmp_path_factory.mktemp("bundle") / "host")


def probed(
    bundle: Path, here: World, log: Path, event: dict[str, str]
) -> tuple[dict[str, Any], str]:
    """Run the prober once and return its summary, and all that it logged."""
    settings = {
        "AWS_ENDPOINT_URL": here.endpoint,
        "PROBE_VERSION": VERSION,
        "PROBE_FUNCTION": SERVING,
        "PROBE_REPOSITORY": REPOSITORY,
        "PROBE_REGISTRY_URL": here.endpoint,
        "POWERTOOLS_SERVICE_NAME": "ecr-vend",
    }
    with running(bundle, "handlers.prober.handler", log, settings) as function:
        answer = function.invoke(event)
        logged = "\n".join(function.log_lines())
    assert not any(secret in logged + json.dumps(answer.payload) for secret in SECRETS)
    return answer.payload, logged


def test_a_version_that_works_may_take_traffic(bundle: Path, tmp_path: Path) -> None:
    with world() as here:
        summary, _ = probed(bundle, here, tmp_path / "log", HOOK)
    assert summary["passed"], summary
    (told,) = here.reported
    assert told == {
        "deploymentId": "d-1",
        "lifecycleEventHookExecutionId": "hook-1",
        "status": "Succeeded",
    }


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        ("granted", refused("internal_error", 500)),
        ("granted", refused("policy_unavailable", 503)),
        ("granted", None),
        ("stranger", answered(200, GRANTED)),
    ],
)
def test_a_version_that_does_not_work_is_not_let_to_traffic(
    bundle: Path, tmp_path: Path, who: str, answer: dict[str, Any] | None
) -> None:
    with world() as here:
        here.answers[(VERSION, who)] = answer
        summary, logged = probed(bundle, here, tmp_path / "log", HOOK)
    assert not summary["passed"]
    assert [one["status"] for one in here.reported] == ["Failed"]
    assert "not proved" in logged


def test_a_token_that_does_not_work_stops_the_version(bundle: Path, tmp_path: Path) -> None:
    with world() as here:
        here.own_status = 403
        summary, _ = probed(bundle, here, tmp_path / "log", HOOK)
    assert [one["claim"] for one in summary["proofs"] if not one["held"]] == [
        "the token reads its repository"
    ]
    assert [one["status"] for one in here.reported] == ["Failed"]


def test_a_stack_without_a_policy_can_still_change(bundle: Path, tmp_path: Path) -> None:
    with world() as here:
        here.answers = dict.fromkeys(here.answers, refused("policy_unavailable", 503))
        summary, _ = probed(bundle, here, tmp_path / "log", HOOK)
    assert not summary["passed"]
    assert [one["status"] for one in here.reported] == ["Succeeded"]


def test_a_hook_that_breaks_says_so_and_lets_nobody_wait(bundle: Path, tmp_path: Path) -> None:
    with world() as here:
        here.answers[(VERSION, "granted")] = answered(200, {"password": PASSWORD, "scope": 7})
        here.answers[(VERSION, "stranger")] = {"statusCode": "many", "body": "{}"}
        probed(bundle, here, tmp_path / "log", HOOK)
    assert [one["status"] for one in here.reported] == ["Failed"]


def test_a_scheduled_probe_is_measured_and_tells_codedeploy_nothing(
    bundle: Path, tmp_path: Path
) -> None:
    with world() as here:
        summary, logged = probed(bundle, here, tmp_path / "log", {"endpoint": ""})
        assert summary["passed"]
        here.answers[(SERVING, "stranger")] = refused("unsupported_caller")
        _, worse = probed(bundle, here, tmp_path / "log2", {"endpoint": ""})
    assert here.reported == []
    assert failures(logged) == [0.0]
    assert failures(worse) == [1.0]


def failures(logged: str) -> list[float]:
    """Return the values of the metric, as CloudWatch reads them from the log."""
    lines = [json.loads(line) for line in logged.splitlines() if '"_aws"' in line]
    return [line["ProbeFailures"] for line in lines]
