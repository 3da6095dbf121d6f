"""What a vended token is worth, and that many calls at once ask for one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.installed.task import HELPER
from tests.installed.trying import must, promise

if TYPE_CHECKING:
    from tests.installed.trying import Trying

VEND, CROWD = "vend", "at once"


@promise(VEND, "a token pulls the image it is for")
def pulls(trying: Trying) -> None:
    trying.pulls(trying.get("pull").secret)


@promise(VEND, "the same token is refused another team's image")
def refused(trying: Trying) -> None:
    status, _ = trying.pull(trying.task.service.other, trying.get("pull").secret)
    must(status == 403, f"the registry answers {status}")


@promise(VEND, "the registry takes no other password")
def no_other(trying: Trying) -> None:
    secret = trying.get("pull").secret
    status, _ = trying.pull(trying.task.service.granted, secret[::-1])
    must(status == 401, f"the registry answers {status}")


@promise(VEND, "after `erase` another token is fetched, and works")
def erased(trying: Trying) -> None:
    before = trying.get("pull").secret
    answer = trying.call(HELPER, "erase", given=trying.task.service.registry, session="pull")
    must((answer.out, answer.code) == ("", 0), answer.said)
    after = trying.get("pull").secret
    must(after != before, "the same token is given out again")
    trying.pulls(after)


@promise(VEND, "a token that is over is never given out: another is fetched, and works", waits=True)
def expired(trying: Trying) -> None:
    before = trying.get("short").secret
    time.sleep(trying.task.service.longest + 0.5)
    status, _ = trying.pull(trying.task.service.granted, before)
    must(status in {401, 403}, f"the registry answers {status} to a token that is over")
    after = trying.get("short").secret
    must(after != before, "the token that is over is given out")
    trying.pulls(after)


@promise(CROWD, "all of many calls at once are answered, with one token where one can be kept")
def crowd(trying: Trying) -> None:
    with ThreadPoolExecutor(trying.task.many) as pool:
        answers = list(pool.map(lambda _: trying.get("many"), range(trying.task.many)))
    failed = sorted({answer.said for answer in answers if answer.code or answer.err})
    must(not failed, f"{len(failed)} kinds of failure: {'; '.join(failed[:3])}")
    secrets = {answer.secret for answer in answers}
    if trying.keeps():
        must(len(secrets) == 1, f"{trying.task.many} calls got {len(secrets)} tokens")
    trying.pulls(secrets.pop())
