"""What each answer of the service, or of API Gateway before it, means for the caller."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ecr_vend import release
from ecr_vend.cache import PASSWORD
from ecr_vend.errors import Problem
from ecr_vend.kept_token import LONGEST_LIFE
from ecr_vend.secret import Secret

if TYPE_CHECKING:
    import httpx

ADVICE = {
    "not_granted": "",
    "revoked": "",
    "not_a_revoker": "",
    "not_an_auditor": "",
    "reason_required": "; set ECR_VEND_REASON to why you need it",
    "scope_too_large": "; name fewer repositories in ECR_VEND_PULL and ECR_VEND_PUSH",
    "mixed_push_and_pull_through": "; set either ECR_VEND_PUSH or ECR_VEND_PULL_THROUGH",
    "unknown_registry": "; check the host, or name it in ECR_VEND_REGISTRIES as ALIAS=HOST",
    "unsupported_caller": "",
    "test_invocation": "",
}
"""Refusals by the policy or of the request's own wish → what to change on this side."""

NOT_DONE = frozenset({"revocation_incomplete", "revocations_full"})
"""What a service says of a revocation that does not stand everywhere: another try at once, as after
an outage, would find the same."""

NOT_KNOWN_YET = frozenset({"invalid_request", "not_found", "method_not_allowed"})
"""What a service says to what only a newer one knows."""

