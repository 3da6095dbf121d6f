"""What docs/registries.md says of the doctor is what the doctor does."""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest

from vendctl.doctor.findings import CODES, Command
from vendctl.doctor.reading import RIGHTS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/registries.md").read_text()
SECTION = PAGE.split("\n## Is a registry sound?\n")[1].split("\n## ")[0]
ROW = re.compile(r"(?m)^\| `([a-z-]+)` \| ([a-z ]+) \| (.+) \| (.+) \|$")


def test_the_documentation_has_every_code_with_its_severities_a_reason_and_a_cure() -> None:
    rows = {code: severities for code, severities, *_ in ROW.findall(SECTION)}
    assert rows == {code: " or ".join(severities) for code, severities in CODES.items()}


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_tried_by_a_test(code: str) -> None:
    tests = "".join(
        file.read_text() for file in Path(__file__).parent.glob("test_doctor_*.py")
    ).replace(Path(__file__).read_text(), "")
    assert f'"{code}"' in tests


def test_the_documentation_lists_the_rights_that_reading_takes() -> None:
    needs = SECTION.split("### What it needs")[1].split("### ")[0]
    assert re.findall(r"`([a-z]+:[A-Za-z]+)`", needs) == list(RIGHTS)


def test_a_command_is_typed_as_the_shell_and_the_aws_cli_take_it() -> None:
    text = '{"Sid":"it\'s"}'
    command = Command(
        "iam", "create-policy-version", {"PolicyDocument": text, "SetAsDefault": True}
    )
    assert command.line() == (
        """aws iam create-policy-version --policy-document '{"Sid":"it'"'"'s"}' --set-as-default"""
    )
    assert Command("ecr", "delete-registry-policy", {}, "eu-west-1").line() == (
        "aws ecr delete-registry-policy --region eu-west-1"
    )


def test_every_command_is_one_that_aws_has() -> None:
    source = "".join(one.read_text() for one in (ROOT / "vendctl/doctor").glob("*.py"))
    named = set(re.findall(r'Command\(\s*"([a-z]+)",\s*"([a-z-]+)",', source))
    assert len(named) > 12
    for service, operation in named:
        client = boto3.client(service, region_name="eu-west-1")
        assert operation.replace("-", "_") in client.meta.method_to_api_mapping
