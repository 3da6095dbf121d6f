"""`vendctl policy explain`: the answer, its reasons, the nearest miss, and the exit code."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import POLICY, caller
from tests.strategies import NOW
from vendctl.__main__ import main
from vendctl.command_line import Failure
from vendctl.explaining.as_json import document
from vendctl.explaining.callers import asked_of
from vendctl.explaining.explaining import explain
from vendctl.explaining.explanation import Question
from vendctl.explaining.near_misses import Dimension
from vendctl.explaining.page import page
from vendctl.explaining.places import Places
from vending.access import Access
from vending.caller import Origin
from vending.decision import decide
from vending.policy import Policy
from vending.policy_text import parse, read
from vending.request import Limits, VendRequest
from vending.session_policy import session_policy

EXAMPLE = str(Path(__file__).parents[3] / "policy/policy.yaml")
CI = "arn:aws:sts::111122223333:assumed-role/payments-ci/run-1"
PARTNER = "arn:aws:sts::444455556666:assumed-role/partner-x/1"
ON_CALL = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_OnCall_0123456789abcdef/jo"
PUSH = ("--repository", "payments/api", "--access", "push")


def explained(
    capsys: pytest.CaptureFixture[str], who: str, *more: str, file: str = EXAMPLE
) -> tuple[int, str]:
    """Return how the command ends, and its page."""
    code = main(["policy", "explain", file, "--caller", who, "--at", "2026-12-01", *more])
    return code, capsys.readouterr().out


def told(
    capsys: pytest.CaptureFixture[str], who: str, *more: str, file: str = EXAMPLE
) -> tuple[int, dict[str, Any]]:
    """Return how the command ends, and its document."""
    code, out = explained(capsys, who, *more, "--json", file=file)
    answer: dict[str, Any] = json.loads(out)
    return code, answer


def about(text: str, who: str = CI, **asked: Any) -> Any:
    """Explain a policy's answer."""
    policy = parse(text.encode(), name="policy.yaml")
    return explain(policy, Question(caller(who), **asked), now=NOW)


def missing(text: str, who: str = CI, **asked: Any) -> list[tuple[str, list[str]]]:
    """Return the near misses, and in what they differ."""
    return [
        (one.grant.name, [str(differing.dimension) for differing in one.differing])
        for one in about(text, who, **asked).near
    ]


def test_what_is_allowed_ends_with_zero_and_says_by_which_grant_at_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = explained(capsys, CI, *PUSH)
    assert code == 0
    assert said.startswith("allowed: push of payments/api in the registry default\n")
    assert f"payments-ci ({EXAMPLE}:12), payments@example.com" in said
    assert "30m, until 2026-12-01T12:30:00Z: max_ttl of the grant payments-ci" in said


def test_what_is_not_allowed_ends_with_one_and_names_the_nearest_miss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = explained(capsys, CI.replace("111122223333", "999988887777"), *PUSH)
    assert code == 1
    assert said.startswith("not allowed")
    assert "account differs; kind, partition, name, registry, repository, access" in said
    assert "the grant says 111122223333, the caller has 999988887777" in said
    assert "ceiling.accounts" in said
    assert "2 other grants miss by more; --all shows each" in said


@pytest.mark.parametrize(
    ("old", "new", "asked", "dimension"),
    [
        ("role/payments-ci", "role/payments-cd", {}, Dimension.NAME),
        ("arn:aws:iam", "arn:aws-cn:iam", {}, Dimension.PARTITION),
        ("::111122223333", "::444455556666", {}, Dimension.ACCOUNT),
        (
            'role: "arn:aws:iam::111122223333:role/',
            'user: "arn:aws:iam::111122223333:user/',
            {},
            Dimension.KIND,
        ),
        ('payments-ci"}', 'payments-ci", session: "deploy-*"}', {}, Dimension.SESSION),
        ("access: push", "access: push\n    registry: eu", {}, Dimension.REGISTRY),
        ("", "", {"repository": "payment/api"}, Dimension.REPOSITORY),
        ("access: push", "access: pull", {}, Dimension.ACCESS),
        ("max_ttl: 30m", "expires_on: 2026-11-22", {}, Dimension.EXPIRES_ON),
        ("max_ttl: 30m", "break_glass: true", {}, Dimension.BREAK_GLASS),
        ("max_ttl: 30m", "mode: monitor", {}, Dimension.MODE),
    ],
)
def test_a_grant_that_misses_in_one_dimension_is_told_with_that_one(
    old: str, new: str, asked: dict[str, str], dimension: Dimension
) -> None:
    question: dict[str, Any] = {"repository": "payments/api", "access": Access.PUSH, **asked}
    assert missing(POLICY.replace(old, new), **question) == [("payments-ci", [str(dimension)])]


