"""The platform team's command: check a policy before it is deployed, look into the records, erase.

    make policy-check FILE=policy/policy.yaml
    make policy-test  FILE=policy/policy.yaml
    make records ARGS="show 'vend#v-…' --stack ecr-vend"
    make people  ARGS="erase ana@example.com --stack ecr-vend"

Exit code 0 when all is well, 1 when the policy is not or nothing was found, 2 when the command
itself is wrong or AWS refuses it.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from auditing.auditing import RecordsUnavailable
from vendctl import people, records
from vendctl.stack import NoOutput
from vending.policy_tests import failures
from vending.policy_text import PolicyError, parse
from vending.sealing import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable


def check(file: Path) -> int:
    """Say every problem in the policy, each with its line and cure, or what it holds."""
    policy = parse(file.read_bytes(), name=str(file))
    print(f"{file}: {len(policy.grants)} grants, {len(policy.denies)} denies, well formed")
    return 0


def test(file: Path) -> int:
    """Run the tests inside the policy, as its deployment does."""
    policy = parse(file.read_bytes(), name=str(file))
    failed = failures(policy, now=datetime.now(UTC))
    for failure in failed:
        print(f"{file}: {failure}", file=sys.stderr)
    print(f"{file}: {len(policy.tests) - len(failed)} of {len(policy.tests)} tests pass")
    if not policy.tests:
        print(f"{file}: there are no tests: add some under `tests:`", file=sys.stderr)
    return 1 if failed else 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(
        prog="vendctl", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subjects = whole.add_subparsers(required=True, metavar="SUBJECT")

    def actions_of(subject: str, about: str) -> Callable[..., argparse.ArgumentParser]:
        found = subjects.add_parser(subject, help=about, description=about)
        actions = found.add_subparsers(required=True, metavar="ACTION")

        def action(name: str, run: Callable[..., int]) -> argparse.ArgumentParser:
            made = actions.add_parser(name, help=run.__doc__, description=run.__doc__)
            made.set_defaults(run=run)
            return made

        return action

    policy = actions_of("policy", "work on a policy document")
    for name, run in (("check", check), ("test", test)):
        action = policy(name, run)
        action.add_argument("file", type=Path, help="the policy, such as policy/policy.yaml")
    person = actions_of("people", "whose personal strings the records have sealed, and erasing")
    people.arguments_of_list(person("list", people.list_keys))
    people.arguments_of_erase(person("erase", people.erase))
    records.arguments_of_show(actions_of("records", "the ledger's records")("show", records.show))
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    chosen = parser().parse_args(arguments)
    words = [chosen.file] if "file" in chosen else [chosen, boto3.Session()]
    try:
        code: int = chosen.run(*words)
    except PolicyError as problems:
        print(problems, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError, NoOutput, RecordsUnavailable, Unreadable) as problem:
        print(f"vendctl: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"{chosen.file}: {problem.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
