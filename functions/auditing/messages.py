"""The shapes of the auditors' API."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from auditing.access import Question
from auditing.record import VendRecord
from auditing.selection import By, Selection, Span
from vending.access import Access
from vending.errors import Code, Refused
from vending.messages import Message, read, sentence
from vending.patterns import REPOSITORY
from vending.records import timestamp
from vending.registry import DEFAULT
from vending.token import Token
from vending.vend_ids import VEND_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditing.access import Period, Possible

MOST = 100
"""Vends of one page."""

PAGE = 50
"""Vends of a page where nobody says how many."""

LATELY = timedelta(days=1)
"""How far back a list goes where nobody says from when."""

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before this there was no vend; a list never begins earlier."""

AHEAD = timedelta(minutes=1)
"""How much later than now a list may end, as clocks differ; all that comes after is empty hours."""

OUTCOMES = ("issued", "refused", "failed")
SELECTORS = (By.CALLER, By.REPOSITORY, By.GRANT, By.OUTCOME, By.BREAK_GLASS)
Text = Annotated[str, Field(max_length=256)]


class VendsQuery(Message):
    """The query string of `GET /v1/vends`: at most one of the first five, all text.

    Attributes:
        caller: A caller key.
        repository: A literal repository.
        grant: Name of a grant.
        outcome: `issued`, `refused` or `failed`.
        break_glass: `true`.
        registry: Of one registry only, by its name in the policy.
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
    break_glass: Text | None = None
    registry: Text = ""
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
        could: Of a list by repository: vend id → what its token could do with that repository.
    """

    vends: list[VendRecord]
    next: str | None
    could: dict[str, list[str]]


class AccessQuery(Message):
    """The query string of `GET /v1/access`, all text.

    Attributes:
        repository: A literal repository.
        access: `pull`, `push` or `pull-through`.
        registry: Its registry's name in the policy.
        start: From then on, RFC 3339 (`from`); the last day where it is left out.
        end: Until just before then (`to`); now where it is left out.
    """

    repository: Text = ""
    access: Text = "pull"
    registry: Text = DEFAULT
    start: Annotated[Text | None, Field(alias="from")] = None
    end: Annotated[Text | None, Field(alias="to")] = None


class PeriodShown(Message):
    """When a policy served."""

    policy_revision: str
    policy_label: str
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")


class PossibleShown(Message):
    """Some callers who could have had it, and when.

    Attributes:
        callers: As the policy names them.
        many: Whether that is a pattern, of which an example was decided.
        grant: By which grant.
        owner: Of that grant.
        break_glass: Whether only by its name and with a reason.
        unless: Denies that take it from some of these callers.
        start: From when on (`from`).
        end: Until when (`to`).
    """

    callers: str
    many: bool
    grant: str
    owner: str
    break_glass: bool
    unless: list[str]
    start: str = Field(serialization_alias="from")
    end: str = Field(serialization_alias="to")


class AccessResponse(Message):
    """The answer to `GET /v1/access`.

    Attributes:
        could: Who could have had it.
        policies: Which policy served when, of what was asked; before the first nothing is known.
    """

    could: list[PossibleShown]
    policies: list[PeriodShown]


def question_of(given: Mapping[str, str] | None, *, now: datetime) -> Question:
    """Return what a query string asks about access.

    Raises:
        Refused: It makes no sense; the sentence names the parameter.
    """
    query = query_of(AccessQuery, given)
    if not REPOSITORY.fullmatch(query.repository):
        raise wrong("repository: name one literally, in the lower-case form of ECR")
    if query.access not in set(Access):
        raise wrong(f"access: give one of {', '.join(Access)}")
    span = span_of(query.start, query.end, now=now)
    return Question(query.repository, Access(query.access), query.registry, span)


def access_of(periods: Sequence[Period], found: Sequence[Possible]) -> AccessResponse:
    """Return who could have had access as auditors read it."""
    return AccessResponse(
        could=[
            PossibleShown(
                callers=one.callers,
                many=one.many,
                grant=one.grant,
                owner=one.owner,
                break_glass=one.break_glass,
                unless=list(one.unless),
                start=timestamp(one.period.span.start),
                end=timestamp(one.period.span.end),
            )
            for one in found
        ],
        policies=[
            PeriodShown(
                policy_revision=one.revision,
                policy_label=one.label,
                start=timestamp(one.span.start),
                end=timestamp(one.span.end),
            )
            for one in periods
        ],
    )


Query = TypeVar("Query", bound=Message)


def query_of(shape: type[Query], given: Mapping[str, str] | None) -> Query:
    """Return a query string as its shape.

    Raises:
        Refused: A parameter is not known, or too long.
    """
    known = tuple(one.alias or name for name, one in shape.model_fields.items())
    if unknown := sorted(set(given or {}) - set(known)):
        raise wrong(f"there is no {unknown[0][:64]}; the parameters are {', '.join(known)}")
    try:
        return shape.model_validate(dict(given or {}))
    except ValidationError as errors:
        first = errors.errors(include_url=False, include_input=False)[0]
        raise Refused(Code.INVALID_REQUEST, sentence(first, shape)) from None


def span_of(start: str | None, end: str | None, *, now: datetime) -> Span:
    """Return the time that is asked about.

    Raises:
        Refused: It is none.
    """
    until = min(moment(end, "to"), now + AHEAD) if end else now
    if until <= FIRST:
        raise wrong(f"to: give a time after {FIRST:%Y-%m-%d}")
    since = max(moment(start, "from") if start else until - LATELY, FIRST)
    if since >= until:
        raise wrong("from: give a time before `to`")
    return Span(since, until)


def selection_of(given: Mapping[str, str] | None, *, now: datetime) -> tuple[Selection, int]:
    """Return what a query string asks for, and how many at most.

    Raises:
        Refused: It makes no sense; the sentence names the parameter.
    """
    query = query_of(VendsQuery, given)
    chosen = [by for by in SELECTORS if getattr(query, by.value)]
    if len(chosen) > 1:
        raise wrong("give one of caller, repository, grant, outcome and break_glass")
    by = chosen[0] if chosen else By.TIME
    value = getattr(query, by.value) if chosen else ""
    if by is By.REPOSITORY and not REPOSITORY.fullmatch(value):
        raise wrong("repository: name one literally, in the lower-case form of ECR")
    if by is By.OUTCOME and value not in OUTCOMES:
        raise wrong(f"outcome: give one of {', '.join(OUTCOMES)}")
    if by is By.BREAK_GLASS and value != "true":
        raise wrong("break_glass: give true, or leave it out")
    if query.order not in ("newest", "oldest"):
        raise wrong("order: give newest or oldest")
    if query.after and not VEND_ID.fullmatch(query.after):
        raise wrong("after: give `next` of the page before")
    if not re.fullmatch(r"[0-9]{1,4}", query.limit) or not 1 <= int(query.limit) <= MOST:
        raise wrong(f"limit: give a number from 1 to {MOST}")
    newest = query.order == "newest"
    span = span_of(query.start, query.end, now=now)
    selection = Selection(by, value, span, newest, query.after, query.registry)
    return selection, int(query.limit)


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
        "registry": selection.registry,
    }
