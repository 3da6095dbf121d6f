#!/usr/bin/env python3
"""Build the client's container image into `build/image`: an OCI archive, its digest and its bills.

    python3 tools/artefacts/image/build.py
    python3 tools/artefacts/image/build.py --base local    # where no registry is reached
    python3 tools/artefacts/image/build.py --platform linux/amd64,linux/arm64 \\
        --client dist/ecr-vend.pyz
    python3 tools/artefacts/image/build.py --merge FOLDER FOLDER    # built on two machines
    python3 tools/artefacts/image/build.py ... --bills-to dist      # a release has its bills

The client in it is the single file of a release, unpacked. The same base and commit give the same
digest. The folder is replaced as a whole, once everything is built.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.artefacts import bundle, pyz
from tools.artefacts.image import base, builders, layout
from tools.debian_root import architecture
from tools.environments import ROOT, Missing, make, run
from tools.release import sums
from tools.release.build_record import BuildRecord
from tools.release.identity import BILL
from tools.release.version import commit, epoch, version

ARCHIVE = "ecr-vend-image.tar"
RECORD = bundle.BUILD / "image.json"
"""How the last build went, for `make durations`."""

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
            for name in packed.namelist():
                packed.extract(name, inside)
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
    return f"linux/{architecture()}"


def build(
    scratch: Path,
    *,
    platforms: list[str],
    base_name: str,
    builder: builders.Builder,
    record: BuildRecord,
    client: Path | None = None,
) -> dict[str, Path]:
    """Build an image of each platform, and note it; platform → its layout, under `scratch`.

    Raises:
        Missing: It did not build; the message says why.
    """
    arguments = {
        "BASE": base_name,
        "VERSION": version(),
        "REVISION": commit(),
        "CREATED": datetime.fromtimestamp(int(epoch()), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    copied = context(scratch / "context", client)
    built = {one: scratch / one.replace("/", "-") for one in platforms}
    for one, image in built.items():
        print(f"building the image for {one} on {base_name}", file=sys.stderr)
        with record.step(f"image for {one}") as sizes:
            builder.build(builders.Order(one, copied, arguments, epoch()), image)
            sizes[one] = size(image, layout.manifests(image)[one])
    return built


def size(image: Path, manifest: str) -> int:
    """Return how many bytes whoever pulls an image downloads."""
    return sum(path.stat().st_size for path in layout.layers(image, manifest))


def built_before(scratch: Path, folders: list[Path]) -> dict[str, Path]:
    """Return platform → layout of the images that builds on other machines left in folders.

    Raises:
        Missing: One of them is none, two are of one platform, or of different commits.
    """
    built: dict[str, Path] = {}
    revisions: dict[str, Path] = {}
    for number, folder in enumerate(folders):
        try:
            image = layout.unpack(folder / ARCHIVE, scratch / str(number))
            found = layout.manifests(image)
            said = {layout.labels(image, digest)["revision"] for digest in found.values()}
        except (OSError, tarfile.TarError, ValueError, KeyError) as problem:
            raise Missing(
                f"{folder} has no image ({problem}): `make image` leaves one in build/image"
            ) from None
        if twice := sorted(found.keys() & built.keys()):
            raise Missing(f"{folder}: another folder has an image for {', '.join(twice)} already")
        revisions |= dict.fromkeys(said, folder)
        if len(revisions) > 1:
            told = ", ".join(f"{folder} is of {revision}" for revision, folder in revisions.items())
            raise Missing(f"these are images of different commits: {told}")
        built |= dict.fromkeys(found, image)
    return built


def finish(built: dict[str, Path], scratch: Path, out: Path) -> dict[str, Any]:
    """Make one archive of all platforms' images and describe it in `out`, which is replaced.

    Raises:
        Missing: The bills could not be written.
    """
    image, fresh = scratch / "layout", scratch / "out"
    fresh.mkdir()
    first = next(iter(built))
    said = layout.labels(built[first], layout.manifests(built[first])[first])
    digest = layout.merge(dict(sorted(built.items())), image, said["version"])
    layout.pack(image, fresh / ARCHIVE)
    (fresh / "digest").write_text(f"{digest}\n")
    run(make("release") / "bin/python", ROOT / "tools/artefacts/bills.py", fresh / ARCHIVE)
    platforms = {
        one: {
            "manifest": manifest,
            "base": layout.labels(image, manifest)["base.name"],
            "bytes": size(image, manifest),
        }
        for one, manifest in layout.manifests(image).items()
    }
    described: dict[str, Any] = {
        "version": said["version"],
        "commit": said["revision"],
        "digest": digest,
        "platforms": platforms,
    }
    (fresh / "image.json").write_text(json.dumps(described, indent=2) + "\n")
    for path in (fresh, *fresh.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    bundle.replace(out, fresh)
    return described


def add_bills(out: Path, release: Path) -> None:
    """Put the images' bills among the files of a release.

    Raises:
        Missing: The folder is no release, or one that is not as its sums say.
    """
    sums.checked(release)
    for path in out.glob(f"*{BILL}"):
        shutil.copy(path, release)
    sums.write(release)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--base", help="another base than client/Dockerfile names; local: made here")
    made.add_argument(
        "--platform", default=this_platform(), help="linux/amd64,linux/arm64; this machine's"
    )
    made.add_argument("--client", type=Path, help="an ecr-vend.pyz; built if not given")
    made.add_argument("--builder", choices=("buildah", "docker"), help="the one that is here")
    made.add_argument(
        "--merge", type=Path, nargs="+", metavar="FOLDER",
        help="build nothing: put the images in these folders into one",
    )  # fmt: skip
    made.add_argument(
        "--bills-to", type=Path, metavar="DIST",
        help="put the bills into a release's folder as well, and into its sums",
    )  # fmt: skip
    made.add_argument("--json", action="store_true", help="print what was built as JSON")
    made.add_argument(
        "--out", type=Path, default=bundle.BUILD / "image", help="the folder; build/image"
    )
    return made


def main() -> int:
    """Run the command line."""
    command = parser()
    arguments = command.parse_args()
    platforms = list(dict.fromkeys(arguments.platform.split(",")))
    if unknown := [one for one in platforms if one not in base.PROCESSORS]:
        command.error(f"no platform: {', '.join(unknown)}; there are {', '.join(base.PROCESSORS)}")
    out = arguments.out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Beside the result, so that it is moved there in one step.
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            scratch = Path(folder)
            if arguments.merge:
                built = built_before(scratch, arguments.merge)
            else:
                record = BuildRecord()
                built = build(
                    scratch,
                    record=record,
                    platforms=platforms,
                    base_name=arguments.base or default_base(),
                    builder=builders.choose(arguments.builder),
                    client=arguments.client,
                )
                record.write(RECORD)
            described = finish(built, scratch, out)
        if arguments.bills_to:
            add_bills(out, arguments.bills_to)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"the image could not be written, and the last one stays: {problem}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(described, indent=2))
        return 0
    for one, told in described["platforms"].items():
        print(f"{told['bytes'] / 1e6:8.2f} MB  {one}")
    print(f"{described['digest']} in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
