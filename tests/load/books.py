"""Whether the books balance after a load. Pure: from what was noted to what does not add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.journal import WRITES, written
from vending.errors import KINDS, Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local.journal import Call, Written
    from tests.load.callers import Note

GATEWAY = {403, 429, 500, 502, 504}
"""The statuses of answers that API Gateway gives by itself."""

ENDED = {
    "not_granted": "refused",
    "mint_failed": "failed",
    "aws_throttled": "failed",
    "out_of_time": "failed",
}
"""Code of an answer that names a vend → the outcome that its record must have."""

Item = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """All that is known after a load.

    Attributes:
        notes: The callers'.
        calls: What AWS saw, by its journal.
        ledger: Every item of the table, in DynamoDB's wire form.
        before: The keys of the items that were there before.
        macs: Digest of a token that was released → its MAC, by the ledger's key.
        table: The ledger's name.
        callers: Vend id → the ARN that its intent has sealed.
    """

    notes: Sequence[Note]
    calls: Sequence[Call]
    ledger: Sequence[Item]
    before: frozenset[tuple[str, str]]
    macs: Mapping[str, str]
    table: str
    callers: Mapping[str, str]
    intents: dict[str, Item] = field(init=False, default_factory=dict)
    outcomes: dict[str, Item] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the ledger's records."""
        for item in self.ledger:
            records = {"1#intent": self.intents, "2#outcome": self.outcomes}.get(item["sk"]["S"])
            if records is not None and key_of(item) not in self.before:
                records[item["vend_id"]["S"]] = item

    def outcome(self, vend_id: str) -> str:
        """Return how a vend ended, or the empty text."""
        return str(self.outcomes[vend_id]["outcome"]["S"]) if vend_id in self.outcomes else ""

    def faulted(self) -> set[str]:
        """Return the vends one of whose calls met a fault that was more than slow."""
        by_key = {call.minted_key: call.vend_id for call in self.calls if call.minted_key}
        by_digest = {
            call.digest: by_key.get(call.access_key, "")
            for call in self.calls
            if call.operation == "GetAuthorizationToken" and call.digest
        }
        found: set[str] = set()
        for call in self.calls:
            if call.fault in {"", "slow"}:
                continue
            found.add(call.vend_id or by_key.get(call.access_key, ""))
            found.add(by_digest.get(call.digest, ""))
            found.update(item.pk.removeprefix("vend#") for item in call.items)
        return found - {""}


def key_of(item: Item) -> tuple[str, str]:
    """Return an item's key."""
    return item["pk"]["S"], item["sk"]["S"]


def imbalances(books: Books) -> dict[str, list[str]]:
    """Return each rule with what breaks it: all are empty where the books balance."""
    return {name: list(rule(books)) for name, rule in RULES.items()}


def released_tokens_are_on_record(books: Books) -> Iterator[str]:
    """Yield the released tokens without a record that they were issued, to whom, with their MAC."""
    for note in released(books):
        if books.outcome(note.vend_id) != "issued":
            yield f"{note.vend_id} was released and is {books.outcome(note.vend_id) or 'not ended'}"
            continue
        if books.outcomes[note.vend_id]["token_mac"]["S"] != books.macs.get(note.digest):
            yield f"{note.vend_id} has the MAC of another token"
        if note.vend_id not in books.intents or books.callers[note.vend_id] != note.arn:
            yield f"{note.vend_id} was released to {note.arn}, who is not on record"


def every_intent_is_accounted_for(books: Books) -> Iterator[str]:
    """Yield the intents that never ended without a fault, and the outcomes without an intent."""
    faulted = books.faulted()
    for vend_id in books.intents.keys() - books.outcomes.keys() - faulted:
        yield f"{vend_id} never ended, and none of its calls met a fault"
    for vend_id in books.outcomes.keys() - books.intents.keys():
        yield f"{vend_id} ended without an intent"


