"""Made-up figures: twelve hours of a stack that works, until STS begins to throttle it at the end.

They depend on the names of what is shown alone, so that the picture is the same each time.
"""

from __future__ import annotations

import math
import random
import re

POINTS = 72
"""Points of a line: one for each ten minutes."""

TROUBLE = 69
"""The point from which STS throttles."""

FIGURES: dict[str, tuple[float, float, float]] = {
    "vended": (90, 25, 70),
    "refused or failed": (3, 2, 24),
    "dry runs": (2, 2, 2),
    "whoami": (5, 3, 5),
    "of the service": (0, 0.002, 0.22),
    "of the API": (0, 0.003, 0.24),
    "failed": (0, 0, 0),
    "seconds": (1.1, 0.2, 1.6),
    "not_granted": (2, 2, 3),
    "throttled": (0.6, 0.9, 1),
    "invalid_request": (0.4, 0.7, 0.4),
    "aws_throttled": (0, 0, 21),
    "p50": (0.16, 0.02, 0.2),
    "p90": (0.25, 0.04, 0.5),
    "p99": (0.6, 0.2, 2.4),
    "policy": (0.03, 0.02, 0.03),
    "budgets": (0.03, 0.01, 0.03),
    "blocks": (0.02, 0.01, 0.02),
    "intent": (0.05, 0.02, 0.05),
    "AssumeRole": (0.16, 0.06, 1.7),
    "GetAuthorizationToken": (0.12, 0.05, 0.14),
    "outcome": (0.08, 0.03, 0.09),
    "STS and ECR": (0, 0.2, 22),
    "oldest": (12, 5, 13),
    "cold starts": (0.5, 0.8, 1),
    "at once": (3, 1, 5),
    "archived": (3200, 700, 2600),
    "sealed": (3200, 700, 2600),
    "findings": (0, 0, 0),
    "since the seal": (603, 2, 603),
}
"""Label of a line → its usual value, how far it varies, its value in the trouble at the end."""

RINGING = ("FailuresAlarm", "MintAlarm", "AwsThrottlesAlarm")
CODES = ("aws_throttled", "invalid_request", "not_granted", "throttled")
"""What a search by code finds."""

ACCOUNT, PARTNER = "111122223333", "444455556666"
FIELDS: dict[str, tuple[str, ...]] = {
    "times": ("41", "17", "9", "4", "2"),
    "caller_arn": (
        "…:assumed-role/search-ci/run-812",
        "…:assumed-role/partner-batch/i-0f3a",
        "…:assumed-role/payments-ci/run-77",
        "…:user/tools/nightly",
        "…:assumed-role/edge-node/rack-4",
    ),
    "code": ("not_granted", "throttled", "not_granted", "invalid_request", "not_granted"),
    "userArn": (
        f"…:{PARTNER}:assumed-role/builder/7",
        "-",
        f"…:{ACCOUNT}:user/old-jenkins",
        f"…:{PARTNER}:assumed-role/audit/x",
        "-",
    ),
    "sourceIp": ("203.0.113.7", "198.51.100.23", "192.0.2.14", "203.0.113.7", "198.51.100.9"),
    "errorType": (
        "ACCESS_DENIED",
        "EXPIRED_TOKEN",
        "INVALID_SIGNATURE",
        "ACCESS_DENIED",
        "WAF_FILTERED",
    ),
    "vend_id": ("v-06f2k…", "v-06f2j…", "v-06f1x…", "v-06ezq…", "v-06eyc…"),
    "VendSeconds": ("4.81", "3.92", "3.10", "0.94", "0.88"),
    "IntendSeconds": ("0.06", "0.05", "0.07", "0.41", "0.06"),
    "MintSeconds": ("4.62", "3.75", "2.91", "0.33", "0.31"),
    "IssueSeconds": ("0.08", "0.07", "0.06", "0.12", "0.43"),
}
"""Column of a table → its first rows."""

SLOWEST = {"code": ("aws_throttled", "aws_throttled", "aws_throttled", "", "")}
"""The same, in the table of the slowest vends."""


def line(label: str) -> list[float]:
    """Return the values of a line, of nothing where its label is not known."""
    usual, varies, trouble = FIGURES.get(label, (0.0, 0.0, 0.0))
    drawn = random.Random(label)  # noqa: S311  nothing is kept secret by it
    day = [0.75 + 0.25 * math.sin(point / POINTS * 2 * math.pi - 1.2) for point in range(POINTS)]
    values = [
        max(0.0, (usual * day[point] if usual > 20 else usual) + varies * (drawn.random() * 2 - 1))
        for point in range(TROUBLE)
    ]
    return values + [trouble * (0.85 + 0.15 * drawn.random()) for _ in range(POINTS - TROUBLE)]


def table(query: str) -> tuple[list[str], list[list[str]]]:
    """Return the columns that a query gives, and their first rows."""
    stats = re.search(r"stats (.*?) by ([^|]*)", query)
    if stats:
        columns = [name.strip() for name in stats[2].split(",")]
        columns += re.findall(r"as (\w+)", stats[1])
    else:
        fields = re.search(r"fields ([^|]*)", query)
        columns = [name.strip() for name in fields[1].split(",")] if fields else []
    known = FIELDS if stats else FIELDS | SLOWEST
    return columns, [[known[name][row] for name in columns] for row in range(5)]
