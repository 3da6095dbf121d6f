"""What the vending function measures, as CloudWatch reads it from the log."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.measured import PHASES, Measured, measured
from handlers.measures import Measures, measures
from tests.fakes import FakePolicies, vending
from tests.metric_lines import REQUESTS, lines_of, logged, metrics_of

SERVICE = ("service", "ecr-vend")


def line_of(kind: str) -> dict[str, Any]:
    """Return the one metric line of a request."""
    (line,) = lines_of(kind)
    return line


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_has_one_line_whatever_becomes_of_it(kind: str) -> None:
    line = line_of(kind)
    assert line["function_request_id"] == "invocation-1"
    assert len(list(metrics_of(line))) < 100


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_line_has_a_value_for_each_metric_and_none_that_cloudwatch_does_not_read(
    kind: str,
) -> None:
    line = line_of(kind)
    assert isinstance(line["_aws"]["Timestamp"], int)
    named = {name for name, _ in metrics_of(line)}
    assert named == {name for name, value in line.items() if isinstance(value, int | float)}


def test_a_vend_is_counted_and_each_phase_of_it_timed() -> None:
    line = line_of("vend")
    assert (line["Vends"], line["Failures"]) == (1, 0)
    assert line["PolicyAge"] == 3
    assert line["SessionPolicySize"] > 100
    phases = ("PolicySeconds", "IntendSeconds", "MintSeconds", "IssueSeconds")
    assert line["VendSeconds"] >= sum(line[phase] for phase in phases) > 0
    assert line["vend_id"].startswith("v-")
    assert not {"Refusals", "DryRuns", "code", "BreakGlass"} & set(line)


@pytest.mark.parametrize(("kind", "metric"), [("dry run", "DryRuns"), ("whoami", "Whoami")])
def test_what_mints_nothing_is_counted_apart(kind: str, metric: str) -> None:
    line = line_of(kind)
    assert (line[metric], line["Failures"]) == (1, 0)
    assert "Vends" not in line


def test_a_refusal_is_counted_in_all_and_by_its_code() -> None:
    refusals = {
        dimensions for name, dimensions in metrics_of(line_of("not_granted")) if name == "Refusals"
    }
    assert refusals == {frozenset({SERVICE}), frozenset({SERVICE, ("code", "not_granted")})}


@pytest.mark.parametrize("kind", REQUESTS)
def test_nothing_but_refusals_is_split_by_code(kind: str) -> None:
    split = {name for name, dimensions in metrics_of(line_of(kind)) if len(dimensions) > 1}
    assert split <= {"Refusals"}


@pytest.mark.parametrize(
    ("kind", "failed"),
    [
        ("not_granted", 0),
        ("invalid_request", 0),
        ("scope_too_large", 0),
        ("audit_unavailable, issue", 1),
        ("mint_failed", 1),
        ("aws_throttled", 1),
        ("out_of_time", 1),
        ("throttled", 0),
        ("policy_unavailable", 1),
        ("internal_error", 1),
        ("probe that fails", 1),
    ],
)
def test_the_average_of_failures_is_the_share_of_requests_that_the_service_failed(
    kind: str, failed: int
) -> None:
    assert line_of(kind)["Failures"] == failed


def test_what_failed_is_named() -> None:
    assert line_of("audit_unavailable, intent")["LedgerFailures"] == 1
    assert line_of("audit_unavailable, issue")["LedgerFailures"] == 1
    assert line_of("mint_failed")["MintFailures"] == 1
    assert line_of("aws_throttled")["MintFailures"] == 1
    assert "MintFailures" not in line_of("scope_too_large")


def test_a_vend_that_goes_on_uncounted_says_so() -> None:
    line = line_of("vend that is not counted")
    assert (line["Vends"], line["BudgetFailures"], line["Failures"]) == (1, 1, 0)
    assert line["CountSeconds"] > 0


@pytest.mark.parametrize("code", ["throttled", "out_of_time", "aws_throttled"])
def test_each_of_these_is_the_refusal_that_it_is_called(code: str) -> None:
    assert line_of(code)["code"] == code


def test_a_break_glass_vend_is_counted_as_one_too() -> None:
    line = line_of("break-glass vend")
    assert (line["Vends"], line["BreakGlass"]) == (1, 1)


@pytest.mark.parametrize("kind", ["probe", "probe of a stranger"])
def test_a_probe_is_neither_a_vend_nor_a_refusal(kind: str) -> None:
    line = line_of(kind)
    assert (line["Probes"], line["Failures"]) == (1, 0)
    assert not {"Vends", "Refusals", "code", "SessionPolicySize"} & set(line)


def test_a_probe_that_fails_counts_with_the_failures_that_alarms_watch() -> None:
    line = line_of("probe that fails")
    assert (line["Refusals"], line["code"], line["MintFailures"]) == (1, "mint_failed", 1)


def test_the_first_request_of_an_instance_is_a_cold_start() -> None:
    assert line_of("cold start")["ColdStarts"] == 1
    fresh = Measures()
    for expected in ({"ColdStarts": 1.0}, {}):
        fresh.begin("invocation-1")
        assert fresh._values == expected


@pytest.mark.parametrize(
    ("kind", "message", "error"),
    [
        ("audit_unavailable, intent", "the ledger did not acknowledge", "intend"),
        ("audit_unavailable, issue", "the ledger did not acknowledge", "issue"),
        ("blocks_unavailable", "the blocks cannot be read", "ReadTimeoutError"),
    ],
)
def test_what_kept_a_table_from_answering_is_logged(kind: str, message: str, error: str) -> None:
    (found,) = [line for line in logged(kind) if line.get("message") == message]
    assert (found["error"], found["function_request_id"]) == (error, "invocation-1")


def test_the_age_of_the_policy_is_in_seconds() -> None:
    policies = FakePolicies(age=timedelta(minutes=10))
    measures.begin("invocation-1")
    assert measured(vending(policies=policies)).policies.current().age == policies.age
    assert measures._values["PolicyAge"] == 600


def test_calls_of_a_client_are_timed_one_by_one() -> None:
    client = Measured(
        SimpleNamespace(
            assume_role=lambda **given: given, get_authorization_token=dict, meta="as it is"
        )
    )
    measures.begin("invocation-1")
    assert client.assume_role(RoleArn="role") == {"RoleArn": "role"}
    client.get_authorization_token()
    assert client.meta == "as it is"
    assert {PHASES["assume_role"], PHASES["get_authorization_token"]} <= set(measures._values)
