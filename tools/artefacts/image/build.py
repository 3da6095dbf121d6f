#!/usr/bin/env python3
"""Build the client's container image into `build/image`: an OCI archive, its digest and its bills.

    python3 tools/artefacts/image/build.py
    python3 tools/artefacts/image/build.py --base local    # where no registry is reached
    python3 tools/artefacts/image/build.py --platform linux/amd64,linux/arm64 \\
        --client dist/ecr-vend.pyz

The client in it is the single file of a release, unpacked. The same base and commit give the same
digest. The folder is replaced as a whole, once everything is built.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.artefacts import bundle, pyz
from tools.artefacts.image import base, builders, layout
from tools.environments import ROOT, Missing, make, run
from tools.release.version import commit, epoch, version

ARCHIVE = "ecr-vend-image.tar"
ASSEMBLING = (
    "tools/__init__.py", "tools/artefacts/__init__.py", "tools/artefacts/image/__init__.py",
    "tools/artefacts/image/databases.py", "tools/artefacts/image/root.py",
)  # fmt: skip
"""What runs in the base."""

DEFAULT_BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)


def context(folder: Path, client: Path | None) -> Path:
    """Write what the Dockerfile copies, and return the folder.

    Args:
        folder: To make.
        client: The single file of a release; None builds one.

    Raises:
        Missing: It is not one of this commit.
    """
    inside = folder / "client"
    file = client or pyz.build(folder.with_name(f"{folder.name}.pyz"))
    try:
        with zipfile.ZipFile(file) as packed:
            packed.extractall(inside)
        said = json.loads((inside / "ecr_vend/release.json").read_text())
    except (OSError, zipfile.BadZipFile, ValueError) as problem:
        raise Missing(f"{file} is no ecr-vend.pyz ({problem}): `make dist` builds one") from None
    if said["commit"] != commit():
        raise Missing(
            f"{file} is of commit {said['commit'] or 'unknown'}, and the image of {commit()}: "
            "build the file again (make dist)"
        )
    (inside / "ecr_vend/release.json").write_text(json.dumps(said | {"build": "image"}) + "\n")
    for name in ASSEMBLING:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def default_base() -> str:
    """Return the base that the Dockerfile names."""
    found = DEFAULT_BASE.search(builders.DOCKERFILE.read_text())
    assert found  # noqa: S101 for the type checker
    return found[1]


def this_platform() -> str:
    """Return this machine's platform, as images name it."""
    processor = platform.machine().lower()
    return f"linux/{({'x86_64': 'amd64', 'aarch64': 'arm64'}).get(processor, processor)}"


def build(
    out: Path,
    *,
    platforms: list[str],
    base_name: str,
    builder: builders.Builder,
    client: Path | None = None,
) -> dict[str, object]:
    """Build an image of each platform into `out`, which is replaced; what was built.

    Raises:
        Missing: It did not build; the message says why.
    """
    arguments = {
        "BASE": base_name,
        "VERSION": version(),
        "REVISION": commit(),
        "CREATED": datetime.fromtimestamp(int(epoch()), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        home = Path(scratch)
        copied = context(home / "context", client)
        built = {}
        for one in platforms:
            print(f"building the image for {one} on {base_name}", file=sys.stderr)
            built[one] = home / one.replace("/", "-")
            builder.build(builders.Order(one, copied, arguments, epoch()), built[one])
        fresh = home / "out"
        fresh.mkdir()
        digest = layout.merge(built, home / "layout", version())
        layout.pack(home / "layout", fresh / ARCHIVE)
        (fresh / "digest").write_text(f"{digest}\n")
        run(make("release") / "bin/python", ROOT / "tools/artefacts/bills.py", fresh / ARCHIVE)
        described: dict[str, object] = {"base": base_name, "digest": digest, "platforms": {}}
        for one, manifest in layout.manifests(home / "layout").items():
            size = sum(path.stat().st_size for path in layout.layers(home / "layout", manifest))
            assert isinstance(described["platforms"], dict)  # noqa: S101 for the type checker
            described["platforms"][one] = {"manifest": manifest, "bytes": size}
        (fresh / "image.json").write_text(json.dumps(described, indent=2) + "\n")
        for path in fresh.iterdir():
            path.chmod(0o644)
        bundle.replace(out, fresh)
        out.chmod(0o755)
    return described


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--base", help="another base than client/Dockerfile names; local: made here"
    )
    parser.add_argument(
        "--platform", default=this_platform(), help="linux/amd64,linux/arm64; this machine's"
    )
    parser.add_argument("--client", type=Path, help="an ecr-vend.pyz; built if not given")
    parser.add_argument("--builder", choices=("buildah", "docker"), help="the one that is here")
    parser.add_argument(
        "--out", type=Path, default=bundle.BUILD / "image", help="the folder; build/image"
    )
    arguments = parser.parse_args()
    platforms = arguments.platform.split(",")
    if unknown := [one for one in platforms if one not in base.PROCESSORS]:
        parser.error(f"no platform: {', '.join(unknown)}; there are {', '.join(base.PROCESSORS)}")
    try:
        described = build(
            arguments.out.absolute(),
            platforms=platforms,
            base_name=arguments.base or default_base(),
            builder=builders.choose(arguments.builder),
            client=arguments.client,
        )
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps(described, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
