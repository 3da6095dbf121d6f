"""The ledger's writes: what is asked of DynamoDB and KMS, and what a lost write does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.fake_people import FakePeople
from tests.fakes import NOW, ORIGIN, FakePolicies, caller, vending
from vending import blocks
from vending.budgets import Budget, Flood, Hour, Kind, Over
from vending.errors import Code, Refusal
from vending.ledger import DynamoLedger, attribute, attributes_of
from vending.messages import TokenRequest
from vending.ports import Blocked, Intent, LedgerUnavailable
from vending.records import intent_item
from vending.sealing import PersonKey, opened
from vending.token import Token

TABLE = "ledger"
BLOCKS = "blocks"


class FakeTable:
    """Keeps items as DynamoDB would, conditions and all; fails from the nth write on.

    Beside the ledger stands the blocks' table: `blocked` holds its keys, and for the block of
    everything the milliseconds in it. The first `conflicts` transactions meet another one.
    """

    def __init__(self, *, fails_from: int | None = None, error: Exception | None = None) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.batches: list[int] = []
        self.order: list[str] = []
        self.blocked: dict[str, int | None] = {}
        self.checked: list[str] = []
        self.pauses: list[float] = []
        self.conflicts = 0
        self.fails_from = fails_from
        self.error = error or ReadTimeoutError(endpoint_url="https://dynamodb")

    def put_item(self, **put: Any) -> None:
        self._write([put])

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803
        assert len(TransactItems) <= 100
        reasons = [self._check(one["ConditionCheck"]) for one in TransactItems if "Put" not in one]
        if self.conflicts:
            self.conflicts -= 1
            raise cancelled(*["None"] * (len(TransactItems) - 1), "TransactionConflict")
        if "ConditionalCheckFailed" in reasons:
            puts = ["None"] * (len(TransactItems) - len(reasons) - 1)
            raise cancelled(*puts, *reasons, "None")
        self._write([one["Put"] for one in TransactItems if "Put" in one])

    def _check(self, check: dict[str, Any]) -> str:
        assert check["TableName"] == BLOCKS
        assert check["Key"]["sk"] == {"S": "block"}
        key = check["Key"]["pk"]["S"]
        self.checked.append(key)
        assert check["ConditionExpression"].startswith("attribute_not_exists(pk)")
        if key not in self.blocked:
            return "None"
        before = self.blocked[key]
        if before is None:
            return "ConditionalCheckFailed"
        assert check["ConditionExpression"].endswith(" OR issued_before <= :asked")
        asked = int(check["ExpressionAttributeValues"][":asked"]["N"])
        return "None" if before <= asked else "ConditionalCheckFailed"

    def _write(self, puts: list[dict[str, Any]]) -> None:
        if self.fails_from is not None and len(self.batches) >= self.fails_from:
            raise self.error
        for put in puts:
            assert put["TableName"] == TABLE
            key = (put["Item"]["pk"]["S"], put["Item"]["sk"]["S"])
            condition = put["ConditionExpression"]
            assert condition.startswith("attribute_not_exists(pk)")
            held = self.items.get(key)
            own = put.get("ExpressionAttributeValues", {}).get(":attempt")
            if held and (own is None or held["attempt"] != own):
                raise ClientError(
                    {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "PutItem"
                )
        for put in puts:
            self.items[put["Item"]["pk"]["S"], put["Item"]["sk"]["S"]] = put["Item"]
            self.order.append(put["Item"]["sk"]["S"])
        self.batches.append(len(puts))


def cancelled(*codes: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(answer, "TransactWriteItems")


class FakeKms:
    """Answers with a MAC made of what it was given."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> dict[str, Any]:  # noqa: N803
        assert MacAlgorithm == "HMAC_SHA_256"
        self.messages.append(Message)
        return {"Mac": bytes(reversed(Message)), "KeyId": f"arn:{KeyId}"}


def ledger(
    table: FakeTable, kms: FakeKms | None = None, people: FakePeople | None = None
) -> DynamoLedger:
    fake: Any = table
    key: Any = kms or FakeKms()
    return DynamoLedger(
        fake,
        key,
        (people or FakePeople()).keys(),
        table=TABLE,
        block_table=BLOCKS,
        token_key="key-1",
        clock=lambda: NOW,
        sleep=table.pauses.append,
    )


