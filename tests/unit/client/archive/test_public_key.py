"""A signature is taken where an independent library takes it, and nowhere else."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend.archive.public_key import NoKey, PublicKey
from tests.archived import OWN, private_key, public_pem

SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
DER = private_key(OWN).public_key().public_bytes(serialization.Encoding.DER, SPKI)
KEY = PublicKey.read(DER)
SIGNED = private_key(OWN).sign(b"a manifest", padding.PKCS1v15(), hashes.SHA256())


def test_a_key_is_read_from_pem_and_from_der() -> None:
    numbers = private_key(OWN).public_key().public_numbers()
    assert PublicKey.read(public_pem()) == KEY == PublicKey(numbers.n, numbers.e)
    assert PublicKey.read(b"a comment\n" + public_pem()) == KEY


def test_a_signature_of_the_key_is_taken_and_no_other() -> None:
    assert KEY.signed(b"a manifest", SIGNED)
    assert not KEY.signed(b"a Manifest", SIGNED)
    other = private_key("other").sign(b"a manifest", padding.PKCS1v15(), hashes.SHA256())
    assert not KEY.signed(b"a manifest", other)


@pytest.mark.parametrize(
    "signature",
    [
        private_key(OWN).sign(b"a manifest", padding.PKCS1v15(), hashes.SHA512()),
        private_key(OWN).sign(
            b"a manifest", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
        ),
        b"",
        SIGNED[1:],
        b"\0" + SIGNED,
        b"\xff" * len(SIGNED),
        b"\0" * len(SIGNED),
        # The same number beyond the modulus.
        (int.from_bytes(SIGNED, "big") + KEY.modulus).to_bytes(len(SIGNED) + 1, "big"),
    ],
)
def test_a_signature_has_one_form(signature: bytes) -> None:
    assert not KEY.signed(b"a manifest", signature)


def test_an_encoding_that_a_lax_parser_would_take_is_not_taken() -> None:
    # Bleichenbacher's forgery: short padding, and the digest followed by what makes a cube.
    from hashlib import sha256

    from ecr_vend.archive.public_key import SHA256_INFO

    private = rsa.generate_private_key(3, 2048).public_key().public_numbers()
    key = PublicKey(private.n, 3)
    wanted = b"\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0" + SHA256_INFO + sha256(b"forged").digest()
    number = int.from_bytes(wanted + b"\xff" * (256 - len(wanted)), "big")
    root = round(number ** (1 / 3)) if number < 1 << 900 else cube_root(number)
    assert pow(root, 3).to_bytes(256, "big").startswith(wanted)
    assert not key.signed(b"forged", root.to_bytes(256, "big"))


def cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_no_bit_of_a_signature_may_differ(bit: int) -> None:
    flipped = bytearray(SIGNED)
    flipped[bit // 8] ^= 1 << (bit % 8)
    assert not KEY.signed(b"a manifest", bytes(flipped))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "neither PEM nor DER"),
        (b"hello", "neither PEM nor DER"),
        (DER[:-1], "neither PEM nor DER"),
        (DER + b"\0", "no public key for RSA"),
        (b"-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----", "neither PEM nor DER"),
        (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(serialization.Encoding.PEM, SPKI),
            "no public key for RSA",
        ),
        (
            rsa.generate_private_key(65537, 1024)  # noqa: S505  to be refused
            .public_key()
            .public_bytes(serialization.Encoding.PEM, SPKI),
            "1024 bits",
        ),
        (
            private_key(OWN).private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            "no",
        ),
        (base64.b64encode(DER), "neither PEM nor DER"),
    ],
)
def test_what_is_no_key_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(NoKey, match=why):
        PublicKey.read(content)


@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_a_key_or_refused(content: bytes) -> None:
    with pytest.raises(NoKey):
        PublicKey.read(content)
    with pytest.raises(NoKey):
        PublicKey.read(DER[: len(content)] + content)
