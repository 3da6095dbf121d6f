"""One trial under way: the client is called here, and each promise is kept or broken."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.installed.task import CACHE, HELPER, HOME, NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.installed.task import Image, Task

PATIENCE = 300
"""Seconds for one call. The client's own limit is half a minute; an emulated one starts slowly."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Broken(Exception):
    """A promise is not kept; the message says what was found."""


def must(kept: object, found: object) -> None:
    """Say that a promise is broken where it is not kept.

    Raises:
        Broken: It is not.
    """
    if not kept:
        raise Broken(found if isinstance(found, str) else repr(found))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call printed.

    Attributes:
        out: On stdout, without the end of its last line.
        err: On stderr.
        code: The exit code.
    """

    out: str
    err: str
    code: int

    @property
    def secret(self) -> str:
        """The token in a credential.

        Raises:
            Broken: The call failed, printed something else, or said more than that.
        """
        must(self.code == 0 and not self.err, self.said)
        credential = document(self.out)
        must(set(credential) == {"ServerURL", "Username", "Secret"}, sorted(credential))
        must(credential["Username"] == "AWS", credential["Username"])
        return str(credential["Secret"])

    @property
    def said(self) -> str:
        """All of it on one line, for a report; a credential is not shown."""
        shown = "a credential" if self.out.startswith('{"ServerURL"') else self.out
        return f"exit {self.code}: {shown} {self.err}".replace("\n", " ").strip()[:300]


def document(text: str) -> dict[str, Any]:
    """Return the JSON object that a text is.

    Raises:
        Broken: It is none.
    """
    try:
        found = json.loads(text)
    except ValueError:
        raise Broken(f"no JSON: {text[:200]!r}") from None
    must(isinstance(found, dict), f"no JSON object: {text[:200]!r}")
    return dict(found)


@dataclass
class Trying:
    """Calls of the client, in an environment that holds nothing but what it is given.

    Attributes:
        task: What is tried.
        scratch: A folder for the client's files, None where there is nothing to write.
    """

    task: Task
    scratch: Path | None
    _homes: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give everyone a home; here, because many calls at once would each make one."""
        if self.scratch:
            for session in ("", *self.task.sessions):
                self._homes[session] = Path(tempfile.mkdtemp(dir=self.scratch))

    def environment(self, session: str | None) -> dict[str, str]:
        """Return the variables of a call.

        Args:
            session: Who calls, and so whose home and cache it is; None for nobody.
        """
        kept = ("PATH", "SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP")
        variables = {name: os.environ[name] for name in kept if name in os.environ}
        variables |= self.task.service.settings
        if session:
            variables |= self.task.sessions[session]
        if self.scratch and self.task.way != NOTHING:
            # What is configured on this machine is none of the trial's.
            variables["ECR_VEND_SYSTEM_CONFIG"] = str(self.scratch / "no-system-config.toml")
            folder = self._homes[session or ""]
            if self.task.way == HOME:
                variables |= {"HOME": str(folder), "USERPROFILE": str(folder)}
                variables |= {"LOCALAPPDATA": str(folder)} if os.name == "nt" else {}
            elif self.task.way == CACHE:
                variables["ECR_VEND_CACHE_DIR"] = str(folder / "cache")
        return variables

    def call(
        self, program: str, *words: str, given: str = "", session: str | None = None
    ) -> Answer:
        """Run a program of the client."""
        done = subprocess.run(
            [*self.task.programs[program], *words],
            env=self.environment(session),
            input=given.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        out, err = (stream.decode().replace("\r\n", "\n") for stream in (done.stdout, done.stderr))
        return Answer(out.removesuffix("\n"), err, done.returncode)

    def get(self, session: str, url: str | None = None) -> Answer:
        """Ask the docker helper for the credential of a registry, by default the service's."""
        asked = url if url is not None else self.task.service.registry
        return self.call(HELPER, "get", given=asked, session=session)

    def keeps(self) -> bool:
        """Return whether the client has a place to keep tokens in."""
        return self.task.way != NOTHING

    def pull(self, image: Image, secret: str) -> tuple[int, str]:
        """Ask the registry for an image's manifest; the status, and the digest it tells."""
        login = base64.b64encode(f"AWS:{secret}".encode()).decode()
        connection = http.client.HTTPConnection(self.task.service.registry, timeout=60)
        try:
            connection.request(
                "GET",
                f"/v2/{image.repository}/manifests/{image.tag}",
                headers={"Authorization": f"Basic {login}", "Accept": MANIFEST},
            )
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("Docker-Content-Digest") or ""
        finally:
            connection.close()

    def pulls(self, secret: str) -> None:
        """See that a token pulls the image it is for.

        Raises:
            Broken: It does not.
        """
        granted = self.task.service.granted
        found = self.pull(granted, secret)
        must(found == (200, granted.digest), f"the registry answers {found}")


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one promise.

    Attributes:
        part: What it belongs to: `conformance`, `vend` or `at once`.
        promise: In words.
        broken: What was found instead; empty where it is kept.
        seconds: How long it took.
    """

    part: str
    promise: str
    broken: str
    seconds: float

    def __str__(self) -> str:
        """Return it as one line."""
        line = f"{'✗' if self.broken else '✓'} {self.part}: {self.promise}"
        return f"{line}: {self.broken}" if self.broken else line


@dataclass(frozen=True, slots=True)
class Promise:
    """What is tried.

    Attributes:
        part: See `Check`.
        words: What is promised.
        keep: Raises `Broken` where it is not kept.
        waits: Whether most of its time is waiting, so that the others are tried meanwhile.
    """

    part: str
    words: str
    keep: Callable[[Trying], None]
    waits: bool


PROMISES: list[Promise] = []
"""All that is tried, in order."""


def promise(
    part: str, words: str, *, waits: bool = False
) -> Callable[[Callable[[Trying], None]], Callable[[Trying], None]]:
    """Let a function stand for a promise."""

    def register(keep: Callable[[Trying], None]) -> Callable[[Trying], None]:
        PROMISES.append(Promise(part, words, keep, waits))
        return keep

    return register


def checks(trying: Trying) -> Iterator[Check]:
    """Yield what comes of each promise, in their order."""
    with ThreadPoolExecutor(1) as pool:
        under_way = {
            promised.words: pool.submit(check, trying, promised)
            for promised in PROMISES
            if promised.waits
        }
        for promised in PROMISES:
            waited_for = under_way.get(promised.words)
            yield waited_for.result() if waited_for else check(trying, promised)


def check(trying: Trying, promised: Promise) -> Check:
    """Try one promise."""
    began = time.monotonic()
    broken = ""
    try:
        promised.keep(trying)
    except Broken as found:
        broken = str(found) or "it is not kept"
    except subprocess.TimeoutExpired as late:
        broken = f"no answer within {late.timeout:.0f} s"
    except (OSError, KeyError, ValueError, http.client.HTTPException) as problem:
        broken = f"{type(problem).__name__}: {problem}"
    return Check(promised.part, promised.words, broken, round(time.monotonic() - began, 2))
