"""Two months of vends that nobody asked for: the same ones each time.

The second month has what the page is there to show: a caller that is new, one that is refused far
more than before, a first push, a break-glass vend, a grant that nobody used any more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ecr_vend import access
from ecr_vend.report.anomalies import anomalies
from ecr_vend.report.facts import Period, Repository, facts_of
from ecr_vend.report.report import Could, Report
from ecr_vend.report.tally import Tally
from vending.vend_ids import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENDPOINT = "https://vend.example.com"
HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
NOW = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
REVISION = "5f0c2a9d1b7e4c38"


@dataclass(frozen=True, slots=True)
class Habit:
    """What one caller asks for.

    Attributes:
        account: Of the caller.
        name: Of its role.
        access: What it asks for.
        repositories: Of which one it asks for at a time.
        grant: That gives it.
        before: Vends of a day in the first month.
        now: Vends of a day in the second.
        refused: Share that is refused.
    """

    account: str
    name: str
    access: str
    repositories: Sequence[str]
    grant: str
    before: float
    now: float
    refused: float = 0.0


HABITS = (
    Habit(
        "111122223333", "payments-ci", "push", ["payments/api", "payments/web"], "payments", 9, 9
    ),
    Habit("111122223333", "search-ci", "push", ["search/indexer"], "search", 4, 4.2),
    Habit("444455556666", "edge", "pull", ["payments/api", "base/python"], "partners", 12, 11),
    Habit("111122223333", "nightly-scan", "pull", ["base/python", "base/go"], "scanners", 3, 3),
    Habit("777788889999", "laptops", "pull", ["payments/web"], "developers", 2, 2.4, 0.1),
    Habit("444455556666", "batch", "pull", ["payments/ledger"], "partners", 1.5, 5, 0.7),
    Habit("777788889999", "old-mirror", "pull", ["base/*"], "mirror", 2, 0),
    Habit("777788889999", "new-deployer", "push", ["search/indexer"], "search", 0, 0.6),
)


def vend(at: datetime, habit: Habit, number: int, **changes: Any) -> dict[str, Any]:
    """Return a vend's record as `GET /v1/vends` shows it."""
    name = habit.repositories[number % len(habit.repositories)]
    role = f"arn:aws:sts::{habit.account}:assumed-role/{habit.name}/run-{number}"
    principal = f"AROA{habit.name.upper().replace('-', '')[:12]:X<12}"
    found = {
        "vend_id": written(at, number),
        "schema_version": 1,
        "outcome": "issued",
        "asked_at": stamp(at),
        "ended_at": stamp(at + timedelta(milliseconds=480)),
        "caller": {
            "kind": "assumed-role",
            "partition": "aws",
            "account": habit.account,
            "principal_id": principal,
            "name": habit.name,
            "path": "",
            "session": f"run-{number}",
            "arn": role,
        },
        "caller_key": f"aws:{habit.account}:{principal}",
        "source_ip": f"203.0.113.{number % 200 + 1}",
        "vpc": "",
        "vpc_endpoint": "",
        "user_agent": "ecr-vend/0.1.0",
        "request_id": f"{number:08x}-0000-4000-8000-000000000000",
        "asked": {
            "repositories": {habit.access: [name]},
            "access": "pull",
            "ttl_seconds": 900,
            "grant": None,
        },
        "reason": "",
        "registry": {"name": "default", "host": HOST},
        "role": f"arn:aws:iam::111122223333:role/ecr-vend-{habit.access}",
        "source_identity": f"{habit.name}-{number:08x}",
        "session_policy": '{"Version":"2012-10-17","Statement":[]}',
        "session_policy_size": 612,
        "scope": {habit.access: [name]},
        "excluded": [],
        "grants": [habit.grant],
        "denies": [],
        "dropped": [],
        "bound_to_source": False,
        "break_glass": False,
        "expires_at": stamp(at + timedelta(minutes=15)),
        "policy_revision": REVISION,
        "policy_label": "v12",
        "policy_age_seconds": 41,
        "code": None,
        "failure": None,
        "seconds": {"decide": "0.002", "count": "0.011", "intend": "0.014", "mint": "0.390"},
        "token_mac": f"{number:064x}",
        "hmac_key_id": "arn:aws:kms:eu-west-1:111122223333:key/5a1d",
        "probe": False,
        "deployment": "42",
        "service_version": "0.1.0",
    }
    return found | changes


