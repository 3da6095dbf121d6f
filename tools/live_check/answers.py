"""What AWS and the API said, as far as a report may hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from botocore.exceptions import ClientError

DENIALS = frozenset({"AccessDenied", "AccessDeniedException"})


def code_of(error: ClientError) -> str:
    """Return AWS's error code."""
    return str(error.response["Error"]["Code"])


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return an answer's JSON object, an empty one where it is none."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def refused_by_iam(answer: httpx.Response) -> bool:
    """Return whether IAM or the API's resource policy refused, before the function was reached."""
    return answer.status_code == 403 and "code" not in problem(answer)
