"""How others are reached from here: through which proxy, and whose certificates are believed.

By the variables that everything else goes by, but not by httpx's own reading of them: it does not
start where any of them names a SOCKS proxy, even one that would not be used, and loads the trusted
authorities anew for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ecr_vend.setting_values import bad, loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHORITIES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name whose certificates to believe, by who wins: the first two as for AWS's own
tools, the others as for OpenSSL."""


def authorities(environ: Mapping[str, str]) -> tuple[str, Path] | None:
    """Return the variable that names whose certificates to believe, and the file or folder."""
    for name in AUTHORITIES:
        if named := environ.get(name):
            return name, Path(named)
    return None


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy for an HTTPS URL, None where it is reached without one.

    HTTPS_PROXY, else ALL_PROXY, unless NO_PROXY names the host; on macOS and Windows, where none of
    them is set, what the system's settings say. This machine's loopback is never behind a proxy.

    Raises:
        Problem: It is not one that can be used.
    """
    parts = urlsplit(url)
    if loopback(parts.hostname or "") or proxy_bypass(parts.netloc):
        return None
    found = getproxies()
    proxy = found.get("https") or found.get("all")
    if not proxy:
        return None
    where = "HTTPS_PROXY" if "https" in found else "ALL_PROXY"
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        named = urlsplit(proxy)
        usable = named.scheme in {"http", "https"} and named.hostname and named.port != 0
    except ValueError:
        usable = False
    if not usable:
        # Not quoted: it may hold a password.
        raise bad(where, "a proxy is needed that is written http://HOST:PORT or https://HOST:PORT")
    return proxy
