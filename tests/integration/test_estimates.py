"""The estimates follow the code: what a vend asks of AWS is counted from the real function."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from tools.environments import ROOT
from tools.estimates import scale
from tools.estimates.calls import Function, Recorded
from tools.estimates.cost import PRICES, Inputs, Unpriced, bill, printed
from tools.estimates.fleet import Load, day_of
from tools.estimates.tables import PAGE


@pytest.fixture(scope="module")
def function() -> Function:
    return Function()


@pytest.fixture(scope="module")
def recorded(function: Function) -> Recorded:
    return function.recorded()


@pytest.fixture
def changed(tmp_path: Path, function: Function) -> Function:
    """The function, in a copy to be changed."""
    shutil.copytree(ROOT / "functions", tmp_path / "functions")
    return Function(function.stack, tmp_path / "functions")


def change(function: Function, file: str, old: str, new: str) -> None:
    path = function.path / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_vend_is_counted_whole(recorded: Recorded) -> None:
    assert recorded.warm.calls["sts:AssumeRole"] == 1
    assert recorded.warm.calls["ecr:GetAuthorizationToken"] == 1
    assert recorded.warm.calls["kms:GenerateMac"] == 1
    written = {write.place.partition("/")[2] for write in recorded.warm.writes}
    assert written >= {"", "by-time", "by-caller", "by-outcome", "by-token"}
    assert recorded.cold.units > recorded.warm.units
    assert recorded.warm.answer_bytes > 2500
    assert 300 < recorded.warm.log_bytes < 3000


def test_a_call_that_is_added_to_the_vend_changes_the_count(
    recorded: Recorded, changed: Function
) -> None:
    mac = "mac = self._kms.generate_mac("
    twice = f"{mac}KeyId='x', MacAlgorithm='HMAC_SHA_256', Message=b'x')\n            {mac}"
    change(changed, "vending/ledger.py", mac, twice)
    now = changed.recorded()
    assert now.warm.calls["kms:GenerateMac"] == 2
    inputs = Inputs.read([PRICES])
    assert bill(now, inputs, memory=1024).usd == pytest.approx(
        bill(recorded, inputs, memory=1024).usd + 3.0, abs=0.01
    )


def test_a_larger_record_takes_more_units(recorded: Recorded, changed: Function) -> None:
    change(
        changed,
        "vending/records.py",
        '"vpc": origin.vpc,',
        '"vpc": origin.vpc, "more": "x" * 1024,',
    )
    # One kilobyte more in the table and in the two indexes of an intent.
    assert changed.recorded().warm.units == recorded.warm.units + 3


def test_a_service_that_is_not_known_is_an_error_and_not_free(changed: Function) -> None:
    change(
        changed,
        "vending/minting.py",
        "return ecr.get_authorization_token()",
        "self._sts.get_caller_identity(); return ecr.get_authorization_token()",
    )
    with pytest.raises(RuntimeError, match="GetCallerIdentity"):
        changed.recorded()


def test_a_known_call_without_a_price_is_an_error(recorded: Recorded) -> None:
    recorded.warm.calls["dynamodb:DeleteItem"] += 1
    try:
        with pytest.raises(Unpriced, match="DeleteItem"):
            bill(recorded, Inputs.read([PRICES]), memory=1024)
    finally:
        del recorded.warm.calls["dynamodb:DeleteItem"]


OLD = "the page is old: run `make cost ARGS=--page` and `make scale ARGS=--page`"


def test_the_page_shows_what_cost_prints(recorded: Recorded, function: Function) -> None:
    inputs = Inputs.read([PRICES])
    shown = PAGE.read_text().splitlines()
    lines = printed(bill(recorded, inputs, memory=function.memory), inputs.about)
    missing = [line for line in lines if line not in shown]
    assert missing == [], OLD


def test_the_page_shows_what_scale_prints(recorded: Recorded, function: Function) -> None:
    inputs = tomllib.loads(scale.INPUTS.read_text())
    load = Load.of(inputs["load"])
    found = scale.quotas(inputs, function, recorded)
    # A day of 100,000 takes too long for a test; its width and its row are left out.
    small = [runners for runners in scale.RUNNERS if runners <= 1000]
    days = [day_of(load, runners) for runners in small]
    order = scale.broken(found, day_of(load, scale.YARDSTICK))
    lines = scale.printed(days, load, recorded, order)
    shown = {squeezed(line) for line in PAGE.read_text().splitlines()}
    missing = [line for line in lines if squeezed(line) not in shown and "|--" not in line]
    assert missing == [], OLD


def squeezed(line: str) -> str:
    return " ".join(line.split())
