"""`gh`, `skopeo` and `make` of the tests' own, which keep what they are told in a folder.

Each is this very file under another name on the PATH. The folder, `$FAKE_PROGRAMS`, holds `calls`,
a command a line; `releases.json` and `assets/TAG/NAME` of GitHub; `tags.json` of a registry. A file
`refuse-upload` there has the next upload end after one asset, `refuse-pins` has pins be missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

State = dict[str, Any]


def install(folder: Path) -> None:
    """Put the programs into a folder."""
    folder.mkdir()
    for name in ("gh", "skopeo", "make"):
        program = folder / name
        program.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text()}")
        program.chmod(0o755)


def home() -> Path:
    return Path(os.environ["FAKE_PROGRAMS"])


def read(name: str) -> State:
    path = home() / name
    found: State = json.loads(path.read_text()) if path.exists() else {}
    return found


def write(name: str, state: State) -> None:
    (home() / name).write_text(json.dumps(state))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fail(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(1)


def option(words: list[str], name: str) -> str:
    """Return what follows an option, or stands behind its `=`."""
    for place, word in enumerate(words):
        if word == name:
            return words[place + 1]
        if word.startswith(f"{name}="):
            return word.split("=", 1)[1]
    return ""


def gh(words: list[str]) -> None:
    """Act on releases as `gh release` does."""
    _, verb, *rest = words
    releases = read("releases.json")
    if verb == "list":
        rows = [
            {"tagName": tag, "isDraft": one["draft"], "isPrerelease": one["prerelease"]}
            for tag, one in releases.items()
        ]
        print(json.dumps(rows))
        return
    tag = rest[0]
    assets = home() / "assets" / tag
    if verb == "create":
        if tag in releases:
            fail("a release with the same tag name already exists")
        notes = Path(option(rest, "--notes-file")).read_text()
        draft, prerelease = "--draft" in rest, "--prerelease" in rest
        releases[tag] = {"draft": draft, "prerelease": prerelease, "notes": notes, "latest": False}
        assets.mkdir(parents=True)
        write("releases.json", releases)
        return
    if tag not in releases:
        fail("release not found")
    {"view": view, "upload": upload, "download": download, "edit": edit}[verb](
        releases, tag, assets, rest
    )


def view(releases: State, tag: str, assets: Path, _: list[str]) -> None:
    one = releases[tag]
    listed = [
        {"name": path.name, "state": "uploaded", "digest": f"sha256:{sha(path.read_bytes())}"}
        for path in sorted(assets.iterdir())
    ]
    if os.environ.get("FAKE_GH_WITHOUT_DIGESTS"):
        listed = [{"name": asset["name"], "state": "uploaded"} for asset in listed]
    told = {"isDraft": one["draft"], "isPrerelease": one["prerelease"], "body": one["notes"]}
    print(json.dumps(told | {"assets": listed}))


def upload(_: State, __: str, assets: Path, rest: list[str]) -> None:
    for name in rest[3:]:
        if (assets / Path(name).name).exists():
            fail("asset under the same name already exists")
        shutil.copy(name, assets)
        if (home() / "refuse-upload").exists():
            (home() / "refuse-upload").unlink()
            fail("connection reset")


def download(_: State, __: str, assets: Path, rest: list[str]) -> None:
    for path in assets.iterdir():
        if option(rest, "--pattern") in {"", path.name}:
            shutil.copy(path, option(rest, "--dir"))


def edit(releases: State, tag: str, _: Path, rest: list[str]) -> None:
    one = releases[tag]
    if "--draft=false" in rest:
        one["draft"] = False
    if "--prerelease" in rest or "--prerelease=false" in rest:
        one["prerelease"] = "--prerelease" in rest
    if file := option(rest, "--notes-file"):
        one["notes"] = Path(file).read_text()
    if "--latest" in rest or "--latest=true" in rest:
        for other in releases.values():
            other["latest"] = other is one
    elif "--latest=false" in rest:
        one["latest"] = False
    write("releases.json", releases)


def skopeo(words: list[str]) -> None:
    """Act on a registry as skopeo does; an image here is the bytes of its manifest."""
    tags = read("tags.json")
    verb, *rest = words
    if verb == "login":
        write("login.json", {"user": option(rest, "--username"), "password": sys.stdin.read()})
        return
    if verb == "inspect":
        name = rest[-1].removeprefix("docker://")
        if name not in tags:
            fail("reading manifest: manifest unknown")
        sys.stdout.write(tags[name])
        return
    source, target = rest[-2:]
    if source.startswith("oci-archive:"):
        manifest = Path(source.removeprefix("oci-archive:")).read_text()
    else:
        digest = source.split("@sha256:")[1]
        manifest = next((one for one in tags.values() if sha(one.encode()) == digest), "")
        if not manifest:
            fail("reading manifest: manifest unknown")
    tags[target.removeprefix("docker://")] = manifest
    write("tags.json", tags)


def make(_: list[str]) -> None:
    """Find every pin, unless told otherwise."""
    if (home() / "refuse-pins").exists():
        fail("pins are missing")


if __name__ == "__main__":
    with (home() / "calls").open("a") as calls:
        calls.write(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\n")
    {"gh": gh, "skopeo": skopeo, "make": make}[Path(sys.argv[0]).name](sys.argv[1:])
