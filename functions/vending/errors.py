"""Every way a request can end without a token: code, HTTP status, and what the caller may read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Code(StrEnum):
    """The stable names of all refusals and failures. Clients switch on them; they never change."""

    INVALID_REQUEST = "invalid_request"
    CLIENT_TOO_OLD = "client_too_old"
    UNKNOWN_REGISTRY = "unknown_registry"
    MIXED_PUSH_AND_PULL_THROUGH = "mixed_push_and_pull_through"
    SCOPE_TOO_LARGE = "scope_too_large"
    UNSUPPORTED_CALLER = "unsupported_caller"
    TEST_INVOCATION = "test_invocation"
    NOT_GRANTED = "not_granted"
    REASON_REQUIRED = "reason_required"
    REVOKED = "revoked"
    NOT_A_REVOKER = "not_a_revoker"
    NOT_AN_AUDITOR = "not_an_auditor"
    NOT_FOUND = "not_found"
    NO_SUCH_REVOCATION = "no_such_revocation"
    NO_SUCH_VEND = "no_such_vend"
    NO_ARCHIVE = "no_archive"
    NO_SUCH_OBJECT = "no_such_object"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REVOCATIONS_FULL = "revocations_full"
    THROTTLED = "throttled"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    BLOCKS_UNAVAILABLE = "blocks_unavailable"
    RECORDS_UNAVAILABLE = "records_unavailable"
    POLICY_UNAVAILABLE = "policy_unavailable"
    OUT_OF_TIME = "out_of_time"
    AWS_THROTTLED = "aws_throttled"
    MINT_FAILED = "mint_failed"
    REVOCATION_INCOMPLETE = "revocation_incomplete"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all errors of one code have in common.

    Attributes:
        status: HTTP status.
        title: The code in a few words, the same for every occurrence (RFC 9457).
        retry_after: Seconds after which the same request may succeed, or None when it will not.
    """

    status: int
    title: str
    retry_after: int | None = None


KINDS: dict[Code, Kind] = {
    Code.INVALID_REQUEST: Kind(400, "The request is not valid"),
    Code.CLIENT_TOO_OLD: Kind(400, "The client is too old for this service"),
    Code.UNKNOWN_REGISTRY: Kind(400, "The registry is not served here"),
    Code.MIXED_PUSH_AND_PULL_THROUGH: Kind(400, "Push and pull-through do not fit one token"),
    Code.SCOPE_TOO_LARGE: Kind(422, "The scope does not fit one token"),
    Code.UNSUPPORTED_CALLER: Kind(403, "The caller's identity is of no known kind"),
    Code.TEST_INVOCATION: Kind(403, "Console test invocations are refused"),
    Code.NOT_GRANTED: Kind(403, "The policy grants none of what was asked"),
    Code.REASON_REQUIRED: Kind(403, "A break-glass grant needs a reason"),
    Code.REVOKED: Kind(403, "The caller is blocked or the token revoked"),
    Code.NOT_A_REVOKER: Kind(403, "The policy does not let this caller revoke"),
    Code.NOT_AN_AUDITOR: Kind(403, "The policy does not let this caller audit"),
    Code.NOT_FOUND: Kind(404, "There is nothing at this path"),
    Code.NO_SUCH_REVOCATION: Kind(404, "There is no revocation of this id"),
    Code.NO_SUCH_VEND: Kind(404, "There is no such vend"),
    Code.NO_ARCHIVE: Kind(404, "The service has no archive"),
    Code.NO_SUCH_OBJECT: Kind(404, "There is no such object in the archive"),
    Code.METHOD_NOT_ALLOWED: Kind(405, "The path does not take this method"),
    Code.REVOCATIONS_FULL: Kind(409, "The policies that deny have no room"),
    Code.THROTTLED: Kind(429, "Too many requests", retry_after=5),
    Code.AUDIT_UNAVAILABLE: Kind(503, "The audit ledger cannot record", retry_after=5),
    Code.BLOCKS_UNAVAILABLE: Kind(503, "The blocks cannot be read", retry_after=5),
    Code.RECORDS_UNAVAILABLE: Kind(503, "The records cannot be read", retry_after=5),
    Code.POLICY_UNAVAILABLE: Kind(503, "The policy cannot be read", retry_after=15),
    Code.OUT_OF_TIME: Kind(503, "AWS is too slow for the service", retry_after=5),
    Code.AWS_THROTTLED: Kind(503, "AWS limits how often the service may ask", retry_after=5),
    Code.MINT_FAILED: Kind(502, "AWS did not issue the token", retry_after=5),
    Code.REVOCATION_INCOMPLETE: Kind(502, "Not every registry denies yet", retry_after=5),
    Code.INTERNAL_ERROR: Kind(500, "The service failed"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one request ends without a token.

    Attributes:
        code: Its stable name.
        detail: One sentence that says what the caller should do. It names the caller's own inputs
            only: never another grant, a near miss, or a secret.
    """

    code: Code
    detail: str


class Refused(Exception):
    """A request that ends with a `Refusal`.

    Attributes:
        refusal: What the caller may read.
        vend_id: The vend it belongs to, once there is one.
        retry_after: Seconds after which the same request may succeed, or None when it will not.
        more: Further members of the answer (RFC 9457, "Extension Members").
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        vend_id: str | None = None,
        retry_after: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.refusal = Refusal(code, detail)
        self.vend_id = vend_id
        self.retry_after = KINDS[code].retry_after if retry_after is None else retry_after
        self.more = more or {}
        super().__init__(f"{code}: {detail}")
