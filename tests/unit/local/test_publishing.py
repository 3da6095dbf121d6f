"""The embedded stack's AppConfig lists what there is in pages, from the newest on."""

from __future__ import annotations

import json
from typing import Any

from local.publishing import PAGE, paged


def page(**query: str) -> dict[str, Any]:
    whole = json.dumps({"Items": list(range(1, 61))}).encode()
    status, _, body = paged((200, {}, whole), query)
    assert status == 200
    answer: dict[str, Any] = json.loads(body)
    return answer


def test_the_first_page_has_the_newest_and_says_that_there_are_more() -> None:
    first = page()
    assert first["Items"] == list(range(60, 10, -1))
    assert page(next_token=first["NextToken"]) == {"Items": list(range(10, 0, -1))}


def test_a_page_is_as_long_as_asked_for_and_never_longer_than_aws_allows() -> None:
    assert page(max_results="3")["Items"] == [60, 59, 58]
    assert len(page(max_results="1000")["Items"]) == PAGE


def test_an_error_is_passed_on() -> None:
    missing: tuple[int, dict[str, str], bytes] = (404, {}, b"{}")
    assert paged(missing, {}) == missing
