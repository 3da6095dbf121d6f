"""Who could have had access, as the service says it, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_vend.errors import Problem, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = ("callers", "from", "to", "grant", "owner", "but")
"""Of a table, and of CSV."""


def rows(answer: Mapping[str, Any], endpoint: str) -> list[dict[str, str]]:
    """Return the cells of each of them.

    Raises:
        Problem: `unexpected_answer`.
    """
    try:
        return [
            {
                "callers": str(one["callers"]),
                "from": str(one["from"]),
                "to": str(one["to"]),
                "grant": str(one["grant"]),
                "owner": str(one["owner"]),
                "but": "; ".join(conditions(one)),
            }
            for one in answer["could"]
        ]
    except (KeyError, TypeError):
        raise not_understood(endpoint) from None


def conditions(one: Mapping[str, Any]) -> Iterator[str]:
    """Yield what takes it from some of them, or asks more of them."""
    if one["break_glass"]:
        yield "by name and with a reason alone"
    if one["unless"]:
        yield f"not who is named in the deny {', '.join(one['unless'])}"


def notes(answer: Mapping[str, Any], asked: Mapping[str, str], endpoint: str) -> Iterator[str]:
    """Yield what has to be said beside it.

    Raises:
        Problem: `unexpected_answer`.
    """
    try:
        policies = answer["policies"]
        first = policies[0]["from"] if policies else None
    except (KeyError, TypeError):
        raise not_understood(endpoint) from None
    if first is None:
        yield "No policy was seen to serve in this time, so nothing was vended."
    elif asked.get("from") and str(first) > asked["from"]:
        yield clean(f"Before {first} no policy was seen to serve.")


def not_understood(endpoint: str) -> Problem:
    """Return the problem of an answer that is something else."""
    detail = "it does not say who could have had access"
    return Problem("unexpected_answer", endpoint=endpoint, detail=detail)
