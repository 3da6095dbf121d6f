"""What questions about a policy are asked with: a time, a repository, an access, a length."""

from __future__ import annotations

import ipaddress
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from vending.access import Access
from vending.patterns import REPOSITORY
from vending.policy_values import Duration

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import timedelta

LENGTHS: TypeAdapter[timedelta] = TypeAdapter(Duration)


def add_at(parser: ArgumentParser) -> None:
    """Describe the argument that says when."""
    parser.add_argument(
        "--at",
        metavar="DATE",
        type=moment,
        help="as if it were then: 2027-06-30 (noon, UTC) or 2027-06-30T18:00:00Z (default: now)",
    )


def moment(text: str) -> datetime:
    """Return the aware time that a person wrote; a date stands for its noon in UTC.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        if len(text) == len("2027-06-30"):
            return datetime.combine(date.fromisoformat(text), time(12), UTC)
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text!r} is no date: write it like 2027-06-30 or 2027-06-30T18:00:00Z"
        ) from None


def stamp(moment: datetime) -> str:
    """Return a time as the API writes it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def repository(name: str) -> str:
    """Return a literal name.

    Raises:
        ArgumentTypeError: It is none.
    """
    if REPOSITORY.fullmatch(name):
        return name
    raise ArgumentTypeError(
        f"{name!r} is no repository name: give one literally, without host, tag or wildcard"
    )


def access(word: str) -> Access:
    """Return the access.

    Raises:
        ArgumentTypeError: There is none of that name.
    """
    try:
        return Access(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is none of {', '.join(Access)}") from None


def ttl(text: str) -> timedelta:
    """Return a length of time, written as in a policy.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        return LENGTHS.validate_python(text)
    except ValidationError as errors:
        raise ArgumentTypeError(str(errors.errors()[0]["ctx"]["error"])) from None


def address(text: str) -> str:
    """Return an address.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no IP address") from None