BAD_SIGNATURE = frozenset(
    {"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature"}
)
UNKNOWN_KEY = frozenset(
    {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"}
)
EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
NOT_THERE = frozenset({"MissingAuthenticationTokenException", "MissingAuthenticationToken"})
SKEW = re.compile(r"Signature (?:expired|not yet current)")
CALLER = re.compile(r"User: (arn:\S+) is not authorized")
LONGEST_WAIT = 3600.0


def vended(
    response: httpx.Response, *, endpoint: str, registry: str, sent: float
) -> tuple[Secret, float]:
    """Return the password of a 200 and when it ends by this machine's clock.

    Args:
        response: The answer.
        endpoint: The service's URL, for the message.
        registry: The host that was asked for.
        sent: This machine's time when it was asked.

    Raises:
        Problem: `unexpected_answer`; the text holds nothing of the answer's body.
    """
    document = body(response)
    password, ends = document.get("password"), document.get("expires_at")
    if not isinstance(password, str) or not PASSWORD.fullmatch(password):
        raise Problem("unexpected_answer", endpoint=endpoint, detail="no usable password in it")
    if document.get("username") != "AWS":
        raise Problem("unexpected_answer", endpoint=endpoint, detail="its user name is not AWS")
    if document.get("registry") != registry:
        raise Problem("unexpected_answer", endpoint=endpoint, detail=f"it is not for {registry}")
    try:
        end = datetime.fromisoformat(str(ends))
        # The service's clock and this one differ; only the life that is left is the same on both.
        expires = sent + end.timestamp() - service_time(response, default=sent)
    except (ValueError, OverflowError):
        raise Problem("unexpected_answer", endpoint=endpoint, detail="no expiry in it") from None
    if end.tzinfo is None:
        raise Problem("unexpected_answer", endpoint=endpoint, detail="its expiry has no time zone")
    # However far off the end is said to be, AWS ends every ECR token before that.
    return Secret(password), min(expires, sent + LONGEST_LIFE)


def version(response: httpx.Response) -> str:
    """Return the version of the service that answered, empty where it does not say."""
    return str(response.headers.get("Ecr-Vend-Version", "")).strip()


def service_time(response: httpx.Response, *, default: float) -> float:
    """Return when the service answered, by its own clock: seconds since the epoch."""
    said = moment(response.headers.get("Date", ""))
    return default if said is None else said


def moment(text: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date, None where it is none."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):  # the latter for numbers that no calendar has
        return None


def body(response: httpx.Response) -> dict[str, object]:
    """Return the JSON object of an answer, an empty one where it is something else."""
    try:
        document = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def problem(response: httpx.Response, *, endpoint: str, region: str, key_id: str) -> Problem:
    """Return what an answer other than 200 means."""
    document = body(response)
    code = document.get("code")
    if isinstance(code, str) and "detail" in document:
        return service_problem(document, code, response, endpoint)
    status = response.status_code
    message = str(document.get("message") or document.get("Message") or "")
    if status == 429:
        return throttled(response, endpoint)
    if status >= 500:
        detail = f"HTTP {status}" + (f", {message}" if message else "")
        return Problem("service_down", endpoint=endpoint, detail=detail)
    if status == 403:
        return gateway_refusal(response, message, endpoint=endpoint, region=region, key_id=key_id)
    if 300 <= status < 400:
        return Problem("not_an_ecr_vend", endpoint=endpoint, detail=f"HTTP {status}, a redirection")
    if status == 404:
        return Problem("not_an_ecr_vend", endpoint=endpoint, detail="HTTP 404")
    return Problem("unexpected_answer", endpoint=endpoint, detail=f"HTTP {status}")


def service_problem(
    document: dict[str, object], code: str, response: httpx.Response, endpoint: str
) -> Problem:
    """Return what one of the service's own error documents means."""
    detail = str(document["detail"]).rstrip(". ") or code
    reference = document.get("vend_id") or document.get("request_id")
    vend = f" [{reference}]" if isinstance(reference, str) else ""
    if response.status_code == 429:
        return Problem("over_budget", endpoint=endpoint, detail=f"{detail}{vend}")
    if code in NOT_DONE:
        return Problem("not_revoked", code=code, detail=detail, states=states_of(document))
    if response.status_code >= 500:
        return Problem("service_down", endpoint=endpoint, detail=f"{code}: {detail}{vend}")
    if code in NOT_KNOWN_YET and release.older(said := version(response), release.OLDEST_SERVICE):
        oldest = release.OLDEST_SERVICE
        return Problem("service_too_old", endpoint=endpoint, version=said, oldest=oldest)
    if code == "client_too_old":
        return Problem("client_too_old", endpoint=endpoint, detail=detail)
    if code in ADVICE:
        return Problem("refused", code=code, detail=detail, advice=ADVICE[code], vend=vend)
    if code in {"not_found", "method_not_allowed"}:
        return Problem("not_an_ecr_vend", endpoint=endpoint, detail=f"{code}: {detail}")
    return Problem("bad_request", code=code, detail=detail, vend=vend)


def states_of(document: dict[str, object]) -> str:
    """Return how a revocation stands in each registry, as far as an error says it."""
    revocation = document.get("revocation")
    registries = revocation.get("registries") if isinstance(revocation, dict) else None
    if not isinstance(registries, dict):
        return ""
    return f" ({', '.join(f'{host}: {state}' for host, state in registries.items())})"


def gateway_refusal(
    response: httpx.Response, message: str, *, endpoint: str, region: str, key_id: str
) -> Problem:
    """Return what API Gateway's own 403 means: it stands before the service and names its error."""
    # AWS writes `Name:http://…` in some answers.
    kind = response.headers.get("x-amzn-ErrorType", "").split(":")[0]
    if SKEW.search(message):
        return Problem("clock_skew", detail=skew(response))
    if kind in EXPIRED or "security token included in the request is expired" in message:
        return Problem("credentials_expired")
    if kind in UNKNOWN_KEY or "security token included in the request is invalid" in message:
        return Problem("credentials_refused", key=f" (access key {key_id})")
    if kind in BAD_SIGNATURE or "signature we calculated does not match" in message:
        return Problem("signature_refused", endpoint=endpoint, region=region)
    if kind in NOT_THERE or message == "Missing Authentication Token":
        return Problem("not_an_ecr_vend", endpoint=endpoint, detail="it has no /v1/tokens")
    caller = CALLER.search(message)
    reference = response.headers.get("x-amzn-RequestId")
    return Problem(
        "not_authorised",
        endpoint=endpoint,
        caller=caller[1] if caller else "you",
        request=f" [request {reference}]" if reference else "",
    )


def skew(response: httpx.Response) -> str:
    """Return by how much the clocks differ, in words, as far as the answer tells."""
    from time import time

    here = time()
    seconds = here - service_time(response, default=here)
    if abs(seconds) < 1:
        return ""
    return f" (it is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'})"


def throttled(response: httpx.Response, endpoint: str) -> Problem:
    """Return the failure that API Gateway is asked too often."""
    wait = retry_after(response)
    return Problem(
        "throttled",
        endpoint=endpoint,
        detail=f" (it asks to wait {wait:.0f} s)" if wait is not None else "",
    )


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds the service asks to wait, None when it does not say."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,6}", text):
        return min(float(text), LONGEST_WAIT)
    if (end := moment(text)) is None:
        return None
    return min(max(end - service_time(response, default=0.0), 0.0), LONGEST_WAIT)
