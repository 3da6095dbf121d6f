"""The shapes of the auditors' API."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from auditing.record import VendRecord
from auditing.selection import By, Selection, Span
from vending.errors import Code, Refused
from vending.messages import Message, read, sentence
from vending.token import Token
from vending.vend_ids import VEND_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 100
"""Vends of one page."""

PAGE = 50
"""Vends of a page where nobody says how many."""

LATELY = timedelta(days=1)
"""How far back a list goes where nobody says from when."""

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before this there was no vend; a list never begins earlier."""

OUTCOMES = ("issued", "refused", "failed")
SELECTORS = (By.CALLER, By.REPOSITORY, By.GRANT, By.OUTCOME)
Text = Annotated[str, Field(max_length=256)]


class VendsQuery(Message):
    """The query string of `GET /v1/vends`: at most one of the first four, all text.

    Attributes:
        caller: A caller key.
        repository: A literal repository.
        grant: Name of a grant.
        outcome: `issued`, `refused` or `failed`.
        start: From then on, RFC 3339 (`from`); the last day where it is left out.
        end: Until just before then (`to`); now where it is left out.
        order: `newest` or `oldest` first.
        limit: Vends of the page.
        after: `next` of the page before.
    """

    caller: Text | None = None
    repository: Text | None = None
    grant: Text | None = None
    outcome: Text | None = None
    start: Annotated[Text | None, Field(alias="from")] = None
    end: Annotated[Text | None, Field(alias="to")] = None
    order: Text = "newest"
    limit: Text = str(PAGE)
    after: Text = ""


class LookupRequest(Message):
    """The body of `POST /v1/vends/lookup`: a token, or the `auth` of a docker configuration."""

    token: Annotated[str | None, Field(max_length=16_384, repr=False)] = None
    auth: Annotated[str | None, Field(max_length=32_768, repr=False)] = None


class VendsResponse(Message):
    """The answer to `GET /v1/vends`.

    Attributes:
        vends: Of the page.
        next: Where to go on (`after`), null where there are no more. A page may be short, even
            empty, and still not be the last.
    """

    vends: list[VendRecord]
    next: str | None


PARAMETERS = tuple(one.alias or name for name, one in VendsQuery.model_fields.items())


def selection_of(given: Mapping[str, str] | None, *, now: datetime) -> tuple[Selection, int]:
    """Return what a query string asks for, and how many at most.

    Raises:
        Refused: It makes no sense; the sentence names the parameter.
    """
    if unknown := sorted(set(given or {}) - set(PARAMETERS)):
        raise wrong(f"there is no {unknown[0][:64]}; the parameters are {', '.join(PARAMETERS)}")
    try:
        query = VendsQuery.model_validate(dict(given or {}))
    except ValidationError as errors:
        first = errors.errors(include_url=False, include_input=False)[0]
        raise Refused(Code.INVALID_REQUEST, sentence(first, VendsQuery)) from None
    chosen = [by for by in SELECTORS if getattr(query, by.value)]
    if len(chosen) > 1:
        raise wrong("give one of caller, repository, grant and outcome")
    by = chosen[0] if chosen else By.TIME
    value = getattr(query, by.value) if chosen else ""
    if by is By.OUTCOME and value not in OUTCOMES:
        raise wrong(f"outcome: give one of {', '.join(OUTCOMES)}")
    if query.order not in ("newest", "oldest"):
        raise wrong("order: give newest or oldest")
    if query.after and not VEND_ID.fullmatch(query.after):
        raise wrong("after: give `next` of the page before")
    if not re.fullmatch(r"[0-9]{1,4}", query.limit) or not 1 <= int(query.limit) <= MOST:
        raise wrong(f"limit: give a number from 1 to {MOST}")
    end = moment(query.end, "to") if query.end else now
    start = max(moment(query.start, "from") if query.start else end - LATELY, FIRST)
    if start >= end:
        raise wrong("from: give a time before `to`")
    newest = query.order == "newest"
    return Selection(by, value, Span(start, end), newest, query.after), int(query.limit)


def token_of(body: bytes) -> Token:
    """Return the token that a lookup is about.

    Raises:
        Refused: There is none in it; nothing of it is quoted.
    """
    asked = read(LookupRequest, body)
    if (asked.token is None) == (asked.auth is None):
        raise wrong("give a token, or the auth of a docker configuration")
    if asked.token is not None:
        return Token(asked.token.strip())
    try:
        pair = base64.b64decode((asked.auth or "").strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise wrong("auth: give it as docker writes it, base64 of AWS:token") from None
    name, separator, password = pair.partition(":")
    if name != "AWS" or not separator:
        raise wrong("auth: it is no login of ECR, whose user is called AWS") from None
    return Token(password)


def moment(text: str, name: str) -> datetime:
    """Return the moment that an RFC 3339 text means, in UTC, which one without an offset is in.

    Raises:
        Refused: It is none.
    """
    try:
        # A plus sign of an offset is a blank in a query string that nobody escaped.
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise wrong(f"{name}: give a time like 2026-11-23T20:00:00Z") from None


def wrong(what: str) -> Refused:
    """Return the refusal of a request that makes no sense."""
    return Refused(Code.INVALID_REQUEST, f"{what[:1].upper()}{what[1:]}.")


def facts(selection: Selection) -> dict[str, Any]:
    """Return what a log line says of a list that was read."""
    return {
        "by": selection.by.value,
        "value": selection.value,
        "from": selection.span.start.isoformat(),
        "to": selection.span.end.isoformat(),
        "after": selection.after,
    }
