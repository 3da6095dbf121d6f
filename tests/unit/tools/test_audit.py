"""An audit that could not look is not one that found nothing."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tools import audit
from tools.environments import Missing

CLEAN = {"name": "httpx", "version": "0.28.1", "vulns": []}
WEAK = {
    "name": "jinja2",
    "version": "3.0.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.0.1"]}],
}
SKIPPED = {"name": "uv", "skip_reason": "Dependency not found on PyPI"}


def report(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


def test_a_package_that_was_skipped_is_a_failure() -> None:
    with pytest.raises(Missing, match=r"^a\.txt: 1 of 2 packages could not be looked up: run this"):
        audit.read_python("a.txt", report(CLEAN, SKIPPED))


def test_a_lock_without_packages_proves_nothing() -> None:
    with pytest.raises(Missing, match="0 of 0 packages"):
        audit.read_python("a.txt", report())


def test_an_advisory_is_named_with_its_cure() -> None:
    (found,) = audit.read_python("a.txt", report(CLEAN, WEAK))
    assert str(found) == "jinja2 3.0.0: PYSEC-1, CVE-1; fixed in 3.0.1: `make lock`"


def test_npms_advisories_are_read_and_its_refusal_is_a_failure() -> None:
    (found,) = audit.read_node({"vulnerabilities": {"left-pad": {"severity": "high"}}})
    assert str(found) == "left-pad from npm: high; raise it in requirements/node"
    with pytest.raises(Missing, match=r"npm's packages could not be looked up \(405\)"):
        audit.read_node({"message": "405"})


def test_a_program_that_dies_is_quoted_in_one_line() -> None:
    words = "import sys; print('Traceback'); sys.exit('no route to host')"
    with pytest.raises(Missing, match=r"^a\.txt could not be looked up \(no route to host\)"):
        audit.asked([sys.executable, "-c", words], "a.txt")


@pytest.mark.parametrize(
    ("advisories", "problem", "code"),
    [([], None, 0), ([audit.Advisory("a 1", "CVE-1", "no fix yet")], None, 1), ([], "no route", 2)],
)
def test_the_exit_code_tells_advisories_from_not_having_looked(
    monkeypatch: pytest.MonkeyPatch,
    advisories: list[audit.Advisory],
    problem: str | None,
    code: int,
) -> None:
    def look_up(_: str) -> list[audit.Advisory]:
        if problem:
            raise Missing(problem)
        return advisories

    monkeypatch.setattr(audit, "python_packages", look_up)
    monkeypatch.setattr(audit, "node_packages", list)
    assert audit.main() == code
