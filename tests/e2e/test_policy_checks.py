"""A policy with an error is refused by AppConfig, in the words of `vendctl policy check`."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from checking.checks import checked
from tests.e2e.test_api import publish
from tests.policies import DOCUMENTS, grant
from tools.environments import ROOT
from vending.policy_problems import RULES, Severity

if TYPE_CHECKING:
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

SMALL = [code for code in RULES if len(DOCUMENTS[code]) < 100_000]


def test_a_policy_that_a_lint_refuses_does_not_deploy_and_the_one_before_goes_on_serving(
    stack: Stack,
) -> None:
    serving = stack.vend("payments-publisher", access="push")["policy_revision"]
    good = (ROOT / "local/policy.yaml").read_text()
    # It parses and passes its tests: only a lint finds that the grant can never give anything.
    broken = good.replace("grants:\n", "grants:\n" + grant(repositories="[payments//api]"), 1)
    assert broken != good
    with pytest.raises(ClientError, match="never gives anything") as refusal:
        publish(stack, broken)
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"
    assert stack.vend("payments-publisher", access="push")["policy_revision"] == serving


@pytest.mark.parametrize("code", [c for c in SMALL if RULES[c].severity is Severity.ERROR])
def test_what_is_an_error_for_vendctl_is_refused_by_the_deployment(stack: Stack, code: str) -> None:
    text = DOCUMENTS[code]
    report = checked(text.encode(), name="policy.yaml", now=datetime.now(UTC))
    with pytest.raises(ClientError) as refusal:
        publish(stack, text)
    (problem,) = report.problems
    assert f"policy.yaml:{problem.line}:{problem.column}: " in str(refusal.value)
    assert problem.message in str(refusal.value)


@pytest.mark.parametrize("code", [c for c in SMALL if RULES[c].severity is not Severity.ERROR])
def test_what_is_no_error_for_vendctl_passes_the_validator(stack: Stack, code: str) -> None:
    event = {"content": base64.b64encode(DOCUMENTS[code].encode()).decode()}
    answer = stack.client("lambda").invoke(
        FunctionName=stack.physical("PolicyValidatorFunction"), Payload=json.dumps(event)
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
