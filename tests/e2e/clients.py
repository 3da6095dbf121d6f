"""How each registry client is called: one table, and what runs a row of it.

The command lines are those that people write. `{…}` stands for what differs from call to call, see
`Desk.run`; a row of several lines is run in order, and ends at the first that fails.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from local.images import write_layout
from local.oci import small_image
from tests.tools_at_hand import require_tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE = 120
"""Seconds for one command."""

DEBIAN_FIRST = f"/usr/bin{os.pathsep}/usr/sbin{os.pathsep}"
"""Before a PATH: the programs that Debian's packages bring, whatever else has their names."""

PATH = DEBIAN_FIRST + os.environ.get("PATH", os.defpath)
"""Where the clients and servers are looked for."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Client:
    """One registry client.

    Attributes:
        name: Its program.
        login: Signs in with what the credential helper has.
        login_with_password: Signs in with a password on stdin.
        logout: Signs out.
        make: Makes the image `{place}` on this machine, without a registry.
        push: Pushes it; the last digest on stdout is the image's.
        forget: Removes it from this machine.
        pull: Pulls it; the last digest on stdout is the image's.
        inspect: Asks the registry about it; the image's digest, or its configuration's, is shown.
        by_daemon: What the client leaves to a daemon.
    """

    name: str
    login: str
    login_with_password: str
    logout: str
    make: str
    push: str
    forget: str
    pull: str
    inspect: str
    by_daemon: frozenset[str] = frozenset()


CLIENTS = (
    Client(
        name="skopeo",
        login="skopeo login --tls-verify=false {host}",
        login_with_password=(
            "skopeo login --tls-verify=false --username AWS --password-stdin {host}"
        ),
        logout="skopeo logout {host}",
        make="cp -R {layout} {folder}/made",
        push=(
            "skopeo copy --quiet --dest-tls-verify=false --digestfile /dev/stdout"
            " oci:{folder}/made:image docker://{place}"
        ),
        forget="rm -R {folder}/made",
        pull=(
            "skopeo copy --quiet --src-tls-verify=false --digestfile /dev/stdout"
            " docker://{place} dir:{folder}/pulled"
        ),
        inspect="skopeo inspect --tls-verify=false --format {{{{.Digest}}}} docker://{place}",
    ),
    Client(
        name="podman",
        login="podman login --tls-verify=false {host}",
        login_with_password=(
            "podman login --tls-verify=false --username AWS --password-stdin {host}"
        ),
        logout="podman logout {host}",
        make="podman import --quiet {archive} {place}",
        push="podman push --quiet --tls-verify=false --digestfile /dev/stdout {place}",
        forget="podman rmi {place}",
        pull=(
            "podman pull --quiet --tls-verify=false {place}\n"
            "podman image inspect --format {{{{.Digest}}}} {place}"
        ),
        # It lists what is there, and inspects only what it has pulled.
        inspect=(
            "podman search --list-tags --tls-verify=false {repository}\n"
            "podman pull --quiet --tls-verify=false {place}\n"
            "podman image inspect --format {{{{.Digest}}}} {place}"
        ),
    ),
    Client(
        name="buildah",
        login="buildah login --tls-verify=false {host}",
        login_with_password=(
            "buildah login --tls-verify=false --username AWS --password-stdin {host}"
        ),
        logout="buildah logout {host}",
        make=(
            "buildah from --name made scratch\n"
            "buildah add --quiet made {archive} /\n"
            "buildah commit --quiet --rm made {place}"
        ),
        push="buildah push --quiet --tls-verify=false --digestfile /dev/stdout {place}",
        forget="buildah rmi {place}",
        pull=(
            "buildah pull --quiet --tls-verify=false {place}\n"
            "buildah inspect --type image --format {{{{.FromImageDigest}}}} {place}"
        ),
        # It inspects only what it has pulled.
        inspect=(
            "buildah pull --quiet --policy always --tls-verify=false {place}\n"
            "buildah inspect --type image --format {{{{.FromImageDigest}}}} {place}"
        ),
    ),
    Client(
        name="docker",
        login="docker login {host}",
        login_with_password="docker login --username AWS --password-stdin {host}",
        logout="docker logout {host}",
        make="docker import {archive} {place}",
        push="docker push {place}",
        forget="docker rmi {place}",
        pull="docker pull {place}",
        inspect="docker manifest inspect --insecure {place}",
        by_daemon=frozenset({"login", "make", "push", "forget", "pull"}),
        # It asks the registry as nobody instead, and shows what that says.
    ),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an operation.

    Attributes:
        ok: Whether every command of it succeeded.
        said: All that they printed.
        digests: Those on stdout, in order.
    """

    ok: bool
    said: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Desk:
    """One client with a home, an identity and a credential helper of its own.

    Attributes:
        client: Which.
        host: The registry's host and port.
        home: Its files, all of them.
        environment: With which it runs; `sat_down` makes it.
    """

    client: Client
    host: str
    home: Path
    environment: Mapping[str, str] = field(repr=False)

    def run(self, operation: str, place: str = "", *, typed: str = "", folder: str = "one") -> Done:
        """Carry out an operation of the table.

        Args:
            operation: The name of its column.
            place: The image, `HOST/REPOSITORY:TAG`.
            typed: What the command reads from stdin.
            folder: Whatever an operation leaves there, the next one finds.
        """
        own = self.home / folder
        own.mkdir(exist_ok=True)
        values = {
            "host": self.host,
            "place": place,
            "repository": place.rpartition(":")[0],
            "folder": own,
            "layout": self.home / "layout",
            "archive": self.home / "image.tar",
        }
        said, printed, code = "", "", 0
        for line in getattr(self.client, operation).splitlines():
            program, *arguments = shlex.split(line)
            done = subprocess.run(
                [
                    shutil.which(program, path=self.environment["PATH"]) or program,
                    *(argument.format(**values) for argument in arguments),
                ],
                env=dict(self.environment),
                input=typed,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            said += done.stdout + done.stderr
            printed += done.stdout
            if code := done.returncode:
                break
        return Done(not code, said, tuple(DIGEST.findall(printed)))


def sat_down(
    client: Client, host: str, home: Path, text: str, environment: Mapping[str, str]
) -> Desk:
    """Return a client whose files are all in `home`, with the helper named for `host`.

    Args:
        client: Which.
        host: The registry that the helper answers for.
        home: An empty folder.
        text: What the file in its image says.
        environment: Has the identity, and the folder of the helper first on the PATH.
    """
    require_tool(client.name, PATH)
    (home / "docker").mkdir()
    write(home / "docker/config.json", json.dumps({"credHelpers": {host: "ecr-vend"}}))
    # No part of the machine's own storage and no service of it: vfs works in any container.
    write(
        home / "storage.conf",
        f'[storage]\ndriver = "vfs"\ngraphroot = "{home}/images"\nrunroot = "{home}/run"\n',
    )
    write(
        home / "containers.conf",
        f'[engine]\ntmp_dir = "{home}/tmp"\nevents_logger = "file"\ncgroup_manager = "cgroupfs"\n',
    )
    write_layout(home / "layout", small_image(text))
    with tarfile.open(home / "image.tar", "w") as archive:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = len(text)
        archive.addfile(entry, BytesIO(text.encode()))
    return Desk(
        client,
        host,
        home,
        {
            **environment,
            "PATH": DEBIAN_FIRST + environment["PATH"],
            "DOCKER_CONFIG": str(home / "docker"),
            "REGISTRY_AUTH_FILE": str(home / "docker/config.json"),
            "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
            "CONTAINERS_CONF": str(home / "containers.conf"),
            "XDG_RUNTIME_DIR": str(home),
            "BUILDAH_ISOLATION": "chroot",
        },
    )


def write(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    file.touch(mode=0o600)
    file.write_text(text)
