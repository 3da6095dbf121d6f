"""The GitLab template: its scripts as a runner's shells run them, with an ID token for STS."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import yaml

from ecr_vend import __version__
from tests.client.fake_service import HOST, REFUSAL
from tests.client.machine import ROOT
from tests.integration.ci import shells
from tests.integration.loopback import Connection, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

TEMPLATE = ROOT / "client/ci/gitlab/ecr-vend.yml"
ROLE = "arn:aws:iam::111122223333:role/team-app-ci"
OTHER = "444455556666.dkr.ecr.us-east-1.amazonaws.com"
SESSION = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAGITLAB</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


def documents() -> tuple[dict[str, Any], str]:
    """Return the inputs that the template declares, and the text they are put into."""
    head, _, text = TEMPLATE.read_text().partition("\n---\n")
    declared: dict[str, Any] = yaml.safe_load(head)["spec"]["inputs"]
    return declared, text


def included(inputs: dict[str, str]) -> dict[str, Any]:
    """Return the job that the template gives a pipeline which includes it."""
    declared, text = documents()
    given = {name: about.get("default") for name, about in declared.items()} | inputs
    missing = [name for name, value in given.items() if value is None]
    assert not missing

    def put(node: Any) -> Any:
        # Into the values of the parsed document, which is why the template needs no quotes.
        if isinstance(node, dict):
            return {key: put(value) for key, value in node.items()}
        if isinstance(node, list):
            return [put(value) for value in node]
        return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda name: str(given[name[1]]), str(node))

    job: dict[str, Any] = put(yaml.safe_load(text))[".ecr-vend"]
    return job


@dataclass
class Sts:
    """AWS STS, as far as web identities go.

    Attributes:
        asked: The parameters of each request.
    """

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def sts() -> Iterator[Sts]:
    found = Sts()

    class Answers(Connection):
        def post(self) -> None:
            parameters = parse_qs(self.body().decode())
            found.asked.append({name: values[0] for name, values in parameters.items()})
            self.answer(200, SESSION.encode(), {"Content-Type": "text/xml"})

    with serving(Answers) as address:
        found.url = f"http://{address}"
        yield found


@dataclass
class GitlabRunner:
    """A job on a machine: `before_script` and `script` in one shell, `after_script` in another."""

    environ: dict[str, str]
    shell: str
    job: dict[str, Any]

    @property
    def temporary(self) -> Path:
        return Path(self.environ["TMPDIR"])

    @property
    def folder(self) -> Path:
        return self.temporary / "ecr-vend-77"

    def run(self, *scripts: list[str]) -> subprocess.CompletedProcess[str]:
        environ = dict(self.environ)
        for name, value in self.job["variables"].items():
            environ[name] = re.sub(r"\$(\w+)", lambda known: self.environ[known[1]], value)
        lines = "\n".join(line for script in scripts for line in script)
        return shells.run(self.shell, lines, environ)


@pytest.fixture
def gitlab(
    machine: Machine,
    service: FakeService,
    sts: Sts,
    installing: dict[str, str],
) -> GitlabRunner:
    temporary = machine.home / "tmp"
    temporary.mkdir()
    environ = machine.environ | installing
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECR_VEND_ENDPOINT"):
        del environ[name]
    environ |= {
        "PATH": f"{machine.home / 'bin'}:{environ['PATH']}",
        "TMPDIR": str(temporary),
        "AWS_ENDPOINT_URL_STS": sts.url,
        "GITLAB_OIDC_TOKEN": "eyJ.id.token",
        "CI_SERVER_URL": "https://gitlab.example.com",
        "CI_JOB_ID": "77",
        "CI_PROJECT_ID": "5",
        "CI_JOB_URL": "https://gitlab.example.com/team/app/-/jobs/77",
    }
    inputs = {"endpoint": service.url, "registries": f"{HOST},{OTHER}", "role": ROLE}
    inputs |= {"push": "team/app", "region": "eu-west-1"}
    # The images of docker have no other shell.
    return GitlabRunner(environ, "busybox", included(inputs))


@pytest.mark.parametrize("shell", shells.SHELLS)
def test_a_job_pushes_with_its_id_token_and_leaves_nothing(
    gitlab: GitlabRunner, service: FakeService, sts: Sts, shell: str
) -> None:
    gitlab.shell = shell
    ask = (
        'cat "$DOCKER_CONFIG/config.json"; printf %s ' + HOST + " | docker-credential-ecr-vend get"
    )
    done = gitlab.run(gitlab.job["before_script"], [ask])
    assert (done.returncode, done.stderr) == (0, "")
    config, answer = done.stdout.splitlines()
    assert json.loads(config) == {"credHelpers": {HOST: "ecr-vend", OTHER: "ecr-vend"}}
    assert json.loads(answer)["Secret"].startswith("token-1-of-ASIAGITLAB")
    assert sts.asked[0]["WebIdentityToken"] == "eyJ.id.token"
    assert sts.asked[0]["RoleArn"] == ROLE
    assert sts.asked[0]["RoleSessionName"] == "gitlab-5-77"
    reason = "https://gitlab.example.com/team/app/-/jobs/77"
    assert service.asked[0] == {"registry": HOST, "push": ["team/app"], "reason": reason}
    for path in (gitlab.folder, gitlab.folder / "docker", gitlab.folder / "cache"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((gitlab.folder / "id-token").stat().st_mode) == 0o600

    done = gitlab.run(gitlab.job["after_script"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(gitlab.temporary.iterdir()) == []


def test_a_traced_job_prints_no_password(gitlab: GitlabRunner) -> None:
    done = gitlab.run(["set -x"], gitlab.job["before_script"])
    assert done.returncode == 0
    assert "token-1-of" not in done.stdout + done.stderr


def test_a_refusal_ends_the_job_with_its_line(gitlab: GitlabRunner, service: FakeService) -> None:
    service.refuse = (403, REFUSAL)
    done = gitlab.run(gitlab.job["before_script"], ["echo went on"])
    assert done.returncode == 1
    assert str(REFUSAL["vend_id"]) in done.stdout
    assert "went on" not in done.stdout
    assert gitlab.run(gitlab.job["after_script"]).returncode == 0
    assert list(gitlab.temporary.iterdir()) == []


def test_a_folder_that_someone_else_made_first_is_not_used(gitlab: GitlabRunner) -> None:
    gitlab.folder.mkdir()
    done = gitlab.run(gitlab.job["before_script"], ["echo went on"])
    assert done.returncode != 0
    assert "went on" not in done.stdout
    assert list(gitlab.folder.iterdir()) == []


def test_after_script_without_before_script_does_no_harm(gitlab: GitlabRunner) -> None:
    assert gitlab.run(gitlab.job["after_script"]).returncode == 0


def test_the_template_uses_the_inputs_it_declares() -> None:
    declared, text = documents()
    assert set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", text)) == set(declared)
    assert declared["version"]["default"] == __version__
    assert set(yaml.safe_load(text)) == {".ecr-vend"}


def test_the_example_gives_every_input_that_has_no_default() -> None:
    head = TEMPLATE.read_text().partition("\nspec:")[0]
    lines = [line.removeprefix("#").removeprefix(" ") for line in head.splitlines()]
    example = yaml.safe_load("\n".join(line for line in lines if re.match(r" |\w+:$", line)))
    declared, _ = documents()
    (include,) = example["include"]
    assert set(include["inputs"]) <= set(declared)
    assert included(include["inputs"])["id_tokens"]
    assert include["ref"] == f"v{__version__}"


def test_the_scripts_are_clean_sh() -> None:
    job = included({"endpoint": "e", "registries": "r", "role": "a"})
    assert shells.complaints("\n".join(job["before_script"])) == ""
    assert shells.complaints("\n".join(job["after_script"])) == ""
