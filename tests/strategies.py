"""Hypothesis strategies for policies, callers, requests and what surrounds them.

The letters are few on purpose: patterns, names, grants and denies then meet one another often.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from vending import patterns
from vending.access import Access
from vending.caller import Caller, Origin
from vending.caller_patterns import CallerPattern
from vending.policy import Policy
from vending.request import VendRequest

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

NOW = datetime(2026, 11, 23, 20, 0, 0, 250_000, UTC)

NAMES = st.lists(st.sampled_from(["aa", "ab", "ba", "b-a"]), min_size=1, max_size=3).map("/".join)
"""Repository names as ECR takes them."""


@st.composite
def patterns_near(draw: Any, names: SearchStrategy[str] = NAMES) -> str:
    """Draw a name with some of its pieces replaced by wildcards."""
    name = draw(names)
    start = draw(st.integers(0, len(name)))
    end = draw(st.integers(start, len(name)))
    wild = draw(st.sampled_from(["*", "?", "**", "*?", "", "/*"]))
    return (name[:start] + wild + name[end:])[:256] or "*"


PATTERNS = st.one_of(
    NAMES,
    patterns_near(),
    st.sampled_from(["*", "aa/*", "a?/*", "*/ab"]),
    st.text("ab/-*?", min_size=1, max_size=6),
)
"""Repository patterns of a policy: names, near misses, and any mix of letters and wildcards."""

ARNS = (
    "arn:aws:sts::111122223333:assumed-role/ci/run-1",
    "arn:aws:sts::111122223333:assumed-role/ci-b/run-1",
    "arn:aws:sts::444455556666:assumed-role/ci/run-1",
    "arn:aws:iam::111122223333:user/team/jo",
)
CALLERS = st.sampled_from([ARNS[0], *ARNS]).map(
    lambda arn: Caller.from_arn(arn, principal_id="AROAEXAMPLE12")
)

CALLER_PATTERNS = st.sampled_from(
    [
        {"account": "111122223333"},
        {"role": "arn:aws:iam::111122223333:role/ci"},
        {"role": "arn:aws:iam::111122223333:role/ci*"},
        {"role": "arn:aws:iam::*:role/?i"},
        {"role": "arn:aws-cn:iam::111122223333:role/ci"},
        {"role": "arn:aws:iam::111122223333:role/ci", "session": "run-?"},
        {"role": "arn:aws:iam::111122223333:role/ci", "session": "other"},
        {"user": "arn:aws:iam::111122223333:user/team/*"},
        {"user": "arn:aws:iam::111122223333:user/*"},
        {"account": "444455556666"},
    ]
)
PIECES = st.text("ab-*?", min_size=1, max_size=6)
ACCOUNTS = st.sampled_from(["111122223333", "1111*", "*", "11112222333?", "*3333", "1*2*3"])
ACCOUNT = st.sampled_from(["111122223333", "111122223333", "444455556666"])


def signed_in(name: str, account: str, user: str | None) -> dict[str, Any]:
    """Return a pattern for users of a permission set."""
    said = {"name": name, "account": account} | ({} if user is None else {"user": user})
    return {"permission_set": said}


EVERY_CALLER_PATTERN = st.one_of(
    st.builds("arn:aws:iam::{}:role/{}".format, ACCOUNTS, PIECES).map(lambda arn: {"role": arn}),
    st.builds(
        "arn:{}:iam::{}:user/{}".format, st.sampled_from(["aws", "aws-cn"]), ACCOUNTS, PIECES
    ).map(lambda arn: {"user": arn}),
    st.builds("arn:aws:iam::{}:user/{}/{}".format, ACCOUNTS, PIECES, PIECES).map(
        lambda arn: {"user": arn}
    ),
    st.builds("arn:aws:sts::{}:federated-user/{}".format, ACCOUNTS, PIECES).map(
        lambda arn: {"federated_user": arn}
    ),
    st.builds(
        lambda account, name, session: {
            "role": f"arn:aws:iam::{account}:role/{name}",
            "session": session,
        },
        ACCOUNT,
        PIECES,
        PIECES,
    ),
    st.builds(signed_in, PIECES, ACCOUNT, st.none() | PIECES),
    ACCOUNT.map(lambda account: {"root": account}),
    ACCOUNT.map(lambda account: {"account": account}),
).map(CallerPattern.model_validate)
"""Caller patterns of every kind."""

WORDS = st.text("ab-", min_size=1, max_size=3)
EVERY_CALLER = st.one_of(
    st.builds("arn:aws:sts::{}:assumed-role/{}/{}".format, ACCOUNT, WORDS, WORDS),
    st.builds(
        "arn:aws:sts::{}:assumed-role/AWSReservedSSO_{}_0123456789abcdef/{}".format,
        ACCOUNT,
        WORDS,
        WORDS,
    ),
    st.builds("arn:aws:iam::{}:user/{}/{}".format, ACCOUNT, WORDS, WORDS),
    st.builds("arn:{}:iam::{}:user/{}".format, st.sampled_from(["aws", "aws-cn"]), ACCOUNT, WORDS),
    st.builds("arn:aws:sts::{}:federated-user/{}".format, ACCOUNT, WORDS),
    ACCOUNT.map("arn:aws:iam::{}:root".format),
).map(Caller.from_arn)
"""Callers of every kind, whose names are those that the patterns are about."""

REGISTRIES = st.sampled_from(["default"] * 5 + ["other"])
DAYS = st.sampled_from([None, None, None, date(2026, 11, 22), date(2026, 11, 23), date(2027, 1, 1)])
LENGTHS = st.sampled_from([None, "45s", "10m", "30m", "1h"])
SHORT_LENGTHS = st.sampled_from([None, "45s", "10m"])
"""Those that a break-glass grant may say."""


MODES = st.sampled_from([None, None, None, "enforce", "monitor"])


def optional(key: str, values: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Draw `{key: value}`, or nothing where the value is None."""
    return values.map(lambda value: {} if value is None else {key: value})


