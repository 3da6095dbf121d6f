"""The kaniko recipe: a Kubernetes Job whose init container writes what kaniko reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ecr_vend import __version__
from tests.client.machine import ROOT
from tests.integration.ci import shells

if TYPE_CHECKING:
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


def test_the_init_container_asks_for_the_one_file(
    machine: Machine, installing: dict[str, str]
) -> None:
    assert INIT["command"] == ["/bin/sh", "-ec"]
    (script,) = INIT["args"]
    assert f"ecr-vend=={__version__}\n" in script
    # Up to the command itself, which is asked in its words what it would do.
    install, program, words = script.partition('"$HOME/venv/bin/ecr-vend"')
    environ = machine.environ | installing | VARIABLES
    environ["PATH"] = f"{machine.home / 'bin'}:{environ['PATH']}"
    done = shells.run("dash", f"{install}test -x {program}\necho {words}", environ)
    assert (done.returncode, done.stderr) == (0, "")
    asked = "materialize --format docker --registry {} --out /kaniko/.docker/config.json\n"
    assert done.stdout == asked.format(VARIABLES["REGISTRY"])


def test_the_script_is_clean_sh() -> None:
    assert shells.complaints(INIT["args"][0]) == ""
