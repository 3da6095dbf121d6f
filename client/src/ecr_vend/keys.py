"""AWS credentials as a request is signed with them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """AWS credentials at one moment; what is secret of them shows itself nowhere.

    Attributes:
        access_key: The access key id.
        secret_key: The secret access key.
        token: The session token, where there is one.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
