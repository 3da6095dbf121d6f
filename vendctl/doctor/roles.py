"""What is wrong with a vended role: what it may do beyond a vend, and what no longer denies it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vendctl.doctor import sound
from vendctl.doctor.findings import Command, Finding, minified
from vending.patterns import covers
from vending.policy_problems import Severity
from vending.session_policy import MINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.doctor.account import Asked, VendedRole
    from vendctl.doctor.documents import Document, Statement
    from vending.access import Access

LONGEST = 3600
"""Seconds. Longer sessions are of no use to a function, whose own credentials are a role's."""

INLINE = "only-what-is-vended"
"""The inline policy that the cure of a missing deny makes."""


def of_role(role: VendedRole, asked: Asked) -> Iterator[Finding]:
    """Yield what is wrong with a vended role's own policies."""
    if role.complete:
        yield from of_denies(role, asked)
        yield from of_boundary(role, asked)
        yield from of_revocations(role, asked)
    for document in role.policies:
        yield from of_allows(role, asked, document)
    if role.longest > LONGEST:
        length = {"RoleName": role.name, "MaxSessionDuration": LONGEST}
        yield Finding(
            "long-sessions",
            Severity.WARNING,
            role.arn,
            f"Its sessions may last {role.longest} seconds: the function gets {LONGEST} at most, "
            "so more is of use only to somebody else who assumes it.",
            "Limit its sessions to an hour.",
            (Command("iam", "update-role", length),),
        )


def of_denies(role: VendedRole, asked: Asked) -> Iterator[Finding]:
    """Yield the explicit denies that a role has lost."""
    documents = tuple(role.documents())
    commands = (restored(role, asked),)
    cure = "Give it the denies of the template."
    if not sound.closed(role, documents):
        yield Finding(
            "deny-of-actions",
            Severity.ERROR,
            role.arn,
            f"Nothing denies it what is no {role.access}: a policy of a repository that names its "
            "sessions gives their tokens everything there, above what was granted.",
            cure,
            commands,
        )
    if not sound.bound_to(documents, [asked.place.repository("*")]):
        yield Finding(
            "deny-of-registries",
            Severity.ERROR,
            role.arn,
            "Nothing denies it other registries: session policies name repositories without "
            "account and region, so a repository of the same name elsewhere may let its tokens in.",
            cure,
            commands,
        )
    wanted = sound.prefixed(asked.prefixes)
    if asked.prefixes and not sound.bound_to(documents, wanted):
        yield Finding(
            "deny-of-prefixes",
            Severity.ERROR,
            role.arn,
            f"Nothing denies it repositories outside {', '.join(asked.prefixes)}: what the stack's "
            "RepositoryPrefixes say no longer bounds the policy document.",
            cure,
            commands,
        )


def of_boundary(role: VendedRole, asked: Asked) -> Iterator[Finding]:
    """Yield that a role has no permissions boundary, or one that lets too much through."""
    held = is_held(role, asked)
    severity = Severity.WARNING if held else Severity.ERROR
    left = "its policies' own denies alone hold it" if held else "nothing else holds it"
    if role.boundary is None:
        yield Finding(
            "boundary-missing",
            severity,
            role.arn,
            f"It has no permissions boundary: {left}, and whoever attaches a policy widens it.",
            "Give it the boundary of the template.",
            boundary_again(role, asked),
        )
    elif not denies_by_itself(role.boundary, role, asked):
        yield Finding(
            "boundary-wide",
            severity,
            role.arn,
            f"Its permissions boundary {role.boundary.name} does not deny all but a {role.access} "
            f"in this registry: {left}, and whoever attaches a policy to it widens it.",
            "Give it the boundary of the template.",
            boundary_again(role, asked),
        )


def of_revocations(role: VendedRole, asked: Asked) -> Iterator[Finding]:
    """Yield that what the service writes for revoked tokens does not reach a role."""
    wanted = (asked.revocations or {}).get(role.access)
    if wanted and wanted not in {document.name for document in role.policies}:
        attached = {"RoleName": role.name, "PolicyArn": wanted}
        yield Finding(
            "revocations-detached",
            Severity.WARNING,
            role.arn,
            f"{wanted} is not attached to it: a revoked token of this role goes on working.",
            "Attach it.",
            (Command("iam", "attach-role-policy", attached),),
        )


def of_allows(role: VendedRole, asked: Asked, document: Document) -> list[Finding]:
    """Return what a policy of a role allows beyond a vend, with one cure for all of it."""
    found = [
        finding
        for statement in document.statements
        if statement.allows
        for finding in of_allow(role, asked, document, statement)
    ]
    wrong = frozenset(one.statement.number for one in found if one.statement)
    commands = (without(role, document, wrong, asked),) if wrong else ()
    return [replace(one, commands=commands) for one in found]


