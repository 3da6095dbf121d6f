"""Kinds of access, and the ECR actions each of them is."""

from __future__ import annotations

from enum import StrEnum


class Access(StrEnum):
    """What a token may do with a repository. Push and pull-through each include pull."""

    PULL = "pull"
    PUSH = "push"
    PULL_THROUGH = "pull-through"

    def includes(self, other: Access) -> bool:
        """Return whether whoever has this access has `other` too."""
        return self is other or other is Access.PULL


PULL_ACTIONS = (
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchCheckLayerAvailability",
    "ecr:ListImages",
)

ACTIONS: dict[Access, tuple[str, ...]] = {
    Access.PULL: PULL_ACTIONS,
    Access.PUSH: (
        *PULL_ACTIONS,
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ),
    Access.PULL_THROUGH: (
        *PULL_ACTIONS,
        "ecr:BatchImportUpstreamImage",
        "ecr:CreateRepository",
    ),
}
"""The ECR actions of each access. Source: "IAM permissions for pushing an image" and "Using pull
through cache rules" in the ECR user guide. The vended roles in template.yaml bound them."""
