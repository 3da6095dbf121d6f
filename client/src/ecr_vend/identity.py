"""Everything that chooses which AWS credentials the client would find, without finding them.

A cached token is served only where all of this is as it was when the token was fetched. So nothing
is left out for being unlikely: every AWS_ variable counts, whatever its name, and every file that
the credential chain read, by modification time, change time, size and inode.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLAIN_VARIABLES = ("BOTO_CONFIG", "HOME", "HOMEDRIVE", "HOMEPATH", "USERPROFILE")
"""What botocore reads besides AWS_ variables, directly or through `~`."""

FILE_VARIABLES = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CREDENTIAL_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "BOTO_CONFIG",
)
"""Variables that name a file."""

DEFAULT_FILES = {
    "AWS_CONFIG_FILE": ("~/.aws/config",),
    "AWS_SHARED_CREDENTIALS_FILE": ("~/.aws/credentials",),
    "BOTO_CONFIG": ("/etc/boto.cfg", "~/.boto"),
}
"""What botocore reads when the variable is not set."""

VOLATILE = frozenset({"_", "OLDPWD", "SHLVL", "ECR_VEND_LOG", "ECR_VEND_LOG_FILE"})
"""Variables a shell changes by itself, and those of the log; they choose nothing."""

MOST_FILES = 200
"""A sign-in cache with more files than this is judged by its folder alone... and never cached."""

TOKEN_FILE = re.compile(rb"^\s*web_identity_token_file\s*=\s*([^\0\n]+?)\s*$", re.MULTILINE)

Signature = list[int] | int | None


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a token depends on besides its key, as it was at one moment.

    Attributes:
        files: Path → its signature.
        environment: A digest of every variable and of the working directory, where the
            configuration runs a program that may read any of them; else None.
    """

    files: Mapping[str, Signature]
    environment: str | None

    def hold(self, environ: Mapping[str, str]) -> bool:
        """Return whether nothing has changed since."""
        return all(signature(path) == was for path, was in self.files.items()) and (
            self.environment is None or self.environment == whole(environ)
        )


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that choose credentials."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith("AWS_") or name in PLAIN_VARIABLES
    }


def fixed_files(environ: Mapping[str, str]) -> list[str]:
    """Return the absolute paths of the files that the variables name or imply, there or not."""
    found: list[str] = []
    for name in FILE_VARIABLES:
        named = environ.get(name)
        found.extend([named] if named else DEFAULT_FILES.get(name, ()))
    return [absolute(path) for path in found]


def absolute(path: str) -> str:
    """Return the path as botocore would open it: `~` and variables expanded."""
    # os.path, not pathlib: as botocore does it, and without an error where there is no home.
    return os.path.abspath(os.path.expandvars(os.path.expanduser(path)))  # noqa: PTH100, PTH111


def dependencies(environ: Mapping[str, str]) -> Dependencies:
    """Return what a token fetched now would depend on."""
    fixed = fixed_files(environ)
    files = dict.fromkeys(fixed)
    runs_a_program = False
    for path in fixed:
        content = text_of(path)
        files |= dict.fromkeys(files_named_in(content, environ))
        runs_a_program = runs_a_program or b"credential_process" in content
        # A path relative to the working directory is another file in another one.
        runs_a_program = runs_a_program or any(
            not Path(os.fsdecode(named)).is_absolute() for named in TOKEN_FILE.findall(content)
        )
    return Dependencies(
        {path: signature(path) for path in files}, whole(environ) if runs_a_program else None
    )


def files_named_in(content: bytes, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what a configuration file makes the chain read: token files and sign-in caches."""
    for named in TOKEN_FILE.findall(content):
        yield absolute(os.fsdecode(named))
    if b"sso_" in content:
        yield from folder("~/.aws/sso/cache")
    if b"login_session" in content:
        yield from folder(environ.get("AWS_LOGIN_CACHE_DIRECTORY") or "~/.aws/login/cache")


def folder(path: str) -> Iterator[str]:
    """Yield a folder and the files in it: its own times tell of new ones, theirs of changes."""
    home = Path(absolute(path))
    yield str(home)
    try:
        inside = sorted(home.iterdir())
    except OSError:
        return
    yield from map(str, inside[:MOST_FILES])


def text_of(path: str) -> bytes:
    """Return a small file's content, nothing where it cannot be read.

    Of regular files only: what is read from a pipe is gone for the credential chain, and a pipe
    that nobody writes to would hold the call up.
    """
    try:
        if not Path(path).is_file():
            return b""
        with Path(path).open("rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def signature(path: str) -> Signature:
    """Return what changes when a file does, an error number, or None where there is none."""
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a NUL in it
        return None
    except OSError as error:
        return error.errno or -1
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev]


def whole(environ: Mapping[str, str]) -> str:
    """Return a digest of the whole environment and the working directory."""
    kept = {name: value for name, value in environ.items() if name not in VOLATILE}
    try:
        place = str(Path.cwd())
    except OSError:
        place = ""
    return digest([kept, place])


def digest(value: object) -> str:
    """Return a digest of plain data that differs whenever the data does."""
    # ASCII output, so that bytes of the environment that are not UTF-8 have a form too.
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
