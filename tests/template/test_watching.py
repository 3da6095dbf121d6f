"""The alarms, the saved queries and the dashboard watch what is there, and say where to read on."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from handlers.measured import PHASES
from tests.metric_lines import auditing, revoking
from tests.template import watched
from tests.template.test_functions import environment
from tools.environments import ROOT
from tools.template.stack import Stack
from vending.errors import Code

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"
RUNBOOK = "https://github.com/ecr-vend/ecr-vend/blob/main/docs/operations.md#"
PAGE = (ROOT / "docs/operations.md").read_text()
ALARMS = sorted(Stack().resources("AWS::CloudWatch::Alarm"))
QUERIES = sorted(Stack().resources("AWS::Logs::QueryDefinition"))


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> set[watched.Metric]:
    """Return all metrics of the stack."""
    stack = Stack()
    own = watched.of_functions(watched.probed(monkeypatch))
    return own | watched.of_filters(stack) | watched.of_aws(stack)


def alarm(name: str, stack: Stack | None = None) -> dict[str, Any]:
    """Return the properties of an alarm."""
    return (stack or Stack()).properties(name)


def seconds(name: str) -> int:
    """Return how long an alarm looks back."""
    return int(alarm(name)["Period"]) * int(alarm(name)["EvaluationPeriods"])


def anchors() -> set[str]:
    """Return what a link into the runbook may end in, as GitHub makes it of headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", PAGE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dashboard(stack: Stack | None = None) -> list[dict[str, Any]]:
    """Return the widgets of the dashboard."""
    body = json.loads((stack or Stack()).properties("Dashboard")["DashboardBody"])
    widgets: list[dict[str, Any]] = body["widgets"]
    return widgets


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_on_a_metric_that_there_is(name: str, metrics: set[watched.Metric]) -> None:
    held = alarm(name)
    dimensions = frozenset((one["Name"], one["Value"]) for one in held.get("Dimensions", []))
    assert (held["Namespace"], held["MetricName"], dimensions) in metrics


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_links_to_its_section_of_the_runbook(name: str) -> None:
    _, _, anchor = alarm(name)["AlarmDescription"].strip().rpartition(" ")[2].partition(RUNBOOK)
    assert anchor == name.lower()
    assert anchor in anchors()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_topic_when_it_begins_and_when_it_ends(name: str) -> None:
    told = alarm(name, Stack({"AlarmTopicArn": TOPIC}))
    assert (told["AlarmActions"], told["OKActions"]) == ([TOPIC], [TOPIC])
    assert not {"AlarmActions", "OKActions"} & set(alarm(name))


@pytest.mark.parametrize("name", ALARMS)
def test_only_what_runs_on_a_schedule_may_not_be_silent(name: str) -> None:
    never = {"ProbeAlarm", "ReconcilerBehindAlarm", "RevocationsAlarm", "SealBehindAlarm"}
    missing = "breaching" if name in never else "notBreaching"
    assert alarm(name)["TreatMissingData"] == missing


def test_two_probes_have_failed_before_the_alarm_rings_and_one_late_one_is_none() -> None:
    (minutes,) = re.findall(r"\d+", Stack().properties("ProbeSchedule")["ScheduleExpression"])
    assert seconds("ProbeAlarm") >= 2 * int(minutes) * 60
    assert alarm("ProbeAlarm")["Period"] > int(minutes) * 60


def test_the_alarm_of_a_stale_policy_leaves_time_before_nobody_is_served() -> None:
    most = int(environment(Stack())["VEND_POLICY_MAX_AGE"])
    assert alarm("PolicyStaleAlarm")["Threshold"] + seconds("PolicyStaleAlarm") < most / 2


def test_the_alarm_of_latency_rings_before_lambda_ends_requests() -> None:
    timeout = Stack().properties("VendFunction")["Timeout"] * 1000
    assert timeout / 4 < alarm("LatencyAlarm")["Threshold"] < timeout / 2


def test_an_alarm_by_code_is_on_a_code_that_there_is() -> None:
    codes = {
        one["Value"]
        for name in ALARMS
        for one in alarm(name).get("Dimensions", [])
        if one["Name"] == "code"
    }
    assert codes <= set(Code)
    assert {"internal_error", "not_granted", "policy_unavailable", "throttled"} <= codes


def test_two_stacks_of_an_account_watch_each_their_own() -> None:
    one, other = Stack(), Stack(name="ecr-vend-dev")
    for name in ALARMS:
        watching = [
            (alarm(name, stack)["Namespace"], alarm(name, stack).get("Dimensions"))
            for stack in (one, other)
        ]
        assert watching[0] != watching[1], name
    assert one.properties("Dashboard") != other.properties("Dashboard")


def test_what_counts_refusals_of_iam_and_of_the_apis_limits_reads_fields_of_the_access_log() -> (
    None
):
    stack = Stack()
    for found in stack.resources("AWS::Logs::MetricFilter").values():
        assert found["Properties"]["LogGroupName"] == stack.ref("ApiAccessLogGroup")
        named = set(re.findall(r"\$\.(\w+)", found["Properties"]["FilterPattern"]))
        assert named <= watched.access_log(stack)
        assert "Dimensions" not in str(found)


