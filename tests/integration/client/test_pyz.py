"""The client as one file: every program of it, credentials of every kind, and nothing unpacked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import __version__
from tests.client import fake_sts
from tests.client.fake_service import HOST
from tests.client.fake_sts import FakeSts, key_of
from tests.client.machine import write
from tools.artefacts import pyz
from tools.environments import SUPPORTED, find_interpreter
from tools.release.version import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

HELPER = "docker-credential-ecr-vend"
PROVIDER = "ecr-vend-credential-provider"
ROLE = "arn:aws:iam::111122223333:role/job"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pyz.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(autouse=True)
def nowhere_to_write(machine: Machine, tmp_path: Path) -> Path:
    """Give the machine a temporary folder that must stay empty."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    machine.environ["TMPDIR"] = str(folder)
    return folder


def call(
    built: Path,
    machine: Machine,
    *words: str,
    name: str = "ecr-vend.pyz",
    given: str = "",
    python: Path | str = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run the file under a name, isolated from whatever else is installed."""
    file = machine.home / name
    if not file.exists():
        shutil.copy(built, file)
    return subprocess.run(
        [python, "-I", "-S", "-B", file, *words],
        env=machine.environ,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def token(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.stderr, done.returncode) == ("", 0), done.stdout
    return str(json.loads(done.stdout)["Secret"])


def test_every_supported_python_runs_it(
    built: Path, machine: Machine, service: FakeService
) -> None:
    found = {version: find_interpreter(version) for version in (*SUPPORTED, "3.14")}
    for python in filter(None, found.values()):
        said = json.loads(call(built, machine, "version", "--json", python=python).stdout)
        assert said["python"].startswith(tuple(found))
        assert (said["version"], said["commit"], said["build"]) == (__version__, commit(), "pyz")
        call(built, machine, "cache", "clear", python=python)
        assert "of-AKIAJOBONE" in token(
            call(built, machine, "get", name=HELPER, given=HOST, python=python)
        )
    assert service.asked


def test_an_old_python_is_told_apart(built: Path) -> None:
    with zipfile.ZipFile(built) as zipped:
        main = zipped.read("__main__.py").decode()
    old = "import sys; sys.version_info = (3, 9); sys.version = '3.9.18 x'\n"
    done = subprocess.run(
        [sys.executable, "-c", old + main], capture_output=True, text=True, check=False
    )
    words = "ecr-vend: Python 3.11 or newer is needed, this is 3.9.18\n"
    assert (done.returncode, done.stderr) == (1, words)


def test_its_name_chooses_the_program(built: Path, machine: Machine) -> None:
    assert HELPER in call(built, machine, "version", name=HELPER).stdout
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": f"{HOST}/team/app:1",
    }
    done = call(built, machine, name=f"{PROVIDER}.pyz", given=json.dumps(request))
    assert json.loads(done.stdout)["kind"] == "CredentialProviderResponse", done.stderr
    assert "usage: ecr-vend " in call(built, machine, "--help", name="anything").stdout
    assert call(built, machine, "-m", "os").returncode == 2


def test_a_role_is_assumed_by_a_profile(
    built: Path, machine: Machine, service: FakeService
) -> None:
    keys = {name: machine.environ.pop(name) for name in list(machine.environ) if "_KEY" in name}
    write(
        machine.home / ".aws/config",
        f"[profile job]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
        f"[profile base]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n",
    )
    machine.environ["AWS_PROFILE"] = "job"
    token(call(built, machine, "get", name=HELPER, given=HOST))
    assert [asked["RoleArn"] for asked in service.assumed] == [ROLE]


def test_a_role_of_ours_is_assumed(built: Path, machine: Machine, service: FakeService) -> None:
    machine.environ["ECR_VEND_ROLE"] = ROLE
    token(call(built, machine, "get", name=HELPER, given=HOST))
    assert [asked["RoleArn"] for asked in service.assumed] == [ROLE]


def test_a_web_identity_is_turned_into_a_role(built: Path, machine: Machine) -> None:
    write(machine.home / "token", "a.b.c")
    del machine.environ["AWS_ACCESS_KEY_ID"], machine.environ["AWS_SECRET_ACCESS_KEY"]
    machine.environ |= {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(machine.home / "token"),
        "AWS_ROLE_ARN": ROLE,
        "AWS_REGION": "eu-west-1",
    }
    for sts in fake_sts.serve(FakeSts()):
        machine.environ["AWS_ENDPOINT_URL_STS"] = sts.url
        vended = token(call(built, machine, "get", name=HELPER, given=HOST))
    assert f"of-{key_of(ROLE, 'a.b.c')}" in vended


@pytest.fixture
def portal() -> Iterator[str]:
    """Run the access portal of IAM Identity Center; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document: dict[str, Any] = {
                "roleCredentials": {
                    "accessKeyId": f"ASIA{self.headers['x-amz-sso_bearer_token'].upper()}",
                    "secretAccessKey": "secret",
                    "sessionToken": "session",
                    "expiration": 4_070_908_800_000,
                }
            }
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.001,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_sso_profile_is_used(built: Path, machine: Machine, portal: str) -> None:
    del machine.environ["AWS_ACCESS_KEY_ID"], machine.environ["AWS_SECRET_ACCESS_KEY"]
    start = "https://example.awsapps.com/start"
    write(
        machine.home / ".aws/config",
        f"[profile dev]\nsso_start_url = {start}\nsso_region = eu-west-1\n"
        "sso_account_id = 111122223333\nsso_role_name = dev\n",
    )
    name = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    write(
        machine.home / f".aws/sso/cache/{name}.json",
        json.dumps({"accessToken": "signedin", "expiresAt": "2099-01-01T00:00:00Z"}),
    )
    machine.environ |= {"AWS_PROFILE": "dev", "AWS_ENDPOINT_URL_SSO": portal}
    assert "of-ASIASIGNEDIN" in token(call(built, machine, "get", name=HELPER, given=HOST))


def test_what_needs_awscrt_ends_in_a_sentence(built: Path, machine: Machine) -> None:
    del machine.environ["AWS_ACCESS_KEY_ID"], machine.environ["AWS_SECRET_ACCESS_KEY"]
    write(
        machine.home / ".aws/config",
        "[profile console]\nregion = eu-west-1\n"
        "login_session = arn:aws:iam::111122223333:user/me\n",
    )
    machine.environ["AWS_PROFILE"] = "console"
    done = call(built, machine, "get", name=HELPER, given=HOST)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert done.stdout.startswith("ecr-vend: ")
    assert "awscrt" in done.stdout or "botocore[crt]" in done.stdout


def test_without_a_home_or_a_place_to_write_it_works(
    built: Path, machine: Machine, nowhere_to_write: Path
) -> None:
    del machine.environ["HOME"]
    machine.environ["TMPDIR"] = "/nonexistent"
    machine.environ["ECR_VEND_ROLE"] = ROLE
    before = set(machine.home.rglob("*"))
    token(call(built, machine, "get", name=HELPER, given=HOST))
    assert set(machine.home.rglob("*")) - before == {machine.home / HELPER}
    assert not list(nowhere_to_write.iterdir())


def test_certificates_are_believed_from_inside(
    built: Path, machine: Machine, nowhere_to_write: Path
) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from botocore import httpsession\n"
        "from ecr_vend import aws_session, service\n"
        "plain = len(httpsession.create_urllib3_context().get_ca_certs())\n"
        "for _ in range(2): aws_session.open_session(None)\n"
        "inside = len(httpsession.create_urllib3_context().get_ca_certs())\n"
        "ours = service.trust({})\n"
        "print(plain, inside, len(ours.get_ca_certs()), httpsession.get_cert_path(True))\n"
    )

    def certificates() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, built],
            env=machine.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split() or [done.stderr]

    plain, inside, ours, path = certificates()
    assert (plain, path) == ("0", "None")
    assert int(inside) > 100
    assert inside == ours
    # Whoever names authorities believes them, and no others.
    machine.environ["AWS_CA_BUNDLE"] = "/etc/ours.pem"
    assert certificates()[1] == "0"
    assert not list(nowhere_to_write.iterdir())