@st.composite
def grants(draw: Any) -> dict[str, Any]:
    """Draw a grant without its name."""
    break_glass = draw(st.sampled_from([False, False, False, True]))
    return {
        "callers": draw(st.lists(CALLER_PATTERNS, min_size=1, max_size=2)),
        "repositories": draw(st.lists(PATTERNS, min_size=1, max_size=3)),
        "access": draw(st.sampled_from([access.value for access in Access])),
        "registry": draw(REGISTRIES),
        "bind_source_ip": draw(st.booleans()),
        "break_glass": break_glass,
        **draw(optional("max_ttl", SHORT_LENGTHS if break_glass else LENGTHS)),
        **draw(optional("expires_on", DAYS)),
        **draw(optional("mode", MODES)),
    }


@st.composite
def broad_grants(draw: Any) -> dict[str, Any]:
    """Draw a grant that most callers can draw on."""
    return {
        **draw(grants()),
        "callers": [{"account": "111122223333"}],
        "repositories": draw(st.lists(patterns_near(), min_size=1, max_size=3)),
        "registry": "default",
        "break_glass": False,
        "expires_on": None,
        "mode": "enforce",
    }


@st.composite
def denies(draw: Any) -> dict[str, Any]:
    """Draw a deny without its name."""
    return {
        "repositories": draw(st.lists(PATTERNS, min_size=1, max_size=2)),
        **draw(optional("callers", st.none() | st.lists(CALLER_PATTERNS, min_size=1, max_size=2))),
        **draw(optional("registry", st.none() | REGISTRIES)),
        **draw(optional("mode", MODES)),
    }


CEILINGS: SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "accounts": st.sampled_from([["111122223333"], ["111122223333", "444455556666"]]),
            "repositories": st.lists(
                st.sampled_from(["aa/*", "*b", "*/*", "a*"]) | PATTERNS, min_size=1, max_size=2
            ),
            "max_ttl": st.sampled_from(["1m", "20m"]),
            "mode": st.sampled_from(["enforce", "enforce", "monitor"]),
        },
    ),
)


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """Draw a whole policy document, as YAML would read it."""
    return {
        "version": 1,
        "ceiling": draw(CEILINGS),
        "grants": [
            {"name": f"grant-{number}", **grant}
            for number, grant in enumerate(
                draw(st.lists(broad_grants() | grants(), min_size=1, max_size=4))
            )
        ],
        "denies": [
            {"name": f"deny-{number}", **deny}
            for number, deny in enumerate(draw(st.lists(denies(), max_size=2)))
        ],
    }


POLICIES = documents().map(Policy.model_validate)


@st.composite
def names_in(draw: Any, policy: Policy) -> str:
    """Draw a repository name that one of the document's patterns may be about."""
    written = [one for grant in policy.grants for one in grant.repositories]
    written += [one for deny in policy.denies for one in deny.repositories]
    pattern: str = draw(st.sampled_from(written))
    for wild, fillings in (("*", ["", "a", "ab", "aa/ab", "/b-a"]), ("?", ["a", "b", "/"])):
        while wild in pattern:
            pattern = pattern.replace(wild, draw(st.sampled_from(fillings)), 1)
    other: str = draw(NAMES)
    return pattern if patterns.REPOSITORY.fullmatch(pattern) else other


@st.composite
def requests(draw: Any, policy: Policy) -> VendRequest:
    """Draw a request: for named repositories, or for all that is granted."""
    lists: dict[Access, tuple[str, ...]] = {}
    if draw(st.booleans()):
        for access in draw(st.lists(st.sampled_from(Access), min_size=1, max_size=2)):
            lists[access] = tuple(draw(st.lists(names_in(policy), min_size=1, max_size=3)))
    return VendRequest(
        registry="default",
        repositories=lists,
        access=draw(st.sampled_from(Access)),
        ttl=draw(st.sampled_from([None, timedelta(seconds=90), timedelta(hours=2)])),
        grant=draw(st.sampled_from([None] * 6 + ["grant-0", "grant-1", "grant-9"])),
        reason=draw(st.sampled_from(["", "incident 7"])),
    )


@st.composite
def situations(draw: Any) -> tuple[Policy, Caller, VendRequest]:
    """Draw a policy, a caller and a request that often have something to do with each other."""
    policy = draw(POLICIES)
    return policy, draw(CALLERS), draw(requests(policy))


ORIGINS = st.sampled_from(
    [
        Origin("203.0.113.7"),
        Origin("2001:db8::7"),
        Origin("10.0.0.7", vpc="vpc-0a1b2c3d", vpc_endpoint="vpce-0a1b2c3d"),
    ]
)
