"""The client's image runs as nobody special, on a system that nobody can write to."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecr_vend import __version__
from tests.client.fake_service import HOST, FakeService, serve
from tests.integration.ci.test_kaniko_job import VARIABLES, words
from tests.integration.image.conftest import Image
from tests.tools_at_hand import require_tool
from tools.artefacts.image.build import ARCHIVE
from tools.artefacts.image.root import USER
from tools.release.version import commit

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAJOBONE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-job-one",
    "AWS_EC2_METADATA_DISABLED": "true",
    "ECR_VEND_REGION": "eu-west-1",
}
WRITABLE = """
import os
found = [name for name, folders, files in os.walk("/") for name in
         (name, *(os.path.join(name, file) for file in files))
         if os.access(name, os.W_OK) and not os.path.islink(name)]
print(os.getuid(), os.getgid(), os.getgroups(), found)
"""


@pytest.fixture
def variables(service: FakeService) -> dict[str, str]:
    return KEYS | {"ECR_VEND_ENDPOINT": service.url}


def test_it_says_that_it_is_the_image(image: Image) -> None:
    said = json.loads(image.run("/usr/bin/ecr-vend", "version", "--json").stdout)
    assert (said["version"], said["commit"], said["build"]) == (__version__, commit(), "image")


def test_the_user_is_nobody_special_and_can_write_nowhere(image: Image) -> None:
    done = image.run(image.python, "-IS", "-c", WRITABLE, read_only=False)
    assert (done.stdout, done.stderr) == (f"{USER} {USER} [] []\n", "")


@pytest.mark.parametrize("user", [USER, 1000])
def test_the_helper_vends_without_a_home_or_a_place_to_write(
    image: Image, variables: dict[str, str], service: FakeService, user: int
) -> None:
    asked = ("/usr/bin/docker-credential-ecr-vend", "get")
    done = image.run(*asked, given=HOST, variables=variables, user=user)
    assert (done.returncode, done.stderr) == (0, "")
    assert "of-AKIAJOBONE" in json.loads(done.stdout)["Secret"]
    assert service.asked == [{"registry": HOST}]


def test_the_kubelets_provider_answers(image: Image, variables: dict[str, str]) -> None:
    request = {
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "kind": "CredentialProviderRequest",
        "image": f"{HOST}/team/app:1",
    }
    program = "/usr/bin/ecr-vend-credential-provider"
    done = image.run(program, given=json.dumps(request), variables=variables)
    assert json.loads(done.stdout)["kind"] == "CredentialProviderResponse", done.stderr


def test_a_role_is_assumed_with_what_botocore_finds_inside(
    image: Image, variables: dict[str, str], service: FakeService
) -> None:
    role = {"ECR_VEND_ROLE": "arn:aws:iam::444455556666:role/pullers"}
    told = variables | role | {"AWS_ENDPOINT_URL_STS": service.sts}
    done = image.run("/usr/bin/docker-credential-ecr-vend", "get", given=HOST, variables=told)
    assert "of-ASIAROLE" in json.loads(done.stdout)["Secret"], done.stdout
    assert len(service.assumed) == 1


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return an authority's certificate, which is also that of a service on this machine."""
    words = (
        "req -x509 -days 2 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=own"
    )
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "own.key", "-out", "own.pem")
    openssl = [str(require_tool("openssl")), *words.split(), *names]
    subprocess.run(openssl, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "own.pem"


@pytest.fixture
def secured(authority: Path) -> Iterator[FakeService]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, authority.with_suffix(".key"))
    for service in serve(FakeService(), context):
        service.url = service.url.replace("http:", "https:")
        yield service


def test_it_knows_the_public_authorities_and_believes_one_more_that_is_named(
    image: Image, secured: FakeService, authority: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(image.root, tmp_path / "root", symlinks=True)
    reach(tmp_path)
    shutil.copy(authority, own / "own.pem")
    told = KEYS | {"ECR_VEND_ENDPOINT": secured.url}
    asked = ("/usr/bin/docker-credential-ecr-vend", "get")
    refused = image.run(*asked, given=HOST, variables=told, root=own)
    assert f"the certificate of {secured.url} is not trusted (self-signed" in refused.stdout
    believed = told | {"AWS_CA_BUNDLE": "/own.pem"}
    done = image.run(*asked, given=HOST, variables=believed, root=own)
    assert "of-AKIAJOBONE" in json.loads(done.stdout)["Secret"], done.stdout
    counted = (
        "import sys, ssl; sys.path.insert(0, '/usr/lib/ecr-vend'); import certifi\n"
        "print(len(ssl.create_default_context(cafile=certifi.where()).get_ca_certs()))"
    )
    assert int(image.run(image.python, "-IS", "-c", counted).stdout) > 100


def reach(folder: Path) -> None:
    """Let the image's user come as far as a folder of a test."""
    for path in (folder, *folder.parents[:-1]):
        path.chmod(path.stat().st_mode | 0o011)


def test_an_init_container_writes_what_the_next_container_reads(
    image: Image, variables: dict[str, str], tmp_path: Path
) -> None:
    own = shutil.copytree(image.root, tmp_path / "root", symlinks=True)
    reach(tmp_path)
    mounted = own / "kaniko/.docker"
    mounted.mkdir(parents=True)
    mounted.chmod(0o777)  # as an emptyDir is
    assert VARIABLES["REGISTRY"] == HOST
    asked = ("/usr/bin/ecr-vend", *words("/kaniko/.docker"))
    done = image.run(*asked, variables=VARIABLES | variables, root=own, read_only=False)
    assert done.returncode == 0, done.stderr
    written = mounted / "config.json"
    assert written.stat().st_uid == USER
    auths = json.loads(written.read_text())["auths"]
    assert base64.b64decode(auths[HOST]["auth"]).startswith(b"AWS:token-1-of-AKIAJOBONE")


def test_an_engine_starts_it_as_its_configuration_says(image: Image, tmp_path: Path) -> None:
    buildah = [
        str(require_tool("buildah")), "--storage-driver", "vfs",
        "--root", str(tmp_path / "storage"), "--runroot", str(tmp_path / "run"),
    ]  # fmt: skip

    def call(*words: str) -> str:
        done = subprocess.run([*buildah, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    container = call("from", f"oci-archive:{image.folder / ARCHIVE}:{__version__}")
    run = ("run", "--isolation", "chroot", container, "--")
    assert "build    image" in call(*run, "ecr-vend", "version")
    assert call(*run, image.python, "-IS", "-c", "import os; print(os.getuid())") == str(USER)
    call("rm", container)
