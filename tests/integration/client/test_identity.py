"""One job's cached token never reaches another identity, whichever form of the helper answers."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from ecr_vend import ready
from tests.client.machine import FRONT, OLD, SHELLS, write
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

CHANGES = {
    # The secret and the session token belong to the key id, which changes with them; the front
    # tells them apart by their length alone, Python by their content.
    **dict.fromkeys((*ready.VARIABLES, *ready.SECRET_VARIABLES), "other-value"),
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "another-pod",
    "AWS_SECURITY_TOKEN": "an-older-name",
    "AWS_A_VARIABLE_OF_NEXT_YEAR": "new-role",
}
PLACES = (
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "ECR_VEND_CACHE_DIR",
    "ECR_VEND_CONFIG",
    "ECR_VEND_SYSTEM_CONFIG",
)
"""Variables whose value must be a path."""

NOT_IDENTITY = (
    "ECR_VEND_CONFIG",
    "ECR_VEND_REGISTRIES",
    "ECR_VEND_SYSTEM_CONFIG",
    "XDG_CONFIG_HOME",
)
"""Variables that say where settings are: Python reads those, and they are the same here."""

ANSWERS = {
    "ECR_VEND_ACCESS": "pull",
    "ECR_VEND_TTL": "120",
    "ECR_VEND_ROLE": "arn:aws:iam::111122223333:role/another",
    "ECR_VEND_REGISTRIES": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
}
"""Variables of which only some values mean anything."""


@pytest.fixture(params=["python", *SHELLS])
def front(request: pytest.FixtureRequest, machine: Machine) -> bool:
    """Return whether the front is called rather than Python, and in which shell."""
    if request.param == "python":
        return False
    shell = SHELLS[request.param]
    require_tool(shell[0])
    machine.shell = shell
    return True


def kept(machine: Machine, *, front: bool) -> str:
    """Fetch a token and see that it is served again, by the front without Python."""
    machine.settle()
    first = machine.python()
    assert '"Secret":"token-1-of-AKIAJOBONE-' in first
    for marker in machine.home.rglob("ready/*.0"):
        # Fetched a while ago, since some shells compare whole seconds.
        os.utime(marker, OLD)
    assert again(machine, front=front) == first
    return first


def again(machine: Machine, *, front: bool, **changes: str | None) -> str:
    return machine.front(**changes) if front else machine.python(**changes)


def test_one_jobs_cached_token_never_reaches_another_identity(
    machine: Machine, front: bool, tmp_path: Path
) -> None:
    first = kept(machine, front=front)
    leaked = []
    for variable, value in CHANGES.items():
        if variable in NOT_IDENTITY and not front:
            continue
        other = str(tmp_path / "elsewhere") if variable in PLACES else value
        second = again(machine, front=front, **{variable: ANSWERS.get(variable, other)})
        if "token-1-of" in second or not second or (front and second != "PYTHON\n"):
            leaked.append(variable)
        assert again(machine, front=front) == first, f"{variable} spoilt the token"
    assert leaked == []


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_EC2_METADATA_DISABLED"])
def test_a_variable_that_goes_away_is_a_miss(machine: Machine, front: bool, variable: str) -> None:
    kept(machine, front=front)
    assert "token-1-of" not in again(machine, front=front, **{variable: None})


def test_an_empty_variable_is_not_an_absent_one(machine: Machine, front: bool) -> None:
    kept(machine, front=front)
    assert "token-1-of" not in again(machine, front=front, AWS_ROLE_ARN="")


def test_values_cannot_be_moved_from_one_variable_into_another(
    machine: Machine, front: bool
) -> None:
    machine.environ["AWS_ROLE_ARN"] = "a"
    machine.environ["AWS_ROLE_SESSION_NAME"] = "b"
    kept(machine, front=front)
    names = list(ready.VARIABLES)
    first, second = names.index("AWS_ROLE_ARN"), names.index("AWS_ROLE_SESSION_NAME")
    for joined in ("ab", f"a;{second}=1:b", f"a;{second}=1:b;", f"1:a;{first}=1:b"):
        moved = {"AWS_ROLE_ARN": joined, "AWS_ROLE_SESSION_NAME": None}
        assert "token-1-of" not in again(machine, front=front, **moved)


def appear(path: Path) -> None:
    write(path, "[default]\n")


def grow(path: Path) -> None:
    path.write_text("[profile other]\n")


def swap_for_an_older_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("[profile other]\n")
    os.utime(other, (OLD[0] - 1000, OLD[1] - 1000))
    other.replace(path)


def overwrite_and_set_an_older_time(path: Path) -> None:
    path.write_text("[profile other]\n")
    os.utime(path, (OLD[0] - 1000, OLD[1] - 1000))


def remove(path: Path) -> None:
    path.unlink()


def point_a_link_elsewhere(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("[profile other]\n")
    os.utime(other, (OLD[0] - 1000, OLD[1] - 1000))
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("file", [".aws/config", ".aws/credentials", ".boto"])
@pytest.mark.parametrize(
    "change",
    [
        grow,
        swap_for_an_older_file,
        overwrite_and_set_an_older_time,
        remove,
        point_a_link_elsewhere,
    ],
)
def test_a_change_to_a_credentials_file_is_a_miss(
    machine: Machine,
    service: FakeService,
    front: bool,
    change: Callable[[Path], None],
    file: str,
) -> None:
    write(machine.home / file, "")
    first = kept(machine, front=front)
    change(machine.home / file)
    second = again(machine, front=front)
    assert second != first
    assert "token-1-of" not in second


@pytest.mark.parametrize("file", [".aws/config", ".aws/credentials", ".boto"])
def test_a_credentials_file_that_appears_is_a_miss(
    machine: Machine, service: FakeService, front: bool, file: str
) -> None:
    first = kept(machine, front=front)
    appear(machine.home / file)
    second = again(machine, front=front)
    assert second != first


def test_a_token_file_of_the_environment_that_changes_is_a_miss(
    machine: Machine, service: FakeService, front: bool
) -> None:
    token = machine.home / "oidc-token"
    write(token, "of job one")
    machine.environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(token)
    first = kept(machine, front=front)
    token.write_text("of job two")
    second = again(machine, front=front)
    assert second != first


def test_a_token_file_named_in_a_profile_that_changes_is_a_miss(
    machine: Machine, service: FakeService, front: bool
) -> None:
    token = machine.home / "oidc-token"
    write(token, "of job one")
    write(machine.home / ".aws/config", f"[profile a]\nweb_identity_token_file = {token}\n")
    first = kept(machine, front=front)
    token.write_text("of job two")
    second = again(machine, front=front)
    assert second != first


@pytest.mark.parametrize("new", [False, True], ids=["signed in anew", "another sign-in"])
def test_a_new_sign_in_is_a_miss(
    machine: Machine, service: FakeService, front: bool, new: bool
) -> None:
    write(machine.home / ".aws/config", "[profile a]\nsso_session = a\n")
    sign_in = machine.home / ".aws/sso/cache/one.json"
    write(sign_in, "{}")
    os.utime(sign_in.parent, OLD)
    first = kept(machine, front=front)
    (sign_in.with_name("two.json") if new else sign_in).write_text('{"as": "another"}')
    second = again(machine, front=front)
    assert second != first


CONFIGS = {"user's": ".config/ecr-vend/config.toml", "system's": "etc/config.toml"}


@pytest.mark.parametrize("file", CONFIGS.values(), ids=CONFIGS)
def test_a_change_to_our_own_configuration_is_seen(
    machine: Machine, service: FakeService, front: bool, file: str
) -> None:
    config = machine.home / file
    write(config, "ttl = '10m'")
    first = kept(machine, front=front)
    config.write_text("ttl = '20m'")
    second = again(machine, front=front)
    assert second != first
    assert front or [asked["ttl_seconds"] for asked in service.asked] == [600, 1200]


@pytest.mark.parametrize("file", CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_appears_or_goes_away_is_seen(
    machine: Machine, service: FakeService, front: bool, file: str
) -> None:
    config = machine.home / file
    first = kept(machine, front=front)
    write(config, "ttl = '10m'")
    assert again(machine, front=front) != first
    for path in machine.home.rglob("ready/*"):
        path.unlink()
    machine.python()
    for marker in machine.home.rglob("ready/*.0"):
        os.utime(marker, OLD)
    second = again(machine, front=front)
    assert '"Secret":"token-2-of' in second
    config.unlink()
    assert again(machine, front=front) != second


def test_the_front_is_written_for_any_posix_shell() -> None:
    subprocess.run([require_tool("dash"), "-n", FRONT], check=True)
