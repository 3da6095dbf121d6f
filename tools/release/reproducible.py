#!/usr/bin/env python3
"""Build the last commit twice, in ways that must not show, and compare every byte.

    python3 tools/release/reproducible.py

The builds differ in folder, time, umask, time zone, language, home, hash seed and user: another
where this runs as root and another can reach the Pythons, else this one in a namespace where all
ids are others. diffoscope says where two files differ, if it is installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import FUNCTIONS_PYTHON, ROOT, Missing, find_interpreter, uv
from tools.release.version import commit

STRANGER = 4711
"""An id that no user here has."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how one build happens.

    Attributes:
        folder: The name of its folder.
        umask: Its umask.
        variables: What is in its environment besides PATH, HOME and TMPDIR.
        user: The user who builds, None for the one who runs this.
        disguise: Words before the command, which give it other ids.
    """

    folder: str
    umask: int
    variables: dict[str, str]
    user: str | None = None
    disguise: tuple[str, ...] = ()


def settings() -> tuple[Setting, Setting]:
    """Return the two settings, as far apart as this machine allows."""
    one = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
    two = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}
    user = other_user()
    disguise = () if user else other_ids()
    return Setting("one", 0o022, one), Setting("another folder", 0o077, two, user, disguise)


def other_user() -> str | None:
    """Return a user who can build here and is not this one, None where there is none."""
    if os.getuid():
        return None
    name = "nobody"
    tried = [sys.executable, str(find_interpreter(FUNCTIONS_PYTHON) or sys.executable), str(uv())]
    for program in tried:
        try:
            subprocess.run([program, "--version"], user=name, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    return name


def other_ids() -> tuple[str, ...]:
    """Return words that have a command see another user and group, none where nothing can.

    In a user namespace it has the rights of the user who runs this, and whatever it asks for an id,
    its own or a file's, answers with another.
    """
    words = ("unshare", "--user", f"--map-user={STRANGER}", f"--map-group={STRANGER}", "--")
    try:
        subprocess.run([*words, sys.executable, "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return words


def build(setting: Setting, scratch: Path) -> Path:
    """Build in a clone and return its `dist`.

    Raises:
        Missing: The build failed.
    """
    folder = scratch / setting.folder
    checkout, home, temporary = folder / "checkout", folder / "home", folder / "tmp"
    previous = os.umask(setting.umask)
    try:
        for path in (folder, home, temporary):
            path.mkdir(mode=0o755)
        subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    finally:
        os.umask(previous)
    if setting.user:
        owner = pwd.getpwnam(setting.user)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    done = subprocess.run(
        [*setting.disguise, sys.executable, "tools/release/dist.py"],
        cwd=checkout,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(temporary),
            # What tells pip and uv where packages are, and pyenv where Pythons are.
            **{
                name: value
                for name, value in os.environ.items()
                if name.startswith(("PIP_", "UV_", "PYENV_ROOT", "SSL_CERT_"))
            },
            **setting.variables,
        },
        umask=setting.umask,
        user=setting.user,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"the build in {setting.folder!r} failed:\n{done.stdout}")
    return checkout / "dist"


def compare(one: Path, two: Path) -> list[str]:
    """Return the names of the files that are not in both folders with the same bytes."""
    names = sorted({path.name for folder in (one, two) for path in folder.iterdir()})
    return [
        name
        for name in names
        if not ((one / name).exists() and (two / name).exists())
        or (one / name).read_bytes() != (two / name).read_bytes()
    ]


def explain(one: Path, two: Path) -> str:
    """Return where two files differ, as far as this machine can say."""
    if not (one.exists() and two.exists()):
        return "only one of the builds has it"
    if not (diffoscope := shutil.which("diffoscope")):
        return "install diffoscope to see where (Debian: apt-get install diffoscope-minimal)"
    told = subprocess.run([diffoscope, one, two], capture_output=True, text=True, check=False)
    return told.stdout or told.stderr


def main() -> int:
    """Run the command line."""
    if commit().endswith("-dirty"):
        print(
            "what is not committed is not built: commit it, or read this of HEAD", file=sys.stderr
        )
    first, second = settings()
    if not (second.user or second.disguise):
        print("both builds are this user's: there is no other who can build", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)
        try:
            built = []
            for setting in (first, second):
                who = setting.user or (f"user {STRANGER}" if setting.disguise else "this user")
                print(f"building in {setting.folder!r} as {who}", file=sys.stderr)
                built.append(build(setting, scratch))
        except Missing as problem:
            print(problem, file=sys.stderr)
            return 1
        differing = compare(*built)
        for path in sorted(built[0].iterdir()):
            print("differs" if path.name in differing else "same   ", path.name)
        for name in differing:
            print(f"\n{name}:\n{explain(*(folder / name for folder in built))}")
        count = len(list(built[0].iterdir()))
        print(f"{len(differing) or 'none'} of {count} files differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