def intent(**asked: Any) -> Intent:
    return vending().preview(caller(), ORIGIN, TokenRequest(**asked))


def flood(count: int = 22) -> Flood:
    budget = Budget(Kind.ASKS, caller().key, 10)
    over = Over(budget, count, Hour.of(NOW), NOW)
    return Flood("v-01jd8w00000000000000000000", caller(), ORIGIN, over, "7")


def test_an_intent_says_everything_that_is_known_before_the_mint() -> None:
    table, people = FakeTable(), FakePeople()
    what = intent(push=["payments/api"], reason="release 7")
    ledger(table, people=people).intend(what)
    item = table.items[f"vend#{what.vend_id}", "1#intent"]
    assert item["schema"] == {"N": "2"}
    assert item["hour"] == {"S": "2026-11-23T20"}
    assert item["caller_key"] == {"S": "aws:111122223333:AROAPAYMENTS-CIXXXXXX"}
    assert item["caller"]["M"]["name"] == {"S": "payments-ci"}
    assert opened_in(item, people.key_of(caller())) == {
        "caller": {"arn": caller().arn, "session": "run-1"},
        "reason": "release 7",
        "source_identity": caller().source_identity,
        "source_ip": ORIGIN.source_ip,
        "user_agent": ORIGIN.user_agent,
    }
    assert item["scope"] == {"M": {"push": {"L": [{"S": "payments/api"}]}}}
    assert item["policy_label"] == {"S": "alice/4f2c1d"}
    assert item["policy_age_seconds"] == {"N": "3"}
    assert item["session_policy"] == {"S": what.session_policy}
    assert item["deployment"] == {"S": "7"}


def opened_in(item: dict[str, Any], key: PersonKey) -> dict[str, Any]:
    assert item["sealed_under"] == {"S": key.id}
    return opened(item["sealed"]["B"], key, record=f"{item['pk']['S']}|{item['sk']['S']}")


def test_the_policy_that_serves_is_kept_with_its_author_and_period() -> None:
    table, what = FakeTable(), intent()
    ledger(table).intend(what)
    served = table.items["policy-served#2026-11", f"2026-11-23T20#{what.policy.revision}"]
    assert served["policy_label"] == {"S": "alice/4f2c1d"}
    document = table.items[f"policy#{what.policy.revision}", "document#000"]
    assert document["pieces"] == {"N": "1"}


def test_the_policy_is_recorded_once_an_hour_and_by_one_instance() -> None:
    table = FakeTable()
    first, second = ledger(table), ledger(table)
    for keeper in (first, first, second):
        keeper.intend(intent())
    assert table.order.count("1#intent") == 3
    assert table.order.count("document#000") == 1


def test_an_issue_holds_the_hmac_and_never_the_token() -> None:
    table, kms, what, token = FakeTable(), FakeKms(), intent(), Token("the-password")
    ledger(table, kms).issue(what, token, seconds={"mint": 0.25})
    item = table.items[f"vend#{what.vend_id}", "2#outcome"]
    assert item["outcome_day"] == {"S": "issued#2026-11-23"}
    assert item["token_mac"] == {"S": bytes(reversed(token.digest())).hex()}
    assert item["hmac_key_id"] == {"S": "arn:key-1"}
    assert kms.messages == [token.digest()]
    assert "the-password" not in repr(table.items)


def test_a_block_is_looked_for_in_the_transaction_that_records_the_issue() -> None:
    table, what = FakeTable(), intent()
    ledger(table).issue(what, Token("x"), seconds={})
    copy = what.vend_id[-1]
    assert table.checked == [
        f"vend#{what.vend_id}",
        f"caller#aws:111122223333:AROAPAYMENTS-CIXXXXXX#{copy}",
        f"before#{copy}",
    ]


