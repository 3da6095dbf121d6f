"""What there is to watch: every metric and every field of a log that the stack really has."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from archiving.batch import batch_of, streamed
from archiving.findings import of_object
from archiving.manifest import Manifest
from archiving.names import start_of_hour
from archiving.sealing import Report, Sealed
from handlers import archive, prober, reconciler, seal
from handlers.measured import PHASES
from handlers.measures import NAMESPACE
from reconciling import reconciler as reconciling
from reconciling.findings import Finding, Kind
from tests.fake_archive import stream_record
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
        reconciler.told(reconciling.Report(now, (found,)), now)
    return lines


def archived() -> list[dict[str, Any]]:
    """Return what the archiving function logs of a batch in which something was changed."""
    modified = stream_record({"pk": "vend#v-1", "sk": "1#intent"}, 7, event="MODIFY")
    with printed(archive.logger) as lines:
        archive.told(batch_of([streamed(modified)], datetime.now(UTC)))
    return lines


def sealed() -> list[dict[str, Any]]:
    """Return what the sealing function logs of an hour in which something was written over."""
    hour = start_of_hour(datetime.now(UTC))
    manifest = Manifest(hour, b"{}", frozenset(), ())
    found = of_object("version", "manifests/2026/11/23/20.json", "2")
    with printed(seal.logger) as lines:
        seal.told(Report((Sealed(manifest, 1, 1, (found,)),), 600, published=True))
    return lines


def of_functions(prober_lines: list[dict[str, Any]]) -> set[Metric]:
    """Return the metrics of the functions."""
    others = (*auditing(), *revoking(), *prober_lines, *reconciled(), *archived(), *sealed())
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

    Source: the pages "Lambda function metrics", "Amazon API Gateway dimensions and metrics",
    "DynamoDB metrics and dimensions" and "Available CloudWatch metrics for Amazon SQS" of each
    service's guide.
    """
    function = stack.ref("VendFunction")
    alias = {("FunctionName", function), ("Resource", f"{function}:live")}
    (api,) = stack.resources("AWS::ApiGateway::RestApi").values()
    (stage,) = stack.resources("AWS::ApiGateway::Stage").values()
    at = {("ApiName", api["Properties"]["Name"]), ("Stage", stage["Properties"]["StageName"])}
    tables = [stack.ref(table) for table in stack.resources("AWS::DynamoDB::Table")]
    lambdas = ("ConcurrentExecutions", "Duration", "Errors", "Throttles")
    queues = [stack.ref(queue) for queue in stack.resources("AWS::SQS::Queue")]
    unnamed = [stack.ref("ArchiveFunction"), stack.ref("SealFunction")]
    return {
        *(("AWS/Lambda", name, frozenset(alias)) for name in lambdas),
        # Without an alias, as the stream and a schedule call them.
        *(
            ("AWS/Lambda", name, frozenset({("FunctionName", function)}))
            for name in (*lambdas, "IteratorAge")
            for function in unnamed
        ),
        *(
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", queue)}))
            for queue in queues
        ),
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
