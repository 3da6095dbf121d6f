"""Numbers on a command line, refused with a sentence where they make no sense."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number", int, float)


def between(kind: type[Number], least: Number, most: Number) -> Callable[[str], Number]:
    """Return what reads a number from `least` to `most`, both included, for argparse's `type`."""

    def read(text: str) -> Number:
        try:
            number = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least:,} to {most:,}")
        return number

    return read
