"""Sign what is in `dist/` as the workflow that runs this: sums, artefacts and provenance.

    make sign

Only the release workflow can: GitHub vouches for it, and sigstore's certificate names it. Beside
SHA256SUMS and each artefact comes `NAME.sigstore.json`; the signed provenance is
`ecr-vend.intoto.jsonl`. There is no key to keep, and none to lose.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sigstore._internal.fulcio.client import FulcioClientError
from sigstore._internal.rekor import RekorClientError
from sigstore.dsse import Statement
from sigstore.errors import Error
from sigstore.models import ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IdentityToken, detect_credential
from sigstore.sign import Signer, SigningContext

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.environments import ROOT, Missing
from tools.release import origin
from tools.release.identity import (
    ATTESTATION,
    BILL,
    BUILD_TYPE,
    PAYLOAD_TYPE,
    SIGNATURE,
    STATEMENT,
    SUMS,
)
from tools.release.signatures import one_line
from tools.release.sums import checked

REFUSED = (Error, ExpiredIdentity, FulcioClientError, RekorClientError, OSError, ValueError)
"""What the clients of sigstore's services raise; they have no kind in common."""

NOBODY = (
    "There is no workflow here that GitHub vouches for, and nobody else signs a release.\n"
    "In the workflow: permissions: id-token: write. Your own `make dist` stays unsigned, and\n"
    "`make verify-release DIR=dist ARGS=--allow-unsigned` says what that leaves open."
)


def statement(folder: Path, sums: dict[str, str]) -> bytes:
    """Return the provenance that is to be signed.

    Raises:
        Missing: There is none, or it is of something else.
    """
    try:
        content = (folder / STATEMENT).read_bytes()
    except FileNotFoundError:
        raise Missing(f"there is no {STATEMENT} in {folder}: run `make provenance`") from None
    try:
        document = origin.read(PAYLOAD_TYPE, content)
        files, _ = origin.subjects(document)
    except origin.Odd as problem:
        raise Missing(f"{STATEMENT}: {problem}") from None
    kind = origin.at(document, "predicate", "buildDefinition", "buildType")
    if kind != BUILD_TYPE:
        raise Missing(f"{STATEMENT} is that of {kind}: only a workflow's build is signed")
    if faults := list(origin.differing(files, sums, all_of_it=True)):
        raise Missing(f"{STATEMENT} is not of what is here: {'; '.join(faults)}")
    return content


def identity() -> IdentityToken:
    """Return the token with which GitHub vouches for this run.

    Raises:
        Missing: There is none.
    """
    try:
        token = detect_credential()
    except Error as problem:
        raise Missing(f"{NOBODY}\n({one_line(problem)})") from None
    if not token:
        raise Missing(NOBODY)
    return IdentityToken(token)


def sign(folder: Path, trust_config: Path | None) -> list[Path]:
    """Sign a folder; the signatures' paths.

    Raises:
        Missing: It is not what the sums and the provenance say, or nobody may sign here.
    """
    sums = checked(folder)
    content = statement(folder, sums)
    token = identity()
    try:
        if trust_config:
            trust = ClientTrustConfig.from_json(trust_config.read_text())
        else:
            trust = ClientTrustConfig.production()
        with SigningContext.from_trust_config(trust).signer(token) as signer:
            return [*files(signer, folder, sums), provenance(signer, folder, content)]
    except REFUSED as problem:
        raise Missing(f"sigstore did not sign: {one_line(problem)}") from problem


def files(signer: Signer, folder: Path, sums: dict[str, str]) -> list[Path]:
    """Sign the sums, and each artefact for those who download nothing else."""
    signed = []
    for name in [SUMS, *(name for name in sums if not name.endswith(BILL))]:
        path = folder / f"{name}{SIGNATURE}"
        bundle = signer.sign_artifact((folder / name).read_bytes())
        path.write_text(bundle.to_json() + "\n")
        signed.append(path)
    return signed


def provenance(signer: Signer, folder: Path, content: bytes) -> Path:
    """Sign the provenance, its bytes as they are."""
    path = folder / ATTESTATION
    # One line, whatever the library thinks of layout: each line of such a file is one bundle.
    bundle = json.loads(signer.sign_dsse(Statement(content)).to_json())
    path.write_text(json.dumps(bundle, separators=(",", ":")) + "\n")
    return path


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="make sign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist", help="dist")
    parser.add_argument(
        "--trust-config",
        type=Path,
        metavar="FILE",
        help="a sigstore client trust configuration, in place of sigstore's own",
    )
    arguments = parser.parse_args()
    try:
        for path in sign(arguments.folder, arguments.trust_config):
            print(path)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
