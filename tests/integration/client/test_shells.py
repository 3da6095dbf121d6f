"""Every shell makes the same of the front: what it prints, and whom it leaves to Python."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tests.client.fake_service import CONSUMERS, HOST
from tests.client.machine import OLD
from tests.client.renewals import age, await_renewals

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

ENTRY = "an entry\n"
PYTHON = "PYTHON\n"
NOTHING = "credentials not found in native keychain\n"
NAMES = {name: ENTRY for form, name in CONSUMERS.items() if form != "rules_oci on Windows"}
INPUTS = NAMES | {
    f"{HOST} \r\n": PYTHON,
    "": PYTHON,
    "\n": PYTHON,
    HOST.upper(): PYTHON,
    f"{HOST}\n{HOST}": PYTHON,
    f"{HOST}\\": PYTHON,
    f"{HOST}$(id)": PYTHON,
    f"{HOST}/%s%n": PYTHON,
    f"{HOST}/*": PYTHON,
    f"-n {HOST}": PYTHON,
    f"444455556666{HOST[12:]}": PYTHON,
    "é": PYTHON,
    "docker.io": NOTHING,
    "https://index.docker.io/v1/": NOTHING,
    "x" * 5000: NOTHING,
}
ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "ifs": {"IFS": "."},
    "odd": {"IFS": "", "CDPATH": "/", "ENV": "/dev/null", "POSIXLY_CORRECT": "1"},
    "locale": {"LC_ALL": "C.UTF-8"},
    "own names": dict.fromkeys(
        ("asked", "host", "entry", "line", "now", "body", "ecr", "claim", "checked", "waited"), "x"
    ),
}


def test_the_same_input_has_the_same_output(shelled: Machine) -> None:
    printed = shelled.python()
    body = printed.partition('"Username"')[2]
    found = {given: shelled.front(given) for given in INPUTS}
    for given, said in found.items():
        whole = f'{{"ServerURL":"{given.strip()}","Username"{body}'
        found[given] = ENTRY if said == whole else said
    assert found == INPUTS


@pytest.mark.parametrize("changes", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_shells_own_variables_change_nothing(
    shelled: Machine, changes: dict[str, str | None]
) -> None:
    printed = shelled.python()
    assert shelled.front(**changes) == printed
    assert shelled.front(**changes, AWS_OF_TOMORROW="x") == PYTHON


def test_a_token_that_was_fetched_just_now_is_printed(shelled: Machine) -> None:
    # Some shells compare whole seconds; a second is what Python bears with, too.
    first = shelled.call(front=True)
    assert shelled.call(front=True) == first
    assert shelled.pythons() == 1


def test_a_token_past_its_refresh_point_is_printed_and_renewed_apart(
    shelled: Machine, service: FakeService
) -> None:
    first = shelled.call(front=True)
    age(shelled, 800)
    service.hold = threading.Event()
    assert shelled.call(front=True) == first
    service.hold.set()
    await_renewals(shelled)
    pythons = shelled.pythons()
    renewed = shelled.call(front=True)
    assert renewed != first
    assert shelled.pythons() == pythons


def test_a_system_without_proc_has_another_clock(shelled: Machine) -> None:
    front = shelled.home / "bin" / "docker-credential-ecr-vend"
    text = front.read_text()
    assert text.count("now=/proc/self/stat\n") == 1
    front.write_text(text.replace("now=/proc/self/stat\n", "now=/nowhere\n"))
    first = shelled.call(front=True)
    assert shelled.call(front=True) == first
    assert shelled.pythons() == 1
    (entry,) = shelled.home.rglob("*~*")
    os.utime(entry, OLD)
    assert shelled.call(front=True) == first
    assert shelled.pythons() == 2


def test_a_program_unpacked_beside_the_front_is_what_it_starts(shelled: Machine) -> None:
    folder = shelled.home / "lib/ecr-vend"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text("import sys\nprint('UNPACKED', *sys.argv[1:])\n")
    assert shelled.call("list", front=True) == ("UNPACKED -m ecr_vend.dialects.docker list\n", 0)
    said, code = shelled.call(front=True)
    assert (said.split()[:4], code) == (["UNPACKED", "-m", "ecr_vend.front", HOST], 0)
    # Neither the environment nor the working directory puts another module in its place.
    assert all(line.startswith("-I ") for line in shelled.started.read_text().splitlines())