@pytest.mark.parametrize("name", QUERIES)
def test_a_saved_query_asks_for_fields_that_are_logged(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack()
    query = stack.properties(name)
    assert query["Name"].startswith("ecr-vend/")
    known = fields_by_group(stack, monkeypatch)
    logged = set().union(*(known[group] for group in query["LogGroupNames"]))
    assert set(watched.fields_asked(query["QueryString"])) - logged == set()
    assert list(watched.fields_asked(query["QueryString"]))


def fields_by_group(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Return the fields of each log group."""
    return {
        stack.ref("ApiAccessLogGroup"): watched.access_log(stack),
        stack.ref("VendLogGroup"): watched.fields_of(watched.function_lines())
        | set(PHASES.values()),
        stack.ref("ProberLogGroup"): watched.fields_of(watched.probed(monkeypatch)),
        stack.ref("RevokeLogGroup"): watched.fields_of(revoking()),
        stack.ref("AuditLogGroup"): watched.fields_of(auditing()),
        stack.ref("ReconcilerLogGroup"): watched.fields_of(watched.reconciled()),
        stack.ref("ArchiveLogGroup"): watched.fields_of(watched.archived()),
        stack.ref("SealLogGroup"): watched.fields_of(watched.sealed()),
    }


def test_the_estimate_of_the_cost_counts_these_alarms_and_at_least_these_metrics(
    metrics: set[watched.Metric],
) -> None:
    taken = tomllib.loads((ROOT / "tools/estimates/prices.toml").read_text())["taken"]
    assert taken["alarms"] == len(ALARMS)
    undivided = {metric for metric in metrics if metric[0].startswith("ecr-vend")}
    undivided -= {metric for metric in metrics if len(metric[2]) > 1}
    assert len(undivided) + len(Code) <= taken["custom_metrics"]


def test_the_dashboard_shows_metrics_that_there_are(metrics: set[watched.Metric]) -> None:
    rows = [row for widget in dashboard() for row in widget["properties"].get("metrics", [])]
    for namespace, name, *flat, _ in (row for row in rows if isinstance(row[0], str)):
        dimensions = frozenset(zip(flat[::2], flat[1::2], strict=True))
        assert (namespace, name, dimensions) in metrics, name
    assert {"Vends", "Failures", "ProbeFailures", "VendSeconds", "PolicyAge"} <= {
        row[1] for row in rows if isinstance(row[0], str)
    }


def test_the_dashboard_finds_the_refusals_of_every_code(metrics: set[watched.Metric]) -> None:
    (search,) = (
        row[0]["expression"]
        for widget in dashboard()
        for row in widget["properties"].get("metrics", [])
        if isinstance(row[0], dict)
    )
    namespace, *dimensions = search.split("{")[1].split("}")[0].split(",")
    assert 'MetricName="Refusals" service="ecr-vend"' in search
    by_code = frozenset({("service", "ecr-vend"), ("code", "not_granted")})
    assert (namespace, "Refusals", by_code) in metrics
    assert set(dimensions) == {name for name, _ in by_code}


def test_the_dashboard_asks_the_logs_for_fields_that_are_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = Stack()
    known = fields_by_group(stack, monkeypatch)
    queries = [w["properties"]["query"] for w in dashboard() if w["type"] == "log"]
    assert len(queries) == 3
    for query in queries:
        (group,) = re.findall(r"SOURCE '(.*?)'", query)
        assert set(watched.fields_asked(query)) <= known[group], query


def test_the_dashboard_shows_every_alarm() -> None:
    (shown,) = (w["properties"]["alarms"] for w in dashboard() if w["type"] == "alarm")
    assert sorted(shown) == sorted(Stack().attribute(name, "Arn") for name in ALARMS)


def test_no_widget_of_the_dashboard_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard():
        columns = range(widget["x"], widget["x"] + widget["width"])
        rows = range(widget["y"], widget["y"] + widget["height"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, widget["properties"]
        assert max(columns) < 24
        taken |= cells


def test_the_runbook_has_a_section_for_every_alarm_and_every_code_and_for_no_other() -> None:
    def sections(part: str) -> set[str]:
        return set(
            re.findall(r"(?m)^### (\w+)$", PAGE.split(f"\n## {part}\n")[1].split("\n## ")[0])
        )

    assert sections("Alarms") == set(ALARMS)
    assert sections("Error codes") == set(Code)


def test_what_the_runbook_tells_to_look_at_is_there() -> None:
    source = (ROOT / "template.yaml").read_text()
    source += "".join(file.read_text() for file in (ROOT / "functions").rglob("*.py"))
    told = PAGE.split("\n## First steps\n")[1].split("\n## Metrics\n")[0]
    named = re.findall(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", told)
    assert len(named) > 20
    assert [name for name in named if name not in source and name != "Refused with"] == []
    commands = re.findall(r"\$\((resource|output) (\w+)\)", PAGE)
    assert len(commands) > 3
    for kind, name in commands:
        assert Stack().resource(name) if kind == "resource" else Stack().output(name)


def test_every_command_of_revoking_in_the_docs_gives_a_reason() -> None:
    # Without one the command refuses, at the worst of times.
    for page in (ROOT / "docs").glob("*.md"):
        for command in re.findall(
            r"ecr-vend revoke (?:vend|caller|before) [^`\n]*", page.read_text()
        ):
            assert "--reason" in command, f"{page.name}: {command}"


def test_the_runbook_links_to_sections_that_there_are() -> None:
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) - anchors() == set()


def test_the_runbook_names_metrics_and_queries_that_there_are(
    metrics: set[watched.Metric],
) -> None:
    table = PAGE.split("\n## Metrics\n")[1].split("\n## ")[0]
    own = {name for namespace, name, _ in metrics if namespace.startswith("ecr-vend")}
    named = {
        name for row in re.findall(r"(?m)^\| (`.*?) \|", table) for name in re.findall(r"\w+", row)
    }
    assert named == own
    titles = {Stack().properties(name)["Name"].partition("/")[2] for name in QUERIES}
    saved = PAGE.split("\n## Saved queries\n")[1].split("\n## ")[0]
    assert set(re.findall(r"(?m)^\| (.+?) \|", saved)) - {"query", "---"} == titles
