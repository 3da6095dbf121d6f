"""`ecr-vend exec` with real commands: what they find, and that nothing is left however they end."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ecr_vend.config_folder import LOCK
from tests.client.fake_service import HOST, FakeService
from tests.client.machine import ROOT, Machine, write

SAY_WHERE = 'echo "$DOCKER_CONFIG"; '
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture(autouse=True)
def temporary(machine: Machine) -> Path:
    folder = machine.home / "tmp"
    folder.mkdir()
    machine.environ |= {
        "TMPDIR": str(folder),
        "ECR_VEND_REGISTRIES": HOST,
        "PYTHONPATH": str(ROOT / "client" / "src"),
    }
    return folder


def start(machine: Machine, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "ecr_vend.command_line", "exec", *words],
        env=machine.environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    with process:
        out, err = process.communicate(timeout=60)
    return out, err, process.returncode


@contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[Path]:
    """Give the folder of a running command; at the end wait until its keeper is done with it."""
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    with (folder / LOCK).open() as lock:
        yield folder
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert not folder.exists()


def auths(folder: Path, name: str = "config.json") -> dict[str, str]:
    """Return host → user and password of a configuration."""
    document = json.loads((folder / name).read_text())
    return {
        host: base64.b64decode(entry["auth"]).decode() for host, entry in document["auths"].items()
    }


@pytest.mark.parametrize("name", ["config.json", "auth.json"])
def test_a_command_finds_a_token_that_only_its_user_can_read(machine: Machine, name: str) -> None:
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "read done")
    with watched(process) as folder:
        assert auths(folder, name)[HOST].startswith("AWS:token-1-of-AKIAJOBONE-")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert finish(process) == ("", "", 1)  # `read` found the end of stdin


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGKILL],
)
def test_a_signal_is_the_commands_own_and_leaves_nothing(
    machine: Machine, number: signal.Signals
) -> None:
    process = start(machine, "--", "sh", "-c", f"ulimit -c 0; {SAY_WHERE} exec sleep 60")
    with watched(process):
        process.send_signal(number)
        assert finish(process)[2] == -number


def test_a_command_that_handles_a_signal_hears_it_once(machine: Machine) -> None:
    script = "trap 'echo heard' TERM; " + SAY_WHERE + "while ! read line; do :; done; exit 3"
    process = start(machine, "--", "bash", "-c", script)
    assert process.stdin is not None
    assert process.stdout is not None
    with watched(process):
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "heard\n"
        process.stdin.write("done\n")
        assert finish(process) == ("", "", 3)


def test_what_is_sent_to_the_whole_group_spares_the_keeper(machine: Machine) -> None:
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "exec sleep 60")
    with watched(process):
        os.killpg(process.pid, signal.SIGKILL)
        assert finish(process)[2] == -signal.SIGKILL


def test_a_broken_pipe_ends_the_command_as_without_us(machine: Machine) -> None:
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "exec yes")
    with watched(process):
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == -signal.SIGPIPE
        process.communicate()


def test_a_command_has_no_child_and_no_open_file_of_ours(machine: Machine) -> None:
    script = (
        "import os\nprint(os.environ['DOCKER_CONFIG'], flush=True)\ninput()\n"
        "try:\n os.wait()\nexcept ChildProcessError:\n print('no child')\n"
        "def opened(number):\n try:\n  os.fstat(number)\n except OSError:\n  return False\n"
        " return True\n"
        "print([number for number in range(64) if opened(number)])\n"
    )
    process = start(machine, "--", sys.executable, "-c", script)
    with watched(process):
        assert process.stdin is not None
        process.stdin.write("\n")
        assert finish(process) == ("no child\n[0, 1, 2]\n", "", 0)


def test_an_exit_code_passes_through(machine: Machine) -> None:
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "read go; exit 7", "--", "-x")
    with watched(process):
        assert finish(process)[2] == 7


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [("no-such-program", 127, "was not found"), ("/etc/passwd", 126, "cannot be run")],
)
def test_a_command_that_cannot_run_has_a_shells_exit_code(
    command: str, code: int, said: str, machine: Machine, service: FakeService
) -> None:
    out, err, ended = finish(start(machine, "--", command))
    assert (out, ended) == ("", code)
    assert err.startswith("ecr-vend: ")
    assert said in err
    assert service.asked == []


def test_a_script_without_an_interpreter_leaves_nothing(machine: Machine, temporary: Path) -> None:
    script = machine.home / "script"
    script.write_bytes(b"\x00not a program")
    script.chmod(0o755)
    _, err, code = finish(start(machine, "--", str(script)))
    assert code == 126
    assert "cannot be run (Exec format error)" in err
    assert list(temporary.iterdir()) == []


def test_the_rest_of_dockers_configuration_is_kept_and_stands_before_nothing(
    machine: Machine,
) -> None:
    docker = machine.home / ".docker"
    other = {"auth": base64.b64encode(b"me:mine").decode()}
    document = {
        "auths": {HOST: {"auth": "b2xkOm9sZA=="}, "quay.io": other, "ghcr.io": {}},
        "credsStore": "desktop",
        "credHelpers": {HOST: "ecr-login", "gcr.io": "gcloud"},
        "proxies": {"default": {"httpProxy": "http://proxy"}},
    }
    write(docker / "config.json", json.dumps(document))
    write(docker / "contexts" / "meta", "context")
    store = machine.home / "bin" / "docker-credential-desktop"
    store.write_text('#!/bin/sh\necho \'{"https://index.docker.io/v1/": "me"}\'\n')
    store.chmod(0o755)
    machine.environ["PATH"] = f"{store.parent}:{machine.environ['PATH']}"
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "read done")
    with watched(process) as folder:
        made = json.loads((folder / "config.json").read_text())
        assert base64.b64decode(made["auths"].pop(HOST)["auth"]).startswith(b"AWS:token-1-")
        assert made["auths"] == {"quay.io": other, "ghcr.io": {}}
        assert made["proxies"] == document["proxies"]
        assert "credsStore" not in made
        assert made["credHelpers"] == {
            "gcr.io": "gcloud",
            "ghcr.io": "desktop",
            "https://index.docker.io/v1/": "desktop",
            "index.docker.io": "desktop",
        }
        assert (folder / "contexts" / "meta").read_text() == "context"
        finish(process)
    assert (docker / "contexts" / "meta").exists()
    assert json.loads((docker / "config.json").read_text()) == document


def test_podmans_own_files_are_one_and_none_stands_before_the_token(machine: Machine) -> None:
    runtime = machine.home / "runtime"
    runtime.mkdir(mode=0o700)
    machine.environ["XDG_RUNTIME_DIR"] = str(runtime)
    entry = {"auth": base64.b64encode(b"me:mine").decode()}
    first = {"auths": {f"{HOST}/team/app": entry, "a.example": entry}}
    write(runtime / "containers" / "auth.json", json.dumps(first))
    second = {"auths": {"b.example": entry}, "credHelpers": {"a.example": "x", HOST: "y"}}
    write(machine.home / ".docker" / "config.json", json.dumps(second))
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "read done")
    with watched(process) as folder:
        assert folder.parent == runtime
        made = json.loads((folder / "auth.json").read_text())
        assert set(made["auths"]) == {HOST, "a.example", "b.example"}
        assert made["credHelpers"] == {}
        finish(process)


def test_the_variable_that_docker_puts_first_says_nothing_of_these_registries(
    machine: Machine,
) -> None:
    machine.environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {HOST: {}, "quay.io": {}}})
    process = start(machine, "--", "sh", "-c", SAY_WHERE + 'read go; echo "$DOCKER_AUTH_CONFIG"')
    with watched(process):
        assert json.loads(finish(process)[0]) == {"auths": {"quay.io": {}}}


def test_what_a_crash_left_is_removed_and_what_is_in_use_is_not(
    machine: Machine, temporary: Path
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = temporary / f"ecr-vend-exec-{ended.pid}-abcdefgh"
    left.mkdir(mode=0o700)
    write(left / "config.json", "{}")
    used = temporary / f"ecr-vend-exec-{os.getpid()}-abcdefgh"
    used.mkdir(mode=0o700)
    process = start(machine, "--", "sh", "-c", SAY_WHERE + "read go")
    with watched(process):
        finish(process)
    assert list(temporary.iterdir()) == [used]


def test_a_broken_configuration_is_told_and_leaves_nothing(
    machine: Machine, temporary: Path
) -> None:
    write(machine.home / ".docker" / "config.json", "{")
    out, err, code = finish(start(machine, "--registry", HOST, "--", "true"))
    assert (out, code) == ("", 1)
    assert "config.json: is not JSON" in err
    assert list(temporary.iterdir()) == []


def test_a_full_disk_leaves_nothing(machine: Machine, temporary: Path) -> None:
    words = f'ulimit -f 1; exec "{sys.executable}" -P -m ecr_vend.command_line exec -- true'
    finish(start(machine, "--", "true"))  # the token is kept, so that only the folder is written
    large = {"proxies": {"default": {"noProxy": "x" * 4096}}}
    write(machine.home / ".docker" / "config.json", json.dumps(large))
    ended = subprocess.run(
        ["sh", "-c", words], env=machine.environ, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert f"no private folder can be used in {temporary} (File too large)" in ended.stderr
    assert list(temporary.iterdir()) == []


def test_no_registry_is_a_line_that_says_what_to_name(machine: Machine) -> None:
    del machine.environ["ECR_VEND_REGISTRIES"]
    _, err, code = finish(start(machine, "--", "true"))
    assert code == 1
    assert "no registry is named: add --registry HOST" in err


def test_the_life_is_told_only_where_asked_for(machine: Machine) -> None:
    _, err, _ = finish(start(machine, "--verbose", "--", "true"))
    assert err.startswith(f"ecr-vend: the token for {HOST} works until ")
