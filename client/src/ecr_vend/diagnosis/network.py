"""The way to the service: proxy, name, connection, certificate, answer, and the two clocks."""

from __future__ import annotations

import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_vend.diagnosis import FAIL, OK, WARN, Case, Finding, of_problem
from ecr_vend.errors import Problem
from ecr_vend.network import proxy_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT = 3.0
ANSWER = 5.0
SLOW = 3.0
"""Seconds for an answer that asks for no token, above which pulls are felt to wait."""

DAYS = 14
SKEW_TOLD = 30.0
SKEW_REFUSED = 300.0
"""Seconds of difference between the clocks that AWS still takes in a signature."""


def way(case: Case) -> Iterator[Finding]:
    """Go to the service, a step at a time, until one fails."""
    case.reachable = False
    if not case.settings or not case.settings.endpoint:
        return
    endpoint = case.settings.endpoint
    proxy = proxy_for(endpoint)
    first = urlsplit(proxy or endpoint)
    host = first.hostname or ""
    port = first.port or (443 if first.scheme == "https" else 80)
    # Not the URL: it may hold a password.
    yield Finding("proxy", OK, f"{host}:{port}" if proxy else "none")
    findings = []
    for finding in reach(host, port, "the proxy" if proxy else "the endpoint"):
        findings.append(finding)
        yield finding
    case.reachable = all(finding.status == OK for finding in findings)


def reach(host: str, port: int, what: str) -> Iterator[Finding]:
    """Resolve a name and connect to it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        cure = f"check the name of {what}, this machine's DNS, and whether a VPN is needed"
        yield Finding("dns", FAIL, f"{host} has no address: {error.strerror or error}", cure)
        return
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    yield Finding("dns", OK, f"{host} is {', '.join(addresses[:4])}")
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=CONNECT).close()
    except OSError as error:
        cure = f"check that a firewall or proxy lets this machine reach {what}"
        detail = f"{host}:{port} does not accept a connection: {error.strerror or error}"
        yield Finding("tcp", FAIL, detail, cure)
        return
    yield Finding("tcp", OK, f"{host}:{port} in {(time.monotonic() - began) * 1000:.0f} ms")


def service(case: Case) -> Iterator[Finding]:
    """Ask the service for something without a signature: its refusal shows all of the way to it."""
    if not case.reachable or not case.settings or not case.settings.endpoint:
        return
    import httpx

    from ecr_vend.service import certificate_fault, trust

    case.reachable = False
    endpoint = case.settings.endpoint
    secure = endpoint.startswith("https://")
    began = time.monotonic()
    try:
        with (
            httpx.Client(
                verify=secure and trust(case.environ),
                proxy=proxy_for(endpoint) if secure else None,
                trust_env=False,
                timeout=ANSWER,
            ) as client,
            client.stream("GET", f"{endpoint}/v1/ping") as answer,
        ):
            took = time.monotonic() - began
            date = answer.headers.get("Date")
            stream = answer.extensions.get("network_stream")
            secured = stream.get_extra_info("ssl_object") if stream else None
            certificate = secured.getpeercert() if secured else None
    except (httpx.RequestError, httpx.InvalidURL) as error:
        if reason := certificate_fault(error):
            yield of_problem("tls", Problem("not_trusted", endpoint=endpoint, detail=reason))
        else:
            detail = str(error) or type(error).__name__
            yield of_problem("service", Problem("unreachable", endpoint=endpoint, detail=detail))
        return
    case.reachable = True
    if certificate:
        yield certificate_finding(certificate, time.time())
    status = WARN if took > SLOW else OK
    cure = "the network or the service is slow: see its dashboard" if took > SLOW else ""
    yield Finding("service", status, f"HTTP {answer.status_code} in {took * 1000:.0f} ms", cure)
    yield clock_finding(date, time.time())


def certificate_finding(certificate: Mapping[str, object], now: float) -> Finding:
    """Return who issued a certificate (as `getpeercert` gives it), and for how long it holds."""
    issuer = certificate.get("issuer")
    names = dict(pair for part in (issuer if isinstance(issuer, tuple) else ()) for pair in part)
    by = names.get("organizationName") or names.get("commonName") or "someone unnamed"
    days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - now) // 86400)
    detail = f"the certificate is by {by} and holds for {days} days"
    if days < DAYS:
        cure = "tell whoever runs the service, or the proxy that opens TLS"
        return Finding("tls", WARN, detail, cure)
    return Finding("tls", OK, detail)


def clock_finding(date: str | None, now: float) -> Finding:
    """Return how far this machine's clock is from the service's, to the second."""
    try:
        ahead = now - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", OK, "the service does not tell its time")
    seconds = abs(ahead)
    detail = f"{seconds:.0f} s {'ahead of' if ahead > 0 else 'behind'} the service's"
    if seconds <= SKEW_TOLD:
        return Finding("clock", OK, detail)
    cure = "set this machine's clock, for instance by NTP"
    return Finding("clock", FAIL if seconds > SKEW_REFUSED else WARN, detail, cure)
