"""Check and test a policy before it is deployed.

    make policy-check FILE=policy/policy.yaml
    make policy-test  FILE=policy/policy.yaml

Exit code 0 when all is well, 1 when the policy is not, 2 when the command itself is wrong.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from vending.policy_tests import failures
from vending.policy_text import PolicyError, parse


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


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="vendctl", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    subjects = parser.add_subparsers(required=True, metavar="SUBJECT")
    policy = subjects.add_parser("policy", help="work on a policy document")
    actions = policy.add_subparsers(required=True, metavar="ACTION")
    for name, run in (("check", check), ("test", test)):
        action = actions.add_parser(name, help=run.__doc__, description=run.__doc__)
        action.add_argument("file", type=Path, help="the policy, such as policy/policy.yaml")
        action.set_defaults(run=run)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen.file)
    except PolicyError as problems:
        print(problems, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{chosen.file}: {problem.strerror}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
