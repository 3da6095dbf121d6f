"""The GitHub Action: main.js and post.js as the runner starts them, against a service."""

from __future__ import annotations

import base64
import json
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import HOST, REFUSAL
from tests.integration.ci.github_runner import GithubRunner

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

OTHER = "444455556666.dkr.ecr.us-east-1.amazonaws.com"
NAME = HOST.replace(".", "_").replace("-", "_")


def password(number: int = 1) -> str:
    return f"token-{number}-of-AKIAJOBONE-" + "A" * 2800


def test_later_steps_just_use_the_registry(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    scope = {"pull": "base/python\nbase/node", "push": "team/app", "ttl": "15m"}
    step = job.use(inputs | scope)
    assert step.code == 0, step.output
    config = json.loads(
        (job.temp.parent / job.environ["DOCKER_CONFIG"] / "config.json").read_text()
    )
    assert config == {"credHelpers": {HOST: "ecr-vend"}}
    answer = json.loads(job.docker_asks(HOST).stdout)
    assert answer["Secret"] == password()
    assert service.asked == [
        {
            "registry": HOST,
            "pull": ["base/python", "base/node"],
            "push": ["team/app"],
            "ttl_seconds": 900,
            "reason": "https://github.com/team/app/actions/runs/42",
        }
    ]
    assert step.outputs["registry"] == HOST


def test_the_first_end_of_a_token_is_an_output(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    ends = {HOST: "2030-01-01T00:10:00Z", OTHER: "2030-01-01T00:05:00Z"}
    cases = "".join(
        f'*{host}*) echo \'{{"expires_at":"{end}"}}\' ;; ' for host, end in ends.items()
    )
    (machine.home / "bin/ecr-vend").write_text(f'#!/bin/sh\ncase "$*" in {cases} esac\n')
    step = job.use(inputs | {"registries": f"{HOST}\n{OTHER}"})
    assert step.outputs == {"expires-at": ends[OTHER]}


def test_masks_come_first_and_cover_every_form(job: GithubRunner, inputs: dict[str, str]) -> None:
    step = job.use(inputs | {"registries": f"{HOST}\n{OTHER}", "output-password": "true"})
    joined = [base64.b64encode(f"AWS:{password(n)}".encode()).decode() for n in (1, 2)]
    assert step.said("add-mask") == [password(1), joined[0], password(2), joined[1]]
    # All that was said before a mask is other masks.
    assert [name for name, _ in step.commands] == ["add-mask"] * 4
    assert step.output.splitlines()[:4] == [f"::add-mask::{text}" for text in step.said("add-mask")]
    assert not any(text in step.log for text in step.said("add-mask"))


def test_no_password_is_anywhere_unless_asked_for(
    job: GithubRunner, inputs: dict[str, str]
) -> None:
    step = job.use(inputs)
    assert "token-1" in "".join(step.said("add-mask"))
    assert "token-1" not in step.log
    assert "token-1" not in json.dumps(step.written)
    assert "token-1" not in json.dumps(job.environ)
    assert not [name for name in step.outputs if name.startswith("docker_")]


def test_passwords_asked_for_have_the_names_that_amazon_ecr_login_gives_them(
    job: GithubRunner, inputs: dict[str, str]
) -> None:
    step = job.use(inputs | {"output-password": "true"})
    assert step.outputs[f"docker_username_{NAME}"] == "AWS"
    assert step.outputs[f"docker_password_{NAME}"] == password()
    assert "token-1" not in step.written["STATE"] + step.written["ENV"] + step.log


def test_a_password_for_another_job_is_not_masked(
    job: GithubRunner, inputs: dict[str, str]
) -> None:
    step = job.use(inputs | {"output-password": "true", "mask-password": "false"})
    assert step.said("add-mask") == []
    assert "token-1" not in step.output
    mistaken = job.use(inputs | {"mask-password": "false"})
    assert (mistaken.code, mistaken.state) == (1, {})
    assert "output-password: true" in mistaken.said("error")[0]


def test_all_it_makes_is_for_this_user_alone(job: GithubRunner, inputs: dict[str, str]) -> None:
    job.use(inputs)
    (folder,) = job.temp.iterdir()
    for path in (folder, folder / "docker", folder / "cache"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "docker/config.json").stat().st_mode) == 0o600


def test_what_docker_knew_before_it_still_knows_and_keeps(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    docker = machine.home / ".docker"
    (docker / "buildx").mkdir(parents=True)
    (docker / "buildx/current").write_text("builder")
    before = {"auths": {"ghcr.io": {"auth": "eA=="}}, "credHelpers": {"gcr.io": "gcloud"}}
    (docker / "config.json").write_text(json.dumps(before))
    step = job.use(inputs)
    (folder,) = job.temp.iterdir()
    config = json.loads((folder / "docker/config.json").read_text())
    assert config == before | {"credHelpers": {"gcr.io": "gcloud", HOST: "ecr-vend"}}
    assert (folder / "docker/buildx/current").read_text() == "builder"
    job.post(step)
    assert (docker / "buildx/current").read_text() == "builder"
    assert json.loads((docker / "config.json").read_text()) == before
    assert job.environ["DOCKER_CONFIG"] == ""


@pytest.mark.parametrize("text", ['{"auths": {"ghcr.io": {"auth": "c2VjcmV0"', "[]", "null"])
def test_a_broken_docker_configuration_is_named_and_not_quoted(
    job: GithubRunner, inputs: dict[str, str], machine: Machine, text: str
) -> None:
    (machine.home / ".docker").mkdir()
    (machine.home / ".docker/config.json").write_text(text)
    step = job.use(inputs)
    assert step.code == 1
    (said,) = step.said("error")
    assert said == f"{machine.home}/.docker/config.json is not a JSON object: correct or remove it"


def test_post_logs_out_and_removes_everything(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    step = job.post(job.use(inputs))
    assert (step.code, step.said("warning")) == (0, [])
    assert list(job.temp.iterdir()) == []
    assert "token-1" not in step.log
    job.environ |= {"ECR_VEND_CACHE_DIR": ""}
    job.docker_asks(HOST)
    assert len(service.asked) == 2


def test_post_erases_before_it_removes(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    # So that a renewal on its way keeps nothing.
    step = job.use(inputs)
    seen = machine.home / "seen"
    stub = machine.home / "bin/docker-credential-ecr-vend"
    stub.write_text(f'#!/bin/sh\n{{ echo "$1"; cat; ls "$ECR_VEND_CACHE_DIR"; }} >>"{seen}"\n')
    job.post(step)
    assert seen.read_text().startswith(f"erase\n{HOST}")
    assert len(seen.read_text().splitlines()) > 1


def test_two_uses_in_a_job_add_up_and_end_in_turn(
    job: GithubRunner, inputs: dict[str, str], machine: Machine
) -> None:
    job.environ["DOCKER_CONFIG"] = str(machine.home / "docker-of-the-job")
    first = job.use(inputs)
    second = job.use({"registries": OTHER, "install": "false"})
    for host in (HOST, OTHER):
        assert "token" in job.docker_asks(host).stdout
    config = json.loads((job.temp / job.environ["DOCKER_CONFIG"] / "config.json").read_text())
    assert list(config["credHelpers"]) == [HOST, OTHER]
    assert (job.post(second).code, job.post(first).code) == (0, 0)
    assert list(job.temp.iterdir()) == []
    assert job.environ["DOCKER_CONFIG"] == str(machine.home / "docker-of-the-job")


def test_an_input_counts_whatever_the_job_has_set(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    job.environ |= {"ECR_VEND_ENDPOINT": "http://127.0.0.1:9/no", "ECR_VEND_ACCESS": "pull"}
    job.environ |= {"ECR_VEND_REASON": "nightly"}
    assert job.use(inputs | {"push": "team/app"}).code == 0
    assert service.asked == [{"registry": HOST, "push": ["team/app"], "reason": "nightly"}]


def test_an_alias_is_what_docker_asks_for(job: GithubRunner, inputs: dict[str, str]) -> None:
    step = job.use(inputs | {"registries": f"images.example.com={HOST}"})
    assert step.outputs["registry"] == "images.example.com"
    assert "token-1" in job.docker_asks("images.example.com").stdout


def test_a_missing_endpoint_is_said_as_an_error(job: GithubRunner, inputs: dict[str, str]) -> None:
    step = job.use(inputs | {"endpoint": ""})
    assert step.code == 1
    (said,) = step.said("error")
    assert "no endpoint is set" in said
    assert "the input `endpoint`" in said
    assert step.outputs == {}
    assert "DOCKER_CONFIG" not in job.environ


def test_missing_credentials_name_the_action_that_gets_them(
    job: GithubRunner, inputs: dict[str, str]
) -> None:
    del job.environ["AWS_ACCESS_KEY_ID"]
    (said,) = job.use(inputs).said("error")
    assert "aws-actions/configure-aws-credentials" in said
    assert "id-token: write" in said
    assert "fork" in said


def test_a_refusal_is_shown_with_its_vend(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    service.refuse = (403, REFUSAL)
    step = job.use(inputs)
    assert step.code == 1
    (said,) = step.said("error")
    assert str(REFUSAL["vend_id"]) in said
    assert "ask platform@example.com for team/app" in said


def test_post_cleans_up_after_a_failed_main(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    service.refuse = (403, REFUSAL)
    step = job.use(inputs)
    assert len(list(job.temp.iterdir())) == 1
    assert job.post(step).code == 0
    assert list(job.temp.iterdir()) == []


def test_post_cleans_up_after_a_killed_main(
    job: GithubRunner, service: FakeService, inputs: dict[str, str]
) -> None:
    service.hold = threading.Event()
    asked = threading.Event()
    answer = service.answer

    def seen(request: dict[str, object], key_id: str) -> tuple[int, dict[str, object]]:
        asked.set()
        return answer(request, key_id)

    service.answer = seen  # type: ignore[method-assign]
    step = job.step(inputs)
    process = job.start("main", step)
    assert asked.wait(60)
    process.kill()
    # Its helper still holds the pipe, and ends with an answer that nobody reads.
    service.hold.set()
    job.ended(process, step)
    assert step.code == -9
    assert job.post(step).code == 0
    assert list(job.temp.iterdir()) == []


def test_post_without_a_main_has_nothing_to_do(job: GithubRunner) -> None:
    step = job.post(job.step({}))
    assert (step.code, step.output) == (0, "")


@pytest.mark.parametrize("state", ["{", '{"folder":1}'])
def test_post_never_fails_the_job(job: GithubRunner, state: str) -> None:
    step = job.step({})
    step.state["job"] = state
    job.post(step)
    assert step.code == 0
    assert len(step.said("warning")) == 1
