"""Verify a release that was downloaded: complete, unaltered, and built by the release workflow.

    make verify-release DIR=~/Downloads/ecr-vend-1.2.0
    make verify-release DIR=~/Downloads ARGS="--only ecr-vend.pyz"

Each check is one line: ✓ holds, ✗ does not, – was not looked at. The exit code is 0 only where all
of them hold. Nothing that was downloaded is run, and nothing is opened before it is proven.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import Missing
from tools.release.checks import Verification
from tools.release.identity import ISSUER, REPOSITORY, WORKFLOW, Signer
from tools.release.signatures import Signatures

MARKS = {True: "✓", False: "✗", None: "–"}
UNSIGNED = (
    "NOT VERIFIED: nothing here proves who built these files. They agree with their own sums."
)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog="make verify-release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("folder", type=Path, help="where the files are, SHA256SUMS among them")
    made.add_argument(
        "--only",
        action="extend",
        nargs="+",
        default=[],
        metavar="FILE",
        help="look at these files of the release, whatever else is or is not in the folder",
    )
    made.add_argument("--version", help="it must be this version; what its files are named after")
    made.add_argument("--commit", help="it must be built from this commit, in full")
    made.add_argument(
        "--offline", action="store_true", help="take sigstore's root of trust as it is at hand"
    )
    made.add_argument("--json", action="store_true", help="print the checks as JSON")
    made.add_argument(
        "--allow-unsigned",
        action="store_true",
        help="for your own `make dist`: exit with 0 where there are no signatures at all",
    )
    fork = made.add_argument_group("for forks, which sign with their own workflow")
    fork.add_argument("--repository", default=REPOSITORY, metavar="OWNER/NAME", help=REPOSITORY)
    fork.add_argument("--workflow", default=WORKFLOW, help=WORKFLOW)
    fork.add_argument("--issuer", default=ISSUER, help=ISSUER)
    fork.add_argument(
        "--trust-config",
        type=Path,
        metavar="FILE",
        help="a sigstore client trust configuration, in place of sigstore's own",
    )
    return made


def verify(arguments: argparse.Namespace) -> Verification:
    """Return what was found in the folder.

    Raises:
        Missing: It cannot be looked at; the message says why.
    """
    if not arguments.folder.is_dir():
        raise Missing(f"{arguments.folder} is no folder: name the one that was downloaded to")
    if arguments.commit and not re.fullmatch("[0-9a-f]{40}", arguments.commit):
        raise Missing(f"{arguments.commit} is no commit in full: 40 hex digits")

    def signer(version: str) -> Signer:
        return Signer(version, arguments.repository, arguments.workflow, arguments.issuer)

    version = arguments.version.removeprefix("v") if arguments.version else None

    @functools.cache
    def trust() -> Signatures:
        return Signatures(arguments.trust_config, offline=arguments.offline)

    only = tuple(Path(name).name for name in arguments.only)
    found = Verification(
        arguments.folder,
        signer,
        trust,
        only,
        version,
        arguments.commit,
        unsigned=arguments.allow_unsigned,
    )
    found.run()
    return found


def verdict(found: Verification, *, allow_unsigned: bool) -> tuple[bool, str]:
    """Return whether to go on, and the sentence that ends the report."""
    failed = [check.name for check in found.checks if check.passed is False]
    unseen = [check.name for check in found.checks if check.passed is None]
    if failed:
        return False, f"DO NOT USE: {', '.join(failed)}"
    if not unseen:
        return True, f"verified: ecr-vend {found.version}"
    if found.only and unseen == ["provenance"]:
        # The signed sums prove the file. Where it comes from beyond that, nobody asked to see.
        return True, f"verified: ecr-vend {found.version}, without its provenance"
    unsigned = not any("signature" in check.name and check.passed for check in found.checks)
    if unsigned and allow_unsigned:
        return True, UNSIGNED
    cure = "; --allow-unsigned accepts that of your own `make dist`" if unsigned else ""
    return False, f"NOT VERIFIED: {', '.join(unseen)}{cure}"


def main(words: list[str] | None = None) -> int:
    """Run the command line, that of the process where none is given."""
    arguments = parser().parse_args(words)
    try:
        found = verify(arguments)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    good, sentence = verdict(found, allow_unsigned=arguments.allow_unsigned)
    if arguments.json:
        print(json.dumps(document(found, sentence, good=good), indent=2))
        return 0 if good else 1
    # What a file name or a certificate brings may be no text that this terminal has.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for check in found.checks:
        print(f"{MARKS[check.passed]} {check.name}: {check.said}")
    if arguments.trust_config:
        print(f"  by the root of trust in {arguments.trust_config}, not by sigstore's own")
    print(sentence)
    return 0 if good else 1


def document(found: Verification, sentence: str, *, good: bool) -> dict[str, object]:
    """Return what was found, for a script."""
    signed = found.certified if good else None
    return {
        "verified": good and sentence != UNSIGNED,
        "verdict": sentence,
        "version": found.version,
        "commit": signed.commit if signed else None,
        "run": signed.run if signed else None,
        "images": found.images if good else {},
        "checks": [
            {"name": check.name, "passed": check.passed, "said": check.said}
            for check in found.checks
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
