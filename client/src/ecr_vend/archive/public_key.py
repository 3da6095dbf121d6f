"""RSA public keys, and whether a signature is of one: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017).

Verifying needs no secret, so there is nothing to leak by the time it takes; and the one encoding
that a signature may have is compared as a whole, so there is nothing to parse. The client would
otherwise need a compiled library for this alone; tests hold it to one, and docs/archive.md says how
openssl does the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Self

RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier of `rsaEncryption`, with its NULL (RFC 3279)."""

SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""How the DigestInfo of a SHA-256 begins (RFC 8017, 9.2, note 1)."""

PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)

INTEGER, BIT_STRING, SEQUENCE = 0x02, 0x03, 0x30

SHORTEST, LONGEST = 2048, 8192
"""Bits of a modulus that is taken: below, a signature can be forged."""


class NoKey(Exception):
    """It is no RSA public key that is good enough; the message says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA public key.

    Attributes:
        modulus: n.
        exponent: e.
    """

    modulus: int
    exponent: int

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read a SubjectPublicKeyInfo, in PEM or DER, as `aws kms get-public-key` gives it.

        Raises:
            NoKey: It is none.
        """
        try:
            der = base64.b64decode(found[1]) if (found := PEM.search(content)) else content
            info, rest = element(der, SEQUENCE)
            if rest or not info.startswith(RSA_ENCRYPTION):
                raise NoKey("it is no public key for RSA")
            bits, rest = element(info[len(RSA_ENCRYPTION) :], BIT_STRING)
            if rest or bits[:1] != b"\0":
                raise NoKey("it is no public key for RSA")
            numbers, rest = element(bits[1:], SEQUENCE)
            modulus, more = element(numbers, INTEGER)
            exponent, end = element(more, INTEGER)
        except (binascii.Error, IndexError, ValueError):
            raise NoKey("it is neither PEM nor DER of a public key") from None
        if rest or end:
            raise NoKey("there is more in it than a public key")
        key = cls(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
        if not SHORTEST <= key.modulus.bit_length() <= LONGEST:
            raise NoKey(f"its modulus has {key.modulus.bit_length()} bits, not {SHORTEST} or more")
        if key.exponent < 3 or key.exponent % 2 == 0:
            raise NoKey("its exponent is none of RSA")
        return key

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Return whether a signature of some content is this key's."""
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        info = SHA256_INFO + hashlib.sha256(content).digest()
        expected = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
        found = pow(number, self.exponent, self.modulus).to_bytes(size, "big")
        return hmac.compare_digest(found, expected)


def element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of a DER element, and what comes after it.

    Raises:
        ValueError: It has another tag, or its length is not there.
        IndexError: It ends before it begins.
    """
    if der[0] != tag:
        raise ValueError
    length, at = der[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(der[2:at], "big")
    if len(der) < at + length:
        raise ValueError
    return der[at : at + length], der[at + length :]
