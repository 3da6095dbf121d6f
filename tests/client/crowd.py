"""Several calls of the front at once, of which one asks the service and the others wait for it."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ecr_vend.ready import CLAIM
from tests.client.fake_service import HOST
from tests.client.machine import beside, write

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine


def claims(machine: Machine) -> list[Path]:
    """Return the claims in a machine's cache."""
    return list(machine.home.rglob(f"{CLAIM}*"))


NAP = """
began=$(cat "{gate}" 2>/dev/null)
while [ -e "{gate}" ] && [ "$(cat "{gate}")" = "$began" ]; do /bin/sleep 0.02; done
exec /bin/sleep "$@"
"""
"""What the front calls in the place of `sleep`."""


class Crowd:
    """Calls of one machine's front.

    Attributes:
        machine: Whose they are.
        answers: What those printed that were not killed, with their exit codes, first the one that
            asked first.
    """

    def __init__(self, machine: Machine, service: FakeService) -> None:
        self.machine = machine
        self.answers: list[tuple[str, int]] = []
        self._service = service
        self._running: list[subprocess.Popen[str]] = []
        self._gate = machine.home / "naps-end-when-this-changes"
        self._turn = 0

    @property
    def holder(self) -> subprocess.Popen[str]:
        """Return the call that asked first."""
        return self._running[0]

    def names(self, claim: Path) -> subprocess.Popen[str] | None:
        """Return the running call that a claim names, None where it names none."""
        known = {str(call.pid): call for call in self._running if call.poll() is None}
        return known.get(claim.read_text().strip())

    def await_requests(self, number: int) -> None:
        """Wait until the service has been asked so often."""
        while len(self._service.asked) < number:
            os.sched_yield()

    def wake(self) -> None:
        """End the naps that are under way; those that begin then last until the next time."""
        self._turn += 1
        write(self._gate, str(self._turn))

    @contextmanager
    def waiting(self, *others: dict[str, str], like: int = 0) -> Iterator[None]:
        """Start a call, and once it asks others that wait; the service answers after the block.

        Args:
            others: What is otherwise in the environment of each of the others.
            like: How many more there are, in the same environment.
        """
        naps = self.machine.count_naps(NAP.format(gate=self._gate))
        self.wake()
        self._service.hold = threading.Event()
        with ExitStack() as stack:
            stack.callback(self._service.hold.set)
            stack.callback(self._gate.unlink, missing_ok=True)
            self._start(stack, {})
            self.await_requests(1)
            for number, changes in enumerate([*others, *[{}] * like], 1):
                self._start(stack, changes)
                while len(set(naps())) < number:
                    os.sched_yield()
            yield
            self._service.hold.set()
            while claims(self.machine):
                os.sched_yield()
            self._gate.unlink()
            for call in self._running:
                out, err = call.communicate(timeout=60)
                assert err == beside(out)
                if call.returncode >= 0:
                    self.answers.append((out, call.returncode))

    def _start(self, stack: ExitStack, changes: dict[str, str]) -> None:
        call = stack.enter_context(self.machine.start(front=True, **changes))
        assert call.stdin
        call.stdin.write(HOST)
        call.stdin.close()
        call.stdin = None
        self._running.append(call)
