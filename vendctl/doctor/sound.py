"""What binds a sound vended role, and the statements that make it so: those of template.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vending.access import ACTIONS, Access
from vending.patterns import covers
from vending.session_policy import MINT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vendctl.doctor.account import Asked, VendedRole
    from vendctl.doctor.documents import Document, Statement

Body = dict[str, Any]

BY_DYNAMODB_AND_LAMBDA = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)
"""What these services do in the role's name, without naming a function."""


def kind_of(access: Access) -> str:
    """Return what the templates call an access, such as `PullThrough`."""
    return "".join(word.capitalize() for word in access.split("-"))


def denies(access: Access, asked: Asked) -> list[Body]:
    """Return the explicit denies of a vended role."""
    kind = kind_of(access)
    return [
        {
            "Sid": f"Only{kind}",
            "Effect": "Deny",
            "NotAction": [MINT, *sorted(ACTIONS[access])],
            "Resource": "*",
        },
        {
            "Sid": "OnlyThisRegistry",
            "Effect": "Deny",
            "NotAction": MINT,
            "NotResource": asked.place.repository("*"),
        },
        {
            "Sid": "OnlyThesePrefixes",
            "Effect": "Deny",
            "NotAction": MINT,
            "NotResource": prefixed(asked.prefixes),
        },
    ]


def whole(access: Access, asked: Asked) -> Body:
    """Return the document that is policy and boundary of a vended role."""
    kind = kind_of(access)
    allows: list[Body] = [
        {"Sid": "Mint", "Effect": "Allow", "Action": MINT, "Resource": "*"},
        {
            "Sid": kind,
            "Effect": "Allow",
            "Action": sorted(ACTIONS[access]),
            "Resource": asked.place.repository("*"),
        },
    ]
    return {"Version": "2012-10-17", "Statement": [*allows, *denies(access, asked)]}


def trust(function_role: str) -> Body:
    """Return the trust of a vended role."""
    who = {"AWS": function_role}
    named = {"sts:RoleSessionName": f"v-{'?' * 26}", "sts:SourceIdentity": "?*"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": who,
                "Action": "sts:AssumeRole",
                "Condition": {"StringLike": named},
            },
            {"Effect": "Allow", "Principal": who, "Action": "sts:SetSourceIdentity"},
        ],
    }


def tie(function: str) -> Body:
    """Return the policy that denies the vending function's role to all code but the function's."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyAsTheFunction",
                "Effect": "Deny",
                "NotAction": list(BY_DYNAMODB_AND_LAMBDA),
                "Resource": "*",
                "Condition": {
                    "ArnNotLike": {"lambda:SourceFunctionArn": [function, f"{function}:*"]}
                },
            }
        ],
    }


def prefixed(prefixes: Iterable[str]) -> list[str]:
    """Return the ARNs of the repositories whose names begin so; of all, where none is given."""
    return [f"arn:*:ecr:*:*:repository/{prefix}*" for prefix in prefixes or ("",)]


def closed(role: VendedRole, documents: Iterable[Document]) -> bool:
    """Return whether explicit denies in `documents` leave only what the role is for."""
    unconditional = [one for one in denying(documents) if is_all(one.listed("Resource"))]
    shut = [action for one in unconditional for action in one.listed("Action")]
    if any(covers(action, "ecr:*") for action in shut):
        return True
    for one in unconditional:
        if "NotAction" in one.body:
            left = [
                action
                for action in one.listed("NotAction")
                if not any(covers(other, action) for other in shut)
            ]
            if role.actions.issuperset(left):
                return True
    return False


def bound_to(documents: Iterable[Document], arns: Iterable[str]) -> bool:
    """Return whether an explicit deny leaves nothing but `arns` and the mint."""
    wide = tuple(arns)
    return any(
        one.listed("NotResource")
        and all(any(covers(arn, narrow) for arn in wide) for narrow in one.listed("NotResource"))
        for one in denying(documents)
        if one.does_all_of("ecr:*") or set(one.listed("NotAction")) == {MINT.lower()}
    )


def denying(documents: Iterable[Document]) -> list[Statement]:
    """Return the denies that hold whatever the request is like."""
    return [
        one
        for document in documents
        for one in document.statements
        if not one.allows and not one.condition
    ]


def is_all(resources: tuple[str, ...]) -> bool:
    """Return whether a statement's Resource is everything."""
    return any(not one.strip("*") for one in resources)
