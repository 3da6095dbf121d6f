"""Whatever a service answers: a token that is right, or one clear failure and nothing kept."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_vend import service
from ecr_vend.cache import Cache
from ecr_vend.deadline import Deadline
from ecr_vend.errors import NOT_FOUND, Problem
from ecr_vend.kept_token import LONGEST_LIFE
from ecr_vend.keys import Keys
from ecr_vend.service import LARGEST, Service
from ecr_vend.settings import Settings
from ecr_vend.tokens import Asking, Wanted, fetching
from tests.client.fake_service import GRANT, HOST, REFUSAL, VEND_ID, FakeService
from tests.client.mutations import UNREADABLE, nearly, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_vend.cache import Token
    from tests.client.machine import Machine

KEY = "k" * 64
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
GOOD = {
    "vend_id": VEND_ID,
    "registry": HOST,
    "username": "AWS",
    "password": "THE-TOKEN",
    "expires_at": "2026-11-24T12:15:00Z",
    "dropped": [],
}
GATEWAY = {"message": "Signature expired: x", "Message": "x"}
EXPIRIES = [
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+23:59",
    "1970-01-01T00:00:00Z",
    "2026-11-24T12:00:00Z",
    "2026-11-24T12:15:00",
    "2026-11-24",
    "9999-12-31T23:59:59-23:59",
    "NaN",
    "-1",
]
DATES = [
    "",
    "Mon,",
    "1 Jan ,",
    "Thu, 01 Jan 0001 00:00:00 -0000",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Tue, 24 Nov 2026 12:00:00 +99999999999999999999",
    "Tue, 99999999999999999999 Nov 2026 12:00:00 GMT",
    "Tue, 24 Nov 2026 " + "9" * 5000,
]
statuses = st.sampled_from([200, 200, 200, 204, 302, 400, 403, 404, 429, 500, 503, 999])
bodies = st.one_of(
    nearly(GOOD),
    nearly(REFUSAL),
    nearly(GATEWAY),
    st.sampled_from(EXPIRIES).map(lambda end: json.dumps(GOOD | {"expires_at": end})),
    st.sampled_from(UNREADABLE),
).map(lambda text: text.encode(errors="surrogatepass")) | st.binary(max_size=60)
headers = st.dictionaries(
    st.sampled_from([b"Date", b"Retry-After", b"x-amzn-ErrorType", b"Set-Cookie", b"Content-Type"]),
    st.sampled_from(DATES).map(str.encode) | st.binary(max_size=20),
    max_size=3,
)


def served(answer: httpx.Response) -> Service:
    """Return a service that answers so, whatever it is asked."""
    return Service(
        "https://vend.example.com",
        "eu-west-1",
        Keys("AKIA", "secret", None),
        transport=httpx.MockTransport(lambda _: answer),
        clock=lambda: NOW,
        sleep=lambda _: None,
        environ={},
    )


def got_from(answer: httpx.Response, cache: Cache) -> Token | Problem:
    """Return what comes of a call that is answered so, however often it asks."""
    own = Settings(Path("config.toml"), Path("system.toml"), cache.folder)
    fetch = fetching(HOST, own, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "connect", lambda *_: served(answer))
        try:
            return Asking(Wanted(HOST, KEY), cache, fetch, {}, clock=lambda: NOW).token()
        except Problem as problem:
            return problem


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(status=statuses, body=bodies, said=headers)
@example(status=403, body=json.dumps(GATEWAY).encode(), said={b"Date": DATES[6].encode()})
@example(status=500, body=b"{}", said={b"Set-Cookie": b"a=\x80"})
@example(status=429, body=b"{}", said={b"Retry-After": DATES[7].encode()})
def test_any_answer_is_a_right_token_or_one_clear_failure(
    cache: Cache, status: int, body: bytes, said: dict[bytes, bytes]
) -> None:
    cache.clear()
    got = got_from(httpx.Response(status, headers=said, content=body), cache)
    if isinstance(got, Problem):
        assert got.text.isprintable()
        assert NOT_FOUND not in got.text
        assert "THE-TOKEN" not in got.text
        assert not list(cache.folder.glob("*.token"))
        return
    vended = json.loads(body)
    assert status == 200
    assert (vended["registry"], vended["username"]) == (HOST, "AWS")
    assert got.password.reveal() == vended["password"]
    assert NOW < got.expires <= NOW + LONGEST_LIFE
    assert cache.load(HOST, KEY) == got


@pytest.mark.parametrize("end", EXPIRIES)
def test_whatever_end_is_said_a_token_that_is_over_is_never_served(cache: Cache, end: str) -> None:
    got = got_from(httpx.Response(200, json=GOOD | {"expires_at": end}), cache)
    if isinstance(got, Problem):
        assert got.code in {"unexpected_answer", "already_expired"}
    else:
        assert end.startswith("9999")
        assert got.expires == NOW + LONGEST_LIFE


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_without_end_is_not_read_to_it(cache: Cache, packed: bool) -> None:
    read = 0
    part = gzip.compress(os.urandom(LARGEST // 4)) if packed else b" " * (LARGEST // 4)

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            nonlocal read
            while read < 64 * LARGEST:
                read += len(part)
                yield part

    coded = {"Content-Encoding": "gzip"} if packed else {}
    got = got_from(httpx.Response(200, headers=coded, stream=Endless()), cache)
    assert "larger than 1 MiB" in str(got)
    assert read <= 2 * LARGEST


def test_an_answer_that_was_packed_unasked_is_not_unpacked(cache: Cache) -> None:
    coded = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(1 << 26))
    got = got_from(httpx.Response(200, headers=coded, stream=httpx.ByteStream(bomb)), cache)
    assert "no usable password in it" in str(got)


def test_an_answer_that_drips_is_left_when_the_time_is_over() -> None:
    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(100):
                yield b" "
            pytest.fail("it is read for ever")

    with pytest.raises(Problem, match="it took too long to get an answer"):
        served(httpx.Response(200, stream=Dripping())).whoami(Deadline(-1))


WHOAMI = {
    "caller": {"account": "1", "session": "run-1", "arn": "arn:aws:sts::1:assumed-role/a/b"},
    "source_ip": "203.0.113.7",
    "grants": [GRANT],
    "policy_revision": "1",
}
STRANGE: list[object] = [
    None, True, -1, 1.5, float("nan"), float("inf"), "", "\ud800", "0001-01-01T00:00:00+23:59",
    [], [None], [[]], {}, {"a": None},
]  # fmt: skip


@pytest.mark.parametrize("words", [("whoami",), ("explain", f"{HOST}/team/app")])
def test_no_strange_value_in_an_answer_is_a_fault_of_ours(
    words: tuple[str, ...],
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dry_run = FakeService().dry_run({"registry": HOST, "pull": ["team/app"]})
    refusal = {"refusal": {"code": "not_granted", "detail": "no"}}
    dropped = {"dropped": [{"access": "pull", "repository": "a", "reason": "not_granted"}]}
    answers = {"whoami": [WHOAMI], "explain": [dry_run | dropped, dry_run | refusal]}[words[0]]
    answer_text = ""
    monkeypatch.setattr(
        service, "connect", lambda *_: served(httpx.Response(200, text=answer_text))
    )
    for answer in answers:
        for *above, key in places(answer):
            for value in STRANGE:
                changed = inside = json.loads(json.dumps(answer))
                for step in above:
                    inside = inside[step]
                inside[key] = value
                answer_text = json.dumps(changed)
                out, err, _ = machine.run(*words)
                assert "fault in the helper" not in err, (above, key, value)
                assert (out == "") == (err != "")
                assert err.count("\n") <= 1
                (out + err).encode()  # a terminal can be shown it
