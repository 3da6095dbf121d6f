"""The host names of private ECR registries, and what callers wrap around them.

The forms are those of AWS's own credential helper and SDK endpoints; `tests/vectors/hosts.json`
pins them for this side and for the service's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PARTITIONS = {
    "amazonaws.com": "aws",
    "amazonaws.com.cn": "aws-cn",
    "amazonaws.eu": "aws-eusc",
    "c2s.ic.gov": "aws-iso",
    "sc2s.sgov.gov": "aws-iso-b",
    "cloud.adc-e.uk": "aws-iso-e",
    "csp.hci.ic.gov": "aws-iso-f",
}
"""Domain → partition."""

DUAL_STACK = {"on.aws": "amazonaws.com", "on.amazonwebservices.com.cn": "amazonaws.com.cn"}
"""Dual-stack domain → the domain of the same registry's first name."""

HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9][a-z0-9_-]*)\.(?P<suffix>"
    + "|".join(re.escape(name) for name in (*PARTITIONS, *DUAL_STACK))
    + ")",
    re.ASCII,
)
SERVER_URL = re.compile(r"(?:https?://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(?:/.*)?")


@dataclass(frozen=True, slots=True)
class Registry:
    """A private ECR registry.

    Attributes:
        account: Twelve digits.
        region: For instance `eu-west-1`.
        partition: For instance `aws`, `aws-us-gov`.
        host: Its first name, `ACCOUNT.dkr.ecr.REGION.SUFFIX`, whichever of its names was given.
    """

    account: str
    region: str
    partition: str
    host: str


def parse(host: str) -> Registry | None:
    """Return the registry that answers to `host`, a bare host name; None when it is not ECR's."""
    # Lower case only after the test for ASCII: some other letters become ASCII ones in lower case.
    if not host.isascii() or not (match := HOST.fullmatch(host.lower())):
        return None
    account, region, suffix = match.group("account", "region", "suffix")
    suffix = DUAL_STACK.get(suffix, suffix)
    partition = PARTITIONS[suffix]
    if partition == "aws" and region.startswith("us-gov-"):
        partition = "aws-us-gov"
    return Registry(account, region, partition, f"{account}.dkr.ecr.{region}.{suffix}")


def bare(server_url: str) -> str | None:
    """Return the lower-case `host` or `host:port` of what a credential helper was handed.

    Callers pass a host, `host/repository`, a URL, the port 443 (left out of the answer, being the
    default), a trailing blank or CRLF. None for anything else: user information, control
    characters, another scheme.
    """
    text = server_url.strip(" \t\r\n")
    if not text.isascii() or not text.isprintable():
        return None
    if not (match := SERVER_URL.fullmatch(text)):
        return None
    host, port = match.group(1).lower(), match.group(2) or ""
    return host if port == ":443" else host + port
