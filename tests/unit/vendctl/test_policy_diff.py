"""`vendctl policy diff`: what it prints, how it ends, and what nobody can write into it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.doctored import SOUND
from tests.fake_aws import FakeAws
from tests.unit.vendctl.small_policies import ACCOUNT, DENY, GRANT, OLD, many
from vendctl.__main__ import main
from vendctl.doctor.account import Repository

ACCOUNT_ID = "111122223333"


def diff(*arguments: str) -> int:
    return main(["policy", "diff", "--at", "2026-11-27", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> Any:
    def written(*texts: str) -> list[str]:
        names = [tmp_path / f"{number}.yaml" for number in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            name.write_text(text)
        return [str(name) for name in names]

    return written


def test_nothing_is_said_where_only_words_for_people_change(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    new = OLD.replace("name: ci", "name: ci\n  owner: team@example.com\n  description: ours")
    assert diff(*files(OLD, new), "--exit-code", "--fail-on-widening") == 0
    assert "No caller's decision changes." in capsys.readouterr().out


def test_who_gains_what_is_said_in_the_policys_own_words(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(*files(OLD, OLD + ACCOUNT)) == 0
    said = capsys.readouterr().out
    assert "! gains push and pull, with tokens of 30m\n" in said
    assert '    who      account: "111122223333"\n    what     some of team/*\n' in said
    assert "    beware   a whole account\n    by       grant all (new)\n" in said
    assert "- a request can name the grant all, which gives some callers nothing that" in said
    assert "2 changes, 1 of which widens what may be had." in said


CASES: dict[str, tuple[str, str, bool | None]] = {
    "a deny": (OLD + DENY, "loses push and pull", False),
    "a shorter life": (OLD.replace("30m", "5m"), "live shorter: 5m, before: 30m", False),
    "a longer life": (OLD.replace("30m", "1h"), "live longer: 1h, before: 30m", True),
    "a binding": (OLD + "  bind_source_ip: true\n", "from its own address only", False),
    "an end": (OLD + "  expires_on: 2027-01-31\n", "until 2027-01-31 only, before: without", False),
    "less access": (OLD.replace("push", "pull"), "loses push\n", False),
    "break-glass": (
        OLD.replace("30m", "10m") + "  break_glass: true\n",
        "by naming the grant ci: gets push and pull by break-glass only, with a reason; gets tok",
        False,
    ),
    "a ceiling": (OLD + "ceiling: {repositories: [team/a*]}\n", "the ceiling's repo", False),
    "an account less": (OLD + 'ceiling: {accounts: ["444455556666"]}\n', "loses push", False),
    "a twin": (OLD + GRANT.replace("name: ci", "name: cd"), "can name the grant cd", False),
    "a rename": (OLD.replace("name: ci", "name: cd"), "the grant ci is called cd", False),
    "a revoker": (OLD + 'revokers: [{account: "111122223333"}]\n', "may now revoke", True),
    "a grant that is tried first": (OLD + "  mode: monitor\n", "(in monitor mode now)", False),
    "a deny that is only tried": (OLD + DENY.replace("{", "{mode: monitor, ", 1), "", None),
    "an auditor": (OLD + 'auditors: [{root: "111122223333"}]\n', "may now read", True),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_change_is_said_and_whether_it_widens(
    case: str, files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    new, said, widens = CASES[case]
    assert diff(*files(OLD, new), "--fail-on-widening") == int(widens or False)
    assert said in capsys.readouterr().out
    # A rule in monitor mode decides nothing.
    changes = int(widens is not None)
    assert diff(*files(OLD, new), "--exit-code") == changes
    assert diff(*files(new, OLD), "--exit-code") == changes
    assert diff(*files(new, new), "--exit-code") == 0


def test_a_grants_last_day_cuts_the_tokens_that_others_give_as_well(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = OLD + ACCOUNT + "  expires_on: 2027-01-31\n"
    assert diff(*files(ending, OLD + ACCOUNT)) == 0
    said = capsys.readouterr().out
    assert "- gets tokens for push and pull that no longer end at midnight, on 2027-01-31\n" in said
    assert "! keeps push and pull without end, before: until 2027-01-31\n" in said


def test_what_a_grant_changes_of_what_others_give_is_said_of_theirs(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = ACCOUNT.replace("team/*", "'*'").replace("30m", "10m")
    assert diff(*files(OLD, OLD + everything)) == 0
    said = capsys.readouterr().out
    assert (
        "- gets tokens for push and pull that live shorter: 10m, before: 30m\n"
        "    who      role: arn:aws:iam::111122223333:role/ci\n"
        "    what     team/*\n"
        "    by       grant all (new)\n"
    ) in said


def test_nothing_is_said_of_accounts_that_the_ceiling_leaves_out(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old = OLD.replace("111122223333", "*") + 'ceiling: {accounts: ["444455556666"]}\n'
    assert diff(*files(old, old.replace("30m", "5m"))) == 0
    said = capsys.readouterr().out
    assert "what     some of team/*\n" in said
    assert "such as  arn:aws:sts::444455556666:assumed-role/ci/x asks" in said


def test_json_tells_a_script_all_of_it(files: Any, capsys: pytest.CaptureFixture[str]) -> None:
    listed = files(OLD, OLD + DENY, "team/secret\nteam/app\nother\n")
    assert diff(*listed[:2], "--json", "--repositories", listed[2]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["changed"], found["widens"], found["exhaustive"]) == (True, False, True)
    (change,) = found["changes"]
    assert change == {
        "widens": False,
        "effects": [{"kind": "loses", "from": None, "until": None, "before": 1800, "after": None}],
        "registry": "default",
        "access": ["push", "pull"],
        "grant": None,
        "callers": [[{"role": "arn:aws:iam::111122223333:role/ci"}]],
        "repositories": [{"patterns": ["team/secret"], "partly": False}],
        "existing": ["team/secret"],
        "beware": [],
        "causes": [{"kind": "deny", "name": "embargo", "how": "new"}],
        "example": {
            "caller": "arn:aws:sts::111122223333:assumed-role/ci/x",
            "repository": "team/secret",
            "access": "push",
        },
    }


@pytest.mark.parametrize(
    "text",
    [
        "team/app\n\nteam/web\n",
        '{"repositories": [{"repositoryName": "team/app"}, {"repositoryName": "team/web"}]}',
        '["team/app", "team/web"]',
    ],
)
def test_a_list_of_repositories_is_lines_or_json(
    text: str, files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, names = files(OLD, OLD.replace("team/*", "team/a*"), text)
    assert diff(old, new, "--repositories", names) == 0
    assert "    exist    team/web\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["team/App\n", '{"repositories": 7}', "[7]", '{"a"', "[" * 100_000, "\x1b[2J\n"]
)
def test_a_list_that_is_none_is_refused_in_a_sentence(
    text: str, files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, names = files(OLD, OLD, text)
    assert diff(old, new, "--repositories", names) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"vendctl: {names}")
    assert "\x1b" not in said
    assert said.count("\n") == 1


def test_a_policy_is_read_as_git_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(OLD)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(
            ["git", *who, *command] if command[0] == "init" else ["git", *command], check=True
        )
    (tmp_path / "policy.yaml").write_text(OLD + DENY)
    assert diff("HEAD:policy.yaml", "policy.yaml") == 0
    assert "deny embargo (new)" in capsys.readouterr().out
    assert diff("git:HEAD:./policy.yaml", "policy.yaml", "--exit-code") == 1


@pytest.mark.parametrize(
    "place",
    ["nowhere:policy.yaml", "git:HEAD", "--output=x:y", ":policy.yaml", "HEAD:", "git:"],
)
def test_what_git_does_not_have_is_said_in_a_sentence(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.yaml").write_text(OLD)
    assert diff("--", place, "new.yaml") == 2
    assert capsys.readouterr().err.startswith(f"vendctl: {place}")
    assert list(tmp_path.iterdir()) == [tmp_path / "new.yaml"]


def test_stdin_is_read_once(files: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("-", "-") == 2
    assert "stdin" in capsys.readouterr().err


HOSTILE = "- {name: x, access: pull, callers: [{account: '111122223333'}], repositories: [%s]}\n"


def test_what_was_not_looked_at_is_said_aloud(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    patterns = ", ".join(f"'*{letter}*'" for letter in "abcdefghij")
    old, new = files(OLD, OLD + HOSTILE % patterns)
    for form in ("--json", "--markdown", "--exit-code"):
        assert diff(old, new, form, "--effort", "2000") == 2
        said = capsys.readouterr()
        assert "give more --effort" in said.err
        assert {"--json": '"exhaustive": false'}.get(form, "This is not all") in said.out
        assert "No caller's decision changes" not in said.out


def test_of_many_changes_by_one_rule_the_first_are_shown(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = files(many(25), many(25) + "ceiling: {max_ttl: 10m}\n")
    assert diff(old, new) == 0
    said = capsys.readouterr().out
    assert said.count("live shorter") == 10
    assert "- 15 more like these by the ceiling: --json has them all\n" in said
    assert "25 changes, none of which widens" in said
    assert diff(old, new, "--markdown") == 0
    assert "15 more like these by the ceiling" in capsys.readouterr().out
    assert diff(old, new, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["changes"]) == 25


def test_the_repositories_that_ecr_lists_are_named_page_by_page(
    files: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["team/a", "other", "team/b", "else", "team/c"]
    account = replace(SOUND, repositories=tuple(Repository(one, mutable=True) for one in names))
    aws = FakeAws(account)
    monkeypatch.setattr(boto3, "Session", lambda **_: aws.session())
    assert (
        diff(*files(OLD, OLD.replace("push", "pull")), "--live", "--registry-id", ACCOUNT_ID) == 0
    )
    assert "    exist    team/a, team/b, team/c\n" in capsys.readouterr().out
    refusing = replace(aws, refused={"DescribeRepositories": "No"})
    monkeypatch.setattr(boto3, "Session", lambda **_: refusing.session())
    assert diff(*files(OLD, OLD), "--live", "eu-west-1") == 2
    assert "DescribeRepositories" in capsys.readouterr().err


def test_whose_repositories_are_listed_is_said_of_live_ones_only(
    files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(*files(OLD, OLD), "--registry-id", ACCOUNT_ID) == 2
    assert "--live" in capsys.readouterr().err
