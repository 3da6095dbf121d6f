"""What auditors' questions take is counted from the code that reads, and the page says so."""

from __future__ import annotations

import pytest

from auditing.selection import By, Selection
from tests.bench.auditing import DAY, MONTH, PAGE, RATES, lines, listing, multiples, of_repository
from tests.bench.year import CALLERS, PAGE_BYTES, Year, caller_of
from tools.estimates.tables import PAGE as DOCUMENT

FIRST = {
    "caller": Selection(By.CALLER, caller_of(7).key, DAY),
    "outcome": Selection(By.OUTCOME, "refused", DAY),
    "time": Selection(By.TIME, "", DAY),
}


@pytest.mark.parametrize("by", FIRST)
def test_a_page_costs_the_same_however_much_was_vended(by: str) -> None:
    costs = [listing(Year(rate), FIRST[by], 0, walked=1) for rate in RATES]
    assert [cost.queries for cost in costs] == [1, 1, 1]
    assert {cost.items for cost in costs} == {PAGE + 3 + 2 * PAGE}
    assert max(cost.units for cost in costs) < 1.01 * min(cost.units for cost in costs)


def test_a_page_of_a_repository_reads_a_query_for_each_name_and_not_the_month() -> None:
    selection = Selection(By.REPOSITORY, "payments/r000", MONTH)
    costs = [listing(Year(rate), selection, 0, walked=1) for rate in RATES]
    # Its name and the pattern, and the policy that served with its text.
    assert {cost.queries for cost in costs} == {4}
    assert max(cost.units for cost in costs) < 2.5 * PAGE


def test_a_list_that_is_read_to_its_end_has_every_vend_once() -> None:
    year = Year(1)
    caller = listing(year, FIRST["caller"], multiples(DAY, 1, CALLERS, 7))
    assert (caller.vends, caller.pages) == (864, 18)
    hours = Selection(By.REPOSITORY, "payments/r000", DAY)
    total = of_repository(DAY, 1)
    assert listing(year, hours, total, walked=100).vends == total


def test_the_year_answers_no_more_than_dynamodb_does_at_once() -> None:
    year = Year(1)
    first, end = year.vend_id(1_000), year.vend_id(4_000)
    asked = {
        "ExpressionAttributeNames": {"#key": "hour", "#sort": "vend_id"},
        "ExpressionAttributeValues": {
            ":key": {"S": "2026-01-01T00"},
            ":first": {"S": first},
            ":end": {"S": end},
        },
        "ScanIndexForward": True,
        "Limit": 3_000,
    }
    page = year.query(**asked)
    assert 700 < len(page["Items"]) < 3_000
    assert year.reads.units == pytest.approx(PAGE_BYTES / 8192, abs=1)
    following = year.query(**asked, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert following["Items"][0]["vend_id"]["S"] > page["Items"][-1]["vend_id"]["S"]


def test_the_page_shows_what_auditing_takes_now() -> None:
    shown = DOCUMENT.read_text().partition("<!-- make bench -->\n")[2].partition("<!-- end -->")[0]
    assert shown == "\n".join(lines()) + "\n", 'make bench ARGS="--auditing --page"'
