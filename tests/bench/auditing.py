"""What auditing costs after a year of 1, 10 and 100 vends a second, read by the real code.

    make bench ARGS=--auditing           # the table, and `verify` of an hour on this machine
    make bench ARGS="--auditing --page"  # the table into docs/cost-and-scale.md

The reads are counted and do not depend on the machine.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from auditing.selection import By, Selection, Span
from tests.bench.year import (
    CALLERS,
    REFUSED,
    REPOSITORIES,
    START,
    UNNAMED,
    Reads,
    Year,
    caller_of,
)
from tools.estimates.cost import PRICES
from tools.estimates.tables import table
from vending.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RATES = (1, 10, 100)
PAGE = 50
"""Vends of a page, where nobody asks for another number."""

WALKED = 20
"""Pages that are read of a long list; the rest is taken to be like them."""

ROUND_TRIP = 0.010
"""Seconds that a call of DynamoDB takes: assumed."""

DAY = Span(START.replace(month=6), START.replace(month=6, day=2))
MONTH = Span(DAY.start, START.replace(month=7))
HEADS = ("vends/s", "question", "vends", "pages", "queries", "items", "read units", "USD", "waits")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one question takes.

    Attributes:
        vends: That it answers.
        pages: Requests of the API.
        calls: Round trips to DynamoDB.
        queries: Queries among them.
        items: Items that DynamoDB reads.
        units: Read units.
    """

    vends: int
    pages: int
    calls: float
    queries: float
    items: float
    units: float


def cost_of(reads: Reads, *, vends: int, pages: int, walked: int) -> Cost:
    """Return the cost of all pages, from that of those that were read."""
    by = pages / walked
    calls = reads.queries + reads.batches
    return Cost(vends, pages, calls * by, reads.queries * by, reads.items * by, reads.units * by)


def listing(year: Year, selection: Selection, total: int, *, walked: int = WALKED) -> Cost:
    """List a selection to its end, or as many pages as are read of it.

    Args:
        year: The table.
        selection: What.
        total: Vends that it has.
        walked: Pages that are read at most.
    """
    year.reads = Reads()
    # One instance of the function serves all pages: it parses each policy once.
    service, found, number = year.service(), 0, 0
    while number < walked:
        page = service.listed(selection, most=PAGE)
        found, number = found + len(page.vends), number + 1
        if page.after is None:
            if found != total:
                raise ValueError(f"{selection} has {total} vends, and {found} were listed")
            return cost_of(year.reads, vends=found, pages=number, walked=number)
        selection = Selection(selection.by, selection.value, selection.span, after=page.after)
    if walked == 1:
        return cost_of(year.reads, vends=found, pages=1, walked=1)
    pages = math.ceil(total / PAGE)
    return cost_of(year.reads, vends=total, pages=pages, walked=number)


def once(year: Year, ask: Callable[[], object]) -> Cost:
    """Return the cost of a question that one vend answers."""
    year.reads = Reads()
    ask()
    return cost_of(year.reads, vends=1, pages=1, walked=1)


def multiples(span: Span, rate: int, step: int, rest: int = 0) -> int:
    """Return how many vends of a time have a number that leaves `rest` when divided by `step`."""
    first, end = (int((at - START).total_seconds()) * rate for at in (span.start, span.end))
    return len(range(first + (rest - first) % step, end, step))


def of_repository(span: Span, rate: int) -> int:
    """Return how many vends stand under a repository's name or its pattern: none is refused."""
    named = multiples(span, rate, REPOSITORIES) - multiples(span, rate, REPOSITORIES * UNNAMED)
    named -= multiples(span, rate, REPOSITORIES * REFUSED)
    named += multiples(span, rate, REPOSITORIES * REFUSED * UNNAMED)
    return named + multiples(span, rate, UNNAMED) - multiples(span, rate, UNNAMED * REFUSED)


def questions(year: Year) -> Iterator[tuple[str, Cost]]:
    """Yield what auditors ask, and what it takes."""
    rate, service = year.rate, year.service()
    caller = Selection(By.CALLER, caller_of(7).key, DAY)
    asked = multiples(DAY, rate, CALLERS, 7)
    yield "a caller's day, first page", listing(year, caller, asked, walked=1)
    yield "a caller's day", listing(year, caller, asked)
    repository = Selection(By.REPOSITORY, "payments/r000", MONTH)
    granted = of_repository(MONTH, rate)
    yield "a repository's month, first page", listing(year, repository, granted, walked=1)
    yield "a repository's month", listing(year, repository, granted)
    refused = Selection(By.OUTCOME, "refused", DAY)
    yield "a day's refusals", listing(year, refused, multiples(DAY, rate, REFUSED))
    yield "all of a day", listing(year, Selection(By.TIME, "", DAY), multiples(DAY, rate, 1))
    number = int((DAY.start + timedelta(hours=9) - START).total_seconds()) * rate + 1
    vend_id, token = year.vend_id(number), Token(year.token(number))
    yield "one vend", once(year, lambda: service.shown(vend_id))
    yield "a token's vend", once(year, lambda: service.traced(token))


def lines(rates: Sequence[int] = RATES) -> Iterator[str]:
    """Yield the report's table."""
    price = tomllib.loads(PRICES.read_text())["prices"]["dynamodb_read"]
    yield from table(
        HEADS,
        (
            [
                f"{rate}",
                question,
                f"{cost.vends:,}",
                f"{cost.pages:,}",
                f"{cost.queries:,.0f}",
                f"{cost.items:,.0f}",
                f"{cost.units:,.1f}",
                f"{cost.units * price['usd'] / price['per']:,.4f}",
                waits(cost.calls * ROUND_TRIP),
            ]
            for rate in rates
            for question, cost in questions(Year(rate))
        ),
    )
    yield ""
    yield (
        f"Waits are for DynamoDB alone, at an assumed {ROUND_TRIP * 1000:g} ms a call. Of a list "
        f"of more than {WALKED} pages {WALKED} are read, and the rest is taken to be alike."
    )


def waits(seconds: float) -> str:
    """Return a time as a text."""
    return f"{seconds:,.2f} s" if seconds < 120 else f"{seconds / 3600:,.1f} h"
