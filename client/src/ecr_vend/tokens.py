"""A token for a registry: from the cache, or one request to the service however many ask."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_vend import identity
from ecr_vend.cache import Cache, Token
from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_vend.secret import Secret
    from ecr_vend.settings import Settings

    Fetch = Callable[[Deadline], tuple[Secret, float, float]]
    """Answers a password, when it was asked for and when it ends; raises Problem."""

PATIENCE = 25.0
"""Seconds a call may take in all; callers' own limits begin at 30."""

ASKING = 20.0
"""Seconds the asking call may take, so that those who wait for it hear how it ended."""

RENEWING = 6.0
"""Seconds for renewing a token that still works."""

QUIET = 15.0
"""Seconds after a failed renewal in which the token that still works is used without asking."""

GRACE = 0.5
"""Seconds a fetch has beyond its deadline to say in its own words what took so long."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token as it is asked for.

    Attributes:
        host: The registry's first name.
        key: A digest of everything that decides which token that is.
    """

    host: str
    key: str


def wanted(host: str, settings: Settings, environ: Mapping[str, str]) -> Wanted:
    """Return the token that these settings and this environment mean."""
    chosen = {
        "host": host,
        "endpoint": settings.endpoint,
        "region": settings.region,
        "profile": settings.profile,
        "role": settings.role,
        "request": settings.request,
        "variables": identity.variables(environ),
        "files": identity.fixed_files(environ),
        "user": os.geteuid() if hasattr(os, "geteuid") else None,
    }
    return Wanted(host, identity.digest(chosen))


def obtain(host: str, settings: Settings, environ: Mapping[str, str]) -> Token:
    """Return a token that works, from the cache or from the service.

    Args:
        host: The registry's first name.
        settings: What to ask for, of which service and as whom.
        environ: The process environment.

    Raises:
        Problem: There is none.
    """
    if not settings.endpoint:
        raise Problem("endpoint_not_set", config=str(settings.config))

    def fetch(deadline: Deadline) -> tuple[Secret, float, float]:
        # Only here, where a request is made: this costs more than all the rest of a call.
        from ecr_vend.service import connect

        service = connect(settings, environ)
        password, fetched, expires = service.vend({"registry": host, **settings.request}, deadline)
        if expires <= fetched:
            raise Problem("already_expired", endpoint=service.endpoint)
        return password, fetched, expires

    cache = Cache(settings.cache_dir, environ)
    return Asking(wanted(host, settings, environ), cache, fetch, environ).token()


@dataclass(frozen=True, slots=True)
class Asking:
    """One call's way to a token.

    Attributes:
        want: Which token.
        cache: Where tokens are kept.
        fetch: Asks the service.
        environ: The process environment.
        clock: The time, seconds since the epoch.
        sleep: Waits for some seconds.
        deadline: When to give up.
    """

    want: Wanted
    cache: Cache
    fetch: Fetch
    environ: Mapping[str, str]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    deadline: Deadline = field(default_factory=lambda: Deadline(PATIENCE))

    def token(self) -> Token:
        """Return a token that works.

        Of the calls that want the same, one asks the service; the others wait and read what it
        got, or hear why it got none. A token that works is used as it is while another call
        renews it, or when the service cannot be asked.

        Raises:
            Problem: There is none.
        """
        host, key = self.want.host, self.want.key
        began = self.clock()
        pause = 0.01
        while True:
            now = self.clock()
            kept = self.cache.load(host, key)
            if kept and kept.fresh(now):
                return kept
            works = kept if kept and kept.alive(now) else None
            if works and self.cache.failure(host, key, since=now - QUIET):
                return works
            if not works and (failure := self.cache.failure(host, key, since=began)):
                raise failure
            if lock := self.cache.try_lock(host, key):
                with lock:
                    return self._renew(began)
            if works:
                return works
            if self.deadline.left() <= 0:
                raise Problem("timeout", seconds=PATIENCE, detail="another call is asking")
            self.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def _renew(self, began: float) -> Token:
        """Ask for a token, as the one call that does."""
        host, key = self.want.host, self.want.key
        now = self.clock()
        kept = self.cache.load(host, key)
        if kept and kept.fresh(now):  # another call was quicker
            return kept
        works = kept if kept and kept.alive(now) else None
        # The call that held the lock before may have failed on behalf of this one too.
        if not works and (failure := self.cache.failure(host, key, since=began)):
            raise failure
        before = identity.dependencies(self.environ)
        since = self.cache.generation(host)
        try:
            within = self.deadline.sooner(RENEWING if works else ASKING)
            password, fetched, expires = bounded(self.fetch, within)
        except Problem as problem:
            self.cache.record_failure(host, key, problem, self.clock(), since=since)
            if works and problem.unavailable and works.alive(self.clock()):
                return works
            raise
        token = Token(password, fetched, expires, before)
        if self.cache.store(host, key, token, since=since):
            self.cache.sweep(self.clock())
        return token


def bounded(fetch: Fetch, deadline: Deadline) -> tuple[Secret, float, float]:
    """Fetch, and be done by the deadline whatever hangs.

    Name resolution, a credential program, a metadata service: none of them can be told a time
    limit from here, so they run beside the call, which leaves them behind when its time is over.

    Raises:
        Problem: As the fetch does, or `timeout`.
    """
    done: list[tuple[Secret, float, float]] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(fetch(deadline))
        except BaseException as error:  # noqa: BLE001 handed to the caller, in its own thread
            failed.append(error)

    seconds = deadline.left()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0) + GRACE)
    if failed:
        raise failed[0]
    if not done:
        raise Problem("timeout", seconds=seconds, detail="credentials, name or service hang")
    return done[0]
