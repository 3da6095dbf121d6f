"""docs/policy.md: every policy that it shows is one, passes its tests and is in the form."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from vendctl.__main__ import main
from vendctl.form.canonical import formatted
from vending.policy import Policy
from vending.policy_text import MOST_BYTES, parse

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/policy.md").read_text()
OTHERS = [one for one in sorted((ROOT / "docs").glob("*.md")) if one.name != "policy.md"]


def blocks(language: str, page: str = PAGE) -> list[str]:
    """Return what a page has between fences, of one language."""
    return [dedent(one) for one in re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page)]


def is_of_a_policy(block: str) -> bool:
    """Return whether a block is a policy, some keys of one, or a list of grants."""
    try:
        read = yaml.safe_load(block)
    except yaml.YAMLError:
        return False
    match read:
        case dict() as part:
            return set(part) <= set(Policy.model_fields)
        case [dict() as first, *_]:
            return "access" in first
    return False


def whole(block: str) -> str:
    """Return a policy with what a block has of one."""
    if isinstance(yaml.safe_load(block), list):
        block = f"grants:\n{re.sub('(?m)^(?=.)', '  ', block)}"
    needed = {"version": "version: 1\n", "grants": "grants: []\n"}
    return block + "".join(line for key, line in needed.items() if key not in yaml.safe_load(block))


POLICIES = [one for one in blocks("yaml") if is_of_a_policy(one)]


def teams(count: int) -> bytes:
    """Return the policy that the page's program makes of so many teams."""
    asked = [
        {"team": f"team-{number:04}", "account": "111122223333", "people": f"Team{number:04}Dev"}
        for number in range(count)
    ]
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[0]],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return formatted(done.stdout.encode(), name="policy.yaml").encode()


def test_there_are_policies() -> None:
    assert len(POLICIES) >= 7


@pytest.mark.parametrize("block", POLICIES)
def test_a_policy_that_is_shown_is_one_passes_its_tests_and_is_in_the_form(
    block: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(whole(block))
    assert main(["policy", "check", str(file)]) == 0
    assert main(["policy", "test", str(file)]) == 0
    form = formatted(file.read_bytes(), name="docs/policy.md")
    assert not [part for part in re.split(r"\n\n(?=\S)", block.strip("\n")) if part not in form]


@pytest.mark.parametrize(
    "block",
    [one for page in OTHERS for one in blocks("yaml", page.read_text()) if is_of_a_policy(one)],
)
def test_what_other_pages_show_of_a_policy_is_of_one(block: str) -> None:
    assert parse(whole(block).encode(), name="docs").version == 1


def test_what_is_shown_has_every_key_that_needs_an_example() -> None:
    shown = "\n".join(POLICIES)
    for key in ("session", "permission_set", "account", "expires_on", "break_glass", "max_ttl"):
        assert f"{key}:" in shown


def test_files_of_teams_are_put_together_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "policy/teams"
    folder.mkdir(parents=True)
    grants = yaml.safe_dump(yaml.safe_load(POLICIES[0])["grants"])
    (folder / "payments.yaml").write_text(grants)
    (folder / "search.yaml").write_text(grants.replace("payments", "search"))
    (tmp_path / "policy/head.yaml").write_text("version: 1\ndenies: []\n")
    script = blocks("sh")[0].replace("bin/vendctl", ": ")
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True)
    made = parse((tmp_path / "build/policy.yaml").read_bytes(), name="build/policy.yaml")
    assert [grant.name for grant in made.grants] == ["payments-ci", "search-ci"]


def test_the_program_makes_a_policy_of_teams_and_a_thousand_fit() -> None:
    made = parse(teams(2), name="policy.yaml")
    assert [grant.name for grant in made.grants][1:3] == ["team-0000-people", "team-0001-ci"]
    assert made.grants[2].repositories == ["team-0001/*"]
    # Every further team is as long as the one before: their numbers have four digits.
    ten, eleven = len(teams(10)), len(teams(11))
    size = ten + 990 * (eleven - ten)
    assert f"{size:,} bytes in canonical form" in PAGE
    assert size < MOST_BYTES
