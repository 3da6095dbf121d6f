#!/usr/bin/env python3
"""What a million vends cost.

    make cost
    make cost ARGS="--price vend_seconds=0.2 --price dynamodb_write=0.7"

What a vend asks of AWS is recorded from the real function, so a call that is added to it is in the
next answer. Prices, and what only a running stack can tell, are in prices.toml.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.arguments import between
from tools.estimates import archive
from tools.estimates.calls import Function
from tools.estimates.fleet import what_the_cache_saves
from tools.estimates.tables import PAGE, put_into_page, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.estimates.calls import Recorded

PRICES = Path(__file__).parent / "prices.toml"
MILLION = 1_000_000
GB = 1_000_000_000

PRICED = {
    "dynamodb:PutItem": "dynamodb_write",
    "dynamodb:TransactWriteItems": "dynamodb_write",
    "dynamodb:UpdateItem": "dynamodb_write",
    "dynamodb:GetItem": "dynamodb_read",
    "dynamodb:Query": "dynamodb_read",
    "kms:GenerateMac": "kms_request",
    "sts:AssumeRole": "sts_request",
    "ecr:GetAuthorizationToken": "ecr_request",
    "appconfigdata:StartConfigurationSession": "appconfig_request",
    "appconfigdata:GetLatestConfiguration": "appconfig_request",
}
"""Which price each AWS call of a vend has. One that is not here has none, and is an error."""


class Unpriced(Exception):
    """The vend calls something without a price, or a price is not a known one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Attributes:
        what: It is for.
        price: Its name in prices.toml.
        amount: How many of its unit.
        usd: For those.
    """

    what: str
    price: str
    amount: float
    usd: float


@dataclass(frozen=True)
class Bill:
    """What the vends cost, by what grows with them and what does not.

    Attributes:
        vends: How many.
        lines: What each costs once.
        kept: What keeping their records and logs costs, each month that they are kept.
        standing: What the stack costs each month without a vend.
        cache: What the client's cache saves, in a sentence.
    """

    vends: int
    lines: tuple[Line, ...]
    kept: tuple[Line, ...]
    standing: tuple[Line, ...]
    cache: str

    @property
    def usd(self) -> float:
        """For the vends, once."""
        return sum(line.usd for line in self.lines)

    @property
    def dominant(self) -> str:
        """Which price weighs the most, in a sentence."""
        by_price: dict[str, float] = {}
        for line in self.lines:
            by_price[line.price] = by_price.get(line.price, 0) + line.usd
        most = max(by_price, key=by_price.__getitem__)
        return f"{most} weighs the most: {by_price[most] / self.usd:.0%} of what vends cost."


@dataclass(frozen=True)
class Inputs:
    """prices.toml, read.

    Attributes:
        prices: Name → USD for one unit.
        taken: What only a running stack can tell.
        client: One machine's pulls.
        about: Region and date of the prices.
    """

    prices: Mapping[str, float]
    taken: Mapping[str, float]
    client: Mapping[str, float]
    about: Mapping[str, str]

    @classmethod
    def read(cls, files: Sequence[Path], changes: Sequence[str] = ()) -> Inputs:
        """Read files, each over the one before it, then `name=value` changes.

        Raises:
            Unpriced: A name is not known, or a value is no number.
        """
        known = tomllib.loads(files[0].read_text())
        for file in files[1:]:
            for part, values in tomllib.loads(file.read_text()).items():
                if unknown := set(values) - set(known.get(part, {})):
                    raise Unpriced(f"{file}: [{part}] knows no {', '.join(sorted(unknown))}")
                known[part] |= values
        prices = {name: one["usd"] / one["per"] for name, one in known["prices"].items()}
        parts = {"prices": prices, "taken": known["taken"], "client": known["client"]}
        for change in changes:
            name, _, value = change.partition("=")
            (place,) = [part for part in parts.values() if name in part] or [None]
            if place is None:
                raise Unpriced(f"--price {change}: there is no {name} in prices.toml")
            per = known["prices"].get(name, {}).get("per", 1)
            try:
                place[name] = float(value) / per
            except ValueError:
                raise Unpriced(f"--price {change}: {value!r} is no number") from None
        return cls(**parts, about=known["about"])


def bill(recorded: Recorded, inputs: Inputs, *, memory: int, vends: int = MILLION) -> Bill:
    """Return what `vends` cost.

    Args:
        recorded: What one asks of AWS.
        inputs: Prices, and what only a running stack can tell.
        memory: Of the function, MB.
        vends: How many.

    Raises:
        Unpriced: A vend calls something without a price.
    """
    taken = inputs.taken

    def line(what: str, price: str, amount: float) -> Line:
        return Line(what, price, amount, amount * inputs.prices[price])

    seconds = taken["vend_seconds"] + taken["cold_share"] * taken["cold_seconds"]
    cold = taken["cold_share"]
    warm = recorded.warm
    unpriced = sorted((set(recorded.cold.calls) | set(warm.calls)) - set(PRICED))
    if unpriced:
        raise Unpriced(f"a vend calls {', '.join(unpriced)}: price it in tools/estimates/cost.py")
    requests = {
        call: count
        for call, count in warm.calls.items()
        if not call.startswith(("dynamodb:", "appconfigdata:"))
    }
    extra_units = recorded.cold.units - warm.units
    logged = warm.log_bytes + taken["platform_log_bytes"] + recorded.access_log_bytes
    trail = taken["trail_bytes"]
    in_table = [write.kept for write in warm.writes if "/" not in write.place]
    lines = (
        line("API Gateway requests", "api_request", vends),
        line("Lambda requests", "lambda_request", vends),
        line(f"Lambda, {memory} MB", "lambda_gb_second", vends * seconds * memory / 1024),
        line(
            f"DynamoDB writes, {warm.units} a vend, {extra_units} more by a new instance",
            "dynamodb_write",
            vends * (warm.units + cold * extra_units),
        ),
        *([line("DynamoDB reads", "dynamodb_read", vends * warm.reads)] if warm.reads else []),
        *(line(call, PRICED[call], vends * count) for call, count in sorted(requests.items())),
        line("AppConfig polls", "appconfig_request", vends * taken["polls_per_vend"]),
        line("AppConfig policies received", "appconfig_received", vends * cold),
        line("Logs ingested", "log_ingested", vends * logged / GB),
        line("CloudTrail's events, for the reconciler", "log_ingested", vends * trail / GB),
        *(line(*part) for part in archive.with_vends(taken, vends * len(in_table))),
        line("The reconciler's reads", "dynamodb_read", vends * taken["reconciler_reads"]),
        line(
            "Answers, to the internet",
            "data_out",
            vends * (warm.answer_bytes + taken["headers_out_bytes"]) / GB,
        ),
    )
    once = sum(line.usd for line in lines)
    everywhere = sum(write.kept for write in warm.writes)
    kept = (
        line("Records in the ledger and its indexes", "dynamodb_stored", vends * everywhere / GB),
        line("Point-in-time recovery", "dynamodb_point_in_time", vends * sum(in_table) / GB),
        *(line(*part) for part in archive.kept(taken, vends * sum(in_table))),
        line("Logs kept", "log_stored", vends * (logged + trail) / GB),
    )
    probes = taken["prober_vends"]
    standing = (
        Line("The prober's vends", "all of the above", probes, probes * once / vends),
        line("KMS keys", "kms_key", taken["keys"]),
        line("The ledger's key, asked for by DynamoDB", "kms_request", taken["table_key_requests"]),
        *(line(*part) for part in archive.standing(taken)),
        line("Metrics", "metric", taken["custom_metrics"]),
        line("Alarms", "alarm", taken["alarms"]),
        line("The dashboard", "dashboard", 1),
    )
    return Bill(vends, lines, kept, standing, what_the_cache_saves(inputs.client))


def printed(found: Bill, about: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the report, in Markdown."""
    yield f"{found.vends:,} vends, at list prices of {about['region']} as of {about['as_of']}:"
    yield ""
    yield from table(("for", "price", "units", "USD"), map(cells, found.lines))
    yield ""
    yield f"In all {found.usd:.2f} USD. {found.dominant}"
    yield ""
    yield "For each month that their records and logs are kept, besides:"
    yield ""
    yield from table(("for", "price", "GB-months", "USD"), map(cells, found.kept))
    yield ""
    yield "Each month, vends or none:"
    yield ""
    yield from table(("for", "price", "units", "USD"), map(cells, found.standing))
    yield ""
    yield found.cache