def test_a_user_of_a_permission_set_that_is_not_the_one_named_is_told_so() -> None:
    named = "permission_set: {name: OnCall, account: '111122223333', user: 'ana'}"
    text = POLICY.replace('role: "arn:aws:iam::111122223333:role/payments-ci"', named)
    assert missing(text, ON_CALL, repository="payments/api") == [("payments-ci", ["user"])]


def test_the_fewest_differences_come_first_and_then_the_closest_spelling() -> None:
    grants = "".join(
        f"  - {{name: {name}, callers: [{{role: 'arn:aws:iam::{account}:role/{role}'}}], "
        "repositories: ['*'], access: pull}\n"
        for name, account, role in (
            ("two", "444455556666", "payments-cx"),
            ("far", "111122223333", "search"),
            ("close", "111122223333", "payments-cd"),
            ("closer", "111122223333", "payments-ci2"),
        )
    )
    found = missing(f"version: 1\ngrants:\n{grants}", repository="a/b")
    assert [name for name, _ in found] == ["closer", "close", "far"]


def test_a_grant_is_told_by_its_nearest_caller() -> None:
    text = POLICY.replace("[{role:", "[{account: '444455556666'}, {role:").replace(
        "role/payments-ci", "role/payments-cd"
    )
    (one,) = about(text, repository="payments/api").near
    assert (one.callers, [str(d.dimension) for d in one.differing]) == (1, ["name"])


def test_a_deny_and_the_ceiling_that_take_it_away_are_named_with_their_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, answer = told(capsys, PARTNER, "--repository", "payments/ledger")
    assert code == 1
    assert answer["taken"] == [
        {"rule": "deny embargo", "line": 46, "repositories": ["payments/ledger"]}
    ]
    assert [one["grant"] for one in answer["grants"]] == ["payments-ci"]
    narrow = f"{POLICY}ceiling: {{repositories: [search/*], accounts: ['444455556666']}}\n"
    found = about(narrow, repository="payments/api")
    assert [one.rule for one in found.taken] == ["ceiling.accounts", "ceiling.repositories"]
    assert (found.allowed, len(found.held)) == (False, 1)


def test_without_a_repository_each_grant_of_the_caller_has_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = explained(capsys, PARTNER)
    assert code == 0
    assert "payments-ci  default   push    payments/*, base/python  payments/ledger  30m" in said
    code, answer = told(capsys, ON_CALL)
    assert (code, answer["allowed"]) == (1, False)
    assert [(one["grant"], one["break_glass"]) for one in answer["grants"]] == [
        ("break-glass", True)
    ]
    assert answer["grants"][0]["alone"]["scope"] == {"push": ["*"]}


def test_without_a_repository_it_is_told_who_may_revoke_and_who_may_audit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    auditor = ON_CALL.replace("OnCall", "Audit")
    besides = {who: told(capsys, who)[1] for who in (ON_CALL, auditor, CI)}
    assert [(one["revokes"], one["audits"]) for one in besides.values()] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert "besides  may revoke tokens and block callers" in explained(capsys, ON_CALL)[1]
    assert "besides" not in explained(capsys, CI)[1]


def test_without_a_repository_every_registry_is_looked_at() -> None:
    other = POLICY.partition("grants:\n")[2].replace("payments-ci", "abroad", 1)
    found = about(POLICY + other.replace("access: push", "access: pull\n    registry: eu"))
    assert [outcome.request.registry for outcome in found.outcomes] == ["default", "eu"]
    assert found.question.access == "push"
    assert [list(outcome.decision.scope) for outcome in found.outcomes] == [["push"], ["pull"]]


def test_break_glass_counts_when_it_is_named_and_says_what_it_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert explained(capsys, ON_CALL, *PUSH)[0] == 1
    code, said = explained(capsys, ON_CALL, *PUSH, "--grant", "break-glass")
    assert code == 0
    assert "a request must name the grant in `grant` and give a `reason`" in said


