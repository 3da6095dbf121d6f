"""What a vend asks of AWS: recorded from the real function, and counted."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.estimates.dynamodb import Tables, Write, writes_of
from tools.template.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

# It tells of every translation that a feature flag has no value.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "VendFunction"


@dataclass(frozen=True, slots=True)
class Vend:
    """What one vend asked of AWS.

    Attributes:
        calls: `service:Operation` → how many.
        writes: What it wrote to DynamoDB.
        reads: Read units, each counted as consistent.
        answer_bytes: Of the answer to the caller.
        log_bytes: That the function printed.
    """

    calls: Counter[str]
    writes: tuple[Write, ...]
    reads: int
    answer_bytes: int
    log_bytes: int

    @property
    def units(self) -> int:
        """Write units, those of the indexes included."""
        return sum(write.units for write in self.writes)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Vends of one instance of the function.

    Attributes:
        cold: The first: it has no policy yet, and records which one serves.
        warm: The third.
        shared: `place, partition` → units that each of two warm vends wrote there: where all vends
            of an hour, a day, a grant or a repository meet in one partition.
        access_log_bytes: Of API Gateway's line for a vend, about.
    """

    cold: Vend
    warm: Vend
    shared: Mapping[tuple[str, str], int]
    access_log_bytes: int


def vend_of(tables: Tables, record: Mapping[str, Any], log: str) -> Vend:
    """Return a recorded vend, counted."""
    calls = record["calls"]
    writes = [
        write
        for call in calls
        if call["service"] == "dynamodb"
        for write in writes_of(tables, call["operation"], call["sent"])
    ]
    counted = Counter(f"{call['service']}:{call['operation']}" for call in calls)
    reads = sum(counted[f"dynamodb:{name}"] for name in ("GetItem", "Query"))
    return Vend(counted, tuple(writes), reads, record["answer_bytes"], len(log.encode()))


@dataclass
class Function:
    """The vending function as the template deploys it.

    Attributes:
        stack: The stack with the defaults of its parameters.
        path: The folder that `handlers` and `vending` are imported from.
    """

    stack: Stack = field(default_factory=Stack)
    path: Path = ROOT / "functions"

    @property
    def memory(self) -> int:
        """Return its memory, MB."""
        return int(self.stack.properties(FUNCTION)["MemorySize"])

    @property
    def throttle(self) -> tuple[float, float]:
        """Return the rate and the burst of the API's stage, requests a second and at once."""
        (stage,) = self.stack.resources("AWS::ApiGateway::Stage").values()
        (every,) = [
            one for one in stage["Properties"]["MethodSettings"] if one["ResourcePath"] == "/*"
        ]
        return float(every["ThrottlingRateLimit"]), float(every["ThrottlingBurstLimit"])

    @property
    def budgets(self) -> dict[str, int]:
        """Return how many vends an hour each kind of budget gives; 0 is no limit."""
        variables = self.stack.properties(FUNCTION)["Environment"]["Variables"]
        found: dict[str, int] = json.loads(variables["VEND_BUDGETS"])
        return found

    def recorded(self) -> Recorded:
        """Vend, and return what was asked of AWS.

        Raises:
            RuntimeError: The function failed, or asked for something that is not known here.
        """
        variables = self.stack.properties(FUNCTION)["Environment"]["Variables"]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "record.json"
            done = subprocess.run(
                [sys.executable, "-m", "tools.estimates.one_vend", file],
                cwd=ROOT,
                env={
                    **{key: str(value) for key, value in variables.items()},
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": f"{self.path}{os.pathsep}{ROOT}",
                    "AWS_REGION": "eu-west-1",
                    "AWS_DEFAULT_REGION": "eu-west-1",
                    "AWS_ACCESS_KEY_ID": "AKIAESTIMATE",
                    "AWS_SECRET_ACCESS_KEY": "none",
                    "AWS_LAMBDA_FUNCTION_NAME": "vend",
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-3:])
                raise RuntimeError(f"the function could not be recorded:\n{last}")
            records = json.loads(file.read_text())
        # A measured time has as many digits as it happens to have: each is taken as six.
        steady = re.sub(r"\b\d+\.\d+(e-\d+)?\b", "0.123456", done.stdout)
        logs = steady.split("END OF A VEND\n")
        tables = Tables.of(self.stack)
        cold, second, warm = (
            vend_of(tables, *pair) for pair in zip(records, logs[:3], strict=True)
        )
        return Recorded(cold, warm, shared(second, warm), self.access_log_bytes())

    def access_log_bytes(self) -> int:
        """Return the bytes of one access log line, each variable taken as 30 characters."""
        (stage,) = self.stack.resources("AWS::ApiGateway::Stage").values()
        line = str(stage["Properties"]["AccessLogSetting"]["Format"])
        return len(re.sub(r"\$context[\w.]+", "x" * 30, line))


def shared(one: Vend, other: Vend) -> dict[tuple[str, str], int]:
    """Return the partitions that two vends both wrote to, with the units of one of them."""
    of_other = {(write.place, write.partition) for write in other.writes}
    found: Counter[tuple[str, str]] = Counter()
    for write in one.writes:
        if (write.place, write.partition) in of_other:
            found[write.place, write.partition] += write.units
    return dict(found)