def cells(line: Line) -> tuple[str, ...]:
    """Return a line's cells."""
    amount = f"{line.amount:,.0f}" if line.amount >= 100 else f"{line.amount:,.2f}"
    return line.what, line.price, amount, f"{line.usd:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--prices", type=Path, action="append", default=[], help="over prices.toml")
    parser.add_argument("--price", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--vends", type=between(int, 1, 10**12), default=MILLION)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--page", action="store_true", help=f"write it into {PAGE.name}")
    asked = parser.parse_args(arguments)
    function = Function()
    try:
        inputs = Inputs.read([PRICES, *asked.prices], asked.price)
        found = bill(function.recorded(), inputs, memory=function.memory, vends=asked.vends)
    except (Unpriced, RuntimeError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(as_json(found), indent=2))
    elif asked.page:
        put_into_page("make cost", list(printed(found, inputs.about)))
    else:
        print("\n".join(printed(found, inputs.about)))
    return 0


def as_json(found: Bill) -> dict[str, Any]:
    """Return a bill as plain values."""

    def plain(lines: Sequence[Line]) -> list[dict[str, Any]]:
        return [{"for": o.what, "price": o.price, "units": o.amount, "usd": o.usd} for o in lines]

    return {
        "vends": found.vends,
        "usd": found.usd,
        "lines": plain(found.lines),
        "kept_each_month": plain(found.kept),
        "standing_each_month": plain(found.standing),
        "dominant": found.dominant,
        "cache": found.cache,
    }


if __name__ == "__main__":
    sys.exit(main())
