"""A token for a registry: from the cache, or one request to the service however many ask."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_vend import identity, log
from ecr_vend.cache import Cache, Token
from ecr_vend.deadline import Deadline, bounded
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_vend.registries import Registry
    from ecr_vend.secret import Secret
    from ecr_vend.settings import Settings
    from ecr_vend.web_identity import WebIdentity

    Fetch = Callable[[Deadline], tuple[Secret, float, float]]
    """Answers a password, when it was asked for and when it ends; raises Problem."""

PATIENCE = 25.0
"""Seconds a call may take in all; callers' own limits begin at 30."""

ASKING = 20.0
"""Seconds the asking call may take, so that those who wait for it hear how it ended."""

RENEWING = 6.0
"""Seconds for renewing a token that still works, while its caller waits."""

LAST_SECONDS = 10.0
LAST_SHARE = 0.1
"""A token that has less left than these seconds, and than this share of its life, is renewed before
it is used, because a pull that begins with it would hardly end with it."""

AT_IT = 30.0
"""Seconds in which a process that was started to renew is taken to be at it: it ends sooner."""

QUIET = 15.0
"""Seconds after a failed renewal in which the token that still works is used without asking."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token as it is asked for.

    Attributes:
        host: The registry's first name.
        key: A digest of everything that decides which token that is.
    """

    host: str
    key: str


def wanted(
    host: str,
    settings: Settings,
    environ: Mapping[str, str],
    web_identity: WebIdentity | None = None,
) -> Wanted:
    """Return the token that these settings and this environment mean; see `obtain`."""
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
        "web_identity": web_identity.digest() if web_identity else None,
    }
    return Wanted(host, identity.digest(chosen))


def obtain(
    registry: Registry, environ: Mapping[str, str], *, web_identity: WebIdentity | None = None
) -> Token:
    """Return a token that works, from the cache or from the service.

    Args:
        registry: What it is for.
        environ: The process environment.
        web_identity: Who asks, in the place of whoever the environment makes us.

    Raises:
        Problem: There is none.
    """
    host, settings = registry.host, registry.settings
    if not settings.endpoint:
        raise Problem("endpoint_not_set", config=str(settings.config))

    def start() -> bool:
        from ecr_vend import renewal

        return renewal.start(registry.name, settings.request, environ)

    cache = Cache(settings.cache_dir, environ)
    want = wanted(host, settings, environ, web_identity)
    fetch = fetching(host, settings, environ, web_identity)
    # A token of a service account is handed to no other process.
    return Asking(want, cache, fetch, environ, start=None if web_identity else start).token()


