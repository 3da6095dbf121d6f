"""Entries for the sh front are written as it reads them, and only where it can judge them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_vend import ready
from tests.client.fake_service import HOST
from tests.client.machine import FRONT, write

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine


def test_the_front_and_python_compose_one_fingerprint() -> None:
    text = FRONT.read_text().replace("\\\n", "")
    composed = text.partition("\nline=$host\\;")[2].partition("\n\n")[0]
    parts = [f"${{{v}+{n}=${{#{v}}}:${v};}}" for n, v in enumerate(ready.VARIABLES)]
    parts += [f"${{{v}+{n}=${{#{v}}};}}" for n, v in enumerate(ready.SECRET_VARIABLES, len(parts))]
    assert composed.replace("\nline=$line", "") == "".join(parts)
    unset = text.partition("  unset ")[2].partition("\n    export")[0]
    assert unset.split() == [*ready.VARIABLES, *ready.SECRET_VARIABLES]
    named = "~".join(["$host", *(f"${{{name}-}}" for name in ready.NAMED)])
    assert named == (
        text.partition("\nname=")[2].partition("\n")[0]
        + text.partition("\nname=$name")[2].partition("\n")[0]
    )


def test_the_front_leaves_credential_programs_to_python(
    machine: Machine, service: FakeService
) -> None:
    write(machine.home / ".aws/config", "[profile a]\ncredential_process = /bin/get-keys\n")
    machine.python()
    assert not list(machine.home.rglob("*~*"))


@pytest.mark.parametrize("lived", [True, False], ids=["left alone", "changed just now"])
def test_an_entry_waits_until_the_files_it_names_were_left_alone(
    machine: Machine, lived: bool
) -> None:
    # Shells that compare whole seconds would not see a second change within one.
    config = machine.home / ".aws" / "config"
    config.parent.mkdir()
    config.write_text("")
    if lived:
        machine.settle()
    machine.python()
    assert len(list(machine.home.rglob("*~*"))) == lived


def test_an_erased_registry_has_no_entry_under_any_of_its_names(
    machine: Machine, service: FakeService
) -> None:
    dual = "111122223333.dkr-ecr.eu-west-1.on.aws"
    machine.python()
    machine.python("get", dual)
    assert len(list(machine.home.rglob("*~*"))) == 2
    assert len(service.asked) == 1
    machine.python("erase", f"https://{HOST}")
    assert not list(machine.home.rglob("*~*"))
