"""What the checks came to: for a terminal, as JSON, and as a page to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tools.live_check.check import Check, Seen


@dataclass(frozen=True, slots=True)
class Report:
    """One run.

    Attributes:
        stack: Its name.
        account: It is in.
        region: It is in.
        at: When the run began.
        on_aws: Whether that was AWS, and not an emulator.
        results: Each check with what it saw.
    """

    stack: str
    account: str
    region: str
    at: datetime
    on_aws: bool
    results: Sequence[tuple[Check, Seen]]

    def count(self, verdict: str) -> int:
        """Return how many checks came to a verdict."""
        return sum(result.verdict == verdict for _, result in self.results)

    def head(self) -> str:
        """Return one line of what was checked, and when."""
        where = "" if self.on_aws else ", AN EMULATOR: it proves nothing about AWS"
        at = self.at.strftime("%Y-%m-%d %H:%M UTC")
        return f"Stack {self.stack}, account {self.account}, {self.region}{where}, {at}"

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "stack": self.stack,
            "account": self.account,
            "region": self.region,
            "at": self.at.isoformat(timespec="seconds"),
            "on_aws": self.on_aws,
            "checks": [
                {
                    "name": check.name,
                    "claim": check.claim,
                    "verdict": str(found.verdict),
                    "did": found.did,
                    "saw": found.saw,
                    "rests": check.rests,
                }
                for check, found in self.results
            ],
        }

    def as_page(self) -> Iterator[str]:
        """Yield the lines of a Markdown page."""
        yield "# Live check"
        yield ""
        yield f"{self.head()}."
        yield ""
        yield "| check | claim | verdict | done | seen | what rests on it |"
        yield "|---|---|---|---|---|---|"
        for check, found in self.results:
            told = (check.name, check.claim, found.verdict, found.did, found.saw, check.rests)
            yield f"| {' | '.join(cell(str(one)) for one in told)} |"


def cell(text: str) -> str:
    """Return a text that stays in its cell: AWS's words are not ours to trust."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
