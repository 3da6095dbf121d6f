"""`vendctl doctor registry`: what ends a finding, and what that leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.doctored import ASKED, PULL, found, inline, stripped, with_role
from vendctl.doctor import sound
from vendctl.doctor.documents import Document, document
from vendctl.doctor.findings import minified
from vending.access import Access

if TYPE_CHECKING:
    from vendctl.doctor.account import VendedRole


def cures_of(*documents: Document) -> list[str]:
    """Return the cures of a pulling role that has more policies."""
    account = with_role(lambda role: replace(role, policies=(*role.policies, *documents)))
    return [command.line() for one in found(account) for command in one.commands]


S3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
KMS = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
KEPT = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}


ROLE = "--role-name ecr-vend-pull"


def test_one_cure_takes_all_that_is_wrong_from_a_policy_and_leaves_the_rest() -> None:
    gone = f"aws iam delete-role-policy {ROLE} --policy-name more"
    assert cures_of(inline(S3, KMS)) == [gone, gone]
    left = minified({"Version": "2008-10-17", "Statement": [KEPT]})
    less = f"aws iam put-role-policy {ROLE} --policy-name more --policy-document '{left}'"
    assert cures_of(inline(S3, KEPT, KMS)) == [less, less]


def test_revocations_that_also_allow_something_stay_attached() -> None:
    revocations = PULL.policies[1]
    nobody = dict(revocations.statements[0].body)
    spoiled = document(
        "managed policy",
        PULL.arn,
        revocations.name,
        {"Version": "2012-10-17", "Statement": [nobody, S3]},
        alone=True,
    )
    account = with_role(lambda role: replace(role, policies=(role.policies[0], spoiled)))
    (command,) = (one for finding in found(account) for one in finding.commands)
    assert command.operation == "create-policy-version"
    assert json.loads(command.parameters["PolicyDocument"])["Statement"] == [nobody]


def test_a_policy_that_others_have_too_is_only_detached() -> None:
    shared = document(
        "managed policy", PULL.arn, "arn:aws:iam::aws:policy/X", {"Statement": [S3, KEPT]}
    )
    cure = f"aws iam detach-role-policy {ROLE} --policy-arn arn:aws:iam::aws:policy/X"
    assert cures_of(shared) == [cure]


def test_nobody_elses_boundary_is_rewritten() -> None:
    shared = replace(PULL.policies[0], alone=False)

    def other(role: VendedRole) -> VendedRole:
        both = replace(role, policies=(shared, *role.policies[1:]), boundary=shared)
        return stripped(both, "OnlyPull")

    lines = [c.line() for f in found(with_role(other)) for c in f.commands]
    assert not any("create-policy-version" in line for line in lines)
    assert any("put-role-policy" in line for line in lines)


def as_document(body: dict[str, Any]) -> Document:
    return document("inline policy", PULL.arn, "x", body)


def test_every_cure_of_a_role_leaves_it_sound() -> None:
    whole = as_document(sound.whole(Access.PULL, ASKED))
    assert sound.closed(PULL, [whole])
    assert sound.bound_to([whole], [ASKED.place.repository("*")])
    denies = as_document({"Statement": sound.denies(Access.PULL, ASKED)})
    assert sound.closed(PULL, [denies])
    assert sound.bound_to([denies], sound.prefixed(ASKED.prefixes))
