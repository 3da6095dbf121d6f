"""What does not add up between the ledger, the API's log and CloudTrail. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from vending.registry import DEFAULT
from vending.vend_ids import asked_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

SETTLED = timedelta(minutes=20)
"""What is younger is left to the next run: a vend ends within its function's deadline, the indexes
follow within a second, logs within a minute, and CloudTrail mostly within 15 minutes."""

LONGEST_SPAN = timedelta(minutes=15)
"""What one step of a run looks at, so that a run which was missed is caught up with in steps."""

OVERLAP = timedelta(hours=1)
"""How far before a span its logs are read again, for what came late. A finding has one key, so
what is found again is not written again."""

FIRST = timedelta(hours=1)
"""How far back the very first run looks."""

MOST = 100
"""Findings of one kind that one span writes one by one; the others are one finding with a count."""

MINTED = timedelta(minutes=1)
"""A vend's calls are as near to its time: its function ends within half of it, clocks may differ by
the rest."""

MINTING = ("AssumeRole", "GetAuthorizationToken")
"""A vend makes each of these calls once."""


class Kind(StrEnum):
    """What a finding may be."""

    UNFINISHED = "unfinished"
    """An intent that never ended. No token went out: its outcome would be on record before."""
    UNRECORDED_ANSWER = "unrecorded_answer"
    """The API answered a request for a token, and the ledger has no such vend."""
    UNRECORDED_CALL = "unrecorded_call"
    """A vended role was assumed, or a token of it asked for, without an intent."""
    BORROWED_NAME = "borrowed_name"
    """The same under a vend's name: of another role than the vend's, at another time, or again."""
    SILENT_TRAIL = "silent_trail"
    """Tokens were issued, and CloudTrail told of no call that could have minted them."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: from `start` until before `end`."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        """Return whether `moment` is within."""
        return self.start <= moment < self.end

    @property
    def of_logs(self) -> Span:
        """What is read of the logs for it."""
        return Span(self.start - OVERLAP, self.end)


@dataclass(frozen=True, slots=True)
class Intended:
    """An intent, as far as it matters here.

    Attributes:
        vend_id: Its vend's.
        asked_at: When.
        request_id: API Gateway's.
        registry: Its name.
        role: ARN of the vended role, empty where the vend was refused.
    """

    vend_id: str
    asked_at: datetime
    request_id: str
    registry: str
    role: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request for a token that the API answered.

    Attributes:
        request_id: API Gateway's.
        function_request_id: Lambda's, or `-` where the function did not answer.
        status: HTTP status.
        at: When.
    """

    request_id: str
    function_request_id: str
    status: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a vended role that AWS granted, as CloudTrail tells it.

    Attributes:
        name: `AssumeRole` or `GetAuthorizationToken`.
        session: The name of the session: a vend id, unless somebody else assumed the role.
        role: Its ARN.
        event_id: CloudTrail's.
        at: When.
    """

    name: str
    session: str
    role: str
    event_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known about a span.

    Attributes:
        intents: Of the span and of what its logs may tell of, by vend id.
        outcomes: Vend id → how it ended, of the span's vends.
        answers: The API's.
        said: Lambda's id of an invocation → what the function logged of it.
        calls: CloudTrail's.
    """

    intents: Mapping[str, Intended]
    outcomes: Mapping[str, str]
    answers: Sequence[Answered]
    said: Mapping[str, str]
    calls: Sequence[Called]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up.

    Attributes:
        kind: What.
        subject: Of which vend, request or session: with the kind it is the finding's key.
        at: When that was.
        evidence: What is known of it.
    """

    kind: Kind
    subject: str
    at: datetime
    evidence: Mapping[str, str | int] = field(default_factory=dict)


def spans(since: datetime, now: datetime) -> Iterator[Span]:
    """Yield what is settled since a moment, in steps."""
    until = now - SETTLED
    while since < until:
        end = min(since + LONGEST_SPAN, until)
        yield Span(since, end)
        since = end