def refusal(name: str, access: str, rule: str, code: str = "not_granted") -> dict[str, Any]:
    """Return what is otherwise in the record of a vend that was refused."""
    return {
        "outcome": "refused",
        "code": code,
        "scope": {},
        "grants": [],
        "role": "",
        "expires_at": None,
        "token_mac": None,
        "dropped": [{"repository": name, "access": access, "rule": rule}],
    }


def vends() -> list[dict[str, Any]]:
    """Return two months of vends, the newest first."""
    chance = random.Random(20261201)  # noqa: S311 not a secret
    found = [*habitual(chance), *emergencies()]
    return sorted(found, key=lambda one: str(one["asked_at"]), reverse=True)


def habitual(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Yield what the callers ask for, fewer at weekends."""
    number = 0
    for day in range(-30, 30):
        date = NOW.start + timedelta(days=day)
        for habit in HABITS:
            rate = (habit.now if day >= 0 else habit.before) * (0.3 if date.weekday() > 4 else 1.2)
            for _ in range(int(rate) + (chance.random() < rate % 1)):
                number += 1
                at = date + timedelta(seconds=chance.randrange(86_400), milliseconds=250)
                name = habit.repositories[number % len(habit.repositories)]
                no = chance.random() < (habit.refused if day >= 0 else habit.refused / 6)
                rule = "deny embargo" if habit.name == "batch" else "no grant"
                changes = refusal(name, habit.access, rule) if no else {}
                yield vend(at, habit, number, **changes)
    failed = NOW.start + timedelta(days=17, hours=9)
    for minute in range(6):
        number += 1
        changes = {
            "outcome": "failed",
            "code": "aws_throttled",
            "failure": "AssumeRole: Throttling",
            "token_mac": None,
        }
        yield vend(failed + timedelta(minutes=minute), HABITS[0], number, **changes)
    yield vend(failed + timedelta(minutes=9), HABITS[1], number + 1, outcome=None, ended_at=None)


def emergencies() -> Iterator[dict[str, Any]]:
    """Yield vends by break-glass."""
    oncall = Habit("111122223333", "oncall", "push", ["payments/api"], "emergency", 0, 0)
    reasons = ("INC-4711: rollback of payments/api", "INC-4718: registry credentials expired")
    for number, reason in enumerate(reasons):
        at = NOW.start + timedelta(days=9 + 6 * number, hours=2, minutes=40)
        yield vend(at, oncall, 90_000 + number, break_glass=True, reason=reason)


def could() -> list[Could]:
    """Return who could have had push to some repositories."""
    payments, search = (
        Repository("default", "payments/api"),
        Repository("default", "search/indexer"),
    )
    return [
        whoever(
            payments,
            [
                entry("111122223333:role/payments-ci", "payments"),
                entry("111122223333:role/oncall", "emergency", break_glass=True),
            ],
        ),
        whoever(
            search,
            [
                entry("111122223333:role/search-*", "search", many=True, unless=["embargo"]),
                entry("777788889999:role/new-deployer", "search"),
                entry("777788889999:role/contractor", "contractors"),
            ],
        ),
    ]


def entry(role: str, grant: str, **changes: Any) -> dict[str, Any]:
    """Return some callers as `GET /v1/access` names them."""
    found = {
        "callers": f"role arn:aws:iam::{role}",
        "many": False,
        "grant": grant,
        "owner": f"{grant}@example.com",
        "break_glass": False,
        "unless": [],
        "from": stamp(NOW.start),
        "to": stamp(NOW.end),
    }
    return found | changes


def whoever(repository: Repository, entries: Sequence[Mapping[str, Any]]) -> Could:
    """Return who could have had access to a repository: all of them push."""
    rows = access.rows({"could": entries}, ENDPOINT)
    return Could(repository, rows, rows)


def report(records: Sequence[Mapping[str, Any]] | None = None) -> Report:
    """Return the report of some vends, of all of `vends` where none are given."""
    now, before = Tally(NOW), Tally(NOW.before(), keeps=False)
    for record in vends() if records is None else records:
        facts = facts_of(record, ENDPOINT)
        (now if facts.at >= NOW.start else before).add(facts)
    return Report(
        endpoint=ENDPOINT,
        only={},
        now=now,
        before=before,
        could=could(),
        repositories=6,
        anomalies=anomalies(now, before),
        made_at=NOW.end,
        version="0.1.0",
    )


def stamp(moment: datetime) -> str:
    """Return a moment as records have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
