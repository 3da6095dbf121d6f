"""Writing the denies: one writer at a time, registry by registry. It talks to ports only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from vending.denies import Denies, denies
from vending.revocations import Revocation, Standing, state

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

LEASE = timedelta(seconds=40)
"""For how long one writer has the denies to itself. The function is ended before that."""

WAIT, PAUSE = timedelta(seconds=8), 0.25
"""How long to wait for another writer, and the seconds between two looks."""

ENOUGH = timedelta(seconds=16)
"""After this no further registry is begun, so that there is time left to say how it went."""

ROUNDS = 3
"""How often the revocations are read again, for those that came while the denies were written."""


class DenyFailed(Exception):
    """A registry's policies were not all written.

    Attributes:
        reason: AWS's error code.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Denier(Protocol):
    """Where one registry's denies are written."""

    def write(
        self, document: str, *, unchanged: bool, versions: Mapping[str, str]
    ) -> dict[str, str]:
        """Let every policy of the registry be `document`, and return the version of each.

        Args:
            document: What it should be.
            unchanged: Whether that is what was written last.
            versions: By ARN, what was written last.

        Raises:
            DenyFailed: One could not be written.
        """


class Register(Protocol):
    """Where revocations and blocks are kept. Each method raises `BlocksUnavailable`."""

    def put(self, new: Revocation) -> Revocation:
        """Keep a revocation, and return the one that stands: this, or one of the same target."""

    def find(self, revocation_id: str) -> Revocation | None:
        """Return the revocation of that id."""

    def every(self) -> list[Revocation]:
        """Return all there are."""

    def settle(self, revocation: Revocation) -> Revocation:
        """Let the copies of its block be as they should, and return it as it then stands."""

    def lift(self, lifted: Revocation) -> bool:
        """Keep that a block is lifted, unless it is another one by now; say whether it was kept."""

    def forget(self, revocation: Revocation) -> None:
        """Drop a revocation that is over, and its block."""

    def lease(self, holder: str, *, now: datetime, until: datetime) -> bool:
        """Take the denies for oneself, unless another holder has them; say whether."""

    def release(self, holder: str) -> None:
        """Give them back."""

    def standings(self) -> dict[str, Standing]:
        """Return what each registry, by host, is known to deny."""

    def keep(self, registry: str, standing: Standing) -> None:
        """Keep that."""


@dataclass(frozen=True, slots=True)
class Denying:
    """The writer of the denies, made of its ports.

    Attributes:
        register: Port.
        deniers: Port of each registry by its host, None for one without a revoker.
        clock: Returns the time, aware.
        sleep: Waits for some seconds.
        new_turn: Returns a random name.
    """

    register: Register
    deniers: Mapping[str, Denier | None]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    new_turn: Callable[[], str]

    def states(self, every: Collection[Revocation]) -> dict[str, dict[str, str]]:
        """Return how each revocation, by its id, stands in each registry, by its host.

        Args:
            every: All there are.

        Raises:
            BlocksUnavailable: It cannot be read.
        """
        now, standings = self.clock(), self.register.standings()
        left_out = denies(every, now=now, standing=entries_of(standings)).left_out
        return {
            one.id: {
                registry: state(
                    one, standings.get(registry, Standing()), left_out=left_out, now=now
                )
                for registry in self.deniers
            }
            for one in every
        }

    def leased(self, holder: str) -> bool:
        """Take the denies for oneself, waiting a while for another who has them; say whether.

        Raises:
            BlocksUnavailable: It cannot be written.
        """
        started = self.clock()
        while True:
            now = self.clock()
            if self.register.lease(holder, now=now, until=now + LEASE):
                return True
            if now >= started + WAIT:
                return False
            self.sleep(PAUSE)

    def deny(self, started: datetime) -> None:
        """Let every registry deny what it should, as the one who writes at this time.

        Who waits in vain leaves it to that other, who reads the revocations again when done.

        Args:
            started: When the call began that wants it.

        Raises:
            BlocksUnavailable: The register does not answer.
        """
        holder = self.new_turn()
        if not self.leased(holder):
            return
        try:
            last = None
            for _ in range(ROUNDS):
                standings = self.register.standings()
                wanted = denies(
                    self.register.every(), now=self.clock(), standing=entries_of(standings)
                )
                if wanted == last:
                    break
                self._write(wanted, standings, until=started + ENOUGH)
                last = wanted
        finally:
            self.register.release(holder)

    def _write(self, wanted: Denies, standings: Mapping[str, Standing], *, until: datetime) -> None:
        for registry, denier in self.deniers.items():
            before = standings.get(registry, Standing())
            if denier is None:
                after = failed(wanted, before, "the registry has no revoker")
            elif self.clock() >= until:
                after = failed(wanted, before, "no time was left")
            else:
                after = attempted(denier, wanted, before)
            if after != before:
                self.register.keep(registry, after)


def attempted(denier: Denier, wanted: Denies, before: Standing) -> Standing:
    """Return what a registry denies after an attempt to let it deny what is wanted."""
    known = dict(before.versions)
    try:
        versions = denier.write(
            wanted.document, unchanged=before.document == wanted.digest, versions=known
        )
    except DenyFailed as failure:
        return failed(wanted, before, failure.reason)
    return Standing(wanted.entries, wanted.digest, tuple(sorted(versions.items())))


def failed(wanted: Denies, before: Standing, reason: str) -> Standing:
    """Return what a registry is sure to deny when not all of its policies could be written.

    Some may have the new document and some the old: what both deny, stands. Which versions there
    are is not known, so that the next attempt writes all.
    """
    return Standing(before.entries & wanted.entries, failure=reason)


def entries_of(standings: Mapping[str, Standing]) -> frozenset[str]:
    """Return what some registry denies already."""
    return frozenset(entry for standing in standings.values() for entry in standing.entries)
