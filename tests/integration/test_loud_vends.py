"""The rules that never bend (tests/README.md): Secrets, with a function that says all it can."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import PASSWORD, POLICY, event, holds_none
from tests.integration.fake_aws import Failure, fake_aws
from tests.integration.vend_settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
LOUD = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_TRACER_CAPTURE_RESPONSE": "true",
    "POWERTOOLS_TRACER_CAPTURE_ERROR": "true",
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "PYTHONDEVMODE": "0",
}


@pytest.mark.parametrize("failing", ["", "GenerateMac", "TransactWriteItems"])
def test_no_stream_or_record_holds_the_token_with_everything_turned_on(
    tmp_path: Path, failing: str
) -> None:
    with fake_aws(POLICY, PASSWORD) as aws:
        if failing:
            aws.fail = {failing: Failure(400, "AccessDeniedException")}
        done = subprocess.run(
            [sys.executable, ROOT / "tests/integration/loud_vends.py", tmp_path / "answers"],
            input=json.dumps(event(body={"pull": ["payments/api"]})) + "\n",
            env={
                **SETTINGS,
                **LOUD,
                "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}",
                "AWS_ENDPOINT_URL": aws.endpoint,
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "ASIAFUNCTIONSOWN0000",
                "AWS_SECRET_ACCESS_KEY": "own-secret",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        sent = json.dumps([one.parameters for one in aws.asked]) + repr(aws.items)
    answers = (tmp_path / "answers").read_text()
    assert ("password" in answers) is (failing == "")
    assert holds_none(answers) is (failing != "")
    assert "everything is on" in done.stderr  # the streams were really listened to
    assert '"service":"ecr-vend"' in done.stdout
    for stream in (done.stdout, done.stderr, sent):
        assert holds_none(stream)
