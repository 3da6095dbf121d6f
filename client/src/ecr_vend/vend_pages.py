"""The service's list of vends, read page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_vend.deadline import Deadline
from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_vend.service import Service

SECONDS = 60.0
"""For one page."""

PAGE = 50
"""Vends that the service is asked for at once."""


FEWER = {"answer_too_large": 2, "service_down": 8}
"""Code of a problem that fewer vends may not have → by how much fewer. What is more than Lambda can
answer with (6 MB) is an error of API Gateway's that looks like an outage."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some vends, in the order that was asked for.

    Attributes:
        vends: Their records; a page may have none and not be the last.
        could: Of a list by repository: vend id → what its token could do with it.
        after: Where the next page goes on, None where there is none.
    """

    vends: Sequence[dict[str, Any]]
    could: Mapping[str, Sequence[str]]
    after: str | None


def pages(
    service: Service, asked: Mapping[str, str], *, most: int = 0, after: str | None = None
) -> Iterator[Page]:
    """Yield the pages of what is asked for.

    A caller may ask for so much at once that a page of such records is more than an answer can be.
    Then fewer are asked for: nobody can make the list unreadable.

    Args:
        service: Who is asked.
        asked: The query of `GET /v1/vends`, without `limit` and `after`.
        most: Vends at most; 0 for all.
        after: Where to go on.

    Raises:
        Problem: A page could not be had, or is none.
    """
    seen, size = 0, PAGE
    while True:
        limit = min(most - seen, size) if most else size
        query = {**asked, "limit": str(limit), **({"after": after} if after else {})}
        try:
            answer = service.vends(query, Deadline(SECONDS))
        except Problem as problem:
            if problem.code not in FEWER or limit == 1:
                raise
            size = max(limit // FEWER[problem.code], 1)
            continue
        page = page_of(answer, service.endpoint)
        yield page
        # More again, bit by bit: beside one large record there are often others.
        seen, after, size = seen + len(page.vends), page.after, min(size + size // 2 + 1, PAGE)
        if after is None or seen >= most > 0:
            return


def page_of(answer: Mapping[str, Any], endpoint: str) -> Page:
    """Return an answer as a page.

    Raises:
        Problem: It is none.
    """
    vends, after, could = answer.get("vends"), answer.get("next"), answer.get("could")
    if not isinstance(vends, list) or not isinstance(after, str | None):
        detail = "it is no list of vends"
        raise Problem("unexpected_answer", endpoint=endpoint, detail=detail)
    return Page(vends, could if isinstance(could, dict) else {}, after)
