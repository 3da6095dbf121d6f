"""The configuration files: where they are, who may have written them, and what they hold.

Whoever writes one chooses whom the caller's requests go to, which profile and role sign them, and
what is asked for. So a file that somebody else may write is refused, as ssh refuses one.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend.identity import signature
from ecr_vend.setting_values import bad

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_vend.identity import Signature

LARGEST = 1 << 20
"""Bytes of the largest file worth reading."""

NOBODY = 65534
"""The owner that the files of root have where a user namespace does not know it, as in rootless
containers."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file as it was read.

    Attributes:
        source: Whose it is: `user` or `system`.
        path: Where it is, or would be.
        seen: Its signature from before it was read; see `identity`.
        keys: What it says; nothing when there is no file.
    """

    source: str
    path: Path
    seen: Signature
    keys: Mapping[str, object]


def home(environ: Mapping[str, str]) -> Path:
    """Return the home directory, from the password file where HOME is not set.

    Never the working directory: whoever wrote what lies there would choose the endpoint. Where
    there is no home it is `/`, as in a container whose user is in no password file.
    """
    found = Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 Path.home raises
    return found if found.is_absolute() else Path(found.anchor or os.sep)


def config_path(environ: Mapping[str, str]) -> Path:
    """Return where the user's configuration file is, or would be."""
    if named := environ.get("ECR_VEND_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else home(environ) / ".config"
    return folder / "ecr-vend" / "config.toml"


def system_config_path(environ: Mapping[str, str]) -> Path:
    """Return where the configuration file of all users of this machine is, or would be."""
    if named := environ.get("ECR_VEND_SYSTEM_CONFIG"):
        return Path(named)
    if os.name == "nt":
        shared = environ.get("PROGRAMDATA") or "C:\\ProgramData"
        return Path(shared) / "ecr-vend" / "config.toml"
    return Path("/etc/ecr-vend/config.toml")


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """Return where tokens are kept when nothing says otherwise."""
    if os.name == "nt":
        local = environ.get("LOCALAPPDATA") or str(home(environ) / "AppData" / "Local")
        return Path(local) / "ecr-vend" / "cache"
    base = environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else home(environ) / ".cache"
    return folder / "ecr-vend"


def read(environ: Mapping[str, str]) -> tuple[ConfigFile, ConfigFile]:
    """Return the user's configuration file and the system's.

    Raises:
        Problem: One cannot be read, may be written by others, or is not TOML.
    """
    return (
        _parsed("user", config_path(environ)),
        _parsed("system", system_config_path(environ)),
    )


def _parsed(source: str, path: Path) -> ConfigFile:
    seen = signature(str(path))
    if not (content := content_of(path)):
        return ConfigFile(source, path, seen, {})
    import tomllib

    try:
        return ConfigFile(source, path, seen, tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise bad(path, f"is not TOML: {error}") from None


def content_of(path: Path, *, trusted: bool = True) -> bytes:
    """Return what a configuration file holds, nothing when there is none.

    Args:
        path: Where it is.
        trusted: Whether to refuse what others may write.

    Raises:
        Problem: It cannot be read, or is refused.
    """
    try:
        # Non-blocking, so that a pipe that nobody writes to does not hold the call up.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise bad(path, f"cannot be read: {error.strerror}") from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        if str(path) == os.devnull:
            return b""
        raise bad(path, "is not a file")
    with open(handle, "rb") as file:  # noqa: PTH123 a handle, not a path
        if trusted and (fault := distrust(found)):
            raise bad(path, fault)
        if found.st_size > LARGEST:
            raise bad(path, f"is larger than {LARGEST >> 20} MiB")
        try:
            return file.read(LARGEST)
        except OSError as error:
            raise bad(path, f"cannot be read: {error.strerror}") from None


def distrust(found: os.stat_result) -> str:
    """Return why a file may hold another user's words, empty when it does not seem to.

    Write permission for a group is none of others' where the group is root's, or the owner's own:
    where each user has a group, the usual umask is 002. As root every owner is taken, because root
    in a container or after sudo works in other people's homes.
    """
    if sys.platform == "win32":
        return ""  # its modes say nothing of who may write
    mode = stat.S_IMODE(found.st_mode)
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and found.st_gid not in {0, found.st_uid}):
        return "other users may write it, and so choose who gets your requests: `chmod go-w` it"
    user = os.geteuid()
    if user != 0 and found.st_uid not in {0, user, NOBODY}:
        return f"belongs to another user ({found.st_uid}): `chown` it to yourself or to root"
    return ""


def lines_of(path: Path) -> dict[tuple[str, ...], int]:
    """Return the line on which each key of a configuration file stands: (table…, key) → from 1.

    A key begins after the last line with which the file was TOML without it.
    """
    import tomllib

    found: dict[tuple[str, ...], int] = {}
    lines = content_of(path).decode().splitlines(keepends=True)
    whole = 0
    for number in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:number]))
        except ValueError:
            continue
        for key in keys_of(document):
            found.setdefault(key, whole + 1)
        whole = number
    return found


def keys_of(document: Mapping[str, object], *above: str) -> Iterator[tuple[str, ...]]:
    """Yield every key of a document, tables and what is in them."""
    for key, value in document.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from keys_of(value, *above, key)
