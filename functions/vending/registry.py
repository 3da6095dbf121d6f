"""ECR registries: the forms their host names take, and which of them this service vends for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vending.access import Access

SUFFIXES = {
    "amazonaws.com": "aws",
    "amazonaws.com.cn": "aws-cn",
    "amazonaws.eu": "aws-eusc",
    "on.aws": "aws",
    "on.amazonwebservices.com.cn": "aws-cn",
    "sc2s.sgov.gov": "aws-iso-b",
    "c2s.ic.gov": "aws-iso",
    "cloud.adc-e.uk": "aws-iso-e",
    "csp.hci.ic.gov": "aws-iso-f",
}
"""DNS suffix → partition, for private registries. Source: `ecr` in the SDKs' endpoint data."""

DUAL_STACK = frozenset({"on.aws", "on.amazonwebservices.com.cn"})
"""Suffixes under which the host writes `dkr-ecr`, with a hyphen."""

HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr(?P<joint>[.-])ecr(?P<fips>-fips)?"
    r"\.(?P<region>[a-z0-9][a-z0-9-]{1,30}[a-z0-9])"
    rf"\.(?P<suffix>{'|'.join(map(re.escape, SUFFIXES))})"
)

SCHEME = re.compile(r"\Ahttps?://")


def normalised(server: str) -> str:
    """Return the bare, lower-case host of a server URL, image name or host, as clients write it.

    A scheme, a path, the port 443 and surrounding white space fall away; anything else stays, so
    that it is not taken for a host that it is not.
    """
    host = server.strip()
    # Lower case is for ASCII only: the Kelvin sign, for one, would become the k of dkr.
    host = host.lower() if host.isascii() else host
    # One scheme: what follows a second is the path of a host called http.
    return SCHEME.sub("", host, count=1).partition("/")[0].removesuffix(":443")


@dataclass(frozen=True, slots=True)
class EcrHost:
    """A host name that can only be a private ECR registry.

    Attributes:
        account: 12 digits.
        region: Such as `eu-west-1`.
        partition: Such as `aws`.
        suffix: DNS suffix as written.
        fips: Whether the host is the FIPS endpoint.
    """

    account: str
    region: str
    partition: str
    suffix: str
    fips: bool


def parse_host(server: str) -> EcrHost | None:
    """Return the private ECR registry that `server` names, or None when it names none.

    Takes what `normalised` takes. The whole host must match: `….amazonaws.com.evil.example`,
    user information and other ports are no ECR hosts.
    """
    parts = HOST.fullmatch(normalised(server))
    if not parts or (parts["suffix"] in DUAL_STACK) != (parts["joint"] == "-"):
        return None
    partition = SUFFIXES[parts["suffix"]]
    if partition == "aws" and parts["region"].startswith("us-gov-"):
        partition = "aws-us-gov"
    return EcrHost(
        parts["account"], parts["region"], partition, parts["suffix"], bool(parts["fips"])
    )


@dataclass(frozen=True, slots=True)
class Registry:
    """A private ECR registry that this service vends for.

    Attributes:
        name: What a policy's `registry:` calls it.
        account: Its owner, 12 digits.
        region: Its region.
        suffix: DNS suffix of its canonical host.
        roles: ARN of the vended role, by access.
    """

    name: str
    account: str
    region: str
    suffix: str
    roles: Mapping[Access, str]

    @property
    def host(self) -> str:
        """The canonical host."""
        return f"{self.account}.dkr.ecr.{self.region}.{self.suffix}"

    @property
    def partition(self) -> str:
        """The partition its ARNs name."""
        found = parse_host(self.host)
        return found.partition if found else "aws"

    def is_at(self, server: str) -> bool:
        """Return whether `server`, in any form clients write, is this registry."""
        if normalised(server) == self.host:
            return True
        found = parse_host(server)
        mine = parse_host(self.host)
        return (
            found is not None
            and mine is not None
            and (
                (found.account, found.region, found.partition)
                == (mine.account, mine.region, mine.partition)
            )
        )


DEFAULT = "default"
"""The name of the registry that a grant or a request means when it names none."""


def served(registries: Mapping[str, Registry], server: str | None) -> Registry | None:
    """Return the served registry at `server`, the default one for None, or None."""
    if server is None:
        return registries.get(DEFAULT)
    return next((registry for registry in registries.values() if registry.is_at(server)), None)
