"""A private folder with the configuration of docker and podman, for one command and no longer.

In it stand the tokens of some registries, beside all else that the person's own configuration
says: credentials of other registries, proxies, contexts, plugins. A lock in it is held while it is
in use, and its name has the number of the process it serves, so that what a crash left can be told.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import keeper, private_files, single_file
from ecr_vend.errors import Problem
from ecr_vend.overlaid_configs import basic, for_containers, for_docker
from ecr_vend.private_files import Lock
from ecr_vend.registry_configs import docker_config, host_of, read

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ecr_vend.secret import Secret

PREFIX = "ecr-vend-exec-"
NAME = re.compile(PREFIX + r"([0-9]+)-\w+")
LOCK = ".ecr-vend-lock"
NEEDED = ("LD_", "DYLD_", "SYSTEMROOT")
"""Beginnings of the names of variables without which Python may not start."""


class ConfigFolder:
    """The folder, from when it is made until it is removed.

    Attributes:
        path: Where it is; `DOCKER_CONFIG` of the command.
        auth_file: `REGISTRY_AUTH_FILE` of the command.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Make it, after what earlier commands left has been removed.

        Raises:
            Problem: `no_private_folder`.
        """
        base = parent(environ)
        sweep(base)
        try:
            made = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base)
        except OSError as error:
            raise unusable(base, error) from None
        self.path = Path(made)
        self.auth_file = self.path / "auth.json"
        self._lock: Lock | None = None
        try:
            self._lock = Lock.take(self.path / LOCK)
        except OSError as error:
            self.remove()
            raise unusable(base, error) from None

    def remove(self) -> None:
        """Remove it."""
        if self._lock:
            self._lock.release()  # Windows removes no file that is open
        keeper.remove(str(self.path))

    def keep(self, environ: Mapping[str, str]) -> None:
        """Start the process that removes the folder when this one has ended, however it ends.

        Raises:
            Problem: `no_private_folder`.
        """
        assert self._lock is not None  # noqa: S101 the folder's name was new
        try:
            started = subprocess.Popen(
                [*keeping(), str(os.getpid()), str(self.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._lock.fileno(),),
                start_new_session=True,
                # Not the credentials: it outlives this process, and needs none.
                env={name: text for name, text in environ.items() if name.startswith(NEEDED)},
            )
        except OSError as error:
            raise unusable(self.path.parent, error) from None
        with started:
            assert started.stdout is not None  # noqa: S101 it is a pipe
            ready = started.stdout.read()
        if ready != b"ready":
            raise unusable(self.path.parent, OSError("its watcher did not start"))

    def fill(self, credentials: Mapping[str, Secret], environ: Mapping[str, str]) -> None:
        """Write the configuration.

        Args:
            credentials: Host as registry clients write it → the password for the user AWS.
            environ: The process environment, which says where the person's own files are.

        Raises:
            Problem: `bad_config` of one of those files; `no_private_folder`.
        """
        own = docker_config(environ)
        entries = {host: {"auth": basic(password)} for host, password in credentials.items()}
        docker = for_docker(read(own) or {}, own, entries, environ)
        containers = for_containers(entries, environ)
        try:
            link_others(own.parent, self.path)
            for path, document in ((own.name, docker), (self.auth_file.name, containers)):
                private_files.write(self.path / path, json.dumps(document).encode())
        except OSError as error:
            raise unusable(self.path.parent, error) from None

    def variables(self, credentials: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the command."""
        changed = {
            **environ,
            "DOCKER_CONFIG": str(self.path),
            "REGISTRY_AUTH_FILE": str(self.auth_file),
        }
        # docker from 28.3 on takes the credentials in this variable before those of any file.
        if given := environ.get("DOCKER_AUTH_CONFIG"):
            with contextlib.suppress(ValueError, AttributeError, RecursionError):
                document = json.loads(given)
                auths = document.get("auths") or {}
                kept = {key: auths[key] for key in auths if host_of(key) not in credentials}
                changed["DOCKER_AUTH_CONFIG"] = json.dumps({**document, "auths": kept})
        return changed


def parent(environ: Mapping[str, str]) -> Path:
    """Return where the folder goes: the user's runtime folder, which is in memory, where it is
    the user's alone; else the one for temporary files.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if Path(runtime).is_absolute():
        with contextlib.suppress(OSError):
            found = os.stat(runtime)  # noqa: PTH116 a link to it is as good
            private_files.check(found, is_kind=stat.S_ISDIR(found.st_mode))
            return Path(runtime)
    named = environ.get("TMPDIR", "")
    return Path(named) if Path(named).is_absolute() else Path(tempfile.gettempdir())


def sweep(base: Path) -> int:
    """Remove the folders whose command and keeper are gone; return how many there were.

    After a machine or container was stopped at once nothing else removes them.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in sorted(base.glob(f"{PREFIX}*")):
            if (named := NAME.fullmatch(path.name)) and left_behind(path, int(named[1])):
                keeper.remove(str(path))
                removed += 1
    return removed


def left_behind(path: Path, pid: int) -> bool:
    """Return whether a folder is this user's, and nobody's any more."""
    if sys.platform != "win32" and keeper.alive(pid):
        return False
    try:
        found = path.lstat()
        private_files.check(found, is_kind=stat.S_ISDIR(found.st_mode))
        lock = Lock.take(path / LOCK)
    except OSError:
        return False
    if lock is None:
        return False
    with lock:
        return True


def unusable(base: Path, error: OSError) -> Problem:
    """Return the failure that the folder cannot be had."""
    return Problem("no_private_folder", folder=str(base), detail=error.strerror or str(error))


def link_others(source: Path, folder: Path) -> None:
    """Let the folder have whatever else docker's own has: contexts, plugins, certificates.

    Raises:
        OSError: The folder cannot be written.
    """
    try:
        found = sorted(source.absolute().iterdir())
    except OSError:
        return
    for path in found:
        if path.name.startswith(("config.json", "auth.json", LOCK)):
            continue
        try:
            (folder / path.name).symlink_to(path)
        except OSError:
            if os.name != "nt":
                raise
            # Windows lets few people make links; without its context docker finds no daemon.
            if path.name in {"contexts", "cli-plugins"}:
                shutil.copytree(path, folder / path.name)


def keeping() -> list[str]:
    """Return the words that start the process which waits; the shortest way to it there is."""
    options = ("-I", "-S")
    if single_file.archive():
        return single_file.command("ecr_vend.keeper", *options)
    return [sys.executable, *options, keeper.__file__]