def test_the_session_policy_is_the_one_that_would_be_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, answer = told(capsys, CI, *PUSH, "--ttl", "10m")
    (token,) = answer["tokens"]
    policy = parse(Path(EXAMPLE).read_bytes(), name=EXAMPLE)
    now = NOW.replace(year=2026, month=12, day=1, hour=12, minute=0, second=0, microsecond=0)
    request = VendRequest(
        "default", {policy.grants[0].access: ("payments/api",)}, ttl=timedelta(minutes=10)
    )
    decision = decide(policy, caller(CI), request, now=now, limits=Limits())
    sent = session_policy(decision, Origin("203.0.113.7"), partition="aws")
    assert token["session_policy"] == sent
    assert (token["characters"], token["bound_by"]) == (len(sent), "what is asked for")
    _, said = explained(capsys, CI, *PUSH, "--ttl", "10m", "--session-policy")
    assert said.rstrip().endswith(sent)
    assert json.dumps(json.loads(sent), indent=2) in said
    assert f"{len(sent)} of 2,048 characters" in said


def test_a_scope_that_fits_no_session_policy_is_not_allowed() -> None:
    many = [f"{'x' * 60}/{number}" for number in range(40)]
    (outcome,) = about(POLICY.replace("payments/*", ", ".join(many))).outcomes
    assert outcome.refusal is not None
    assert outcome.refusal.code == "scope_too_large"


MONITORED = (
    POLICY.replace("access: push", "access: push\n    mode: monitor")
    + "denies: [{name: embargo, repositories: [payments/*], mode: monitor}]\n"
    + "ceiling: {mode: monitor, max_ttl: 5m, accounts: ['444455556666']}\n"
)


@pytest.mark.parametrize(
    ("text", "allowed", "said"),
    [
        (
            MONITORED,
            False,
            ["grant payments-ci (policy.yaml:3) would have allowed payments/api"],
        ),
        (
            MONITORED.replace("mode: monitor", "mode: enforce", 1),
            True,
            [
                "deny embargo (policy.yaml:9) would have denied payments/api",
                "ceiling (policy.yaml:10) would have denied payments/api",
            ],
        ),
        (
            f"{POLICY}ceiling: {{mode: monitor, max_ttl: 5m}}\n",
            True,
            ["ceiling (policy.yaml:8) would have ended the token sooner, or bound it"],
        ),
    ],
)
def test_what_a_rule_in_monitor_mode_would_have_done_is_told_and_decides_nothing(
    text: str, allowed: bool, said: list[str]
) -> None:
    found = about(text, repository="payments/api", access=Access.PUSH)
    assert (found.allowed, found.taken) == (allowed, ())
    root = read(text.encode(), Policy).root
    assert root is not None
    places = Places("policy.yaml", root)
    lines = [line for line in page(found, places, assumed="", whole=False) if "would" in line]
    assert [line.partition("monitored")[2].strip() for line in lines] == said
    (token,) = document(found, places, assumed="")["tokens"]
    assert [one["rule"].split()[0] for one in token["monitored"]] == [
        line.split()[0] for line in said
    ]


@pytest.mark.parametrize(
    ("old", "new", "bound"),
    [
        ("", "", "max_ttl of the grant payments-ci"),
        ("max_ttl: 30m", "break_glass: true", "break_glass of the grant payments-ci"),
        ("30m", "30m\n    expires_on: 2026-11-23", "max_ttl of the grant payments-ci"),
        ("    max_ttl: 30m", "ceiling: {max_ttl: 20m}", "ceiling.max_ttl"),
        ("    max_ttl: 30m\n", "", "the longest that any token lives"),
    ],
)
def test_a_lifetime_is_told_with_what_bounds_it(old: str, new: str, bound: str) -> None:
    found = about(
        POLICY.replace(old, new), repository="payments/api", grant="payments-ci", access=Access.PUSH
    )
    (outcome,) = found.outcomes
    assert outcome.bound.words == bound
    assert outcome.bound.at.replace(microsecond=0) == outcome.decision.expires_at


def test_a_grant_about_to_expire_bounds_the_lifetime() -> None:
    text = POLICY.replace("max_ttl: 30m", "expires_on: 2026-11-23")
    policy = parse(text.encode(), name="policy.yaml")
    late = NOW.replace(hour=23, minute=50)
    (outcome,) = explain(policy, Question(caller(CI)), now=late).outcomes
    assert outcome.bound is not None
    assert outcome.bound.words == "expires_on of the grant payments-ci"
    assert outcome.bound.entry == ("grants", 0, "expires_on")


