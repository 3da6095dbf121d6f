"""The kaniko recipe: a Kubernetes Job whose init container writes what kaniko reads."""

from __future__ import annotations

import base64
import json
import re
import stat
from typing import TYPE_CHECKING, Any

import yaml

from ecr_vend import __version__
from tests.client.machine import ROOT

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

JOB: dict[str, Any] = yaml.safe_load((ROOT / "client/ci/kaniko/job.yaml").read_text())
POD: dict[str, Any] = JOB["spec"]["template"]["spec"]
(INIT,), (KANIKO,) = POD["initContainers"], POD["containers"]
VARIABLES: dict[str, str] = {one["name"]: one["value"] for one in INIT["env"]}


def words(out: str) -> list[str]:
    """Return the init container's arguments as the kubelet passes them, its volume at `out`."""
    named = (re.sub(r"\$\((\w+)\)", lambda name: VARIABLES[name[1]], word) for word in INIT["args"])
    return [word.replace("/kaniko/.docker", out) for word in named]


def test_kaniko_reads_the_file_that_the_init_container_writes() -> None:
    (volume,) = POD["volumes"]
    assert volume["emptyDir"]["medium"] == "Memory"
    (written,), (read,) = INIT["volumeMounts"], KANIKO["volumeMounts"]
    assert read == written | {"readOnly": True}
    assert written == {"name": volume["name"], "mountPath": "/kaniko/.docker"}
    assert f"--out={written['mountPath']}/config.json" in INIT["args"]


def test_no_pod_is_tried_again_with_an_old_token() -> None:
    assert (JOB["spec"]["backoffLimit"], POD["restartPolicy"]) == (0, "Never")
    assert VARIABLES["ECR_VEND_TTL"] == "1h"
    assert JOB["spec"]["activeDeadlineSeconds"] == 3600


def test_it_pushes_where_its_token_may() -> None:
    (destination,) = [word for word in KANIKO["args"] if word.startswith("--destination=")]
    image = f"{VARIABLES['REGISTRY']}/{VARIABLES['ECR_VEND_PUSH']}:latest"
    assert destination == f"--destination={image}"


def test_the_init_container_is_the_image_of_this_release_and_nobody_special() -> None:
    assert INIT["image"].rpartition(":") == ("ghcr.io/ecr-vend/ecr-vend", ":", __version__)
    assert "command" not in INIT  # what it runs is the image's own entry point
    assert INIT["securityContext"] == {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_init_container_writes_the_file_with_a_token_for_the_push(
    machine: Machine, service: FakeService
) -> None:
    mounted = machine.home / "kaniko"
    mounted.mkdir()
    machine.environ |= VARIABLES | {"ECR_VEND_ENDPOINT": service.url}
    out, err, code = machine.run(*words(str(mounted)))
    assert (out, code) == ("", 0)
    assert err.startswith(f"ecr-vend: the token for {VARIABLES['REGISTRY']} works until ")
    assert "token-1" not in err
    (written,) = mounted.iterdir()
    assert written.name == "config.json"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    auths = json.loads(written.read_text())["auths"]
    assert set(auths) == {VARIABLES["REGISTRY"]}
    user, _, password = base64.b64decode(auths[VARIABLES["REGISTRY"]]["auth"]).partition(b":")
    assert (user, password[:8]) == (b"AWS", b"token-1-")
    wanted = {"push": [VARIABLES["ECR_VEND_PUSH"]], "ttl_seconds": 3600}
    assert service.asked == [{"registry": VARIABLES["REGISTRY"]} | wanted]
