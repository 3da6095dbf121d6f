"""The register's writes when others write at the same moment, and when the table stumbles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import NOW
from tests.revoking import KEY, World
from vending import blocks
from vending.ports import BlocksUnavailable
from vending.revocation_items import item_of, revocation_of
from vending.revocations import Kind, Revocation, Standing


def blocking(**changed: object) -> Revocation:
    made = Revocation(Kind.CALLER, KEY, "incident 7", "arn:jo", "key", NOW, "turn-a")
    return replace(made, **changed)  # type: ignore[arg-type]


def test_a_revocation_is_read_back_as_it_was_kept() -> None:
    world = World()
    later = NOW + timedelta(milliseconds=1)
    for made in (
        blocking(),
        blocking(blocked_at=later, lifted_at=later, lifted_by="arn:bo", cleared_at=later),
        Revocation(Kind.VEND, world.vend(), "x", "arn:jo", "key", NOW, "turn-b"),
    ):
        world.register.put(made)
        assert world.register.find(made.id) == made
        world.table.items.clear()


def test_all_pages_of_a_query_are_read() -> None:
    world = World()
    made = [
        Revocation(Kind.VEND, world.vend(), "x", "arn:jo", "key", NOW, "turn") for _ in range(8)
    ]
    for one in made:
        world.register.put(one)
    assert {one.id for one in world.register.every()} == {one.id for one in made}


def test_what_a_registry_denies_is_read_back_as_it_was_kept() -> None:
    world = World()
    for standing in (
        Standing(),
        Standing(frozenset({"vend a", "before b"}), "digest", (("arn:x", "v2"),)),
        Standing(frozenset({"vend a"}), failure="Throttling"),
    ):
        world.register.keep("host", standing)
        assert world.register.standings() == {"host": standing}


def test_a_block_that_is_lifted_while_it_is_written_does_not_come_back() -> None:
    world = World()
    standing = world.register.put(blocking())

    def lifted_by_another() -> None:
        assert world.register.lift(replace(standing, lifted_at=NOW, lifted_by="arn:bo"))
        assert world.register.settle(world.register.find(standing.id) or standing).cleared_at

    # The other one lifts and clears after half of the copies were written.
    world.table.meanwhile = [*[lambda: None] * 16, lifted_by_another]
    assert world.register.settle(standing).cleared_at
    assert world.table.under("caller#") == []


def test_a_lifted_block_that_is_cleared_never_takes_a_new_one_with_it() -> None:
    world = World()
    lifted = blocking(lifted_at=NOW, lifted_by="arn:bo", blocked_at=NOW)
    world.table.items["revocations", lifted.id] = wire(lifted)
    for pk in lifted.keys:
        world.table.items[pk, "block"] = {"turn": {"S": "turn-a"}}

    def revoked_again() -> None:
        world.register.settle(world.register.put(blocking(turn="turn-b")))

    world.table.meanwhile = [*[lambda: None] * 16, revoked_again]
    assert world.register.settle(lifted).turn == "turn-b"
    assert world.table.under("caller#") == sorted(blocks.copies_of_caller(KEY))
    assert {world.table.items[pk, "block"]["turn"]["S"] for pk in lifted.keys} == {"turn-b"}


def test_an_earlier_moment_never_replaces_a_later_one_in_the_block_of_everything() -> None:
    world = World()

    def before(moment: str, turn: str) -> Revocation:
        return Revocation(Kind.BEFORE, moment, "x", "arn:jo", "key", NOW, turn)

    early = world.register.put(before("2026-11-23T19:00:00Z", "turn-a"))

    def later_one() -> None:
        world.register.settle(world.register.put(before("2026-11-23T19:30:00Z", "turn-b")))

    world.table.meanwhile = [*[lambda: None] * 16, later_one]
    assert world.register.settle(early).target == "2026-11-23T19:30:00Z"
    moments = {
        int(item[blocks.BEFORE]["N"])
        for (pk, _), item in world.table.items.items()
        if pk in blocks.copies_of_everything()
    }
    assert moments == {int((NOW.replace(minute=30, hour=19, microsecond=0)).timestamp() * 1000)}
    assert len(world.table.under("before#")) == len(blocks.copies_of_everything())


def test_a_copy_that_a_vend_checks_at_this_moment_is_written_after_it() -> None:
    world = World()
    standing = world.register.put(blocking())
    world.table.conflicts = 3
    assert world.register.settle(standing).blocked_at
    world.table.conflicts = 4
    with pytest.raises(BlocksUnavailable):
        world.register.forget(standing)


def test_a_lease_ends_by_itself_and_is_given_back_by_its_holder_alone() -> None:
    register = World().register
    end = NOW + timedelta(seconds=40)
    assert register.lease("one", now=NOW, until=end)
    assert not register.lease("two", now=end, until=end)
    register.release("two")
    assert not register.lease("two", now=NOW, until=end)
    assert register.lease("two", now=end + timedelta(milliseconds=1), until=end)
    register.release("two")
    assert register.lease("one", now=NOW, until=end)


def wire(revocation: Revocation) -> dict[str, object]:
    from vending.ledger import attributes_of

    made = attributes_of(item_of(revocation))
    assert revocation_of(made) == revocation
    return made
