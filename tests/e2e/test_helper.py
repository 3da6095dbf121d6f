"""The real credential helper against the deployed service."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from local.oci import Client, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator


def test_fifty_parallel_gets_make_one_vend(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "fifty"), cache)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: stack.ask_helper(environment), range(50)))
    assert all(answer.ok for answer in answers), {answer.said for answer in answers}
    assert len({answer.secret for answer in answers}) == 1
    assert len(stack.vends_of("fifty")) == 1


def test_a_helper_killed_in_the_middle_leaves_a_usable_cache(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci", "killed"), cache)
    program = f"{stack.about['programs']}/docker-credential-ecr-vend"
    for wait in (0.05, 0.15, 0.25, 0.4, 0.6):
        process = subprocess.Popen(
            [program, "get"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        assert process.stdin
        process.stdin.write(stack.registry.encode())
        process.stdin.close()
        time.sleep(wait)
        process.kill()
        process.wait()
    answer = stack.ask_helper(environment)
    assert answer.ok, answer.said
    with pytest.raises(Refused) as refusal:
        Client(stack.registry, answer.username, answer.secret).pull("payments/api", "no-such-tag")
    assert refusal.value.status == 404  # past the lock: only the image is missing
    vends = len(stack.vends_of("killed"))
    assert stack.ask_helper(environment) == answer
    assert len(stack.vends_of("killed")) == vends


def test_one_identitys_token_never_reaches_another(stack: Stack, cache: Path) -> None:
    first = stack.helper_environment(stack.as_role("payments-ci"), cache)
    second = stack.helper_environment(stack.as_role("payments-publisher"), cache)
    assert stack.ask_helper(first).secret != stack.ask_helper(second).secret
    outsider = stack.ask_helper(stack.helper_environment(stack.as_role("outsider"), cache))
    assert not outsider.ok
    assert "not_granted" in outsider.said


def test_a_caller_that_may_not_call_the_api_is_told_what_to_ask_for(
    stack: Stack, cache: Path
) -> None:
    said = stack.ask_helper(stack.helper_environment(stack.as_role("stranger"), cache)).said
    assert "execute-api:Invoke" in said


def test_the_helper_takes_the_role_of_a_profile(stack: Stack, cache: Path) -> None:
    environment = stack.helper_environment(stack.as_role("payments-ci"), cache)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del environment[name]
    answer = stack.ask_helper({**environment, "AWS_PROFILE": "payments-developer"})
    assert answer.ok, answer.said
