"""What a vend costs: how DynamoDB counts, and the arithmetic of a bill."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.estimates.calls import Recorded, Vend, shared
from tools.estimates.cost import MILLION, PRICES, Bill, Inputs, Unpriced, bill, printed
from tools.estimates.dynamodb import Tables, Write, size_of, writes_of

KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
TABLES = Tables(
    {
        "ledger": {
            "KeySchema": KEYS,
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-hour",
                    "KeySchema": [{"AttributeName": "hour", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        }
    }
)
WARM = Vend(
    Counter({"dynamodb:PutItem": 1, "kms:GenerateMac": 1, "sts:AssumeRole": 1}),
    (Write("ledger", "v-1", 3, 1000), Write("ledger/by-hour", "h", 2, 500)),
    reads=0,
    answer_bytes=1000,
    log_bytes=300,
)
RECORDED = Recorded(WARM, WARM, {}, access_log_bytes=200)


def item(size: int, **more: str) -> dict[str, dict[str, Any]]:
    """Return an item of so many bytes, besides what more it holds."""
    held = {"pk": {"S": "p"}, "sk": {"S": "s"}, "body": {"S": "x" * (size - 10)}}
    return held | {name: {"S": text} for name, text in more.items()}


def put(content: dict[str, Any]) -> dict[str, Any]:
    return {"TableName": "ledger", "Item": content}


def inputs(*changes: str) -> Inputs:
    return Inputs.read([PRICES], changes)


def found(*changes: str, recorded: Recorded = RECORDED, vends: int = MILLION) -> Bill:
    return bill(recorded, inputs(*changes), memory=1024, vends=vends)


def usd(of: Bill, price: str) -> float:
    return sum(line.usd for line in (*of.lines, *of.kept, *of.standing) if line.price == price)


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ({"S": "é"}, 2),
        ({"N": "12345"}, 4),
        ({"N": "-0"}, 2),
        ({"BOOL": True}, 1),
        ({"B": "QUJD"}, 3),
        ({"L": [{"S": "ab"}, {"S": "c"}]}, 3 + 3 + 2),
        ({"M": {"k": {"S": "abc"}}}, 3 + 1 + 1 + 3),
    ],
)
def test_an_item_is_as_large_as_dynamodb_says(attribute: dict[str, Any], size: int) -> None:
    assert size_of({"name": attribute}) == 4 + size


@pytest.mark.parametrize(("size", "units"), [(11, 1), (1024, 1), (1025, 2), (5000, 5)])
def test_a_write_takes_a_unit_for_each_begun_kilobyte(size: int, units: int) -> None:
    (write,) = writes_of(TABLES, "PutItem", put(item(size)))
    assert (write.place, write.units) == ("ledger", units)


def test_an_index_takes_its_own_units_for_the_items_that_are_in_it() -> None:
    table, index = writes_of(TABLES, "PutItem", put(item(1500, hour="20")))
    assert (table.units, index.place, index.partition, index.units) == (
        2,
        "ledger/by-hour",
        "20",
        2,
    )


def test_a_transaction_takes_twice_the_units_of_the_table_and_of_a_check() -> None:
    check = {"TableName": "ledger", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
    parts = [{"Put": put(item(1500, hour="20"))}, {"ConditionCheck": check}]
    writes = writes_of(TABLES, "TransactWriteItems", {"TransactItems": parts})
    assert [(write.place, write.units) for write in writes] == [
        ("ledger", 4),
        ("ledger/by-hour", 2),
        ("ledger", 2),
    ]


def test_an_operation_whose_units_are_not_known_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="ExecuteStatement"):
        writes_of(TABLES, "ExecuteStatement", {})


def test_partitions_that_vends_share_are_those_that_both_write_to() -> None:
    other = replace(WARM, writes=(Write("ledger", "v-2", 3, 0), Write("ledger/by-hour", "h", 2, 0)))
    assert shared(WARM, other) == {("ledger/by-hour", "h"): 2}


def test_a_bill_is_prices_times_what_a_vend_asks() -> None:
    of = found("dynamodb_write=1", "kms_request=2", "api_request=3", "cold_share=0")
    assert usd(of, "dynamodb_write") == pytest.approx(5)
    assert usd(of, "api_request") == pytest.approx(3)
    vends = next(line for line in of.lines if line.price == "kms_request")
    assert vends.usd == pytest.approx(2 * MILLION / 10_000)
    assert of.usd == pytest.approx(sum(line.usd for line in of.lines))


def test_lambda_is_paid_by_memory_and_time_and_a_start_besides() -> None:
    vending = ("lambda_gb_second=1", "archive_record_seconds=0", "seal_seconds=0")
    of = found("vend_seconds=0.5", "cold_share=0.1", "cold_seconds=1", *vending)
    assert usd(of, "lambda_gb_second") == pytest.approx(MILLION * 0.6)
    half = bill(RECORDED, inputs(*vending), memory=512)
    whole = bill(RECORDED, inputs(*vending), memory=1024)
    assert usd(half, "lambda_gb_second") * 2 == pytest.approx(usd(whole, "lambda_gb_second"))


def test_the_archive_is_paid_by_the_record_and_by_the_hour() -> None:
    price = ("lambda_gb_second=1", "vend_seconds=0", "cold_share=0", "seal_seconds=0")
    of = found("archive_record_seconds=0.001", "archive_ratio=0.5", "s3_stored=1", *price)
    records = len([write for write in WARM.writes if "/" not in write.place])
    assert usd(of, "lambda_gb_second") == pytest.approx(MILLION * records * 0.0015)
    (stored,) = (line.usd for line in of.kept if line.price == "s3_stored")
    assert stored == pytest.approx(0.5)
    assert {line.price for line in of.standing} >= {"kms_asymmetric", "s3_write", "sns_publish"}


def test_what_is_kept_is_paid_by_the_month_and_point_in_time_recovery_by_the_table_alone() -> None:
    of = found("dynamodb_stored=1", "dynamodb_point_in_time=1")
    assert usd(of, "dynamodb_stored") == pytest.approx(1.5)
    assert usd(of, "dynamodb_point_in_time") == pytest.approx(1.0)


def test_a_call_without_a_price_is_an_error_and_not_free() -> None:
    dearer = replace(WARM, calls=WARM.calls + Counter({"kms:Sign": 1}))
    with pytest.raises(Unpriced, match="kms:Sign"):
        found(recorded=replace(RECORDED, warm=dearer))


def test_the_price_that_weighs_the_most_is_named() -> None:
    assert "kms_request weighs the most" in found("kms_request=100").dominant
    assert "api_request weighs the most" in found("api_request=1000").dominant


def test_longer_tokens_save_more() -> None:
    assert found("token_seconds=900").cache.endswith("saves 90%.")
    assert found("token_seconds=3600").cache.endswith("saves 98%.")


def test_a_file_of_prices_lies_over_the_ones_that_are_known(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text("[prices]\nkms_request = {usd = 7, per = 1}\n[taken]\ncold_share = 0.5\n")
    read = Inputs.read([PRICES, file])
    assert (read.prices["kms_request"], read.taken["cold_share"]) == (7, 0.5)
    file.write_text("[prices]\nkms_requests = {usd = 7, per = 1}\n")
    with pytest.raises(Unpriced, match="kms_requests"):
        Inputs.read([PRICES, file])


@pytest.mark.parametrize("change", ["kms=1", "kms_request=cheap", "kms_request"])
def test_a_price_that_is_none_is_an_error(change: str) -> None:
    with pytest.raises(Unpriced):
        inputs(change)


def test_every_price_says_where_it_stands_and_the_report_of_what_date_it_is() -> None:
    import tomllib

    known = tomllib.loads(PRICES.read_text())
    assert all(one["source"].startswith("https://") for one in known["prices"].values())
    first = next(printed(found(), inputs().about))
    assert known["about"]["region"] in first
    assert known["about"]["as_of"] in first
