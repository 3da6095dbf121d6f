"""Who may sign a release, and by what names its files are known."""

from __future__ import annotations

import re
from dataclasses import dataclass

SUMS = "SHA256SUMS"
STATEMENT = "ecr-vend.intoto.json"
"""The provenance as anybody can read it; the signed one holds the same bytes."""
ATTESTATION = "ecr-vend.intoto.jsonl"
"""The signed provenance: one sigstore bundle on one line, as `gh attestation` takes it."""
SIGNATURE = ".sigstore.json"
BILL = ".cdx.json"
IMAGE = "ecr-vend-image-"
"""How the bill of an image begins, which is in a registry and not among the files."""

REPOSITORY = "ecr-vend/ecr-vend"
WORKFLOW = ".github/workflows/release.yml"
GITHUB = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"
"""Who says which workflow it is that asks for a certificate."""

BUILD_TYPE = "https://actions.github.io/buildtypes/workflow/v1"
"""How the parameters below are read:
https://github.com/slsa-framework/github-actions-buildtypes/tree/main/workflow/v1."""
PREDICATE = "https://slsa.dev/provenance/v1"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Signer:
    """The one workflow, at the one tag, that may sign a version.

    Attributes:
        version: What is released.
        repository: `OWNER/NAME` on GitHub.
        workflow: The path of the workflow in it.
        issuer: Who vouches for the workflow.
    """

    version: str
    repository: str = REPOSITORY
    workflow: str = WORKFLOW
    issuer: str = ISSUER

    @property
    def ref(self) -> str:
        """The tag, in full. A branch of the same name is another ref."""
        return f"refs/tags/v{self.version}"

    @property
    def source(self) -> str:
        """The repository's address."""
        return f"{GITHUB}/{self.repository}"

    @property
    def subject(self) -> str:
        """What a certificate of this signer has as its name, and a provenance as its builder."""
        return f"{self.source}/{self.workflow}@{self.ref}"


def is_signature(name: str) -> bool:
    """Return whether a file is one of those that sign the others, which no sum covers."""
    return name in {STATEMENT, ATTESTATION} or name.endswith(SIGNATURE)


def version_of(names: list[str]) -> str | None:
    """Return the version that a release's files are named after, None where they name none or two.

    >>> version_of(["ecr-vend.pyz", "ecr_vend-1.2.0-py3-none-any.whl"])
    '1.2.0'
    """
    pattern = re.compile(r"ecr_vend-([0-9][^-]*?)(?:-py3-none-\w+\.whl|\.tar\.gz)")
    found = {match[1] for name in names if (match := pattern.fullmatch(name))}
    return found.pop() if len(found) == 1 else None
