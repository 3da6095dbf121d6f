"""Lists of vends are read to their end, whatever their records are like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend.errors import Problem
from ecr_vend.vend_pages import PAGE, pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_vend.deadline import Deadline


@dataclass
class FakeList:
    """A service that has some vends, and fails for whoever asks for `most` or more at once."""

    have: int
    most: int
    code: str = "service_down"
    endpoint: str = "https://vend.example.com"
    limits: list[int] = field(default_factory=list)

    def vends(self, query: Mapping[str, str], deadline: Deadline) -> dict[str, Any]:
        limit, start = int(query["limit"]), int(query.get("after", "0"))
        self.limits.append(limit)
        if limit >= self.most:
            said = {"endpoint": self.endpoint, "most": 1, "detail": "HTTP 502", "seconds": 60.0}
            raise Problem(self.code, **said)
        end = min(start + limit, self.have)
        return {
            "vends": [{"vend_id": str(one)} for one in range(start, end)],
            "next": str(end) if end < self.have else None,
        }


def read(service: Any, **asked: Any) -> list[str]:
    return [one["vend_id"] for page in pages(service, {}, **asked) for one in page.vends]


@pytest.mark.parametrize("code", ["service_down", "answer_too_large"])
@pytest.mark.parametrize("most", [2, 7, PAGE, PAGE + 1])
def test_what_is_too_much_at_once_is_read_bit_by_bit_and_each_vend_once(
    code: str, most: int
) -> None:
    service = FakeList(120, most, code)
    assert read(service) == [str(one) for one in range(120)]
    assert (service.limits[0], max(service.limits)) == (PAGE, PAGE)


@pytest.mark.parametrize(("code", "tries"), [("service_down", 3), ("answer_too_large", 6)])
def test_a_service_that_is_down_is_told_after_a_few_tries(code: str, tries: int) -> None:
    service = FakeList(120, 1, code)
    with pytest.raises(Problem) as found:
        read(service)
    assert found.value.code == code
    assert (len(service.limits), service.limits[-1]) == (tries, 1)


def test_no_other_failure_is_tried_again() -> None:
    service = FakeList(120, 1, "timeout")
    with pytest.raises(Problem):
        read(service)
    assert service.limits == [PAGE]


@pytest.mark.parametrize("most", [1, 49, 50, 51, 119, 120, 121])
def test_no_more_are_read_than_are_asked_for(most: int) -> None:
    service = FakeList(120, PAGE + 1)
    assert len(read(service, most=most)) == min(most, 120)


def test_a_read_goes_on_after_a_place() -> None:
    assert read(FakeList(60, PAGE + 1), after="55") == ["55", "56", "57", "58", "59"]
