"""The checks of a downloaded release, each with a name, a verdict and a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.environments import Missing
from tools.release import insides, origin, sums
from tools.release.identity import ATTESTATION, BILL, SIGNATURE, STATEMENT, SUMS, version_of
from tools.release.signatures import Certified, Signatures, Unproven

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.release.identity import Signer


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it was.
        passed: The verdict; None where it was not looked at, which is no success.
        said: What was found, in a sentence.
    """

    name: str
    passed: bool | None
    said: str


@dataclass
class Verification:
    """A folder, what is expected of it, and what was found.

    Attributes:
        folder: Where the download is.
        signer: Makes the one expected of a version.
        trust: Gives what verifies signatures; only asked where there is one.
        only: Names to look at, empty for a whole release.
        version: The version it must be, None for what its files are named after.
        commit: The commit it must be of, None for any.
        unsigned: Whether to open files that are not signed at all.
        checks: What was looked at so far, in order.
        images: Image → digest, as the signed provenance says.
        certified: Who signed, and from which commit, once that is proven.
    """

    folder: Path
    signer: Callable[[str], Signer]
    trust: Callable[[], Signatures]
    only: tuple[str, ...] = ()
    version: str | None = None
    commit: str | None = None
    unsigned: bool = False
    checks: list[Check] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    certified: Certified | None = None

    def run(self) -> None:
        """Look at everything, in an order in which nothing is opened before it is proven.

        Raises:
            Missing: There is a signature, and no root of trust is to be had.
        """
        try:
            listed = sums.listed(self.folder)
        except (Missing, OSError) as problem:
            return self._say("contents", str(problem), passed=False)
        chosen = self._contents(listed)
        good = self._digests(chosen)
        named = version_of(list(listed))
        self.version = self.version or named
        if self.version is None:
            return self._say("version", f"{SUMS} names no version: give --version", passed=False)
        signer = self.signer(self.version)
        proven = self._sums_signature(signer)
        self._file_signatures(good, signer)
        self._provenance(listed, chosen, signer)
        if not proven and not (self.unsigned and proven is None):
            return self._say("insides", f"not opened: {SUMS} is not proven", passed=None)
        self._bills(good, listed)
        self._versions(good, named)
        return None

    def _say(self, name: str, said: str, *, passed: bool | None) -> None:
        # A file's name may hold what a terminal obeys.
        shown = "".join(letter if letter.isprintable() else "?" for letter in said)
        self.checks.append(Check(name, passed, shown))

    def _contents(self, listed: dict[str, str]) -> dict[str, str]:
        """Say whether the folder is complete; what to look at."""
        chosen = {name: listed[name] for name in self.only if name in listed} or dict(listed)
        faults = [f"{name} is not in {SUMS}" for name in self.only if name not in listed]
        faults += [f"{name} is missing" for name in sums.missing(self.folder, chosen)]
        if not self.only:
            faults += [f"{name} is not in {SUMS}" for name in sums.unlisted(self.folder, listed)]
            cure = " (to check some files of a release, name them: --only FILE)"
        else:
            cure = ""
        good = f"{len(chosen)} of {len(listed)} files" if self.only else f"{len(listed)} files"
        told = f"; {len(listed) - len(chosen)} more were not asked for" if self.only else ""
        self._say(
            "contents", "; ".join(faults) + cure if faults else good + told, passed=not faults
        )
        return chosen

    def _digests(self, chosen: dict[str, str]) -> dict[str, str]:
        """Say whether each file is the one that is listed; those that are."""
        altered = sums.differing(self.folder, chosen)
        gone = sums.missing(self.folder, chosen)
        good = {name: chosen[name] for name in chosen if name not in {*altered, *gone}}
        said = f"altered: {', '.join(altered)}" if altered else f"{len(good)} files are as listed"
        self._say("digests", said, passed=bool(good) and not altered)
        return good

    def _sums_signature(self, signer: Signer) -> bool | None:
        """Say whether the sums are the signer's; None where they are not signed."""
        path = self.folder / f"{SUMS}{SIGNATURE}"
        name = f"signature of {SUMS}"
        if not path.is_file():
            self._say(name, f"not signed: {path.name} is not there", passed=None)
            return None
        try:
            content = (self.folder / SUMS).read_bytes()
            self.certified = self.trust().of_file(content, path.read_bytes(), signer)
        except Unproven as problem:
            self._say(name, f"not signed by {signer.subject}: {problem}", passed=False)
            return False
        at = f", {self.certified.at:%Y-%m-%d %H:%M} UTC" if self.certified.at else ""
        entry = f"transparency log entry {self.certified.entry}{at}"
        self._say(name, f"{signer.subject}, {entry}", passed=True)
        return True

    def _file_signatures(self, good: dict[str, str], signer: Signer) -> None:
        """Say whether the signatures of single files hold, where there are some."""
        faults, held = [], 0
        for name in good:
            path = self.folder / f"{name}{SIGNATURE}"
            if not path.is_file():
                continue
            try:
                self.trust().of_file((self.folder / name).read_bytes(), path.read_bytes(), signer)
                held += 1
            except Unproven as problem:
                faults.append(f"{name} is not signed by {signer.subject}: {problem}")
        if faults or held:
            said = "; ".join(faults) or f"{held} files are also signed one by one"
            self._say("signatures of files", said, passed=not faults)

    def _provenance(self, listed: dict[str, str], chosen: dict[str, str], signer: Signer) -> None:
        """Say whether the provenance is of these files and of the signer's own run."""
        path = self.folder / ATTESTATION
        if not path.is_file():
            return self._say("provenance", f"not attested: {ATTESTATION} is not there", passed=None)
        try:
            kind, payload, certified = self.trust().of_statement(path.read_bytes(), signer)
            statement = origin.read(kind, payload)
            files, images = origin.subjects(statement)
        except Unproven as problem:
            said = f"not attested by {signer.subject}: {problem}"
            return self._say("provenance", said, passed=False)
        except origin.Odd as problem:
            return self._say("provenance", str(problem), passed=False)
        faults = [*origin.odd(statement, signer, certified)]
        if self.only:
            faults += origin.differing(files, chosen, all_of_it=False)
        else:
            faults += origin.differing(files, listed, all_of_it=True)
        plain = self.folder / STATEMENT
        if plain.is_file() and plain.read_bytes() != payload:
            faults.append(f"{STATEMENT} is not what was signed")
        if self.certified and certified.run != self.certified.run:
            faults.append(f"another run signed {SUMS}: {self.certified.run}")
        if self.commit and certified.commit != self.commit:
            faults.append(f"its commit is {certified.commit} and not {self.commit}")
        if not faults:
            self.images, self.certified = images, certified
        said = "; ".join(faults) or f"commit {certified.commit}, {certified.run}"
        return self._say("provenance", said, passed=not faults)

    def _bills(self, good: dict[str, str], listed: dict[str, str]) -> None:
        """Say whether each bill of materials is of its artefact."""
        bills = [name for name in good if name.endswith(BILL)]
        faults: list[str] = []
        for name in bills:
            digest = listed.get(name.removesuffix(BILL))
            try:
                faults += insides.bill_faults(self.folder / name, digest, str(self.version))
            except (ValueError, AttributeError, TypeError) as problem:
                faults.append(f"{name} cannot be read: {problem}")
        if bills:
            said = "; ".join(faults) or f"{len(bills)}, each valid and of its artefact"
            self._say("bills of materials", said, passed=not faults)

    def _versions(self, good: dict[str, str], named: str | None) -> None:
        """Say whether all that tells a version or a commit tells the same."""
        faults = [] if named in {None, self.version} else [f"its files are named after {named}"]
        expected = self.certified.commit if self.certified else self.commit
        told = 0
        for name, (version, commit) in self._said(good, faults):
            told += 1
            if version != self.version:
                faults.append(f"{name} says that it is {version} and not {self.version}")
            if expected and commit and commit != expected:
                faults.append(f"{name} says that it is of {commit} and not {expected}")
        if told or faults:
            said = "; ".join(faults) or f"{self.version} in all {told}"
            self._say("versions", said, passed=not faults)

    def _said(
        self, good: dict[str, str], faults: list[str]
    ) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield each artefact that tells a version and commit, with them."""
        for name in good:
            try:
                if said := insides.said_by(self.folder / name):
                    yield name, said
            except insides.Odd as problem:
                faults.append(str(problem))