def fetching(
    host: str,
    settings: Settings,
    environ: Mapping[str, str],
    web_identity: WebIdentity | None = None,
) -> Fetch:
    """Return what asks the service for a token; see `obtain`."""

    def fetch(deadline: Deadline) -> tuple[Secret, float, float]:
        # Only here, where a request is made: this costs more than all the rest of a call.
        from ecr_vend.service import connect

        service = connect(settings, environ, web_identity)
        password, fetched, expires = service.vend({"registry": host, **settings.request}, deadline)
        if expires <= fetched:
            raise Problem("already_expired", endpoint=service.endpoint)
        return password, fetched, expires

    return fetch


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
        start: Starts a process that renews what is kept, and answers whether it could; None where
            the caller itself is to renew.
        renewing: Seconds for renewing a token that still works.
    """

    want: Wanted
    cache: Cache
    fetch: Fetch
    environ: Mapping[str, str]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    deadline: Deadline = field(default_factory=lambda: Deadline(PATIENCE))
    start: Callable[[], bool] | None = None
    renewing: float = RENEWING

    def token(self) -> Token:
        """Return a token that works.

        Of the calls that want the same, one asks the service; the others wait and read what it
        got, or hear why it got none. A token that works is used as it is while a process of its
        own renews it, or when the service cannot be asked.

        Raises:
            Problem: There is none.
        """
        host, key = self.want.host, self.want.key
        began = self.clock()
        pause = 0.01
        waits = False
        while True:
            now = self.clock()
            kept = self.cache.load(host, key)
            if kept and kept.fresh(now):
                log.note("served from the cache", host=host, renew_in=_seconds(kept.refresh - now))
                return kept
            works = kept if kept and kept.alive(now) else None
            if works and self._looked_after(works, now):
                log.note("served from the cache", host=host, ends_in=_seconds(works.expires - now))
                return works
            if not works and (failure := self.cache.failure(host, key, began, now)):
                raise failure
            if lock := self.cache.try_lock(host, key):
                with lock:
                    return self._first(began)
            if works:
                return works
            if self.deadline.left() <= 0:
                raise Problem("timeout", seconds=PATIENCE, detail="another call is asking")
            if not waits:
                log.note("waiting for another call that asks for the same", host=host)
                waits = True
            self.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def renewed(self) -> Token | None:
        """Return what replaces the kept token, None where that needs no renewal or got none."""
        host, key = self.want.host, self.want.key
        while True:
            now = self.clock()
            kept = self.cache.load(host, key)
            if not kept or kept.fresh(now) or not kept.alive(now) or self.deadline.left() <= 0:
                return None
            # The call that started this process may hold the lock for a moment still.
            if lock := self.cache.try_lock(host, key):
                with lock:
                    # As another may have left it just before.
                    if self.cache.load(host, key) != kept:
                        return None
                    token = self._ask(kept)
                    return None if token == kept else token
            self.sleep(0.02)

    def _first(self, began: float) -> Token:
        """Return a token, as the one call that looks after it."""
        host, key = self.want.host, self.want.key
        now = self.clock()
        kept = self.cache.load(host, key)
        if kept and kept.fresh(now):  # another call was quicker
            return kept
        works = kept if kept and kept.alive(now) else None
        if works and (self._looked_after(works, now) or self._handed_over(works, now)):
            return works
        # The call that held the lock before may have failed on behalf of this one too.
        if not works and (failure := self.cache.failure(host, key, began, now)):
            raise failure
        return self._ask(works)

    def _looked_after(self, works: Token, now: float) -> bool:
        """Return whether a renewal is under way, or the service could not be asked just now."""
        host, key = self.want.host, self.want.key
        failure = self.cache.failure(host, key, now - QUIET, now)
        if failure and failure.unavailable:
            return True
        begun = self.cache.renewal(host, key)
        return begun is not None and now - AT_IT < begun <= now and not nearly_over(works, now)

    def _handed_over(self, works: Token, now: float) -> bool:
        """Return whether a process was started that renews the token."""
        host, key = self.want.host, self.want.key
        if not self.start or nearly_over(works, now):
            return False
        # Once the service has said no, a caller hears it rather than being given what is left.
        failure = self.cache.failure(host, key, works.fetched, now)
        if failure and not failure.unavailable:
            return False
        return self.cache.record_renewal(host, key, works, now) and self.start()

    def _ask(self, works: Token | None) -> Token:
        """Ask for a token, in the place of one that still works where there is one."""
        host, key = self.want.host, self.want.key
        log.note(
            "asking for a token",
            host=host,
            kept="a token that still works" if works else "none that works",
        )
        before = identity.dependencies(self.environ)
        since = self.cache.generation(host)
        try:
            within = self.deadline.sooner(self.renewing if works else ASKING)
            password, fetched, expires = bounded(self.fetch, within)
        except Problem as problem:
            log.note("no token", host=host, code=problem.code, text=problem.text)
            self.cache.record_failure(host, key, problem, self.clock(), since=since)
            if works and problem.unavailable and works.alive(self.clock()):
                return works
            raise
        token = Token(password, fetched, expires, before)
        stored = self.cache.store(host, key, token, since=since, instead_of=works)
        log.note("a token", host=host, ends_in=_seconds(expires - fetched), stored=stored)
        if stored:
            self.cache.sweep(self.clock())
        return token


def nearly_over(token: Token, now: float) -> bool:
    """Return whether so little of a token's life is left that it is renewed before it is used."""
    life = token.expires - token.fetched
    return token.expires - now < min(LAST_SECONDS, LAST_SHARE * life)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s"
