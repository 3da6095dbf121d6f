"""AWS credentials as a request is signed with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

VISIBLE = re.compile(r"[!-~]+", re.ASCII)


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

    @property
    def malformed(self) -> str:
        """Return which part no request can be signed with, empty where all can be.

        A line break at the end is what copying into a CI's settings leaves.
        """
        parts = {
            "access key id": self.access_key,
            "secret access key": self.secret_key,
            "session token": self.token or "-",
        }
        return next((name for name, text in parts.items() if not VISIBLE.fullmatch(text)), "")
