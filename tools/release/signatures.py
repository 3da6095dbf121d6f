"""Sigstore's signatures, as a release has them: who signed, from which commit, in which run.

Needs the environment `release`. What is verified, and in which order, is sigstore-python's: the
certificate's chain at the time of signing, the receipt of its log, the name and its issuer, the
entry in the transparency log with proof and signed checkpoint, the signature, and that all are of
one another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat import asn1
from sigstore.errors import Error, TUFError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from tools.environments import Missing

if TYPE_CHECKING:
    from pathlib import Path

    from tools.release.identity import Signer

# Of https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md.
RUNNER, REPOSITORY, COMMIT, REF, RUN = (f"1.3.6.1.4.1.57264.1.{n}" for n in (11, 12, 13, 14, 21))

UNREADABLE = (Error, ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension)
"""What sigstore-python raises of a bundle that does not hold, or is none."""

MEANINGS = {
    "OIDCIssuer does not match": "another issuer vouches for who signed",
    "SANs do not match": "somebody else signed",
    "expired at time of signing": "the certificate had ended when it was signed",
    "not valid at validation time": "the certificate had ended, or not begun, when it was signed",
    "invalid log entry": "the transparency log does not prove it",
    "expected exactly one log entry": "it is in no transparency log",
    "message digest mismatch": "it is the signature of another file",
    "Signature is invalid for input": "it is the signature of another file",
    "transparency log entry is inconsistent": "the log's entry is of another signature",
    "log entry payload hash does not match": "the log's entry is of another attestation",
    "log entry signatures do not match": "the log's entry is of another attestation",
    "verify SCT": "the certificate is in no log of certificates",
    "DSSE: invalid signature": "what it attests was altered",
    "Missing bundle message signature": "it is an attestation and no file's signature",
    "bundle without a DSSE envelope": "it is a file's signature and no attestation",
}
"""Words of sigstore-python's → what they mean to whoever downloaded a file."""

logging.getLogger("sigstore").setLevel(logging.ERROR)  # what it warns of, a check says


class Unproven(Exception):
    """A signature that does not hold; the message says of what, and why."""


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says of who signed. Its issuer vouches for it, not the one who signed.

    Attributes:
        commit: The commit that the workflow ran at.
        ref: The ref that it ran for.
        repository: The repository's address.
        run: The run's address.
        runner: `github-hosted`, or `self-hosted`.
        entry: The signature's number in the transparency log.
        at: When it was logged, as far as the entry tells.
    """

    commit: str
    ref: str
    repository: str
    run: str
    runner: str
    entry: int
    at: datetime | None


class Signatures:
    """Verifies signatures against one root of trust."""

    def __init__(self, trust_config: Path | None = None, *, offline: bool = False) -> None:
        """Take sigstore's own root of trust, or that of a file.

        Args:
            trust_config: A sigstore client trust configuration, in place of sigstore's own.
            offline: Take the root that came with sigstore-python, or that it kept the last time.

        Raises:
            Missing: It is not to be had.
        """
        try:
            if trust_config:
                config = ClientTrustConfig.from_json(trust_config.read_text())
            else:
                config = ClientTrustConfig.production(offline=offline)
            self._verifier = Verifier(trusted_root=config.trusted_root)
        except TUFError as problem:
            raise Missing(
                f"sigstore's root of trust could not be renewed ({problem.message}). With --offline"
                " the one that came with sigstore-python is taken."
            ) from None
        except OSError as problem:
            raise Missing(f"the root of trust could not be read or kept: {problem}") from None
        except (Error, ValueError) as problem:
            raise Missing(f"{trust_config} is no root of trust: {one_line(problem)}") from None

    def of_file(self, content: bytes, bundle: bytes, signer: Signer) -> Certified:
        """Return who signed some bytes.

        Raises:
            Unproven: Not this signer, or not these bytes.
        """
        try:
            read = Bundle.from_json(bundle)
            self._verifier.verify_artifact(content, read, policy(signer))
            return certified(read)
        except UNREADABLE as problem:
            raise Unproven(reason(problem)) from None

    def of_statement(self, bundle: bytes, signer: Signer) -> tuple[str, bytes, Certified]:
        """Return the type and the bytes of what an attestation holds, and who signed it.

        Raises:
            Unproven: Not this signer, or it is none.
        """
        try:
            read = Bundle.from_json(bundle)
            kind, payload = self._verifier.verify_dsse(read, policy(signer))
            return kind, payload, certified(read)
        except UNREADABLE as problem:
            raise Unproven(reason(problem)) from None


def policy(signer: Signer) -> Identity:
    """Return what a certificate must say."""
    return Identity(identity=signer.subject, issuer=signer.issuer)


def certified(bundle: Bundle) -> Certified:
    """Return what the certificate of a verified bundle says.

    Raises:
        Unproven: It says not all of it, as those for a workflow do.
    """
    extensions = bundle.signing_certificate.extensions

    def said(number: str) -> str:
        try:
            value = extensions.get_extension_for_oid(x509.ObjectIdentifier(number)).value
        except x509.ExtensionNotFound:
            raise Unproven(f"its certificate has no {number}: no workflow signed it") from None
        assert isinstance(value, x509.UnrecognizedExtension)  # noqa: S101 for the type checker
        return str(asn1.decode_der(str, value.value))

    entry = bundle.log_entry._inner  # noqa: SLF001 there is no other way to its time and number
    at = datetime.fromtimestamp(entry.integrated_time, UTC) if entry.integrated_time else None
    names = (COMMIT, REF, REPOSITORY, RUN, RUNNER)
    commit, ref, repository, run, runner = (said(number) for number in names)
    return Certified(commit, ref, repository, run, runner, entry.log_index, at)


def reason(problem: Exception) -> str:
    """Return in a sentence why a signature does not hold, from what sigstore-python says."""
    said = one_line(problem)
    for words, meaning in MEANINGS.items():
        if words in said:
            return f"{meaning} ({said})"
    return "it is no sigstore bundle" if said.startswith("failed to load bundle") else said


def one_line(problem: Exception) -> str:
    """Return a message in one line that a terminal shows as it is, and not all of a long one."""
    text = " ".join(str(problem).split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= 400 else f"{text[:400]}…"
