"""Images in a registry, copied and tagged by their digest through `skopeo`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.environments import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.release.commands import Commands

COPY = ("skopeo", "copy", "--all", "--preserve-digests")
ABSENT = ("manifest unknown", "name unknown", "repository name not known")
"""What registries say of a tag or a repository that is not there."""


class Images:
    """The tags of one image."""

    def __init__(self, commands: Commands, name: str, login: Path | None = None) -> None:
        """Look at an image.

        Args:
            commands: What runs skopeo.
            name: With its registry, without a tag.
            login: A file with the registry's credentials, None for skopeo's own.
        """
        self._commands = commands
        self.name = name
        self._login = ("--authfile", str(login)) if login else ()

    def digest(self, tag: str) -> str | None:
        """Return the digest that a tag leads to, None where there is no such tag.

        Raises:
            Missing: The registry was not reached, or says no.
        """
        image = f"docker://{self.name}:{tag}"
        done = self._commands.tried("skopeo", "inspect", *self._login, "--raw", image)
        if done.returncode == 0:
            # The digest of an image is that of its manifest, which is what --raw prints.
            return hashlib.sha256(done.stdout).hexdigest()
        said = done.stderr.decode().strip()
        if any(words in said for words in ABSENT):
            return None
        raise Missing(f"the registry does not say what {self.name}:{tag} is: {said}")

    def push(self, archive: Path, tag: str, digest: str) -> None:
        """Have a tag lead to the image in an archive, unless it does so already.

        Raises:
            Missing: It leads to something else, before or after.
        """
        if self.digest(tag) is not None:
            self.demand(tag, digest)
        else:
            source = f"oci-archive:{archive}"
            self._commands.do(*COPY, *self._login, source, f"docker://{self.name}:{tag}")
            self._after(tag, digest)

    def move(self, tag: str, digest: str) -> None:
        """Have a tag lead to a digest that is in the registry, unless it does so already."""
        if self.digest(tag) != digest:
            source = f"docker://{self.name}@sha256:{digest}"
            self._commands.do(*COPY, *self._login, source, f"docker://{self.name}:{tag}")
            self._after(tag, digest)

    def demand(self, tag: str, digest: str) -> None:
        """Let only an image with this digest be under a tag.

        Raises:
            Missing: Another is, or none.
        """
        if (there := self.digest(tag)) != digest:
            found = f"sha256:{there}" if there else "not in the registry"
            raise Missing(
                f"{self.name}:{tag} is {found}, and the provenance is of sha256:{digest}. A"
                " version's image is never replaced"
            )

    def _after(self, tag: str, digest: str) -> None:
        if not self._commands.dry:
            self.demand(tag, digest)


@contextmanager
def logged_in(commands: Commands, name: str) -> Iterator[Path | None]:
    """Log in to an image's registry for a while, where a workflow's token is at hand.

    The token goes in by stdin, into a file that is gone afterwards.

    Raises:
        Missing: The registry says no.
    """
    token = os.environ.get("GH_TOKEN")
    if not token or os.environ.get("GITHUB_ACTIONS") != "true" or commands.dry:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "auth.json"
        user = os.environ.get("GITHUB_ACTOR", "github")
        login = ("skopeo", "login", "--authfile", str(file), "--username", user)
        words = [*login, "--password-stdin", name.split("/", maxsplit=1)[0]]
        done = subprocess.run(words, input=token.encode(), capture_output=True, check=False)
        if done.returncode:
            raise Missing(f"no login to the registry: {done.stderr.decode().strip()}")
        yield file