@pytest.mark.parametrize(
    ("text", "arn", "assumed"),
    [
        (CI, CI, ""),
        (f'{{"UserId": "AROA:run-1", "Account": "1", "Arn": "{CI}"}}', CI, ""),
        (f"111122223333\t{CI}\tAROAEXAMPLE:run-1\n", CI, ""),
        (
            "arn:aws:iam::111122223333:role/ci/deploy",
            "arn:aws:sts::111122223333:assumed-role/deploy/SESSION",
            "its path is left out",
        ),
        (
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_OnCall_0123456789abcdef",
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_OnCall_0123456789abcdef/USER",
            "permission set OnCall",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/deploy",
            "arn:aws:sts::111122223333:assumed-role/deploy/SESSION",
            "its session is taken to be SESSION",
        ),
    ],
)
def test_a_caller_is_taken_as_people_have_it_at_hand(text: str, arn: str, assumed: str) -> None:
    found = asked_of(text)
    assert found.caller.arn == arn
    assert assumed in found.assumed
    assert bool(assumed) is bool(found.assumed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("payments-ci", "takes one ARN"),
        (f"{CI} {PARTNER}", "has 2"),
        ("arn:aws:sso:::permissionSet/ssoins-1/ps-1", "AWSReservedSSO_NAME"),
        ("arn:aws:iam::111122223333:group/x", "is none of"),
        ("arn:aws:s3:::bucket", "is not the ARN of an IAM or STS principal"),
        ("arn:aws:iam::111122223333:role/", "should end in"),
    ],
)
def test_what_names_no_caller_is_told_what_does(text: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        asked_of(text)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--repository", "payments/*"), "give one literally"),
        (("--access", "write"), "is none of pull, push, pull-through"),
        (("--at", "tomorrow"), "is no date"),
        (("--ttl", "3h"), "out of range"),
        (("--source-ip", "home"), "is no IP address"),
        (("--grant", "payment-ci"), "did you mean payments-ci?"),
    ],
)
def test_wrong_use_ends_with_two_and_a_sentence(
    more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["policy", "explain", EXAMPLE, "--caller", CI, *more])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("question", [("explain", "--caller", CI), ("who",)])
def test_of_what_is_no_policy_there_is_no_answer_not_even_no(
    question: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("access: push", '"a\\e[2J": push'))
    action, *more = question
    assert main(["policy", action, str(file), "--repository", "a/b", *more]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert f"{file}:6:5: " in answer.err
    assert "\x1b" not in answer.err
    assert main(["policy", "check", str(file)]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_nothing_in_a_policy_or_an_argument_drives_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("    access", '    owner: "a\\e[2Jb\\u202ec\\x9bd"\n    access'))
    driving = ("--registry", "\x1b[2J\x9b")
    for more in ((), PUSH, ("--repository", "other/app", "--all"), driving, (*driving, *PUSH)):
        for form in ((), ("--json",)):
            _, said = explained(capsys, CI, *more, *form, file=str(file))
            assert not {"\x1b", "\x9b", "\u202e"} & set(said)
    _, answer = told(capsys, CI, *PUSH, file=str(file))
    assert answer["grants"][0]["owner"] == "a\x1b[2Jb\u202ec\x9bd"
    _, said = explained(capsys, "arn:aws:iam::111122223333:user/\x1b[2J/jo", file=str(file))
    assert "\x1b" not in said


def test_a_policy_of_10_000_grants_is_explained_in_seconds() -> None:
    grants = [
        {
            "name": f"team-{number}",
            "callers": [{"role": f"arn:aws:iam::111122223333:role/team-{number}-ci"}],
            "repositories": [f"team-{number}/*"],
            "access": "push",
        }
        for number in range(10_000)
    ]
    policy = Policy.model_validate({"version": 1, "grants": grants})
    who = caller("arn:aws:sts::111122223333:assumed-role/team-99999-ci/1")
    found = explain(policy, Question(who, repository="team-99999/app"), now=NOW)
    assert (len(found.near), found.others) == (3, 10_000)
    assert found.near[0].grant.name == "team-9999"
