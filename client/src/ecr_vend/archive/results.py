"""What a verification came to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Attributes:
        kind: `missing`, `altered`, `added`, `unsigned`, `unchained`, `unwitnessed`, `disordered`;
            `found` for what the service itself found.
        where: The object or the record.
        what: In words.
    """

    kind: str
    where: str
    what: str


@dataclass
class Result:
    """What a verification came to.

    Attributes:
        problems: What is not as it should be.
        notes: What is worth knowing and no problem.
        hours: Manifests that are whole.
        records: Lines in them, the late ones with them.
        late: Of these, records that were sealed after their hour.
        first: Hour of the first manifest, and its digest.
        last: Likewise.
    """

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hours: int = 0
    records: int = 0
    late: int = 0
    first: tuple[str, str] | None = None
    last: tuple[str, str] | None = None

    def problem(self, kind: str, where: str, what: str) -> None:
        """Add something that is not as it should be."""
        self.problems.append(Problem(kind, where, what))
