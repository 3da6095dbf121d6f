"""docs/consumers.md lists every consumer we know of, and every case that replays it."""

from __future__ import annotations

import re

import pytest

from tests.client.machine import ROOT

CONSUMERS = (
    "docker CLI",
    "BuildKit, buildx",
    "podman, skopeo, buildah",
    "crane, ko, cosign, trivy (go-containerregistry)",
    "nerdctl",
    "oras, helm",
    "kubelet",
    "Bazel",
    "rules_oci on Windows",
    "Testcontainers",
    "docker-py, Jib",
    "kaniko",
    "docker-compose, CI matrices",
)
"""Who calls a credential helper. One more here needs a case of its own."""

DOCKER = "integration/client/test_consumers.py"
JSON = "integration/client/test_json_consumers.py"
MATERIALIZE = "unit/client/test_materialize.py"

PAGE = (ROOT / "docs" / "consumers.md").read_text()
ROWS = {
    cells[0]: cells
    for line in PAGE.partition("|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
    if (cells := line.strip("| ").split(" | "))
}


def cases(consumer: str) -> list[str]:
    """Return the tests that a row names."""
    return re.findall(r"`(\w+)`", ROWS[consumer][2])


def defined(path: str) -> set[str]:
    """Return the tests in a file."""
    text = (ROOT / "tests" / path).read_text()
    return set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))


def test_the_page_has_a_row_for_every_consumer_and_no_other() -> None:
    assert tuple(ROWS) == (*CONSUMERS, "the protocol itself")


@pytest.mark.parametrize("consumer", ROWS)
def test_every_row_names_cases_that_are_there(consumer: str) -> None:
    assert cases(consumer)
    there = defined(MATERIALIZE) if consumer == "kaniko" else defined(DOCKER) | defined(JSON)
    assert set(cases(consumer)) <= there


@pytest.mark.parametrize("path", [DOCKER, JSON])
def test_every_case_is_in_a_row(path: str) -> None:
    assert defined(path) <= {case for consumer in ROWS for case in cases(consumer)}
