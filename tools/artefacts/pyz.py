"""The client and its locked dependencies in one file, `ecr-vend.pyz`.

It runs on any Python from 3.11 on, on every system, and unpacks nothing. Under another name, copied
or linked, it is another program: see PROGRAMS. The same sources give the same bytes.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from tools.artefacts.archives import files, write_zip
from tools.environments import ROOT, SUPPORTED, Missing, run, uv
from tools.release.version import commit

NAME = "ecr-vend.pyz"
LOCK = ROOT / "client/requirements.txt"
SOURCES = ROOT / "client/src"
SHEBANG = b"#!/usr/bin/env python3\n"

PROGRAMS = {
    "docker-credential-ecr-vend": "ecr_vend.dialects.docker",
    "ecr-vend-credential-provider": "ecr_vend.dialects.kubelet",
}
"""The file's name, without an ending → the program it then is; `ecr-vend` under any other."""

PROCESSES = ("ecr_vend.renewal", "ecr_vend.keeper", "ecr_vend.front", *PROGRAMS.values())
"""What the programs, and the `sh` front beside an unpacked file, start as processes."""

SERVICES = ("signin", "sso", "sso-oidc", "sts")
"""The services that botocore asks for credentials: it describes some 430, in 25 MB."""

DROPPED = (
    "bin/*", "*.lock", "*/__pycache__/*", "*.pyc", "*/py.typed", "*.pyi",
    "*.dist-info/INSTALLER", "*.dist-info/REQUESTED", "*.dist-info/RECORD", "*.dist-info/WHEEL",
    "botocore/data/*/examples-1.json*", "botocore/data/*/paginators-1.json*",
    "botocore/data/*/waiters-2.json*", "botocore/cacert.pem", "dateutil/zoneinfo/*.tar.gz",
)  # fmt: skip
"""What no program needs. Licences and METADATA stay: users must be given the one, and whoever takes
stock of the file reads the other."""

MAIN = '''"""Run the program that this file is named after."""

import importlib
import os
import sys

PROGRAMS = {programs!r}
PROCESSES = {processes!r}

if sys.version_info < (3, 11):
    sys.exit("ecr-vend: Python 3.11 or newer is needed, this is " + sys.version.split()[0])
if sys.argv[1:2] == ["-m"] and sys.argv[2:3] and sys.argv[2] in PROCESSES:
    module = sys.argv[2]
    del sys.argv[1:3]
else:
    name = os.path.basename(sys.argv[0])
    module = PROGRAMS.get(os.path.splitext(name)[0], "ecr_vend.command_line")
importlib.import_module(module).main()
'''


def kept(path: str) -> bool:
    """Return whether the installed file at `path` goes into the file."""
    if any(fnmatchcase(path, pattern) for pattern in DROPPED):
        return False
    parts = path.split("/")
    return parts[:2] != ["botocore", "data"] or len(parts) == 3 or parts[2] in SERVICES


def put(folder: Path, name: str, content: bytes) -> None:
    """Write one file; botocore's packed descriptions unpacked, since the archive packs them."""
    if name.startswith("botocore/data/") and name.endswith(".json.gz"):
        name, content = name.removesuffix(".gz"), gzip.decompress(content)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def assemble(folder: Path, build: str) -> Path:
    """Write all that runs into `folder`, which Python then runs as it is, and return it.

    Args:
        folder: Made, and nothing else in it.
        build: What is built, for `ecr-vend version`.

    Raises:
        Missing: The dependencies were not to be had.
    """
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw"
        locked_only = ("--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", LOCK)
        # For the oldest Python: a lock's markers may leave out there what newer ones have anyway.
        target = ("--target", raw, "--python-version", SUPPORTED[-1])
        run(uv(), "pip", "install", "--quiet", *target, *locked_only)
        if native := [
            name for name, path in files(raw) if path.suffix in {".so", ".pyd", ".dylib"}
        ]:
            raise Missing(f"not for every system: {', '.join(native)}")
        for source in (raw, SOURCES):
            for name, path in files(source):
                if kept(name):
                    put(folder, name, path.read_bytes())
    said = json.dumps({"commit": commit(), "build": build}) + "\n"
    put(folder, "ecr_vend/release.json", said.encode())
    put(folder, "__main__.py", MAIN.format(programs=PROGRAMS, processes=PROCESSES).encode())
    return folder


def build(folder: Path) -> Path:
    """Build the file into `folder` and return its path.

    Raises:
        Missing: The dependencies were not to be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        inside = assemble(Path(scratch) / "inside", "pyz")
        write_zip(inside, folder / NAME, head=SHEBANG, mode=0o755)
    return folder / NAME
