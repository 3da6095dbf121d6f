"""The cache: whether it can be used, and what it holds."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ecr_vend import private_files
from ecr_vend.diagnosis import OK, WARN, Case, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT = "every pull asks the service anew"


def cache(case: Case) -> Iterator[Finding]:
    """Look at the folder, and leave it as it is."""
    if not case.settings:
        return
    folder = case.settings.cache_dir
    try:
        found = folder.lstat()
    except FileNotFoundError:
        yield Finding("cache", OK, f"{folder} (not there yet)")
        return
    except OSError as error:
        detail = f"{folder} cannot be used ({error.strerror}): {WITHOUT}"
        yield Finding("cache", WARN, detail, "set ECR_VEND_CACHE_DIR to a folder of your own")
        return
    try:
        private_files.check(found, is_kind=stat.S_ISDIR(found.st_mode))
    except OSError as error:
        detail = f"{folder} is {error}: {WITHOUT}"
        yield Finding("cache", WARN, detail, f"remove it, or make it yours: chmod 700 {folder}")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        detail = f"{folder} cannot be written: {WITHOUT}"
        yield Finding("cache", WARN, detail, "set ECR_VEND_CACHE_DIR to a folder of your own")
        return
    files = [path for path in folder.rglob("*") if path.is_file()]
    tokens = sum(path.suffix == ".token" for path in files)
    size = sum(path.stat().st_size for path in files)
    yield Finding(
        "cache", OK, f"{folder}: tokens {tokens}, files {len(files)}, {size / 1024:.0f} KiB"
    )