@pytest.mark.parametrize("kind", ["vend", "caller", "before"])
def test_a_vend_in_flight_that_is_blocked_meanwhile_is_not_issued(kind: str) -> None:
    table, what = FakeTable(), intent()
    asked = int(NOW.timestamp() * 1000)
    copies: dict[str, dict[str, int | None]] = {
        "vend": {blocks.of_vend(what.vend_id): None},
        "caller": dict.fromkeys(blocks.copies_of_caller(what.caller.key)),
        "before": dict.fromkeys(blocks.copies_of_everything(), asked + 1),
    }
    table.blocked = copies[kind]
    with pytest.raises(Blocked):
        ledger(table).issue(what, Token("x"), seconds={})
    assert table.items == {}
    ledger(table).refuse(what, Refusal(Code.REVOKED, ""))
    assert table.items[f"vend#{what.vend_id}", "2#outcome"]["code"] == {"S": "revoked"}


def test_a_vend_asked_for_after_the_moment_is_not_blocked() -> None:
    table, what = FakeTable(), intent()
    table.blocked = dict.fromkeys(blocks.copies_of_everything(), int(NOW.timestamp() * 1000))
    ledger(table).issue(what, Token("x"), seconds={})
    assert table.items[f"vend#{what.vend_id}", "2#outcome"]["outcome"] == {"S": "issued"}


def test_somebody_elses_block_stops_nobody() -> None:
    table, what = FakeTable(), intent()
    table.blocked = {**dict.fromkeys(blocks.copies_of_caller("other")), "vend#v-other": None}
    ledger(table).issue(what, Token("x"), seconds={})
    assert table.items


def test_blocks_are_looked_for_whatever_the_number_of_pointers() -> None:
    names = [f"payments/{n:03}" for n in range(97)]
    table, what = FakeTable(), intent(pull=names)
    table.blocked = {blocks.of_vend(what.vend_id): None}
    with pytest.raises(Blocked):
        ledger(table).issue(what, Token("x"), seconds={})
    assert (f"vend#{what.vend_id}", "2#outcome") not in table.items
    table.blocked = {}
    ledger(table).issue(what, Token("x"), seconds={})
    assert table.order[-1] == "2#outcome"


def test_a_transaction_that_meets_another_one_is_tried_again() -> None:
    # Every vend of a caller checks one of the copies of its block, so two may meet there.
    table, what = FakeTable(), intent()
    table.conflicts = 3
    ledger(table).issue(what, Token("x"), seconds={})
    assert table.pauses == [0.025, 0.05, 0.1]
    table.conflicts = 4
    with pytest.raises(LedgerUnavailable, match=r": TransactionCanceled\w*, TransactionConflict$"):
        ledger(table).issue(what, Token("x"), seconds={})


def test_every_repository_and_grant_of_a_vend_points_to_it() -> None:
    table, what = FakeTable(), intent(push=["payments/api"], pull=["search/indexer"])
    ledger(table).issue(what, Token("x"), seconds={})
    for key in (
        "repository#payments/api#2026-11",
        "repository#search/indexer#2026-11",
        "grant#payments-ci#2026-11",
    ):
        assert table.items[key, what.vend_id]["outcome"] == {"S": "issued"}


def test_an_outcome_comes_last_whatever_the_number_of_pointers() -> None:
    names = [f"payments/{n:03}" for n in range(100)]
    table, what = FakeTable(), intent(pull=names, push=names)
    ledger(table).refuse(what, Refusal(Code.SCOPE_TOO_LARGE, ""))
    assert sum(table.batches) == 100 + 1 + 1
    assert table.batches[-1] == 100
    assert table.order[-1] == "2#outcome"


def test_a_retry_of_the_very_same_write_is_no_error() -> None:
    table, what = FakeTable(), intent()
    ledger(table).intend(what)
    ledger(table).intend(what)
    ledger(table).issue(what, Token("x"), seconds={})
    ledger(table).issue(what, Token("x"), seconds={})


def test_another_attempt_cannot_write_over_a_record() -> None:
    table, what = FakeTable(), intent()
    ledger(table).intend(what)
    held = dict(table.items)
    forged = Intent(
        **{name: getattr(what, name) for name in Intent.__slots__} | {"attempt": "other"}
    )
    with pytest.raises(LedgerUnavailable):
        ledger(table).intend(forged)
    assert table.items == held


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_write_that_is_not_acknowledged_is_an_error(written: int) -> None:
    with pytest.raises(LedgerUnavailable):
        ledger(FakeTable(fails_from=written)).intend(intent())


