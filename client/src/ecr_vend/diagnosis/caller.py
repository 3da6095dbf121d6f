"""Who calls: the credentials, the identity that the service sees, and what its policy says."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_vend import __version__, release
from ecr_vend.deadline import Deadline
from ecr_vend.diagnosis import FAIL, OK, WARN, Case, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 6.0
"""For one request to the service."""

SOON = 300.0
PLACES = {
    "env": "variables of the environment",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "assume-role": "a role assumed by a profile",
    "assume-role-with-web-identity": "a role assumed with a web identity token",
    "sso": "IAM Identity Center",
    "login": "`aws login`",
    "custom-process": "a credential_process",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
    "boto-config": "a boto configuration file",
}
"""What botocore calls the links of its chain → what people do."""


def credentials(case: Case) -> Iterator[Finding]:
    """Say which credentials are found, where, and until when they hold."""
    from ecr_vend import credentials as chain

    profile = case.settings.profile if case.settings else None
    found = chain.find(case.environ, profile)
    place, ends = source(case, profile)
    detail = f"{found.access_key} from {place}"
    if case.settings and case.settings.role:
        detail += f", to assume {case.settings.role}"
    if ends is None:
        yield Finding("credentials", OK, detail)
        return
    left = ends - time.time()
    detail += f", for {left / 60:.0f} more minutes"
    status = WARN if left < SOON else OK
    cure = "sign in again, or start a new session" if status == WARN else ""
    yield Finding("credentials", status, detail, cure)


def source(case: Case, profile: str | None) -> tuple[str, float | None]:
    """Return where the credentials are from, and when they end where that is known."""
    environ = case.environ
    if not profile and environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        return PLACES["env"], moment(environ.get("AWS_CREDENTIAL_EXPIRATION"))
    from ecr_vend.aws_session import open_session

    session = open_session(profile)
    found: Any = session.get_credentials()
    found.get_frozen_credentials()
    method = str(found.method)
    place = PLACES.get(method, method)
    if name := profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE"):
        place += f" (profile {name})"
    ends = getattr(found, "_expiry_time", None)
    return place, ends.timestamp() if isinstance(ends, datetime) else None


def moment(text: str | None) -> float | None:
    """Return a moment of ISO 8601, None where there is none."""
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except ValueError:
        return None


def identity(case: Case) -> Iterator[Finding]:
    """Say who the service takes the caller for."""
    if not case.reachable or not case.settings:
        return
    from ecr_vend.service import connect

    case.reachable = False
    answer: dict[str, Any] = connect(case.settings, case.environ).whoami(Deadline(SECONDS))
    case.reachable = True
    yield from releases(answer)
    arn = str((answer.get("caller") or {}).get("arn"))
    names = [str(grant.get("name")) for grant in answer.get("grants") or ()]
    if names:
        yield Finding("identity", OK, f"{arn}, with the grants {', '.join(names)}")
    else:
        cure = "ask the platform team that runs the service for a grant"
        yield Finding("identity", WARN, f"{arn}, whom no grant names", cure)


def releases(answer: dict[str, Any]) -> Iterator[Finding]:
    """Say where the service and this client are too far apart."""
    service, oldest = str(answer.get("version")), str(answer.get("oldest_client"))
    if release.older(service, release.OLDEST_SERVICE):
        detail = f"the service is {service}, this client needs {release.OLDEST_SERVICE} or newer"
        yield Finding("service", WARN, detail, "ask its owner to upgrade it")
    if release.older(__version__, oldest):
        detail = f"this client is {__version__}, the service serves {oldest} and newer"
        yield Finding("service", FAIL, detail, "upgrade the client")


def policy(case: Case) -> Iterator[Finding]:
    """Say what the service would answer for each registry."""
    if not case.reachable or not case.settings:
        return
    from ecr_vend.service import connect

    for registry in case.registries:
        asked, host, settings = registry.name, registry.host, registry.settings
        request = {"registry": host, **settings.request}
        answer: dict[str, Any] = connect(settings, case.environ).explain(request, Deadline(SECONDS))
        refusal = answer.get("refusal")
        if refusal:
            detail = f"{asked}: {refusal.get('detail')} ({refusal.get('code')})"
            cure = f"`ecr-vend explain {host}/REPOSITORY` says more; ask for less, or for a grant"
            yield Finding("policy", FAIL, detail, cure)
            continue
        scope = answer.get("scope") or {}
        allowed = "; ".join(f"{access} {', '.join(names)}" for access, names in scope.items())
        dropped = [str(one.get("repository")) for one in answer.get("dropped") or ()]
        if dropped:
            detail = f"{asked}: {allowed}; not granted: {', '.join(dropped)}"
            yield Finding("policy", WARN, detail, "ask for less, or for a grant")
        else:
            yield Finding("policy", OK, f"{asked}: {allowed}")
