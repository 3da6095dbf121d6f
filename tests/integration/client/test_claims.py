"""Of many calls that find no entry one asks, and the others wait for it, in every shell.

Whatever becomes of the one that asks, the others have an answer, and it is their own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from ecr_vend import ready
from tests.client.crowd import Crowd, claims
from tests.client.fake_service import HOST, REFUSAL
from tests.client.machine import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

PYTHON = "PYTHON\n"


def secret(answer: tuple[str, int]) -> str:
    text, code = answer
    assert code == 0, text
    return str(json.loads(text)["Secret"]).partition("-of-")[0]


@pytest.fixture
def crowd(shelled: Machine, service: FakeService) -> Crowd:
    return Crowd(shelled, service)


def test_one_starts_python_and_the_others_print_its_entry(crowd: Crowd) -> None:
    with crowd.waiting(like=5):
        (claim,) = claims(crowd.machine)
        assert int(claim.read_text()) == crowd.holder.pid
    assert {secret(answer) for answer in crowd.answers} == {"token-1"}
    assert crowd.machine.pythons() == 1
    assert not claims(crowd.machine)


def test_when_the_one_is_killed_another_takes_its_place(crowd: Crowd) -> None:
    with crowd.waiting(like=5):
        for place in range(2):
            (claim,) = [path for path in claims(crowd.machine) if crowd.names(path)]
            killed = crowd.names(claim)
            assert killed
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            crowd.wake()
            crowd.await_requests(place + 2)
    assert {secret(answer) for answer in crowd.answers} == {"token-3"}
    assert len(crowd.answers) == 4
    assert crowd.machine.pythons() == 3
    assert not claims(crowd.machine)


def test_what_is_kept_for_another_environment_is_not_printed(crowd: Crowd) -> None:
    # Of the same name, since only the key id, the profiles, the grant and the access are in it.
    others = [
        {"ECR_VEND_REASON": "another"},
        {"AWS_SESSION_TOKEN": "of-another-session"},
        {"AWS_ROLE_SESSION_NAME": "another"},
    ]
    with crowd.waiting(*others):
        pass
    assert {secret(answer) for answer in crowd.answers} == {f"token-{n}" for n in range(1, 5)}
    assert not claims(crowd.machine)


def test_a_variable_unknown_to_the_front_is_left_to_python_after_the_wait(crowd: Crowd) -> None:
    with crowd.waiting({"AWS_OF_TOMORROW": "x"}):
        pass
    assert [secret(answer) for answer in crowd.answers] == ["token-1", "token-2"]


def test_a_file_that_changes_during_the_wait_is_seen_after_it(crowd: Crowd) -> None:
    config = crowd.machine.home / ".aws/config"
    write(config, "")
    with crowd.waiting(like=3):
        config.write_text("[default]\nregion = eu-west-1\n")
    assert {secret(answer) for answer in crowd.answers} == {"token-1", "token-2"}


def test_those_who_wait_are_refused_as_well(crowd: Crowd, service: FakeService) -> None:
    service.refuse = (403, REFUSAL)
    with crowd.waiting(like=3):
        pass
    ((text, code),) = set(crowd.answers)
    assert code == 1
    assert "refused by policy" in text
    assert not claims(crowd.machine)


def erase(machine: Machine) -> None:
    assert machine.python("erase") == ""


def clear(machine: Machine) -> None:
    assert machine.run("cache", "clear")[2] == 0


def wipe(machine: Machine) -> None:
    shutil.rmtree(machine.home / ".cache")


@pytest.mark.parametrize("forget", [erase, clear, wipe])
def test_what_was_erased_during_the_wait_is_printed_to_nobody_who_waited(
    crowd: Crowd, forget: Callable[[Machine], None]
) -> None:
    with crowd.waiting(like=3):
        forget(crowd.machine)
    first, *others = [secret(answer) for answer in crowd.answers]
    assert first == "token-1"
    assert set(others) == {"token-2"}
    assert not claims(crowd.machine)


@pytest.fixture
def claim(shelled: Machine) -> Path:
    """Return the path of the claim of the next call, which nobody has made."""
    shelled.call(front=True)
    (entry,) = shelled.home.rglob("*~*")
    entry.unlink()
    return entry.with_name(f"{ready.CLAIM}{entry.name}")


@pytest.mark.parametrize("left", ["", "\n", "no number\n", "../../x\n", "0\n", "-1\n", "999999999"])
def test_what_a_killed_call_left_keeps_no_one_from_asking(
    shelled: Machine, service: FakeService, claim: Path, left: str
) -> None:
    claim.write_text(left)
    naps = shelled.count_naps()
    assert shelled.call(front=True)[1] == 0
    assert len(naps()) <= 1
    assert not claims(shelled)
    assert len(service.asked) == 1, "Python has the token still"


def test_nobody_waits_long_for_a_process_that_is_another(shelled: Machine, claim: Path) -> None:
    claim.write_text(f"{os.getpid()}\n")
    naps = shelled.count_naps()
    assert shelled.call(front=True)[1] == 0
    assert 1 < len(naps()) < 10
    assert not claims(shelled)


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "broken link", "another's"])
def test_what_is_no_claim_of_ours_is_not_waited_for(
    shelled: Machine, claim: Path, kind: str
) -> None:
    match kind:
        case "folder":
            claim.mkdir()
        case "fifo":
            os.mkfifo(claim)
        case "link":
            claim.symlink_to("/dev/null")
        case "broken link":
            claim.symlink_to("nowhere")
        case _ if os.geteuid() == 0:
            claim.write_text(f"{os.getpid()}\n")
            os.chown(claim, 12345, 12345)
        case _:
            pytest.skip("only root can give a file away")
    naps = shelled.count_naps()
    assert shelled.front() == PYTHON
    assert naps() == []
    assert not claim.with_name("nowhere").exists()


@pytest.mark.parametrize("mode", [0o720, 0o704])
@pytest.mark.parametrize("what", ["cache", "entries"])
def test_a_folder_that_is_open_to_others_has_no_claims(
    shelled: Machine, claim: Path, mode: int, what: str
) -> None:
    (claim.parent if what == "entries" else claim.parent.parent).chmod(mode)
    assert shelled.front() == PYTHON
    assert not claims(shelled)


@pytest.mark.parametrize("what", ["cache", "entries"])
def test_a_folder_behind_a_link_has_no_claims(shelled: Machine, claim: Path, what: str) -> None:
    folder = claim.parent if what == "entries" else claim.parent.parent
    real = folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(real)
    if what == "cache":
        shutil.rmtree(real / "ready")
    before = sorted(real.rglob("*"))
    assert shelled.front() == PYTHON
    assert sorted(real.rglob("*")) == before


def test_where_nothing_can_be_written_nobody_waits(shelled: Machine) -> None:
    write(shelled.home / ".cache", "no folder")
    naps = shelled.count_naps()
    assert shelled.front() == PYTHON
    assert naps() == []


def test_a_full_disk_makes_no_one_wait(shelled: Machine, claim: Path) -> None:
    naps = shelled.count_naps()
    # A file can be made, and nothing be written to it.
    full = 'trap "" XFSZ; ulimit -f 0; exec "$@"'
    shelled.shell = ("bash", "-c", full, "bash", *shelled.shell)
    assert shelled.front() == PYTHON
    assert naps() == []
    assert not claims(shelled)


def test_a_sleep_that_knows_no_fractions_makes_no_one_wait(shelled: Machine, claim: Path) -> None:
    claim.write_text(f"{os.getpid()}\n")
    shelled.count_naps("exit 1")
    assert shelled.front() == PYTHON


def test_a_call_that_has_waited_looks_at_the_clock_again(
    machine: Machine, service: FakeService
) -> None:
    first = machine.call(front=True)
    (entry,) = machine.home.rglob("*~*")
    aside = entry.rename(machine.home / "aside")
    entry.with_name(f"{ready.CLAIM}{entry.name}").write_text(f"{os.getpid()}\n")
    naps = machine.count_naps(f'while ! [ -e "{entry}" ]; do /bin/sleep 0.02; done')
    with machine.start(front=True) as process:
        assert process.stdin
        process.stdin.write(HOST)
        process.stdin.close()
        process.stdin = None
        while not naps():
            os.sched_yield()
        for marker in entry.parent.glob("*.0"):
            os.utime(marker)
        aside.rename(entry)
        assert process.communicate(timeout=60) == (first[0], "")
    assert machine.pythons() == 1


def test_a_host_that_may_be_none_of_ours_makes_no_one_wait(machine: Machine) -> None:
    machine.environ["ECR_VEND_REGISTRIES"] = f"images.example.com={HOST}"
    assert machine.front("docker.io") == PYTHON
    assert machine.front("images.example.com") == PYTHON
    assert not claims(machine)
    assert machine.front() == PYTHON
    assert len(claims(machine)) == 1


def test_a_claim_is_no_entry_and_no_token(machine: Machine) -> None:
    machine.call(front=True)
    (entry,) = machine.home.rglob("*~*")
    before = machine.run("cache", "list")
    claim = entry.with_name(f"{ready.CLAIM}{entry.name}")
    claim.touch()
    assert machine.run("cache", "list") == before
    now = time.time()
    ready.sweep(entry.parent, now)
    assert claim.exists(), "a call may be at it"
    ready.sweep(entry.parent, now + 100)
    assert (claim.exists(), entry.exists()) == (False, True)
    claim.touch()
    assert machine.run("cache", "clear")[2] == 0
    assert not claim.exists()


def test_a_call_that_is_interrupted_leaves_no_claim(machine: Machine, service: FakeService) -> None:
    crowd = Crowd(machine, service)
    with crowd.waiting():
        crowd.holder.send_signal(signal.SIGINT)
        assert crowd.holder.wait() == 130
    assert not claims(machine)


def test_a_machine_without_python_has_no_claim(machine: Machine) -> None:
    (machine.home / "bin/python3").unlink()
    folder = machine.home / "tools"
    folder.mkdir()
    for name in ("mkdir", "ls", "rm", "readlink"):
        (folder / name).symlink_to(f"/bin/{name}")
    text, code = machine.call(front=True, PATH=str(folder))
    assert code == 1
    assert "no Python was found" in text
    assert not claims(machine)
