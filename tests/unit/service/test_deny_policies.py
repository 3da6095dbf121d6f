"""The denies in IAM: which versions are made, kept and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from vending.deny_policies import IamDenier
from vending.denying import DenyFailed

POLICIES = ["arn:aws:iam::111122223333:policy/pull", "arn:aws:iam::111122223333:policy/push"]


class FakeIam:
    """Keeps versions as IAM does: five at most, numbers never used again."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str]] = {policy: ["v1"] for policy in POLICIES}
        self.documents: dict[str, str] = {}
        self.default = dict.fromkeys(POLICIES, "v1")
        self.made = 1
        self.calls: list[str] = []
        self.fails: dict[str, Exception] = {}

    def list_policy_versions(self, *, PolicyArn: str) -> dict[str, Any]:  # noqa: N803
        self._call("ListPolicyVersions", PolicyArn)
        return {
            "Versions": [
                {"VersionId": one, "IsDefaultVersion": one == self.default[PolicyArn]}
                for one in self.versions[PolicyArn]
            ]
        }

    def delete_policy_version(self, *, PolicyArn: str, VersionId: str) -> None:  # noqa: N803
        self._call("DeletePolicyVersion", PolicyArn)
        assert VersionId != self.default[PolicyArn]
        self.versions[PolicyArn].remove(VersionId)

    def create_policy_version(
        self,
        *,
        PolicyArn: str,  # noqa: N803
        PolicyDocument: str,  # noqa: N803
        SetAsDefault: bool,  # noqa: N803
    ) -> dict[str, Any]:
        self._call("CreatePolicyVersion", PolicyArn)
        assert SetAsDefault
        assert len(self.versions[PolicyArn]) < 5
        self.made += 1
        made = f"v{self.made}"
        self.versions[PolicyArn].append(made)
        self.default[PolicyArn] = made
        self.documents[PolicyArn] = PolicyDocument
        return {"PolicyVersion": {"VersionId": made}}

    def _call(self, name: str, policy: str) -> None:
        self.calls.append(name)
        if failure := self.fails.get(policy):
            raise failure


def denier(iam: FakeIam) -> IamDenier:
    fake: Any = iam
    return IamDenier(lambda: fake, POLICIES)


def test_every_policy_of_a_registry_gets_the_document() -> None:
    iam = FakeIam()
    versions = denier(iam).write("document", unchanged=False, versions={})
    assert iam.documents == dict.fromkeys(POLICIES, "document")
    assert versions == iam.default


def test_versions_never_pile_up() -> None:
    iam = FakeIam()
    for number in range(9):
        denier(iam).write(f"document {number}", unchanged=False, versions={})
        assert all(len(versions) == 2 for versions in iam.versions.values())
    iam.versions[POLICIES[0]][:0] = ["v90", "v91", "v92"]
    denier(iam).write("document", unchanged=False, versions={})
    assert len(iam.versions[POLICIES[0]]) == 2


def test_what_is_written_already_is_not_written_again() -> None:
    iam = FakeIam()
    versions = denier(iam).write("document", unchanged=False, versions={})
    iam.calls.clear()
    assert denier(iam).write("document", unchanged=True, versions=versions) == versions
    assert set(iam.calls) == {"ListPolicyVersions"}


def test_a_policy_that_somebody_else_changed_is_written_again() -> None:
    iam = FakeIam()
    versions = denier(iam).write("document", unchanged=False, versions={})
    # As a deployment of the stack does whose template says another document.
    iam.create_policy_version(PolicyArn=POLICIES[1], PolicyDocument="theirs", SetAsDefault=True)
    denier(iam).write("document", unchanged=True, versions=versions)
    assert iam.documents == dict.fromkeys(POLICIES, "document")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (
            ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "ListPolicyVersions"),
            "ListPolicyVersions: Throttling",
        ),
        (ConnectTimeoutError(endpoint_url="https://iam"), "ConnectTimeoutError"),
    ],
)
def test_a_failure_names_aws_error_and_nothing_else(failure: Exception, reason: str) -> None:
    iam = FakeIam()
    iam.fails[POLICIES[1]] = failure
    with pytest.raises(DenyFailed) as caught:
        denier(iam).write("document", unchanged=False, versions={})
    assert caught.value.reason == reason
