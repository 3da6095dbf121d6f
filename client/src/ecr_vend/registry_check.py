"""Whether a registry takes a token, by its own word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ecr_vend.errors import Problem
from ecr_vend.service import certificate_fault, trust
from ecr_vend.settings import loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_vend.secret import Secret

SECONDS = 8.0
REFUSALS = frozenset({401, 403})


def verify(name: str, password: Secret, environ: Mapping[str, str]) -> None:
    """Log in at a registry's `/v2/`, the way docker does.

    Args:
        name: `host` or `host:port`. Plain HTTP only for this machine, as docker has it.
        password: The password of the user AWS.
        environ: The process environment.

    Raises:
        Problem: `registry_refused`; or that the registry could not be asked.
    """
    here = loopback(name.rpartition(":")[0] or name)
    url = f"{'http' if here else 'https'}://{name}/v2/"
    try:
        with httpx.Client(verify=trust(environ), trust_env=not here, timeout=SECONDS) as client:
            answer = client.get(url, auth=("AWS", password.reveal()))
    except (httpx.RequestError, httpx.InvalidURL) as error:
        if reason := certificate_fault(error):
            raise Problem("not_trusted", endpoint=name, detail=reason) from None
        detail = str(error) or type(error).__name__
        raise Problem("unreachable", endpoint=name, detail=detail) from None
    if answer.status_code in REFUSALS:
        raise Problem("registry_refused", registry=name, status=answer.status_code)
    if answer.status_code != 200:
        detail = f"HTTP {answer.status_code}"
        raise Problem("unexpected_answer", endpoint=name, detail=detail)
