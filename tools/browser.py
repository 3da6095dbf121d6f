"""A headless Chromium, driven over its debugging pipe: no port is open, and no driver is needed.

Source: the Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60.0
"""For one command, and for the start."""

OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)


class BrowserFailed(Exception):
    """The browser ended, did not answer in time, or refused a command."""


def installed() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass(slots=True)
class Browser:
    """A running browser with one tab.

    Attributes:
        events: What it told without being asked, in order: `method` and `params`.
    """

    _process: int
    _to: int
    _from: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _read: bytes = b""
    _number: int = 0
    _session: str = ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer to a command.

        Raises:
            BrowserFailed: There is none.
        """
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda one: one.get("id") == number)
        if "error" in answer:
            raise BrowserFailed(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def attach(self) -> None:
        """Open the tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Log", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, page: Path) -> None:
        """Show a file, and wait until all of it is there."""
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self._until(lambda one: one.get("method") == "Page.loadEventFired")

    def media(self, *, dark: bool = False, printed: bool = False) -> None:
        """Let the page be as in a dark or light scheme, or as in print."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if printed else "", features=[scheme])

    def size(self, width: int, height: int) -> None:
        """Let the window be of some size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page, which the page's policy lets be.

        Raises:
            BrowserFailed: It threw.
        """
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserFailed(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def picture(self, *, top: int, height: int, width: int) -> bytes:
        """Return a part of the page as PNG."""
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed, on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])

    def told(self, method: str) -> list[dict[str, Any]]:
        """Return what the browser told of one kind since the page was opened."""
        return [one["params"] for one in self.events if one["method"] == method]

    def end(self) -> None:
        """End the browser."""
        self._session = ""
        with suppress(BrowserFailed, OSError):
            self.call("Browser.close")
        for handle in (self._to, self._from):
            os.close(handle)
        deadline = time.monotonic() + 10
        while os.waitpid(self._process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self._process, signal.SIGKILL)
            time.sleep(0.01)

    def _until(self, wanted: Any) -> Mapping[str, Any]:
        """Return the first message that is wanted; the others are kept as events."""
        deadline = time.monotonic() + SECONDS
        while True:
            whole, separator, rest = self._read.partition(b"\0")
            if separator:
                self._read = rest
                message = json.loads(whole)
                if "method" in message:
                    self.events.append(message)
                if wanted(message):
                    found: Mapping[str, Any] = message
                    return found
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise BrowserFailed(f"no answer within {SECONDS:.0f} s")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise BrowserFailed("the browser ended")
            self._read += part


@contextmanager
def running(program: str) -> Iterator[Browser]:
    """Run a browser with a profile of its own, which is removed with it.

    Args:
        program: Path of a Chromium.

    Raises:
        BrowserFailed: It does not start.
    """
    # root has no namespace to build a sandbox in; what is shown here is our own file.
    options = (*OPTIONS, *(("--no-sandbox",) if os.geteuid() == 0 else ()))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        commands, to = pipe()
        answers_in, answers = pipe()
        silent = os.open(os.devnull, os.O_RDWR)
        process = os.posix_spawn(
            program,
            [program, *options, f"--user-data-dir={profile}", "about:blank"],
            {**os.environ, "HOME": profile},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, commands, 3),
                (os.POSIX_SPAWN_DUP2, answers, 4),
                *((os.POSIX_SPAWN_DUP2, silent, one) for one in (0, 1, 2)),
            ],
        )
        for handle in (commands, answers, silent):
            os.close(handle)
        browser = Browser(process, to, answers_in)
        try:
            browser.attach()
            yield browser
        finally:
            browser.end()


def pipe() -> tuple[int, int]:
    """Return a pipe whose ends are none of the numbers that a browser is given."""
    ends = []
    for handle in os.pipe():
        ends.append(fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(handle)
    return ends[0], ends[1]
