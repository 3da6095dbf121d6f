"""Host names of ECR against a reading that takes them apart by their dots, and no pattern."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from vending.registry import SUFFIXES, parse_host

DUAL = {"on.aws", "on.amazonwebservices.com.cn"}
ACCOUNTS = st.text(string.digits, min_size=12, max_size=12)
REGIONS = st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1", "ap-southeast-7", "eusc-de"])


@st.composite
def hosts(draw: Any) -> str:
    """Draw a host in any of the forms that AWS documents."""
    suffix = draw(st.sampled_from(sorted(SUFFIXES)))
    joint = "-" if suffix in DUAL else "."
    fips = draw(st.sampled_from(["", "-fips"]))
    return f"{draw(ACCOUNTS)}.dkr{joint}ecr{fips}.{draw(REGIONS)}.{suffix}"


def read_by_hand(server: str) -> tuple[str, str, str] | None:
    """Return account, region and suffix of the ECR host that a URL or bare host leads to."""
    text = server.strip()
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        port = url.port
    except ValueError:
        return None
    if url.scheme not in ("https", "http") or "@" in url.netloc or port not in (None, 443):
        return None
    host = (url.hostname or "").lower()
    if not host.isascii():
        return None
    account, _, rest = host.partition(".")
    if len(account) != 12 or set(account) - set(string.digits):
        return None
    for suffix in SUFFIXES:
        kind = rest.removesuffix("." + suffix)
        kind, _, region = kind.rpartition(".")
        joint = "-" if suffix in DUAL else "."
        known = {f"dkr{joint}ecr", f"dkr{joint}ecr-fips"}
        labelled = region and not set(region) - set(string.ascii_lowercase + string.digits + "-")
        if rest.endswith("." + suffix) and kind in known and labelled:
            return account, region, suffix
    return None


@given(host=hosts(), upper=st.booleans(), around=st.sampled_from(
    [("", ""), ("https://", ""), ("http://", "/v2/"), ("", ":443"), (" ", "\r\n"), ("", "/a/b:1")]
))  # fmt: skip
def test_every_form_that_aws_gives_a_host_is_read(
    host: str, around: tuple[str, str], *, upper: bool
) -> None:
    found = parse_host(around[0] + (host.upper() if upper else host) + around[1])
    assert found is not None
    assert (found.account, found.region, found.suffix) == read_by_hand(host)


JUNK = st.one_of(
    st.sampled_from([".evil.example", "evil.example/", "evil.example#", "evil.example?", "user@"]),
    st.sampled_from(["https://", "http://", ":443", ":5000", "ecr.", ".com", "amazonaws.com.", ""]),
    st.sampled_from(list(".-a1@:/?#\\%\n\t \x00")),
    # Letters, digits and dots of other scripts, which case or name preparation may fold.
    st.sampled_from(["\u212a", "\u0661", "\u3002", "\uff0e", "\u00ad"]),
)


@given(host=hosts(), at=st.integers(0, 70), width=st.integers(0, 3), junk=JUNK)
@example("111122223333.dkr.ecr.eu-west-1.amazonaws.com", 70, 0, ".evil.example")
@example("111122223333.dkr.ecr.eu-west-1.amazonaws.com", 14, 1, "\u212a")
@example("http://111122223333.dkr.ecr.eu-west-1.amazonaws.com", 0, 0, "https://")
def test_a_look_alike_is_never_taken_for_a_registry(
    host: str, at: int, width: int, junk: str
) -> None:
    server = host[:at] + junk + host[at + width :]
    found = parse_host(server)
    if found is not None:
        # Whatever is read is what a client would connect to.
        assert (found.account, found.region, found.suffix) == read_by_hand(server)


@given(server=st.text(max_size=80))
def test_any_text_at_all_is_read_or_refused_without_an_error(server: str) -> None:
    parse_host(server)
