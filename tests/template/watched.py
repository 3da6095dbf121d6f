"""What there is to watch: every metric and every field of a log that the stack really has."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from handlers import prober, reconciler
from handlers.measured import PHASES
from handlers.measures import NAMESPACE
from reconciling.findings import Finding, Kind
from reconciling.reconciler import Report
from tests.metric_lines import REQUESTS, auditing, logged, metrics_of, printed, revoking

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tools.template.stack import Stack

Metric = tuple[str, str, frozenset[tuple[str, str]]]
"""A metric's namespace, its name, and its dimensions with their values."""


@cache
def function_lines() -> list[dict[str, Any]]:
    """Return what the vending function logs of every kind of request."""
    return [line for kind in REQUESTS for line in logged(kind)]


def probed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what the prober logs when it asks at a door behind which nobody is."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in (*keys, "AWS_REGION", "PROBE_REPOSITORY"):
        monkeypatch.setenv(name, "eu-west-1")
    monkeypatch.setenv("PROBE_REGISTRY_URL", "http://127.0.0.1:1")
    with printed(prober.logger) as lines:
        prober.handler({"endpoint": "http://127.0.0.1:1"}, None)
    return lines


def reconciled() -> list[dict[str, Any]]:
    """Return what the reconciler logs of a run that found something."""
    now = datetime.now(UTC)
    found = Finding(Kind.UNRECORDED_CALL, "session", now, {"event_id": "1"})
    with printed(reconciler.logger) as lines:
        reconciler.told(Report(now, (found,)), now)
    return lines


def of_functions(prober_lines: list[dict[str, Any]]) -> set[Metric]:
    """Return the metrics of the functions."""
    others = (*auditing(), *revoking(), *prober_lines, *reconciled())
    lines = [line for line in (*function_lines(), *others) if "_aws" in line]
    found = {(NAMESPACE, *metric) for line in lines for metric in metrics_of(line)}
    # Those of the clients of AWS, which the fakes have not: the runtime loop's test sees them.
    clients = frozenset({("service", "ecr-vend")})
    return found | {(NAMESPACE, name, clients) for name in PHASES.values()}


def of_filters(stack: Stack) -> set[Metric]:
    """Return the metrics that CloudWatch makes of the access log."""
    return {
        (one["MetricNamespace"], one["MetricName"], frozenset())
        for found in stack.resources("AWS::Logs::MetricFilter").values()
        for one in found["Properties"]["MetricTransformations"]
    }


def of_aws(stack: Stack) -> set[Metric]:
    """Return the metrics of AWS that are of use here.

    Source: the pages "Lambda function metrics", "Amazon API Gateway dimensions and metrics" and
    "DynamoDB metrics and dimensions" of each service's guide.
    """
    function = stack.ref("VendFunction")
    alias = {("FunctionName", function), ("Resource", f"{function}:live")}
    (api,) = stack.resources("AWS::ApiGateway::RestApi").values()
    (stage,) = stack.resources("AWS::ApiGateway::Stage").values()
    at = {("ApiName", api["Properties"]["Name"]), ("Stage", stage["Properties"]["StageName"])}
    tables = [stack.ref(table) for table in stack.resources("AWS::DynamoDB::Table")]
    lambdas = ("ConcurrentExecutions", "Duration", "Errors", "Throttles")
    return {
        *(("AWS/Lambda", name, frozenset(alias)) for name in lambdas),
        *(("AWS/ApiGateway", name, frozenset(at)) for name in ("4XXError", "5XXError", "Latency")),
        *(
            ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({("TableName", table)}))
            for table in tables
        ),
    }


def access_log(stack: Stack) -> set[str]:
    """Return the fields of the API's access log."""
    (stage,) = stack.resources("AWS::ApiGateway::Stage").values()
    return set(json.loads(stage["Properties"]["AccessLogSetting"]["Format"]))


def fields_of(lines: list[dict[str, Any]]) -> set[str]:
    """Return the fields that Logs Insights finds in lines of JSON, those of lists numbered."""
    found = {name for line in lines for name in line}
    numbered = {
        f"{name}.{position}"
        for line in lines
        for name, held in line.items()
        if isinstance(held, list)
        for position in range(len(held))
    }
    return found | numbered


WORDS = {
    *("and", "or", "not", "like", "in", "as", "by", "desc", "asc"),
    *("fields", "filter", "stats", "sort", "limit", "display", "dedup"),
    *("count", "count_distinct", "latest", "bin", "ispresent", "1h"),
}
"""The words of the query language that are used here."""


def fields_asked(query: str) -> Iterator[str]:
    """Yield the fields of the log that a query names, but for those that Insights adds (`@…`)."""
    bare = re.sub(r"(?m)^#.*$|\"[^\"]*\"|SOURCE '[^']*'", " ", query)
    made = set(re.findall(r"\bas (\w+)", bare))
    for word in re.findall(r"(?<![\w@.])[\w.]+", bare):
        if word not in WORDS | made and not word.isdigit():
            yield word