def test_its_processes_run_from_it(built: Path, machine: Machine, nowhere_to_write: Path) -> None:
    done = call(built, machine, "exec", "--registry", HOST, "--", "printenv", "DOCKER_CONFIG")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder.parent == nowhere_to_write
    while folder.exists():  # until its keeper, which outlives the command, is done with it
        os.sched_yield()
    token(call(built, machine, "get", name=HELPER, given=HOST))
    log = machine.home / "log"
    machine.environ |= {"ECR_VEND_LOG": "debug", "ECR_VEND_LOG_FILE": str(log)}
    assert call(built, machine, "-m", "ecr_vend.renewal", HOST, given="{}").returncode == 0
    assert f'renewed host="{HOST}"' in log.read_text()


def test_unpacked_it_is_the_same_program(
    built: Path, machine: Machine, service: FakeService, tmp_path: Path
) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(built) as zipped:
        zipped.extractall(folder)
    machine.environ["ECR_VEND_ROLE"] = ROLE
    log = machine.home / "log"
    machine.environ |= {"ECR_VEND_LOG": "debug", "ECR_VEND_LOG_FILE": str(log)}

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", "-B", folder, *words],
            env=machine.environ,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert run("version", "--json").returncode == 0
    token(run("-m", "ecr_vend.dialects.docker", "get", given=HOST))
    assert [asked["RoleArn"] for asked in service.assumed] == [ROLE]
    token(run("-m", "ecr_vend.front", HOST))
    provider = run("-m", "ecr_vend.dialects.kubelet", "--version")
    assert provider.stdout == f"{PROVIDER} {__version__}\n"
    assert run("-m", "ecr_vend.renewal", HOST, given="{}").returncode == 0
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ecr_vend import single_file; print(*single_file.command('ecr_vend.renewal', '-I'))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, folder],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == [sys.executable, "-I", str(folder), "-m", "ecr_vend.renewal"]


def test_building_again_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    assert pyz.build(tmp_path / "again").read_bytes() == built.read_bytes()


def test_it_holds_every_dependency_with_its_licence(built: Path) -> None:
    lock = pyz.LOCK.read_text().splitlines()
    pins = {tuple(line.split(" ")[0].split("==")) for line in lock if "==" in line.split(" ")[0]}
    with zipfile.ZipFile(built) as zipped:
        names = zipped.namelist()
    folders = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {tuple(name.removesuffix(".dist-info").rsplit("-", 1)) for name in folders} == {
        (name.replace("-", "_"), version) for name, version in pins
    }
    for folder in folders:
        inside = [name.upper() for name in names if name.startswith(folder)]
        assert any("LICEN" in name or "COPYING" in name for name in inside), folder
    assert not [name for name in names if name.endswith((".pyc", ".so", ".gz"))]
