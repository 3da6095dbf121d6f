"""What the emulator's STS and IAM do not know of sessions, put in.

Its names are checked by `internals.require` before the emulator serves.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from local.passwords import DECLARED_LIFE


def know_functions_by_their_roles() -> None:
    """Give the sessions of functions the unique id of their role, as AWS does.

    The emulator puts the role's name in its place, which is no id and fits no other caller's.
    """
    from ministack.core import lambda_runtime  # noqa: PLC0415
    from ministack.services import sts  # noqa: PLC0415

    original = lambda_runtime.execution_credentials

    def with_role_id(config: dict[str, Any]) -> dict[str, str]:
        given: dict[str, str] = original(config)
        if session := sts._sessions.get(given["AWS_ACCESS_KEY_ID"]):  # noqa: SLF001
            name = session["UserId"].partition(":")[2]
            session["UserId"] = f"{sts._role_id(config['Role'])}:{name}"  # noqa: SLF001
        return given

    lambda_runtime.execution_credentials = with_role_id


def honour_source_identity() -> None:
    """Let a session keep the SourceIdentity it was assumed with, and IAM see it.

    The emulator's STS takes the parameter and forgets it. The trust policy sees it as
    `sts:SourceIdentity`, and whatever the session does afterwards bears `aws:SourceIdentity`.
    """
    from ministack.core import iam_evaluator  # noqa: PLC0415
    from ministack.services import sts  # noqa: PLC0415

    asked: ContextVar[str] = ContextVar("asked", default="")
    handle, register = sts.handle_request, sts.register_session
    trusts, keys_of = iam_evaluator.evaluate_trust_policy, iam_evaluator._principal_keys  # noqa: SLF001

    async def handling(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        parameters = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        held = asked.set(next(iter(parameters.get("SourceIdentity", [])), ""))
        try:
            return await handle(method, path, headers, body, query)
        finally:
            asked.reset(held)

    def registering(access_key: str, session: dict[str, Any]) -> None:
        register(access_key, {"SourceIdentity": asked.get(), **session})

    def trusting(trust_doc: Any, caller_arn: str, ctx: Any = None) -> bool:
        if ctx is not None and asked.get():
            known = {**ctx.service_context, "sts:sourceidentity": asked.get()}
            ctx = dataclasses.replace(ctx, service_context=known)
        return bool(trusts(trust_doc, caller_arn, ctx))

    def keys(credential: Any) -> dict[str, Any]:
        session = sts._sessions.get(credential.access_key_id) or {}  # noqa: SLF001
        named = session.get("SourceIdentity")
        known: dict[str, Any] = keys_of(credential)
        return known | ({"aws:sourceidentity": named} if named else {})

    sts.handle_request, sts.register_session = handling, registering
    iam_evaluator.evaluate_trust_policy = trusting
    iam_evaluator._principal_keys = keys  # noqa: SLF001


def honour_principal_arns() -> None:
    """Let IAM see the role of a session as `aws:PrincipalArn`, as on AWS, and not the session."""
    from ministack.core import iam_evaluator  # noqa: PLC0415
    from ministack.services import iam  # noqa: PLC0415

    original = iam_evaluator._resolve_condition_key  # noqa: SLF001

    def resolving(key: str, ctx: Any) -> Any:
        found = original(key, ctx)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(found):
            account, name = found.split(":")[4], found.split("/")[1]
            role = iam._roles.get_scoped(account, None, name)  # noqa: SLF001
            return role["Arn"] if role else found
        return found

    iam_evaluator._resolve_condition_key = resolving  # noqa: SLF001


def outliving(access_key: str) -> str:
    """Return a key for the same session that IAM knows for as long as the token is said to live.

    An ECR token seems to go on working after the session that asked for it has ended. The
    emulator must not be kinder than that: what ends a vended token has to be its own policy.
    """
    from ministack.services import sts  # noqa: PLC0415

    session = sts._sessions.get(access_key)  # noqa: SLF001
    if session is None:  # a user's own key does not expire
        return access_key
    shadow = f"ASIA{secrets.token_hex(16).upper()}"
    lasting = {
        "SecretAccessKey": secrets.token_hex(32),
        "SessionToken": secrets.token_hex(32),
        "Expiration": time.time() + DECLARED_LIFE,
    }
    sts.register_session(shadow, {**session, **lasting})
    return shadow
