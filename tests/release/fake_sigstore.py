"""A sigstore of the tests' own: certificates, their log, the transparency log, the root of trust.

Written against the specifications and not with sigstore-python, so that the two check one another:
RFC 6962 (receipts of certificates), DSSE, Fulcio's extensions and sigstore's client specification.
What a test wants wrong is a field of `Flaws`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.release.fake_rekor import SHA256, Log, b64, der_of, dsse, hashedrekord, new_key

ISSUER = "https://token.actions.githubusercontent.com"
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Run:
    """A run of a workflow: what GitHub says of it to whoever gives the certificate."""

    repository: str = "ecr-vend/ecr-vend"
    workflow: str = ".github/workflows/release.yml"
    ref: str = "refs/tags/v1.2.0"
    commit: str = "c0ffee" * 6 + "c0ff"
    issuer: str = ISSUER
    runner: str = "github-hosted"
    number: str = "77"

    @property
    def source(self) -> str:
        return f"https://github.com/{self.repository}"

    @property
    def subject(self) -> str:
        return f"{self.source}/{self.workflow}@{self.ref}"

    @property
    def address(self) -> str:
        return f"{self.source}/actions/runs/{self.number}/attempts/1"

    def extensions(self) -> dict[int, bytes]:
        """What Fulcio puts under 1.3.6.1.4.1.57264.1, by its last number."""
        texts = {
            8: self.issuer,
            9: self.subject,
            10: self.commit,
            11: self.runner,
            12: self.source,
            13: self.commit,
            14: self.ref,
            18: self.subject,
            19: self.commit,
            20: "push",
            21: self.address,
        }
        return {1: self.issuer.encode()} | {n: utf8(text) for n, text in texts.items()}


@dataclass(frozen=True)
class Flaws:
    """What is wrong with a signature.

    Attributes:
        signed_after: How long after the certificate was given it is logged. It lasts ten minutes.
        unlogged_certificate: The certificate's receipt is of a log that nobody trusts.
        unlogged: There is no entry in the transparency log.
        untrusted_log: The entry is in a log that nobody trusts.
        wrong_proof: The entry's proof leads to another root.
        other_entry: The entry is that of another signature by the same certificate.
    """

    signed_after: timedelta = timedelta(minutes=1)
    unlogged_certificate: bool = False
    unlogged: bool = False
    untrusted_log: bool = False
    wrong_proof: bool = False
    other_entry: bool = False


def utf8(text: str) -> bytes:
    """Return a UTF8String in DER."""
    content = text.encode()
    size = len(content)
    head = bytes([size]) if size < 128 else b"\x82" + struct.pack(">H", size)
    return b"\x0c" + head + content


@dataclass
class Sigstore:
    """All that sigstore runs, with keys that nobody else trusts."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    receipts: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    log: Log = field(default_factory=Log)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' sigstore")])
        public = self.authority.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        self.root = (
            x509.CertificateBuilder(self.name, self.name, public, x509.random_serial_number())
            .not_valid_before(LONG_AGO)
            .not_valid_after(LONG_AGO + timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage(signs="certificates"), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def trust_config(self, address: str = "https://sigstore.test") -> dict[str, object]:
        """Return the client trust configuration, with services at one address."""
        service = {"url": address, "majorApiVersion": 1, "operator": "test", "validFor": SINCE}
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [trusted_log(self.log.key, address)],
                "ctlogs": [trusted_log(self.receipts, address)],
                "certificateAuthorities": [
                    {
                        "subject": {"organization": "test", "commonName": "test"},
                        "uri": address,
                        "certChain": {
                            "certificates": [
                                {"rawBytes": b64(self.root.public_bytes(Encoding.DER))}
                            ]
                        },
                        "validFor": SINCE,
                    }
                ],
                "timestampAuthorities": [],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "tsaUrls": [],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def certificate(
        self, public: ec.EllipticCurvePublicKey, run: Run, *, receipted: bool = True
    ) -> x509.Certificate:
        """Return a certificate for a run, good for ten minutes, with the receipt of its log."""
        builder = (
            x509.CertificateBuilder(self.name, x509.Name([]), public, x509.random_serial_number())
            .not_valid_before(self.now)
            .not_valid_after(self.now + timedelta(minutes=10))
            .add_extension(usage(signs="files"), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(run.subject)]),
                critical=True,
            )
        )
        for number, value in run.extensions().items():
            name = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(name, value), critical=False)
        before = builder.sign(self.authority, hashes.SHA256())
        key = self.receipts if receipted else new_key()
        receipt = self._receipt(before.tbs_certificate_bytes, key)
        return builder.add_extension(
            x509.UnrecognizedExtension(SCT_LIST, receipt), critical=False
        ).sign(self.authority, hashes.SHA256())

    def _receipt(self, certificate: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        """Return the list of one signed certificate timestamp (RFC 6962, 3.2 and 3.3)."""
        at = int(self.now.timestamp() * 1000)
        issuer = hashlib.sha256(der_of(self.authority)).digest()
        size = struct.pack(">I", len(certificate))[1:]
        signed = struct.pack(">BBQH", 0, 0, at, 1) + issuer + size + certificate + b"\0\0"
        signature = key.sign(signed, SHA256)
        log = hashlib.sha256(der_of(key)).digest()
        one = struct.pack(">B32sQHBBH", 0, log, at, 0, 4, 3, len(signature)) + signature
        listed = struct.pack(">HH", len(one) + 2, len(one)) + one
        return b"\x04" + bytes([len(listed)] if len(listed) < 128 else [0x81, len(listed)]) + listed

    def sign(self, content: bytes, run: Run, flaws: Flaws | None = None) -> dict[str, object]:
        """Return the bundle of some bytes' signature."""
        flaws = flaws or Flaws()
        key = new_key()
        certificate = self.certificate(
            key.public_key(), run, receipted=not flaws.unlogged_certificate
        )
        signature = key.sign(content, SHA256)
        digest = hashlib.sha256(content).digest()
        body = hashedrekord(digest, signature, certificate)
        if flaws.other_entry:
            other = b"other"
            body = hashedrekord(
                hashlib.sha256(other).digest(), key.sign(other, SHA256), certificate
            )
        return self._bundle(certificate, body, "hashedrekord", flaws) | {
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)},
                "signature": b64(signature),
            }
        }

    def attest(self, payload: bytes, run: Run, flaws: Flaws | None = None) -> dict[str, object]:
        """Return the bundle of a statement's attestation."""
        key = new_key()
        certificate = self.certificate(key.public_key(), run)
        head = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode()
        envelope: dict[str, object] = {
            "payload": b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64(key.sign(head + payload, SHA256))}],
        }
        body = dsse(envelope, certificate.public_bytes(Encoding.PEM))
        return self._bundle(certificate, body, "dsse", flaws or Flaws()) | {
            "dsseEnvelope": envelope
        }

    def _bundle(
        self, certificate: x509.Certificate, body: bytes, kind: str, flaws: Flaws
    ) -> dict[str, object]:
        log = Log() if flaws.untrusted_log else self.log
        entry = log.enter(body, self.now + flaws.signed_after, kind)
        if flaws.wrong_proof:
            proof = entry["inclusionProof"]
            assert isinstance(proof, dict)
            proof["hashes"] = [b64(bytes(32)), *proof["hashes"][1:]]
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(certificate.public_bytes(Encoding.DER))},
                "tlogEntries": [] if flaws.unlogged else [entry],
            },
        }

    def at(self, when: datetime) -> Sigstore:
        """Return the same, at another time."""
        return replace(self, now=when)


SINCE = {"start": "2020-01-01T00:00:00Z"}


def trusted_log(key: ec.EllipticCurvePrivateKey, address: str) -> dict[str, object]:
    return {
        "baseUrl": address,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(der_of(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": SINCE,
        },
        "logId": {"keyId": b64(hashlib.sha256(der_of(key)).digest())},
    }


def usage(signs: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs == "files",
        key_cert_sign=signs == "certificates",
        crl_sign=signs == "certificates",
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