def found(span: Span, seen: Seen) -> list[Finding]:
    """Return what does not add up in a span."""
    findings = [
        *unfinished(span, seen),
        *unrecorded_answers(seen),
        *unrecorded_calls(seen),
        *borrowed_names(seen),
        *silent_trail(span, seen),
    ]
    return [one for kind in Kind for one in bounded(kind, span, findings)]


def unfinished(span: Span, seen: Seen) -> Iterator[Finding]:
    """Yield the intents of the span that never ended, with the calls that CloudTrail tells of."""
    told = Counter((call.session, call.name) for call in seen.calls)
    for intent in seen.intents.values():
        if intent.asked_at in span and intent.vend_id not in seen.outcomes:
            calls = {name: told[(intent.vend_id, name)] for name in MINTING}
            yield Finding(Kind.UNFINISHED, intent.vend_id, intent.asked_at, calls)


def unrecorded_answers(seen: Seen) -> Iterator[Finding]:
    """Yield the answers that neither an intent nor what the function logged explains.

    A dry run is answered with 200 and mints nothing; where no policy or ledger is at hand the
    answer is an error and there may be no record.
    """
    recorded = {intent.request_id for intent in seen.intents.values()}
    for one in seen.answers:
        said = seen.said.get(one.function_request_id)
        explained = said == ("DryRuns" if one.status == 200 else "refused")
        if one.request_id not in recorded and not explained:
            evidence: dict[str, str | int] = {"status": one.status}
            evidence |= {"function_request_id": one.function_request_id}
            yield Finding(Kind.UNRECORDED_ANSWER, one.request_id, one.at, evidence)


def unrecorded_calls(seen: Seen) -> Iterator[Finding]:
    """Yield each session of a vended role without an intent, once for each of its calls."""
    told: set[tuple[str, str]] = set()
    for call in seen.calls:
        of_one = (call.name, call.session)
        if call.session not in seen.intents and not is_of_old(call) and of_one not in told:
            told.add(of_one)
            yield told_of(Kind.UNRECORDED_CALL, call)


def borrowed_names(seen: Seen) -> Iterator[Finding]:
    """Yield the calls that bear a vend's name and are not the vend's own.

    Who has a vended role without the service knows the ids of vends, their own for a start.
    """
    told: dict[tuple[str, str], str] = {}
    for call in sorted(seen.calls, key=lambda one: (one.at, one.event_id)):
        intent = seen.intents.get(call.session)
        # Events come at least once, so that the same one may come again.
        is_again = told.setdefault((call.name, call.session), call.event_id) != call.event_id
        if is_of_old(call) or (intent and (is_again or call.role != intent.role)):
            yield told_of(Kind.BORROWED_NAME, call)


def is_of_old(call: Called) -> bool:
    """Return whether a session has the id of a vend of another time, which mints nothing now."""
    try:
        vended_at = asked_at(call.session)
    except ValueError:
        return False
    return abs(call.at - vended_at) > MINTED


def told_of(kind: Kind, call: Called) -> Finding:
    """Return the finding of a call."""
    evidence = {"role": call.role, "event_id": call.event_id}
    subject = f"{call.name}#{call.session}"
    if kind is Kind.BORROWED_NAME:
        subject += f"#{call.event_id}"
    return Finding(kind, subject, call.at, evidence)


def silent_trail(span: Span, seen: Seen) -> Iterator[Finding]:
    """Yield, once a day, that nothing watches this account's vended roles."""
    issued = sum(
        seen.outcomes.get(intent.vend_id) == "issued" and intent.registry == DEFAULT
        for intent in seen.intents.values()
    )
    if issued and not seen.calls:
        day = span.start.strftime("%Y-%m-%d")
        yield Finding(Kind.SILENT_TRAIL, day, span.start, {"issued": issued})


def bounded(kind: Kind, span: Span, findings: Collection[Finding]) -> Iterator[Finding]:
    """Yield the findings of a kind, the last of very many as a count."""
    of_kind = [one for one in findings if one.kind is kind]
    yield from of_kind[:MOST]
    if rest := len(of_kind) - MOST if len(of_kind) > MOST else 0:
        subject = f"rest#{span.end.strftime('%Y-%m-%dT%H:%M:%S')}"
        yield Finding(kind, subject, span.start, {"count": rest})
