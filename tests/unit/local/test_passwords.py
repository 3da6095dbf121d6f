"""A registry password acts as the session it was issued to, and as nobody once it is changed."""

from __future__ import annotations

import base64

import pytest

from local.passwords import DECLARED_LIFE, Passwords, authorization_token


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_password_acts_as_the_key_it_was_issued_to() -> None:
    passwords = Passwords(Clock())
    first, _ = passwords.issue("ASIAFIRST")
    second, _ = passwords.issue("ASIASECOND")
    held = passwords.holder(basic(f"AWS:{second}"))
    assert held
    assert held.access_key == "ASIASECOND"
    assert first != second


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda password: "Bearer " + password,
        lambda password: basic(f"aws:{password}"),
        lambda password: basic(f"AWS:{password}x"),
        lambda password: basic(f"AWS:{password[:-1]}"),
        lambda _: basic("AWS:"),
        lambda _: "Basic not base64",
        lambda _: "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
def test_anything_else_acts_as_nobody(change: object) -> None:
    passwords = Passwords(Clock())
    password, _ = passwords.issue("ASIAFIRST")
    assert callable(change)
    assert passwords.holder(change(password)) is None


def test_a_password_is_over_after_its_declared_twelve_hours() -> None:
    clock = Clock()
    passwords = Passwords(clock)
    password, holder = passwords.issue("ASIAFIRST")
    clock.now += DECLARED_LIFE - 1
    assert not passwords.expired(holder)
    clock.now += 1
    assert passwords.expired(holder)
    assert passwords.holder(basic(f"AWS:{password}")) == holder


def test_the_authorization_token_is_in_ecrs_shape() -> None:
    assert base64.b64decode(authorization_token("secret")) == b"AWS:secret"


def test_passwords_do_not_show_in_their_repr() -> None:
    passwords = Passwords(Clock())
    password, _ = passwords.issue("ASIAFIRST")
    assert password not in repr(passwords)
