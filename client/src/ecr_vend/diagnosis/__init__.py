"""What `ecr-vend doctor` looks at, an area each module.

A check takes a Case and yields Findings. It may raise Problem, which becomes one, or take too long,
which becomes another; it need not care for either.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ecr_vend.deadline import Deadline
    from ecr_vend.registries import Registry
    from ecr_vend.settings import Settings

OK, WARN, FAIL = "ok", "warn", "fail"
CURES = {
    "bad_config": "correct it there",
    "not_an_ecr_host": "correct it there",
    "credentials_failed": "see that `aws sts get-caller-identity` works with the same profile",
    "refused": "ask the service's owner, with the id in brackets",
    "bad_request": "change the setting that it names",
    "internal": "report it",
}
"""Codes of problems whose sentence does not end with what to do → what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        check: What was looked at.
        status: OK, WARN or FAIL.
        detail: What was found.
        cure: What to do about it, empty where there is nothing to do.
    """

    check: str
    status: str
    detail: str
    cure: str = ""

    def document(self) -> dict[str, str]:
        """Return it for a script."""
        return asdict(self)


@dataclass(slots=True)
class Case:
    """What the checks know, and what earlier ones found out for later ones.

    Attributes:
        environ: The process environment.
        settings: The settings, None where they are broken.
        registries: The registries to look at.
        reachable: Whether asking the service further makes sense.
    """

    environ: Mapping[str, str]
    settings: Settings | None = None
    registries: list[Registry] = field(default_factory=list)
    reachable: bool = True


Check = tuple[str, "Callable[[Case], Iterator[Finding]]", float]
"""A name, what looks, and the seconds it may take."""


def of_problem(check: str, problem: Problem) -> Finding:
    """Return the finding that a failure is."""
    text = problem.text.removeprefix("ecr-vend: ")
    if problem.code in CURES:
        return Finding(check, FAIL, text, CURES[problem.code])
    detail, _, cure = text.rpartition(": ")
    return Finding(check, FAIL, detail or cure, cure if detail else "")


def examine(check: Check, case: Case, whole: Deadline) -> Iterator[Finding]:
    """Yield what a check finds, as it finds it, and that it took too long where it does.

    Args:
        check: The check.
        case: What it looks at.
        whole: When everything is to be over.
    """
    name, look, seconds = check
    found: queue.Queue[Finding | None] = queue.Queue()

    def run() -> None:
        try:
            for finding in look(case):
                found.put(finding)
        except Problem as problem:
            found.put(of_problem(name, problem))
        except Exception as error:  # noqa: BLE001 one broken check must not end the others
            found.put(of_problem(name, Problem("internal", detail=type(error).__name__)))
        found.put(None)

    deadline = whole.sooner(seconds)
    threading.Thread(target=run, daemon=True).start()
    while True:
        try:
            finding = found.get(timeout=max(deadline.left(), 0.01))
        except queue.Empty:
            detail = f"no answer within {seconds:.0f} s"
            yield Finding(name, FAIL, detail, "see what hangs: the network, or a program it runs")
            return
        if finding is None:
            return
        yield Finding(finding.check, finding.status, clean(finding.detail), clean(finding.cure))