def issued_tokens_reached_somebody(books: Books) -> Iterator[str]:
    """Yield tokens issued to nobody, beyond what faults and callers that hung up explain."""
    told = {note.vend_id for note in released(books)}
    issued = {vend_id for vend_id in books.intents if books.outcome(vend_id) == "issued"}
    unexplained = sorted(issued - told - books.faulted())
    silent = sum(bool(note.broken) for note in books.notes)
    yield from (f"{vend_id} was issued to nobody" for vend_id in unexplained[silent:])


def answers_say_what_the_records_say(books: Books) -> Iterator[str]:
    """Yield the answers whose vend ended in another way."""
    for note in books.notes:
        said = ENDED.get(note.code)
        if note.vend_id and said and books.outcome(note.vend_id) != said:
            yield f"{note.vend_id} was answered {note.code} and is {books.outcome(note.vend_id)}"


def no_record_is_overwritten(books: Books) -> Iterator[str]:
    """Yield the records that were not written once, or are not what was written."""
    kept: dict[tuple[str, str], Written] = {}
    for call in books.calls:
        if call.table != books.table:
            continue
        if call.operation not in {*WRITES, "Query", "GetItem", "Scan", "DescribeTable"}:
            yield f"the ledger saw a {call.operation}"
        for item in call.items if call.took_effect else ():
            first = kept.setdefault((item.pk, item.sk), item)
            if first != item:
                yield f"{item.pk} {item.sk} was written twice, and not the same"
    for record in books.ledger:
        key = key_of(record)
        if key in books.before:
            continue
        if key not in kept:
            yield f"{key[0]} {key[1]} was written by nobody"
        elif kept[key] != written(record):
            yield f"{key[0]} {key[1]} is not what was written"
    present = {key_of(record) for record in books.ledger}
    yield from (f"{pk} {sk} is gone" for pk, sk in kept.keys() - present)


def nothing_is_minted_without_an_intent(books: Books) -> Iterator[str]:
    """Yield the sessions and tokens that AWS gave before the vend's intent was durable."""
    durable: dict[str, int] = {}
    for call in books.calls:
        for item in call.items if call.took_effect else ():
            if item.sk == "1#intent":
                durable.setdefault(item.pk.removeprefix("vend#"), call.ended)
    minted_by = {call.minted_key: call.vend_id for call in books.calls if call.minted_key}
    for call in books.calls:
        if call.operation not in {"AssumeRole", "GetAuthorizationToken"} or not call.took_effect:
            continue
        vend_id = call.vend_id or minted_by.get(call.access_key, "a session of nobody")
        if durable.get(vend_id, call.began) >= call.began:
            yield f"{call.operation} for {vend_id}, without an intent before it"


def no_token_twice(books: Books) -> Iterator[str]:
    """Yield the tokens and vend ids that went out more than once."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for note in released(books):
        seen["token"][note.digest] += 1
        seen["vend id"][note.vend_id] += 1
    for what, counts in seen.items():
        yield from (f"{what} {one} went out {n} times" for one, n in counts.items() if n > 1)


def every_answer_is_known(books: Books) -> Iterator[str]:
    """Yield the answers that are neither the service's nor API Gateway's."""
    for note in books.notes:
        if note.broken:
            if note.broken != "hung up":
                yield f"{note.kind}: {note.broken}"
        elif note.own and note.status != 200:
            if note.code not in set(Code) or KINDS[Code(note.code)].status != note.status:
                yield f"{note.kind}: {note.status} with the code {note.code!r}"
        elif not note.own and (note.status not in GATEWAY or note.code or note.digest):
            yield f"{note.kind}: {note.status} of an unknown form"


def released(books: Books) -> Iterator[Note]:
    """Yield the notes of tokens that reached their callers."""
    return (note for note in books.notes if note.digest)


RULES = {
    "every released token is on record, with its MAC and its caller": released_tokens_are_on_record,
    "every intent ended, or a fault explains it": every_intent_is_accounted_for,
    "every issued token reached its caller, or something explains it": (
        issued_tokens_reached_somebody
    ),
    "answers say what the records say": answers_say_what_the_records_say,
    "no record was overwritten": no_record_is_overwritten,
    "nothing was minted without an intent": nothing_is_minted_without_an_intent,
    "no token went out twice": no_token_twice,
    "every answer is the service's or API Gateway's": every_answer_is_known,
}
