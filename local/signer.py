"""AWS clients that talk to one emulator, as one identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from local.emulator import REGION


@dataclass(frozen=True)
class Signer:
    """An identity at an emulator. Nothing of this machine's AWS settings reaches its clients.

    Attributes:
        url: Of the emulator.
        access_key_id: Of the identity.
        secret_access_key: Of the same.
        session_token: Of the same, where it is a session.
    """

    url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session()

    def client(self, service: str) -> Any:
        """Return a client of an AWS service."""
        make: Any = self._session.client
        return make(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.session_token,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
