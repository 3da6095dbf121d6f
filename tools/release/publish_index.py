#!/usr/bin/env python3
"""Upload a release's packages to the Python Package Index, as they were published and verified.

    python3 tools/release/publish_index.py dist

In GitHub Actions by trusted publishing: the index takes the workflow's identity, and there is no
token to lose. Elsewhere by what uv knows: UV_PUBLISH_URL, UV_PUBLISH_TOKEN. A file that is there
already with the same bytes is left as it is, so that this can be run again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import Missing, child_environment, uv
from tools.release.version import version


def packages(folder: Path) -> list[Path]:
    """Return the wheels and the source distribution in a folder.

    Raises:
        Missing: There are none, or one is of another version than this checkout.
    """
    wheels, sources = (sorted(folder.glob(f"ecr_vend-*{end}")) for end in (".whl", ".tar.gz"))
    if not (wheels and sources):
        raise Missing(
            f"{folder} holds no wheel or no source distribution: it is not a release's folder"
        )
    for path in (*wheels, *sources):
        if not path.name.startswith((f"ecr_vend-{version()}-", f"ecr_vend-{version()}.tar")):
            raise Missing(
                f"{path.name} is not of version {version()}: check out the tag of its release"
            )
    return [*wheels, *sources]


def upload(files: list[Path]) -> None:
    """Upload the files.

    Raises:
        Missing: The index did not take them; the message has its words.
    """
    trusted = "always" if os.environ.get("GITHUB_ACTIONS") == "true" else "never"
    done = subprocess.run(
        [uv(), "publish", "--trusted-publishing", trusted, *files],
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"the packages were not uploaded:\n{done.stderr.strip()}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the release is, verified")
    try:
        files = packages(parser.parse_args().folder)
        upload(files)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    for path in files:
        print(f"uploaded {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
