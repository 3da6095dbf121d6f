"""The denies in IAM: new default versions of a registry's revocation policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vending.denying import DenyFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from types_boto3_iam import IAMClient


class IamDenier:
    """The managed policies of one registry's vended roles.

    It needs `iam:ListPolicyVersions`, `iam:CreatePolicyVersion` and `iam:DeletePolicyVersion` on
    them. Versions other than the default one are deleted before another is made: IAM keeps five,
    and CloudFormation may have to make one too.
    """

    def __init__(self, iam: Callable[[], IAMClient], policies: Collection[str]) -> None:
        self._iam = iam
        self._policies = policies

    def write(
        self, document: str, *, unchanged: bool, versions: Mapping[str, str]
    ) -> dict[str, str]:
        """Let every policy be `document`, and return the version of each.

        A policy whose default version is another than was written last has been changed by somebody
        else, a deployment for one, and is written again.

        Raises:
            DenyFailed: One could not be written.
        """
        try:
            iam = self._iam()
            return {
                policy: self._written(
                    iam, policy, document, versions.get(policy) if unchanged else None
                )
                for policy in self._policies
            }
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise DenyFailed(f"{error.operation_name}: {code}"[:128]) from error
        except BotoCoreError as error:
            raise DenyFailed(type(error).__name__) from error

    def _written(self, iam: IAMClient, policy: str, document: str, known: str | None) -> str:
        others = []
        for version in iam.list_policy_versions(PolicyArn=policy)["Versions"]:
            if not version["IsDefaultVersion"]:
                others.append(version["VersionId"])
            elif version["VersionId"] == known:
                return known
        for other in others:
            iam.delete_policy_version(PolicyArn=policy, VersionId=other)
        made = iam.create_policy_version(
            PolicyArn=policy, PolicyDocument=document, SetAsDefault=True
        )
        return made["PolicyVersion"]["VersionId"]
