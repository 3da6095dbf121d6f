"""What the functions measure: one line of CloudWatch's embedded metric format for each invocation.

Source: "Specification: Embedded metric format" in the CloudWatch user guide. Powertools' Metrics
gives every metric of a line the same dimensions; here refusals alone have one more, `code`, and all
the rest would become a metric for each code. A caller, an account or a repository is never a
dimension: there is no way to add one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vending.errors import Code
    from vending.ports import Intent

NAMESPACE = "ecr-vend"

UNITS = {"Seconds": "Seconds", "Age": "Seconds"}
"""Ending of a metric's name → its unit; all others are counts."""


class Measures:
    """What one invocation measured so far."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._properties: dict[str, str] = {}
        self._probe = False
        self._cold = True

    def begin(self, request_id: str) -> None:
        """Begin an invocation; the first one of an instance is a cold start.

        Args:
            request_id: Lambda's, which log lines have as `function_request_id`.
        """
        self._values, self._probe = {}, False
        self._properties = {"function_request_id": request_id}
        if self._cold:
            self.count("ColdStarts")
        self._cold = False

    def probed(self) -> None:
        """Note that the stack's own prober asks: what it is answered is counted as `Probes`."""
        self._probe = True

    def count(self, name: str, value: float = 1) -> None:
        """Add to a count."""
        self._values[name] = self._values.get(name, 0) + value

    def set(self, name: str, value: float) -> None:
        """Set a value; the last one of an invocation counts."""
        self._values[name] = value

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure how long the block takes, however it ends."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.count(name, time.perf_counter() - started)

    def answered(self, what: str, intent: Intent | None = None) -> None:
        """Count an answer that is no refusal: `Vends`, `DryRuns`, `Whoami`."""
        self.count("Probes" if self._probe else what)
        self.set("Failures", 0)
        if intent:
            self._properties["vend_id"] = intent.vend_id
            if not self._probe and intent.session_policy:
                self.set("SessionPolicySize", len(intent.session_policy))

    def refused(self, code: Code, status: int, vend_id: str | None) -> None:
        """Count a refusal, in all and by its code.

        A probe that is refused as it should be is none; a failure is one, whoever meets it.
        """
        failed = status >= 500
        if self._probe:
            self.count("Probes")
        if failed or not self._probe:
            self.count("Refusals")
            self._properties["code"] = code
        self.set("Failures", int(failed))
        if vend_id:
            self._properties["vend_id"] = vend_id

    def flush(self) -> None:
        """Write what was measured, if anything."""
        values, self._values = self._values, {}
        if values:
            sys.stdout.write(json.dumps(line(values, self._properties), separators=(",", ":")))
            sys.stdout.write("\n")


def line(values: Mapping[str, float], properties: Mapping[str, str]) -> dict[str, Any]:
    """Return what CloudWatch reads metrics from.

    Args:
        values: By metric.
        properties: What else the line says, searchable and no dimension; but `code` is one of
            `Refusals`.
    """

    def directive(names: list[str], *dimensions: list[str]) -> dict[str, Any]:
        metrics = [{"Name": name, "Unit": unit_of(name)} for name in names]
        return {"Namespace": NAMESPACE, "Dimensions": list(dimensions), "Metrics": metrics}

    by_code = ["Refusals"] if "Refusals" in values else []
    others = [name for name in values if name not in by_code]
    directives = [directive(others, ["service"])] if others else []
    if by_code:
        directives.append(directive(by_code, ["service"], ["service", "code"]))
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives},
        # The service is the stack's name, so that two stacks have two sets.
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "ecr-vend"),
        **properties,
        **{name: round(value, 6) for name, value in values.items()},
    }


def unit_of(name: str) -> str:
    """Return the unit of a metric, which its name ends in."""
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "Count")


measures = Measures()
"""Those of the invocation at hand: Lambda gives an instance one at a time."""
