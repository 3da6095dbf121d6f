"""`vendctl policy test`: what a policy's authors expect of it, decided as the service decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vendctl.checking.excerpt import lines_of, one_line, shown
from vendctl.checking.suites import Suite, junit
from vendctl.command_line import action
from vendctl.policy.document import add_file, text_of
from vending.policy import Policy
from vending.policy_tests import TestFile, coverage, outcomes
from vending.policy_text import PolicyError, read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pydantic import BaseModel

    from vendctl.console import Console
    from vending.policy_tests import Coverage
    from vending.policy_text import Reading


def add(actions: argparse._SubParsersAction[Any]) -> None:
    """Describe the arguments."""
    parser = action(
        actions,
        "test",
        run,
        examples=[
            "vendctl policy test policy/policy.yaml",
            "vendctl policy test policy/policy.yaml policy/tests/*.yaml",
            "vendctl policy test policy/policy.yaml --strict",
        ],
    )
    add_file(parser)
    parser.add_argument(
        "tests", nargs="*", metavar="TESTS", help="files with `tests:`, as inside a policy"
    )
    parser.add_argument(
        "--strict", action="store_true", help="fail where a grant or deny is not exercised"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for scripts")
    form.add_argument("--junit", action="store_true", help="JUnit's XML, for CI systems")


def run(asked: argparse.Namespace, console: Console) -> int:
    """Run the tests inside a policy and in other files, and say what none of them exercises."""
    now = datetime.now(UTC)
    text = text_of(asked.file)
    reading = well_formed(text, Policy, asked.file)
    policy: Policy = reading.value
    suites = [Suite(asked.file, text, reading, tuple(outcomes(policy, policy.tests, now=now)))]
    for name in asked.tests:
        content = text_of(name)
        theirs = well_formed(content, TestFile, name)
        found = tuple(outcomes(policy, theirs.value.tests, now=now))
        suites.append(Suite(name, content, theirs, found))
    every = [outcome for suite in suites for outcome in suite.outcomes]
    left_out = coverage(policy, every)
    if asked.json:
        console.json(document_of(suites, left_out))
    elif asked.junit:
        console.line(junit(suites))
    else:
        tell(suites, left_out, policy, console)
    failed = any(not outcome.passed for outcome in every)
    return 1 if failed or (asked.strict and (left_out.grants or left_out.denies)) else 0


def well_formed(text: bytes, model: type[BaseModel], name: str) -> Reading:
    """Return what a text says.

    Raises:
        PolicyError: It is not well formed.
    """
    reading = read(text, model)
    if reading.problems:
        raise PolicyError(name, reading.problems)
    return reading


def tell(suites: list[Suite], left_out: Coverage, policy: Policy, console: Console) -> None:
    """Say what fails and what is left out."""
    for suite in suites:
        lines = lines_of(suite.text)
        for outcome in suite.outcomes:
            if not outcome.passed:
                console.line(shown(suite.place(outcome), suite.name, lines, console) + "\n")
    own, name = suites[0].reading, suites[0].name
    for path, what in unexercised(policy, left_out):
        place = own.problem(path, f"no test exercises the {what}", "no-tests")
        console.line(one_line(f"{name}:{place.line}:{place.column}: {place.message}"))
    every = [outcome for suite in suites for outcome in suite.outcomes]
    passed = sum(outcome.passed for outcome in every)
    console.line(
        f"{name}: {passed} of {len(every)} tests pass; they exercise "
        f"{len(policy.grants) - len(left_out.grants)} of {len(policy.grants)} grants and "
        f"{len(policy.denies) - len(left_out.denies)} of {len(policy.denies)} denies"
    )
    if not every:
        console.note(f"{name}: there are no tests: add some under `tests:`")


def unexercised(policy: Policy, left_out: Coverage) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield where each grant and deny is that no test exercises, and what to call it."""
    for at, grant in enumerate(policy.grants):
        if grant.name in left_out.grants:
            yield ("grants", at, "name"), f"grant {grant.name!r}"
    for at, deny in enumerate(policy.denies):
        if deny.name in left_out.denies:
            yield ("denies", at, "name"), f"deny {deny.name!r}"


def document_of(suites: list[Suite], left_out: Coverage) -> dict[str, Any]:
    """Return the outcomes for a script."""
    return {
        "tests": [
            {
                "file": suite.name,
                "line": suite.place(outcome).line,
                "column": suite.place(outcome).column,
                "passed": outcome.passed,
                **outcome.test.model_dump(mode="json", exclude_none=True),
                "got": outcome.answer,
                "why": outcome.why,
            }
            for suite in suites
            for outcome in suite.outcomes
        ],
        "unexercised": {"grants": left_out.grants, "denies": left_out.denies},
    }