@pytest.mark.parametrize(
    "end",
    [
        lambda keeper: keeper.issue(intent(), Token("x"), seconds={}),
        lambda keeper: keeper.refuse(intent(), Refusal(Code.NOT_GRANTED, "")),
        lambda keeper: keeper.fail(intent(), "AssumeRole: X", code=Code.MINT_FAILED),
        lambda keeper: keeper.flood(flood()),
    ],
    ids=["issue", "refuse", "fail", "flood"],
)
def test_an_outcome_that_is_not_acknowledged_is_an_error(
    end: Callable[[DynamoLedger], None],
) -> None:
    with pytest.raises(LedgerUnavailable):
        end(ledger(FakeTable(fails_from=0)))


def test_a_condition_that_fails_for_the_policy_is_another_instance_and_other_errors_are_not() -> (
    None
):
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "PutItem")
    with pytest.raises(LedgerUnavailable, match=r"^PutItem: AccessDeniedException$"):
        ledger(FakeTable(fails_from=0, error=denied)).intend(intent())


def test_a_large_policy_is_kept_in_pieces() -> None:
    from random import Random

    random = Random(7)  # noqa: S311  bytes that do not compress
    noise = "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=900_000))
    text = FakePolicies().text + f"# {noise}\n"
    what = vending(policies=FakePolicies(text)).preview(caller(), ORIGIN, TokenRequest())
    table = FakeTable()
    ledger(table).intend(what)
    pieces = [item for (pk, _), item in table.items.items() if pk.startswith("policy#")]
    assert len(pieces) > 1
    assert all(item["pieces"] == {"N": str(len(pieces))} for item in pieces)
    assert all(len(item["gzip"]["B"]) < 400_000 for item in pieces)


def test_an_attribute_of_an_unknown_type_is_a_defect_and_not_a_guess() -> None:
    with pytest.raises(TypeError, match="records hold no timedelta"):
        attribute(timedelta(0))


def test_empty_attributes_are_left_out_since_an_index_key_may_not_be_empty() -> None:
    assert attributes_of({"a": "", "b": None, "c": False, "d": 0}) == {
        "c": {"BOOL": False},
        "d": {"N": "0"},
    }


def test_a_failure_is_on_record_with_its_code_and_awss_reason() -> None:
    table, what = FakeTable(), intent()
    ledger(table).fail(what, "AssumeRole: Throttling", code=Code.AWS_THROTTLED)
    item = table.items[f"vend#{what.vend_id}", "2#outcome"]
    assert (item["outcome"], item["code"]) == ({"S": "failed"}, {"S": "aws_throttled"})
    assert item["reason"] == {"S": "AssumeRole: Throttling"}


def test_a_flood_is_on_record_with_who_overdrew_what_and_how_often() -> None:
    table, people = FakeTable(), FakePeople()
    ledger(table, people=people).flood(flood(22))
    ((key, item),) = table.items.items()
    assert key == (
        "flood#aws:111122223333:AROAPAYMENTS-CIXXXXXX#2026-11-23T20",
        "asks#000000000022",
    )
    assert (item["count"], item["limit"], item["budget"]) == (
        {"N": "22"},
        {"N": "10"},
        {"S": "asks"},
    )
    assert item["outcome_day"] == {"S": "throttled#2026-11-23"}
    assert opened_in(item, people.key_of(caller()))["caller"]["session"] == "run-1"
    assert "hour" not in item  # that index lists intents


def test_a_flood_that_is_on_record_already_is_left_as_it_is() -> None:
    table = FakeTable()
    ledger(table).flood(flood())
    held = dict(table.items)
    ledger(table).flood(flood())
    assert table.items == held


def test_the_record_of_a_refusal_has_no_role_and_no_scope() -> None:
    refused = vending().preview(
        caller("arn:aws:sts::111122223333:assumed-role/outsider/x1"), ORIGIN, TokenRequest()
    )
    item = intent_item(refused, PersonKey.new())
    assert item["role"] == ""
    assert item["scope"] == {}
    assert item["expires_at"] is None
