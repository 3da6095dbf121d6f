"""What a policy's size costs: to load it, to decide for the first time, and to decide again.

    make bench ARGS=--policies

Grants are of the tersest kind: half of them for one role each, half for roles of one beginning
each. A caller is one of the last team's. How many of them, and of a less terse kind, a document may
have at most (AppConfig's limit) is printed too.
"""

from __future__ import annotations

import statistics
import string
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tools.environments import ROOT
from tools.estimates.tables import table
from vending.access import Access
from vending.caller import Caller
from vending.caller_index import CallerIndex
from vending.decision import decide
from vending.policy_text import MOST_BYTES, parse
from vending.request import Limits, VendRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
SIZES = (10, 1_000, 10_000)
"""Grants."""

EXAMPLE = ROOT / "policy/policy.yaml"
ROUNDS = 5
DECISIONS = 2_000
NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)
NAMED, ALL = "a repository", "all that is granted"
FIRST = "abcdefghijklmpqrsuvwxz"
LETTERS = string.ascii_lowercase + string.digits
HEADS = ("asked for", "grants", "bytes", "load", "first decision", "decisions/s", "matched")


def team_name(number: int) -> str:
    """Return three letters; none of what YAML reads as a word of its own, such as `off`."""
    first, rest = divmod(number, len(LETTERS) ** 2)
    return FIRST[first] + LETTERS[rest // len(LETTERS)] + LETTERS[rest % len(LETTERS)]


def document(grants: int) -> bytes:
    """Return a policy of so many grants, each of another team."""
    lines = [
        f"- {{name: {team},callers: [{{role: arn:aws:iam::111122223333:role/{team}"
        f"{'*' if number % 2 else ''}}}],repositories: [{team}/*],access: push}}"
        for number, team in enumerate(map(team_name, range(grants)))
    ]
    return "\n".join(["version: 1", "grants:", *lines, ""]).encode()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a policy of some size takes.

    Attributes:
        size: Of its text, in bytes.
        load: Seconds to read it.
        first: Seconds of the first decision, which makes the index.
        rate: Decisions a second from then on.
        matched: Grants that a decision is matched against.
    """

    size: int
    load: float
    first: float
    rate: float
    matched: int


def cost(grants: int, asked: str) -> Cost:
    """Return what a policy takes, of whose last team somebody asks."""
    text, team = document(grants), team_name(grants - 1)
    caller = Caller.from_arn(f"arn:aws:sts::111122223333:assumed-role/{team}/run-1")
    request = (
        VendRequest("default", {Access.PUSH: (f"{team}/api",)})
        if asked == NAMED
        else VendRequest("default", access=Access.PUSH)
    )
    policy = parse(text, name="policy.yaml")

    def load() -> None:
        parse(text, name="policy.yaml")

    def decided(times: int = 1) -> None:
        for _ in range(times):
            assert not decide(policy, caller, request, now=NOW, limits=Limits()).refusal

    return Cost(
        size=len(text),
        load=seconds(load),
        first=elapsed(decided),
        rate=DECISIONS / seconds(lambda: decided(DECISIONS)),
        matched=len(CallerIndex(policy.grants, "enforce").candidates(caller)),
    )


def lines() -> Iterator[str]:
    """Yield the table, and how a decision grows with the policy."""
    costs = {(size, asked): cost(size, asked) for size in SIZES for asked in (NAMED, ALL)}
    yield from table(
        HEADS,
        (
            [
                asked,
                f"{size:,}",
                f"{one.size:,}",
                f"{one.load * 1000:,.1f} ms",
                f"{one.first * 1000:,.2f} ms",
                f"{one.rate:,.0f}",
                f"{one.matched}",
            ]
            for (size, asked), one in costs.items()
        ),
    )
    yield ""
    for asked in (NAMED, ALL):
        times = costs[SIZES[0], asked].rate / costs[SIZES[-1], asked].rate
        yield f"{asked}: among {SIZES[-1]:,} grants {times:.2f} times as long as among {SIZES[0]}"
    yield room()


def room() -> str:
    """Return how many grants fit into a policy."""
    example = EXAMPLE.read_bytes()
    each = len(example) / len(parse(example, name=EXAMPLE.name).grants)
    tersest = len(document(SIZES[-1])) / SIZES[-1]
    return (
        f"{MOST_BYTES:,} bytes hold {MOST_BYTES / tersest:,.0f} grants of the tersest kind, and "
        f"{MOST_BYTES / each:,.0f} as {EXAMPLE.name} has them, with its comments and tests"
    )


def elapsed(run: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def seconds(run: Callable[[], object]) -> float:
    """Return the median of some calls, in seconds."""
    return statistics.median(elapsed(run) for _ in range(ROUNDS))
