"""A document for each code of `vending.policy_problems.RULES`: what a policy can have wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vending.policy_text import MOST_BYTES

ROLE = 'role: "arn:aws:iam::111122223333:role/payments-ci"'
CI = "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1"
ALLOWED = f'{{caller: "{CI}", repository: payments/api, access: push, expect: allow}}'


def grant(name: str = "payments-ci", **said: str | None) -> str:
    """Return a grant in flow style, with some of its keys said otherwise, or left out (None)."""
    keys: dict[str, str | None] = {
        "name": name,
        "owner": "payments@example.com",
        "callers": f"[{{{ROLE}}}]",
        "repositories": "[payments/*]",
        "access": "push",
    }
    words = ", ".join(f"{key}: {value}" for key, value in (keys | said).items() if value)
    return f"  - {{{words}}}\n"


def policy(*grants: str, head: str = "", tail: str = "", tests: str = f"  - {ALLOWED}\n") -> str:
    """Return a policy of these grants, or of one that has nothing wrong."""
    listed = f"tests:\n{tests}" if tests else ""
    return f"version: 1\n{head}grants:\n{''.join(grants or [grant()])}{tail}{listed}"


def deny(**said: str | None) -> str:
    """Return the denies of a policy: one that takes something away from `grant()`."""
    keys = {"name": "embargo", "owner": "sec@example.com", "repositories": "[payments/ledger]"}
    words = ", ".join(f"{key}: {value}" for key, value in (keys | said).items() if value)
    return f"denies:\n  - {{{words}}}\n"


def caller(entry: str) -> str:
    """Return a policy whose grant has one more caller."""
    return policy(grant(callers=f"[{{{ROLE}}}, {{{entry}}}]"))


def repositories(*listed: str) -> str:
    """Return a policy whose grant has more repositories."""
    return policy(grant(repositories=f"[payments/*, {', '.join(listed)}]"))


GOOD = policy(tail=deny())
TODAY = datetime.now(UTC).date()
ALIASES = "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
MANY = ", ".join(f"payments-service-with-a-long-name/component-{n:03}" for n in range(60))
ARN = "arn:aws:iam::111122223333"

DOCUMENTS: dict[str, str] = {
    "too-large": GOOD + "#" * MOST_BYTES,
    "not-yaml": "version: 1\ngrants: [\n",
    "nested-too-deeply": "[" * 100,
    "aliases-too-large": "a: &a [1]\n" + ALIASES,
    "repeated-key": GOOD.replace("version: 1", "version: 1\nversion: 1"),
    "unreadable-value": policy(grant(expires_on="2027-02-31")),
    "not-a-policy": "- 1\n",
    "unknown-key": policy(grant(max_tll="30m")),
    "missing-key": policy(grant(access=None)),
    "wrong-value": GOOD.replace("version: 1", "version: 2"),
    "empty-list": policy(grant(repositories="[]")),
    "wrong-name": policy(grant("Payments")),
    "repeated-name": policy(grant(), grant()),
    "wrong-duration": policy(grant(max_ttl="30")),
    "wrong-account": policy(head="ceiling: {accounts: [111122223333]}\n"),
    "wrong-pattern": repositories("'payments/${aws:username}'"),
    "wrong-access": policy(grant(access="write")),
    "wrong-day": policy(grant(expires_on="soon")),
    "wrong-caller": caller("role: payments-ci"),
    "session-for-role": caller('role: "arn:aws:sts::111122223333:assumed-role/x/run"'),
    "role-with-path": caller(f'role: "{ARN}:role/ci/x"'),
    "identity-center-role": caller(f'role: "{ARN}:role/AWSReservedSSO_Dev_0123456789abcdef"'),
    "one-principal": caller('root: "111122223333", account: "111122223333"'),
    "stray-session": caller('account: "111122223333", session: x'),
    "break-glass-too-long": policy(grant(max_ttl="30m", break_glass="true")),
    "wrong-test": GOOD.replace("repository: payments/api", "repository: payments/*"),
    "test-fails": GOOD.replace("expect: allow", "expect: deny"),
    "never-matches": policy(grant(), grant("other", repositories="[ledger//api]")),
    "dead-entry": repositories("payments/-api"),
    "outside-ceiling": policy(
        grant(),
        grant("other", callers='[{account: "444455556666"}]'),
        head='ceiling: {accounts: ["111122223333"]}\n',
    ),
    "shadowed-by-deny": policy(
        grant(),
        grant("search", repositories="[search/index]"),
        tail=deny(repositories="[payments/ledger, search/*]"),
    ),
    "expired": policy(grant(), grant("old", repositories="[old/*]", expires_on="2020-01-31")),
    "expires-soon": policy(grant(expires_on=str(TODAY + timedelta(days=10)))),
    "every-repository": repositories('"*"'),
    "wide-pattern": repositories("payments*"),
    "star-crosses-slash": repositories("base/*/python"),
    "any-character": repositories("base/python3?"),
    "scope-too-large": repositories(MANY),
    "glob-over-accounts": caller('role: "arn:aws:iam::*:role/partner"'),
    "glob-spans-teams": policy(
        grant(),
        grant(
            "all-ci",
            owner="platform@example.com",
            callers=f'[{{role: "{ARN}:role/*-ci"}}]',
            repositories="[base/*]",
        ),
    ),
    "no-owner": policy(grant(owner=None)),
    "redundant-grant": policy(grant(), grant("again", repositories="[payments/api]")),
    "deny-removes-nothing": policy(tail=deny(repositories="[paiments/ledger]")),
    "no-tests": policy(tests=""),
}
"""By the code that each of them has, and no other code has."""
