"""Our SigV4 is botocore's to the last byte, and so are the credentials of the environment."""

from __future__ import annotations

import datetime as dt
import os

import botocore.auth
import httpx
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, EnvProvider
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_vend import credentials
from ecr_vend.credentials import from_variables
from ecr_vend.errors import Problem
from ecr_vend.keys import Keys
from ecr_vend.signing import SigV4

NOW = 1_800_000_000.0
BARE = Keys("AKIAEXAMPLE", "secret", None)
HOST = "https://abc.execute-api.eu-west-1.amazonaws.com"


def ours(request: httpx.Request, keys: Keys, region: str) -> dict[str, str]:
    flow = SigV4(keys, region, clock=lambda: NOW).auth_flow(request)
    return dict(next(flow).headers)


def botocores(request: httpx.Request, keys: Keys, region: str) -> dict[str, str]:
    signed = {name: request.headers[name] for name in ("Host", "Content-Type")}
    described = AWSRequest(
        method=request.method, url=str(request.url), data=request.content, headers=signed
    )
    with pytest.MonkeyPatch.context() as patch:
        moment = dt.datetime.fromtimestamp(NOW, dt.UTC).replace(tzinfo=None)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
        theirs = Credentials(keys.access_key, keys.secret_key, keys.token)
        botocore.auth.SigV4Auth(theirs, "execute-api", region).add_auth(described)
    return dict(described.headers)


segments = st.sampled_from(
    ["live", "v1", "tokens", ".", "..", "", "%20", "%C3%A9", "a b", "~", "é"]
)
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


@given(
    method=st.sampled_from(["GET", "POST"]),
    path=st.lists(segments | words.map(lambda word: word.replace("#", "")), max_size=5),
    query=st.lists(st.tuples(words, words), max_size=3),
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/json", "text/plain;  charset=utf-8", "  spaced   out "]),
    keys=st.builds(Keys, words, words, st.none() | words),
    region=st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1"]),
)
@example(method="GET", path=["a", "", "b", ""], query=[], body=b"", kind="a", keys=BARE, region="r")
def test_a_signature_is_botocores(
    *,
    method: str,
    path: list[str],
    query: list[tuple[str, str]],
    body: bytes,
    kind: str,
    keys: Keys,
    region: str,
) -> None:
    url = httpx.URL(HOST).copy_with(path="/" + "/".join(path).replace("?", ""))
    if query:
        url = url.copy_merge_params(dict(query))
    made = [
        sign(httpx.Request(method, url, content=body, headers={"Content-Type": kind}), keys, region)
        for sign in (ours, botocores)
    ]
    mine, theirs = ({name.lower(): value for name, value in each.items()} for each in made)
    for name in ("authorization", "x-amz-date", "x-amz-security-token"):
        assert mine.get(name) == theirs.get(name)


def test_a_signature_covers_what_aws_must_see_unchanged() -> None:
    request = httpx.Request("POST", f"{HOST}/live/v1/tokens", json={"a": 1})
    given = ours(request, Keys("A", "s", "t"), "eu-west-1")["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in given


NAMES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
)


@given(
    st.fixed_dictionaries(
        {"AWS_ACCESS_KEY_ID": st.just("AKIA"), "AWS_SECRET_ACCESS_KEY": st.just("secret")},
        optional={
            "AWS_SESSION_TOKEN": st.sampled_from(["", "session"]),
            "AWS_SECURITY_TOKEN": st.sampled_from(["", "older"]),
            "AWS_CREDENTIAL_EXPIRATION": st.sampled_from(
                ["", "9000-01-01T00:00:00Z", "9000-01-01T00:00:00+02:00"]
            ),
        },
    )
)
def test_the_credentials_of_the_environment_are_botocores(environ: dict[str, str]) -> None:
    mine = from_variables(environ, now=NOW)
    found = EnvProvider(environ).load()
    assert mine
    assert found
    theirs = found.get_frozen_credentials()
    assert mine == Keys(theirs.access_key or "", theirs.secret_key or "", theirs.token)


@pytest.mark.parametrize(
    "change",
    [
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_CREDENTIAL_EXPIRATION": "in an hour"},
    ],
)
def test_what_is_not_whole_is_left_to_the_chain(change: dict[str, str]) -> None:
    whole = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    assert from_variables(whole, now=NOW)
    assert from_variables(whole | change, now=NOW) is None


@pytest.mark.parametrize("end", ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00"])
def test_credentials_of_the_environment_that_are_over_are_not_sent(end: str) -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CREDENTIAL_EXPIRATION": end,
    }
    with pytest.raises(Problem, match="have expired"):
        credentials.find(environ, None)


def test_the_keys_show_no_secret() -> None:
    environ = {**dict.fromkeys(NAMES[:3], "hidden"), "AWS_ACCESS_KEY_ID": "AKIA"}
    shown = repr(from_variables(environ, now=NOW))
    assert "AKIA" in shown
    assert "hidden" not in shown


def test_a_named_profile_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    with pytest.raises(Problem, match="the AWS profile dev does not exist"):
        credentials.find(environ, "dev")
