"""Blocks: the keys under which they stand, so that a vend finds those that are about it. Pure.

DynamoDB refuses a transaction while another one checks the same item ("Transaction conflict
handling in DynamoDB"). Every vend of a caller checks that caller's block, and every vend at all
checks the block of everything, so each of these stands in several copies, and a vend checks one.
"""

from __future__ import annotations

from vending.vend_ids import ALPHABET

BLOCK = "block"
"""The sort key of every copy."""

BEFORE = "issued_before"
"""Attribute of the block of everything: vends asked for before it, in milliseconds since 1970."""


def of_vend(vend_id: str) -> str:
    """Return the key of the block of one vend."""
    return f"vend#{vend_id}"


def of_caller(caller_key: str, vend_id: str) -> str:
    """Return the key of the copy of a caller's block that this vend looks at."""
    return f"caller#{caller_key}#{vend_id[-1]}"


def of_everything(vend_id: str) -> str:
    """Return the key of the copy of the block of everything that this vend looks at."""
    return f"before#{vend_id[-1]}"


def copies_of_caller(caller_key: str) -> list[str]:
    """Return the keys of all copies of a caller's block."""
    return [of_caller(caller_key, letter) for letter in ALPHABET]


def copies_of_everything() -> list[str]:
    """Return the keys of all copies of the block of everything."""
    return [of_everything(letter) for letter in ALPHABET]
