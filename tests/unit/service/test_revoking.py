"""Revoking: what is blocked and denied in which order, and what is said when something is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.fakes import NOW, ORIGIN, caller
from tests.revoking import HOST, KEY, FakeDenier, FakeRecords, World, revoker
from vending import blocks
from vending.caller import source_identity_ending
from vending.denies import document
from vending.denying import LEASE, WAIT
from vending.errors import Code, Refused
from vending.revocation_messages import RevocationRequest
from vending.revocations import KEPT
from vending.vend_ids import new_vend_id

DOWN = ReadTimeoutError(endpoint_url="https://dynamodb")
DENIED_FOR = timedelta(hours=1, minutes=16)
NOBODY = document([], None)


def code(caught: pytest.ExceptionInfo[Refused]) -> Code:
    return caught.value.refusal.code


def filled(world: World) -> Refused:
    """Revoke one vend after another, a second apart, until the policies have no room."""
    while True:
        try:
            world.revoke(vend_id=world.vend())
        except Refused as full:
            return full
        world.clock.now += timedelta(seconds=1)


def test_only_callers_that_the_policy_names_may_revoke_list_or_lift() -> None:
    world = World()
    service = world.service()
    request = RevocationRequest(caller=KEY, reason="incident 7")
    for act in (
        lambda: service.revoke(caller(), ORIGIN, request),
        lambda: service.lift(caller(), ORIGIN, "r-any"),
        lambda: service.listed(caller()),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert code(caught) is Code.NOT_A_REVOKER
    assert (world.table.items, world.records.kept) == ({}, [])


def test_a_caller_is_blocked_before_its_tokens_are_denied() -> None:
    world = World(denier=FakeDenier("CreatePolicyVersion: Throttling"))
    with pytest.raises(Refused) as caught:
        world.revoke(caller=KEY)
    assert code(caught) is Code.REVOCATION_INCOMPLETE
    assert world.table.under("caller#") == sorted(blocks.copies_of_caller(KEY))
    assert caught.value.more["outcome"].registries == {
        HOST: "failed: CreatePolicyVersion: Throttling"
    }


@pytest.mark.parametrize("kind", ["vend", "caller", "before"])
def test_what_is_revoked_is_blocked_denied_and_on_record(kind: str) -> None:
    world = World()
    vend_id = world.vend(ago=timedelta(minutes=3))
    asked = {"vend": {"vend_id": vend_id}, "caller": {"caller": KEY}, "before": {"before": "now"}}
    outcome = world.revoke(**asked[kind])
    assert outcome.registries == {HOST: "denied"}
    found = {
        "vend": f'"aws:userid":["*:{vend_id}"]',
        "caller": f'"aws:SourceIdentity":["*{source_identity_ending(KEY)}"]',
        # The second that is not over yet is revoked with the rest.
        "before": '"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T20:00:01Z"}',
    }
    assert found[kind] in world.denier.documents[-1]
    keys = {
        "vend": [blocks.of_vend(vend_id)],
        "caller": blocks.copies_of_caller(KEY),
        "before": blocks.copies_of_everything(),
    }
    assert all((key, blocks.BLOCK) in world.table.items for key in keys[kind])
    (_, begun, _), (_, _, ended) = world.records.kept
    assert (begun.name, begun.revocation.reason, begun.caller) == (
        "revoke",
        "incident 7",
        revoker(),
    )
    assert ended == outcome


def test_the_block_of_everything_stops_vends_asked_for_before_the_denied_moment() -> None:
    world = World()
    world.revoke(before="2026-11-23T19:59:59.2Z")
    (block,) = {
        item[blocks.BEFORE]["N"] for (pk, _), item in world.table.items.items() if "before#" in pk
    }
    assert int(block) == int(NOW.replace(microsecond=0).timestamp() * 1000)


def test_revoking_the_same_again_is_the_same_revocation() -> None:
    world = World(denier=FakeDenier("AccessDenied"))
    with pytest.raises(Refused) as caught:
        world.revoke(caller=KEY)
    world.denier.fails = ""
    world.clock.now += timedelta(minutes=1)
    outcome = world.revoke(caller=KEY, reason="once more")
    first = caught.value.more["outcome"].revocation
    assert (outcome.revocation.id, outcome.revocation.at) == (first.id, first.at)
    assert outcome.registries == {HOST: "denied"}
    assert len(world.service().listed(revoker())) == 1


def test_a_later_moment_takes_the_place_of_an_earlier_one_and_never_the_other_way_round() -> None:
    world = World()
    world.revoke(before="2026-11-23T19:30:00Z")
    assert world.revoke(before="2026-11-23T19:50:00Z").revocation.target == "2026-11-23T19:50:00Z"
    assert world.revoke(before="2026-11-23T19:40:00Z").revocation.target == "2026-11-23T19:50:00Z"
    assert "19:50:00" in world.denier.documents[-1]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"before": "2026-11-23T20:00:01Z"}, "has passed"),
        ({"before": "2026-11-23T18:00:00Z"}, "ended by itself"),
        ({"vend_id": new_vend_id(NOW + timedelta(minutes=2))}, "no such vend yet"),
        ({"vend_id": "v-" + "0" * 26}, "ended by itself"),
    ],
)
def test_nothing_is_revoked_that_is_still_to_come_or_has_ended(
    asked: dict[str, str], words: str
) -> None:
    world = World()
    with pytest.raises(Refused) as caught:
        world.revoke(**asked)
    assert code(caught) is Code.INVALID_REQUEST
    assert words in caught.value.refusal.detail
    assert world.table.items == {}


def test_a_lifted_caller_may_have_tokens_again_and_its_old_ones_stay_denied() -> None:
    world = World()
    revocation = world.revoke(caller=KEY).revocation
    world.clock.now += timedelta(minutes=5)
    outcome = world.lift(revocation.id)
    assert outcome.registries == {HOST: "denied"}
    assert (outcome.revocation.lifted_by, world.table.under("caller#")) == (revoker().arn, [])
    ending = source_identity_ending(KEY)
    assert (
        f'{{"StringLike":{{"aws:SourceIdentity":"*{ending}"}},'
        '"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T20:05:01Z"}}'
        in world.denier.documents[-1]
    )
    assert [act.name for _, act, _ in world.records.kept] == ["revoke", "revoke", "lift", "lift"]
    assert world.lift(revocation.id).revocation.lifted_at == outcome.revocation.lifted_at


def test_a_caller_is_revoked_again_after_its_block_was_lifted() -> None:
    world = World()
    first = world.revoke(caller=KEY).revocation
    world.lift(first.id)
    again = world.revoke(caller=KEY).revocation
    assert (again.id, again.turn == first.turn, again.lifted_at) == (first.id, False, None)
    assert len(world.table.under("caller#")) == len(blocks.copies_of_caller(KEY))
    assert "TokenIssueTime" not in world.denier.documents[-1]


def test_a_revoked_token_is_never_lifted() -> None:
    world = World()
    for asked in ({"vend_id": world.vend()}, {"before": "now"}):
        revocation = world.revoke(**asked).revocation
        with pytest.raises(Refused, match="a revoked token stays so"):
            world.lift(revocation.id)


def test_what_is_not_there_is_not_lifted() -> None:
    with pytest.raises(Refused) as caught:
        World().lift("r-" + "a" * 26)
    assert code(caught) is Code.NO_SUCH_REVOCATION


def test_a_ledger_that_cannot_record_delays_no_revocation_and_says_so() -> None:
    for fails_at in ("begin", "end"):
        world = World(records=FakeRecords(fails_at))
        with pytest.raises(Refused) as caught:
            world.revoke(caller=KEY)
        assert code(caught) is Code.AUDIT_UNAVAILABLE
        assert caught.value.more["outcome"].registries == {HOST: "denied"}
        assert world.table.under("caller#")


def test_nothing_is_lifted_that_is_not_on_record() -> None:
    world = World()
    revocation = world.revoke(caller=KEY).revocation
    world.records.fails_at = "begin"
    with pytest.raises(Refused) as caught:
        world.lift(revocation.id)
    assert code(caught) is Code.AUDIT_UNAVAILABLE
    assert world.table.under("caller#")


def test_a_register_that_does_not_answer_is_told_and_nothing_is_denied() -> None:
    world = World()
    world.table.down = DOWN
    for act in (
        lambda: world.revoke(caller=KEY),
        lambda: world.lift("r-any"),
        lambda: world.service().listed(revoker()),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert code(caught) is Code.BLOCKS_UNAVAILABLE
    assert world.denier.documents == []


def test_each_registry_says_for_itself_whether_it_denies() -> None:
    world = World(others={"down": FakeDenier("AssumeRole: AccessDenied"), "bare": None})
    with pytest.raises(Refused) as caught:
        world.revoke(caller=KEY)
    assert code(caught) is Code.REVOCATION_INCOMPLETE
    assert caught.value.more["outcome"].registries == {
        HOST: "denied",
        "down": "failed: AssumeRole: AccessDenied",
        "bare": "failed: the registry has no revoker",
    }


def test_a_registry_that_fails_later_still_denies_what_it_denied() -> None:
    world = World()
    world.revoke(caller=KEY)
    world.denier.fails = "Throttling"
    with pytest.raises(Refused):
        world.revoke(vend_id=world.vend())
    states = {
        one.revocation.kind: one.registries[HOST] for one in world.service().listed(revoker())
    }
    assert states == {"caller": "denied", "vend": "failed: Throttling"}


def test_a_registry_is_not_begun_when_there_is_no_time_left() -> None:
    world = World()

    class Slow(FakeDenier):
        def write(self, *args: object, **more: object) -> dict[str, str]:
            world.clock.sleep(17)
            return {}

    world.others = {"slow": Slow(), "last": FakeDenier()}
    with pytest.raises(Refused) as caught:
        world.revoke(caller=KEY)
    states = caught.value.more["outcome"].registries
    assert states == {HOST: "denied", "slow": "denied", "last": "failed: no time was left"}


def test_when_the_policies_are_full_the_answer_says_so_and_the_block_stays() -> None:
    world = World()
    refused = filled(world)
    assert refused.refusal.code is Code.REVOCATIONS_FULL
    assert refused.more["outcome"].registries == {HOST: "full"}
    vend_id = refused.more["outcome"].revocation.target
    fitted = len(world.service().listed(revoker())) - 1
    assert fitted > 150
    assert (blocks.of_vend(vend_id), blocks.BLOCK) in world.table.items
    assert world.denier.documents[-1].count("*:v-") == fitted
    assert vend_id not in world.denier.documents[-1]
    # Revoking everything always fits, and covers what ended before that moment.
    world.clock.now += timedelta(minutes=2)
    assert world.revoke(before="now").registries == {HOST: "denied"}
    states = {one.registries[HOST] for one in world.service().listed(revoker())}
    assert states == {"denied"}


def test_what_did_not_fit_is_denied_once_others_are_over() -> None:
    world = World()
    filled(world)
    assert len(world.service().keep_up()) == 1
    world.clock.now = NOW + DENIED_FOR + timedelta(seconds=1)
    assert world.service().keep_up() == []


def test_a_block_is_not_lifted_while_its_old_tokens_could_not_be_denied_any_more() -> None:
    world = World()
    revocation = world.revoke(caller=KEY).revocation
    filled(world)
    with pytest.raises(Refused) as caught:
        world.lift(revocation.id)
    assert code(caught) is Code.REVOCATIONS_FULL
    assert world.table.under("caller#")
    assert f"*{source_identity_ending(KEY)}" in world.denier.documents[-1]


def test_denies_go_when_the_tokens_have_ended_and_a_callers_block_stays() -> None:
    world = World()
    world.revoke(caller=KEY)
    world.revoke(vend_id=world.vend())
    world.clock.now += DENIED_FOR
    world.service().keep_up()
    assert world.denier.documents[-1] == NOBODY
    assert world.table.under("caller#")
    states = [one.registries[HOST] for one in world.service().listed(revoker())]
    assert states == ["over", "over"]


def test_what_is_over_is_forgotten_after_a_while_and_a_standing_block_never() -> None:
    world = World()
    world.revoke(caller=KEY)
    world.revoke(vend_id=world.vend())
    world.revoke(before="now")
    world.clock.now += DENIED_FOR + KEPT
    world.service().keep_up()
    assert [one.revocation.target for one in world.service().listed(revoker())] == [KEY]
    assert world.table.under("vend#") + world.table.under("before#") == []


def test_the_keep_up_finishes_what_was_interrupted() -> None:
    world = World(denier=FakeDenier("Throttling"))
    with pytest.raises(Refused):
        world.revoke(caller=KEY)
    world.table.items = {
        key: item for key, item in world.table.items.items() if not key[0].startswith("caller#")
    }
    master = next(item for key, item in world.table.items.items() if key[0] == "revocations")
    del master["blocked_at"]
    world.denier.fails = ""
    assert world.service().keep_up() == []
    assert len(world.table.under("caller#")) == len(blocks.copies_of_caller(KEY))
    assert world.denier.documents


def test_an_unchanged_document_is_written_by_nobody_but_looked_after() -> None:
    world = World()
    world.revoke(caller=KEY)
    world.service().keep_up()
    assert len(world.denier.documents) == 1
    assert world.denier.unchanged == [False, True]


def test_two_writers_never_write_at_the_same_time_and_the_second_one_waits() -> None:
    world = World()
    register = world.register
    assert register.lease("other", now=NOW, until=NOW + timedelta(seconds=3))
    assert world.revoke(caller=KEY).registries == {HOST: "denied"}
    assert world.clock.now > NOW + timedelta(seconds=3)


def test_who_waits_in_vain_leaves_it_to_the_other_and_says_so() -> None:
    world = World()
    world.register.lease("other", now=NOW, until=NOW + LEASE)
    with pytest.raises(Refused) as caught:
        world.revoke(caller=KEY)
    assert caught.value.more["outcome"].registries == {HOST: "pending"}
    assert world.denier.documents == []
    assert NOW + WAIT <= world.clock.now < NOW + LEASE
    world.register.release("other")
    assert world.service().keep_up() == []


def test_the_writer_takes_in_what_came_while_it_wrote() -> None:
    world = World()
    other = world.vend()

    class Interrupted(FakeDenier):
        def write(self, document: str, **more: object) -> dict[str, str]:
            if not self.documents:
                with pytest.raises(Refused):
                    world.revoke(vend_id=other)
            return super().write(document, **more)  # type: ignore[arg-type]

    world.denier = Interrupted()
    world.revoke(caller=KEY)
    assert other in world.denier.documents[-1]
    assert world.service().keep_up() == []
