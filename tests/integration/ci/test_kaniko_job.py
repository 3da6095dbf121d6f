"""The kaniko recipe: a Kubernetes Job whose init container writes what kaniko reads."""

from __future__ import annotations

import base64
import json
import stat
from typing import TYPE_CHECKING, Any

import yaml

from ecr_vend import __version__
from tests.client.machine import ROOT
from tests.integration.ci import shells

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

JOB: dict[str, Any] = yaml.safe_load((ROOT / "client/ci/kaniko/job.yaml").read_text())
POD: dict[str, Any] = JOB["spec"]["template"]["spec"]
(INIT,), (KANIKO,) = POD["initContainers"], POD["containers"]
VARIABLES = {one["name"]: one["value"] for one in INIT["env"]}


def test_kaniko_reads_the_file_that_the_init_container_writes() -> None:
    (volume,) = POD["volumes"]
    assert volume["emptyDir"]["medium"] == "Memory"
    (written,), (read,) = INIT["volumeMounts"], KANIKO["volumeMounts"]
    assert read == written | {"readOnly": True}
    assert written == {"name": volume["name"], "mountPath": "/kaniko/.docker"}
    assert f"--out {written['mountPath']}/config.json" in INIT["args"][0]


def test_no_pod_is_tried_again_with_an_old_token() -> None:
    assert (JOB["spec"]["backoffLimit"], POD["restartPolicy"]) == (0, "Never")
    assert VARIABLES["ECR_VEND_TTL"] == "1h"
    assert JOB["spec"]["activeDeadlineSeconds"] == 3600


def test_it_pushes_where_its_token_may() -> None:
    (destination,) = [word for word in KANIKO["args"] if word.startswith("--destination=")]
    image = f"{VARIABLES['REGISTRY']}/{VARIABLES['ECR_VEND_PUSH']}:latest"
    assert destination == f"--destination={image}"


def test_the_init_container_writes_the_file_with_a_token_for_the_push(
    machine: Machine, service: FakeService, installing: dict[str, str]
) -> None:
    assert INIT["command"] == ["/bin/sh", "-ec"]
    (script,) = INIT["args"]
    assert f"ecr-vend=={__version__}\n" in script
    mounted = machine.home / "kaniko"
    mounted.mkdir()
    environ = machine.environ | installing | VARIABLES | {"ECR_VEND_ENDPOINT": service.url}
    environ["PATH"] = f"{machine.home / 'bin'}:{environ['PATH']}"
    done = shells.run("dash", script.replace("/kaniko/.docker", str(mounted)), environ)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"ecr-vend: the token for {VARIABLES['REGISTRY']} works until ")
    assert "token-1" not in done.stderr
    (written,) = mounted.iterdir()
    assert written.name == "config.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    auths = json.loads(written.read_text())["auths"]
    assert set(auths) == {VARIABLES["REGISTRY"]}
    user, _, password = base64.b64decode(auths[VARIABLES["REGISTRY"]]["auth"]).partition(b":")
    assert (user, password[:8]) == (b"AWS", b"token-1-")
    wanted = {"push": [VARIABLES["ECR_VEND_PUSH"]], "ttl_seconds": 3600}
    assert service.asked == [{"registry": VARIABLES["REGISTRY"]} | wanted]


def test_the_script_is_clean_sh() -> None:
    assert shells.complaints(INIT["args"][0]) == ""
