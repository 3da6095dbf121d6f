"""An explanation, as a page for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from auditing.access import words as pattern_words
from vendctl.columns import aligned
from vendctl.explaining.near_misses import KINDS, Comparison, Dimension
from vendctl.policy.arguments import stamp
from vending.access import Access
from vending.caller import CallerKind
from vending.errors import Code
from vending.messages import printable
from vending.session_policy import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from vendctl.explaining.explanation import Explanation, Held, Outcome, Planned, Taken
    from vendctl.explaining.near_misses import Compared
    from vendctl.explaining.places import Places
    from vending.caller import Caller
    from vending.errors import Refusal

MOST_NAMED = 6
"""Patterns that are named of a long list."""

Facts = list[tuple[str, str]]
"""What there is to say, each under a word; where nothing is said the line is left out."""


def page(found: Explanation, places: Places, *, assumed: str, whole: bool) -> Iterator[str]:
    """Yield the lines of the page; the first says whether there would be a token.

    Args:
        found: The explanation.
        places: Of the policy's text.
        assumed: What was assumed about the caller, or "".
        whole: Whether the session policies are printed.
    """
    asked = found.question
    yield printable(headline(found))
    yield ""
    facts = [("caller", words_of(asked.caller)), ("assumed", assumed), ("time", stamp(found.at))]
    if asked.repository is not None:
        facts += [fact for one in found.held for fact in facts_of_grant(one, places)]
    elif found.held:
        yield from lines(facts)
        yield ""
        yield from table(found, places)
        yield ""
        facts = []
    facts += [("taken away", taken_words(one, found, places)) for one in found.taken]
    for outcome in found.outcomes:
        facts += facts_of_outcome(outcome, found, places, whole=whole)
    if asked.repository is None:
        facts.append(("besides", besides(found)))
    yield from lines(facts)
    for text in (outcome.session_policy for outcome in found.outcomes):
        if whole and text:
            yield from ("", "session policy:")
            yield from json.dumps(json.loads(text), indent=2).splitlines()
            yield from ("", "as sent:", text)
    yield from misses(found, places)


def headline(found: Explanation) -> str:
    """Return the answer in one line."""
    asked = found.question
    answer = "allowed" if found.allowed else "not allowed"
    by = f", by the grant {asked.grant} alone" if asked.grant else ""
    if asked.repository is not None:
        what = f"{asked.access} of {asked.repository}"
        return f"{answer}: {what} in the registry {asked.registry}{by}"
    where = f" in the registry {asked.registry}" if asked.registry else ""
    count = len(found.held)
    grants = "1 grant is" if count == 1 else f"{count or 'no'} grants are"
    return f"{answer}: {grants} for this caller{where}{by}"


def words_of(caller: Caller) -> str:
    """Return a caller as the policy would name it."""
    whose = f"{KINDS[caller.kind]} {caller.path[1:]}{caller.name} of {caller.account}"
    partition = "" if caller.partition == "aws" else f" in {caller.partition}"
    called = "user" if caller.kind is CallerKind.IDENTITY_CENTER else "session"
    return whose + partition + (f", {called} {caller.session}" if caller.session else "")


def facts_of_grant(held: Held, places: Places) -> Facts:
    """Return what there is to say of a grant that is for what is asked."""
    one = held.compared
    repositories = [
        pattern
        for comparison in one.comparisons
        if comparison.dimension is Dimension.REPOSITORY
        for pattern in comparison.policy
    ]
    return [
        ("grant", titled(one, places)),
        ("  for", pattern_words(one.grant.callers[one.callers])),
        ("  gives", f"{one.grant.access} of {some(repositories)}"),
    ]


def titled(one: Compared, places: Places) -> str:
    """Return the name of a grant, where it stands, and whose it is."""
    owner = f", {one.grant.owner}" if one.grant.owner else ""
    return f"{one.grant.name} ({places.at('grants', one.number)}){owner}"


def table(found: Explanation, places: Places) -> Iterator[str]:
    """Yield a row for each grant that a caller has."""
    heads = ("grant", "registry", "access", "repositories", "less", "at most", "until", "but", "")
    yield from aligned([heads, *(row(one, places, now=found.at) for one in found.held)])


def row(held: Held, places: Places, *, now: datetime) -> tuple[str, ...]:
    """Return what a grant gives its caller, and what is taken away of it."""
    grant, decision = held.compared.grant, held.outcome.decision
    left = [pattern for patterns in decision.scope.values() for pattern in patterns]
    less = [*decision.excluded, *(f"{one.repository} ({one.rule})" for one in decision.dropped)]
    but = [
        "a request must name it and give a reason" if grant.break_glass else "",
        "from one address" if grant.bind_source_ip else "",
    ]
    return (
        grant.name,
        grant.registry,
        grant.access,
        some(left) or "nothing",
        some(less),
        length(held.outcome.bound.at - now) if held.outcome.bound else "",
        grant.expires_on.isoformat() if grant.expires_on else "",
        ", ".join(filter(None, but)),
        places.at("grants", held.compared.number),
    )


def taken_words(one: Taken, found: Explanation, places: Places) -> str:
    """Return how a rule takes something away, and where it stands."""
    asked = found.question
    where = f"{one.rule} ({places.at(*one.entry)})"
    if one.rule == "ceiling.accounts":
        return f"{where} does not list {asked.caller.account}: nothing is granted beyond it"
    if one.rule == "ceiling.repositories":
        return f"{where} bounds all grants to {some(one.what)}"
    return f"{where} takes {some(one.what)}"


def facts_of_outcome(outcome: Outcome, found: Explanation, places: Places, *, whole: bool) -> Facts:
    """Return what there is to say of the token that a request would give, or why it gives none."""
    request, decision, asked = outcome.request, outcome.decision, found.question
    facts: Facts = []
    if (refusal := outcome.refusal) is not None:
        facts.append(("refused", refused_words(refusal, found)))
    elif asked.repository is None:
        up_to = "" if request.access is Access.PULL else f", up to {request.access}"
        facts.append(("token", f"all that is granted{up_to}, in the registry {request.registry}"))
        facts += [(f"  {access}", some(held)) for access, held in decision.scope.items()]
        lost = [f"{one.repository} ({one.rule})" for one in decision.dropped]
        facts.append(("  not in it", some(lost)))
    facts += [("monitored", planned_words(one, places)) for one in outcome.planned]
    if outcome.bound is None or decision.expires_at is None:
        return facts
    by = f" ({places.at(*outcome.bound.entry)})" if outcome.bound.entry else ""
    lives = length(outcome.bound.at - found.at)
    size = f"{len(outcome.session_policy):,} of {LONGEST:,} characters"
    return [
        *facts,
        ("excluded", some(decision.excluded)),
        ("lifetime", f"{lives}, until {stamp(decision.expires_at)}: {outcome.bound.words}{by}"),
        (
            "address",
            f"only the one that asked ({asked.source_ip} stands for it here)"
            if decision.bind_source_ip
            else "any",
        ),
        (
            "break-glass",
            "a request must name the grant in `grant` and give a `reason`"
            if decision.break_glass
            else "",
        ),
        ("session policy", size if whole else f"{size}; --session-policy prints it"),
    ]


def refused_words(refusal: Refusal, found: Explanation) -> str:
    """Return why there would be no token, "" where the rest of the page says it."""
    if refusal.code is not Code.NOT_GRANTED:
        return f"{refusal.code}: {refusal.detail}"
    if found.question.repository is not None or not found.held:
        return ""
    if found.question.grant is None and all(one.compared.grant.break_glass for one in found.held):
        return "these grants are break-glass: a request must name one in `grant`"
    return "nothing is left of these grants"


def besides(found: Explanation) -> str:
    """Return what the policy lets the caller do that is no token."""
    acts = (
        "may revoke tokens and block callers" * found.revokes,
        "may read the records of vends" * found.audits,
    )
    return ", ".join(filter(None, acts))


def planned_words(planned: Planned, places: Places) -> str:
    """Return what a rule in monitor mode would have done."""
    one = planned.monitored
    rule = f"{one.rule} ({places.at(*planned.entry)}) would have"
    if one.effect == "narrow":
        return f"{rule} ended the token sooner, or bound it"
    more = f" and {one.count - len(one.repositories)} more" * (one.count > len(one.repositories))
    done = "allowed" if one.effect == "allow" else "denied"
    return f"{rule} {done} {', '.join(one.repositories)}{more}"


def misses(found: Explanation, places: Places) -> Iterator[str]:
    """Yield the grants that miss, each with what differs."""
    for number, one in enumerate(found.near):
        if number == 0:
            yield ""
            yield "every other grant, nearest first:" if found.question.every else "nearest misses:"
        agreeing = dict.fromkeys(comparison.dimension for comparison in one.matching)
        also = f"; {', '.join(agreeing)} {'match' if len(agreeing) > 1 else 'matches'}"
        differing = [comparison.dimension for comparison in one.differing]
        differ = f"{', '.join(differing)} {'differ' if len(differing) > 1 else 'differs'}"
        yield printable(f"  {titled(one, places)}: {differ}{also if agreeing else ''}")
        for comparison in one.differing:
            yield printable(f"    {comparison.dimension}: {difference(comparison)}")
    if found.near and (rest := found.others - len(found.near)):
        count = "another grant misses" if rest == 1 else f"{rest} other grants miss"
        yield f"  {count} by more; --all shows each"


def difference(one: Comparison) -> str:
    """Return how a grant and what is asked differ in one dimension, with both values."""
    policy = some(one.policy)
    match one.dimension:
        case Dimension.KIND:
            return f"the grant is for a {policy}, the caller is a {one.asked}"
        case Dimension.REGISTRY:
            return f"the grant is for {policy}, {one.asked} is asked for"
        case Dimension.REPOSITORY:
            return f"the grant covers {policy}, not {one.asked}"
        case Dimension.ACCESS:
            return f"the grant gives {policy}, {one.asked} is asked for"
        case Dimension.EXPIRES_ON:
            return f"the grant was good through {policy}, it is {one.asked}"
        case Dimension.BREAK_GLASS:
            return "the grant counts only where a request names it in `grant`, with a `reason`"
        case Dimension.MODE:
            return "the grant is in monitor mode: it decides nothing yet"
        case _:
            return f"the grant says {policy}, the caller has {one.asked or 'none'}"


def lines(facts: Facts) -> Iterator[str]:
    """Yield facts below one another."""
    shown = [(name, printable(said)) for name, said in facts if said]
    width = max((len(name) for name, _ in shown), default=0)
    for name, said in shown:
        yield f"{name.ljust(width)}  {said}"


def some(names: Sequence[str]) -> str:
    """Return a list as words, cut where it is long."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def length(time: timedelta) -> str:
    """Return a length as the policy writes it: `30m`, `1h`, `45s`."""
    seconds = int(time.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