def of_allow(
    role: VendedRole, asked: Asked, document: Document, statement: Statement
) -> Iterator[Finding]:
    """Yield what a statement of a role's own policies allows beyond a vend."""
    if more := statement.beyond(role.actions):
        held = sound.closed(role, role.documents()) or allows_no_more(role)
        yield Finding(
            "wider-actions",
            Severity.WARNING if held else Severity.ERROR,
            role.arn,
            f"It is allowed {', '.join(more)}, which no {role.access} needs: "
            + ("only its boundary or its denies stop that." if held else "its tokens can do that."),
            "Take the statement from it.",
            (),
            statement,
            document.name,
        )
        return
    inside = asked.place.repository("*")
    outside = [one for one in statement.listed("Resource") if not covers(inside, one)]
    needs_one = set(statement.listed("Action")) - {MINT.lower()}
    if needs_one and (outside or "NotResource" in statement.body):
        held = sound.bound_to(role.documents(), [inside])
        yield Finding(
            "wider-resources",
            Severity.WARNING if held else Severity.ERROR,
            role.arn,
            "It is allowed that on more than the repositories of this registry: "
            + ("only its denies stop that." if held else "its tokens reach what is of that name."),
            "Take the statement from it.",
            (),
            statement,
            document.name,
        )


def is_held(role: VendedRole, asked: Asked) -> bool:
    """Return whether explicit denies, wherever they stand, bind a role as the template's do."""
    if not role.complete:
        return False
    documents = tuple(role.documents())
    return sound.closed(role, documents) and sound.bound_to(
        documents, [asked.place.repository("*")]
    )


def denies_by_itself(document: Document, role: VendedRole, asked: Asked) -> bool:
    """Return whether one document binds a role as the template's boundary does."""
    return sound.closed(role, [document]) and sound.bound_to(
        [document], [asked.place.repository("*")]
    )


def allows_no_more(role: VendedRole) -> bool:
    """Return whether a role's boundary allows nothing beyond a vend: what nobody grants by name."""
    return role.boundary is not None and not any(
        one.beyond(role.actions) for one in role.boundary.statements if one.allows
    )


def restored(role: VendedRole, asked: Asked) -> Command:
    """Return the call that gives a role its denies back.

    Where its boundary is a policy of its own, as the template makes it, that is put right. Anybody
    else's boundary is left alone: then an inline policy holds the denies, which bind all the same.
    """
    own = next((one for one in role.policies if is_own_boundary(one, role)), None)
    if own:
        return rewritten(own, role.access, asked)
    body = {"Version": "2012-10-17", "Statement": sound.denies(role.access, asked)}
    given = {"RoleName": role.name, "PolicyName": INLINE, "PolicyDocument": minified(body)}
    return Command("iam", "put-role-policy", given)


def rewritten(document: Document, access: Access, asked: Asked) -> Command:
    """Return the call that makes a managed policy what the template makes it."""
    body = minified(sound.whole(access, asked))
    given = {"PolicyArn": document.name, "PolicyDocument": body, "SetAsDefault": True}
    return Command("iam", "create-policy-version", given)


def is_own_boundary(document: Document, role: VendedRole) -> bool:
    """Return whether a policy is attached to this role alone, and is its boundary too."""
    return document.alone and role.boundary is not None and role.boundary.name == document.name


def without(role: VendedRole, document: Document, wrong: frozenset[int], asked: Asked) -> Command:
    """Return the call that takes statements from a role, and leaves the others of their policy.

    Of a policy that other roles have too, or that AWS wrote, the role is taken from it instead.
    """
    left = document.without(wrong)
    if is_own_boundary(document, role):
        return rewritten(document, role.access, asked)
    if document.kind == "inline policy":
        given = {"RoleName": role.name, "PolicyName": document.name}
        if left is None:
            return Command("iam", "delete-role-policy", given)
        return Command("iam", "put-role-policy", {**given, "PolicyDocument": minified(left)})
    if left is not None and document.alone:
        text = minified(left)
        version = {"PolicyArn": document.name, "PolicyDocument": text, "SetAsDefault": True}
        return Command("iam", "create-policy-version", version)
    managed = {"RoleName": role.name, "PolicyArn": document.name}
    return Command("iam", "detach-role-policy", managed)


def boundary_again(role: VendedRole, asked: Asked) -> tuple[Command, ...]:
    """Return the calls that give a role its boundary: a policy of its own that is one, or a new."""
    for document in role.policies:
        if document.kind == "managed policy" and denies_by_itself(document, role, asked):
            return (bounded_by(role, document.name),)
        if is_own_boundary(document, role):
            return (rewritten(document, role.access, asked),)
    name = f"{role.name}-boundary"
    body = minified(sound.whole(role.access, asked))
    made = Command("iam", "create-policy", {"PolicyName": name, "PolicyDocument": body})
    place = asked.place
    return (made, bounded_by(role, f"arn:{place.partition}:iam::{place.account}:policy/{name}"))


def bounded_by(role: VendedRole, policy: str) -> Command:
    """Return the call that makes a policy a role's boundary."""
    given = {"RoleName": role.name, "PermissionsBoundary": policy}
    return Command("iam", "put-role-permissions-boundary", given)
