"""Trials of the cells: install an artefact in a place, try it there, then ask the ledger."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.installed.task import CACHE, HOME, NOTHING
from tests.installed.trying import Check
from tests.installed.vending import CROWD
from tools.environments import ROOT, Missing, make
from tools.matrix import places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from tools.matrix.cells import Cell
    from tools.matrix.kit import Kit

PURPOSES = ("pull", "many", "short", "refused")
MANY = 50
ALONE = 8
"""Calls at once where nothing can be kept, so that each is a vend: on two cores the embedded stack
answers some three a second, and fifty would wait for longer than a call may take."""

SLOW = 4
"""Calls at once where the client is emulated: each takes five seconds of a core to start, and fifty
would be at it for longer than the client itself waits."""

READ_ONLY = frozenset({"root"})
"""The kinds of cells where it is tried as well on a file system that nobody may write."""

INSTALL = "install"
NO_STACK = sys.platform == "win32"
"""Whether the embedded stack does not run on this system: it waits on pipes as Windows cannot."""


@dataclass(frozen=True, slots=True)
class Row:
    """One artefact in one cell, tried in one way.

    Attributes:
        cell: Its name.
        artefact: `wheel`, `pyz` or `deb`.
        way: How the client was run.
        seconds: How long it took, the installation included.
        checks: What came of each promise; the first is the installation.
        many: How many calls there were at once.
    """

    cell: str
    artefact: str
    way: str
    seconds: float
    checks: list[Check]
    many: int = MANY

    @property
    def broken(self) -> list[Check]:
        """The promises that are not kept."""
        return [found for found in self.checks if found.broken]

    def sign(self, part: str) -> str:
        """Return ✓ where all of a part is kept, ✗ where it is not, and – where it was not tried."""
        found = [check for check in self.checks if check.part == part]
        if not found:
            return "–"
        sign = "✗" if any(check.broken for check in found) else "✓"
        return f"{sign} {self.many}" if part == CROWD else sign

    def described(self) -> dict[str, Any]:
        """Return it for a script."""
        return asdict(self)


@dataclass
class Service:
    """The service that all trials of a run share; use it as a context manager.

    Attributes:
        fake: Whether it is the fake in the place of the embedded stack.
    """

    fake: bool = NO_STACK
    described: dict[str, Any] = field(default_factory=dict)
    _child: subprocess.Popen[str] = field(init=False)

    def ask(self, *words: str) -> Any:
        """Return the answer to one request; see `tests/installed/service.py`.

        Raises:
            Missing: It ended.
        """
        assert self._child.stdin  # noqa: S101 a pipe was asked for
        assert self._child.stdout  # noqa: S101 as well
        if words:
            self._child.stdin.write(json.dumps(words) + "\n")
            self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise Missing("the service to try the client with ended; what it said is above")
        return json.loads(line)

    def __enter__(self) -> Self:
        """Start it, and wait until it serves."""
        python = sys.executable if self.fake else str(make("local") / "bin/python")
        options = ["--fake"] if self.fake else []
        self._child = subprocess.Popen(
            [python, "-m", "tests.installed.service", *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.described = self.ask()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe  # noqa: S101 both were asked for
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self._child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def ways(cell: Cell, kind: str) -> tuple[str, ...]:
    """Return how an artefact is tried in a cell."""
    first = HOME if cell.kind in {"native", "emulated"} else CACHE
    return (first, NOTHING) if cell.kind in READ_ONLY and kind == "pyz" else (first,)


def tried(cell: Cell, kit: Kit, service: Service, image: str = "") -> Iterator[Row]:
    """Try each artefact of a cell that there is, and yield what came of it.

    Args:
        cell: Which.
        kit: What is tried.
        service: To try it with.
        image: In the place of a container's own; one that is on this machine.
    """
    for kind in cell.artefacts:
        if kind not in kit.artefacts:
            continue
        began = time.monotonic()
        try:
            with places.place(cell, kit, image) as place:
                programs = installed(place, kit, kind)
                for way in ways(cell, kind):
                    checks = [Check(INSTALL, "it is installed", "", 0.0)]
                    many = crowd(cell, way)
                    checks += trial(
                        place, kit, service, kind=kind, way=way, many=many, programs=programs
                    )
                    yield Row(cell.name, kind, way, since(began), checks, many)
                    began = time.monotonic()
        except Missing as problem:
            failed = Check(INSTALL, "it is installed", str(problem), 0.0)
            yield Row(cell.name, kind, ways(cell, kind)[0], since(began), [failed])


def crowd(cell: Cell, way: str) -> int:
    """Return how many calls there are at once."""
    if cell.kind == "emulated":
        return SLOW
    return ALONE if way == NOTHING else MANY


def since(began: float) -> float:
    """Return the seconds since a moment."""
    return round(time.monotonic() - began, 1)


def installed(place: places.Place, kit: Kit, kind: str) -> dict[str, list[str]]:
    """Install an artefact, and return what starts its programs.

    Raises:
        Missing: It could not be installed.
    """
    there = place.kit
    done = place.call(
        [
            *place.python,
            "-B",
            "-m",
            "tests.installed.install",
            there / "dist" / kit.artefacts[kind].name,
            "--into",
            place.folder,
            "--lock",
            there / "lock.txt",
            "--wheels",
            there / "wheels",
        ],
        installs=True,
    )
    if done.returncode:
        raise Missing((done.stderr or done.stdout).strip())
    programs: dict[str, list[str]] = json.loads(done.stdout)
    if place.starts:
        return {name: [*place.starts, words[-1]] for name, words in programs.items()}
    return programs


NUMBERS = itertools.count(1)


def trial(
    place: places.Place,
    kit: Kit,
    service: Service,
    *,
    kind: str,
    way: str,
    many: int,
    programs: dict[str, list[str]],
) -> list[Check]:
    """Try what is installed, and see in the ledger how often it asked.

    Raises:
        Missing: The trial itself did not run.
    """
    number = next(NUMBERS)
    names = {purpose: f"trial-{number}-{purpose}" for purpose in PURPOSES}
    task = {
        "programs": programs,
        "expected": kit.expected(kind),
        "service": service.described,
        "sessions": {purpose: service.ask("session", purpose, names[purpose]) for purpose in names},
        "way": way,
        "many": many,
    }
    file = kit.folder / "task.json"
    file.write_text(json.dumps(task), encoding="utf-8")
    done = place.call(
        [*place.python, "-B", "-m", "tests.installed", place.kit / file.name, "--json"],
        reads_only=way == NOTHING,
    )
    try:
        checks = [Check(**found) for found in json.loads(done.stdout)]
    except ValueError:
        raise Missing(f"the trial did not run: {(done.stderr or done.stdout).strip()}") from None
    vends = service.ask("vends", names["many"])
    expected = many if way == NOTHING else 1
    broken = "" if vends == expected else f"{many} calls made {vends} requests"
    words = "a request for each" if way == NOTHING else "one request for them all"
    return [*checks, Check(CROWD, f"the ledger has {words}", broken, 0.0)]
