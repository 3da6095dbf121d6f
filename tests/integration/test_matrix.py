"""The matrix of systems: its list covers what is promised, and a trial fails when a client does."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.installed import conformance, fake, vending  # noqa: F401  they register promises
from tests.installed.task import CACHE, HOME, NOTHING, PROGRAMS, Image, Service, Task
from tests.installed.trying import PROMISES, Check, Trying, check
from tests.tools_at_hand import missing, require_tool
from tools import debian_root
from tools.artefacts import packages, pyz
from tools.environments import ROOT, run
from tools.matrix import cells, containers, kit, places, trials

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LINUXES = ("debian", "ubuntu", "alpine", "amazon-linux-2023", "fedora", "ubi")
STUB = Path(__file__).with_name("broken_client.py")


def test_the_list_covers_every_system_architecture_and_python() -> None:
    there = {cell.name for cell in cells.cells()}
    systems = (*LINUXES, "macos", "windows")
    for python in PYTHONS:
        for architecture in ("amd64", "arm64"):
            assert {f"{system}-{python}-{architecture}" for system in systems} <= there
    assert {"debian-bookworm-3.11-amd64", "debian-forky-3.14-amd64"} <= there


def test_the_list_is_well_formed() -> None:
    names = [cell.name for cell in cells.cells()]
    assert len(names) == len(set(names))
    for cell in cells.cells():
        assert cell.kind in {"native", "container", "root", "emulated"}
        assert set(cell.artefacts) <= set(kit.ENDINGS)
        assert bool(cell.image) == (cell.kind == "container"), cell.name
        assert bool(cell.suite) == (cell.kind == "root"), cell.name
        # A package of Debian takes the Python of its Debian, and no other.
        assert "deb" not in cell.artefacts or cell.get.startswith(("apt-get ", "root"))


def test_a_workflow_reads_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    done = command("--list", "--json")
    listed = json.loads(done.stdout)
    assert {cell["runner"] for cell in listed} == {
        "ubuntu-24.04",
        "ubuntu-24.04-arm",
        "macos-15",
        "macos-15-intel",
        "windows-2025",
        "windows-11-arm",
    }
    assert all(len(cells.matching(cell["name"])) == 1 for cell in listed)
    assert len(listed) < 256  # more jobs than that no matrix of GitHub has


PAGE = (ROOT / "docs/systems.md").read_text(encoding="utf-8")


def test_the_page_of_systems_has_the_list_and_no_other() -> None:
    rows = [
        [cell.strip("` ") for cell in line.strip("| ").split(" | ")][:5]
        for line in PAGE.partition("|---|---|---|---|---|---|\n")[2]
        .partition("\n\n")[0]
        .split("\n")
    ]
    listed: dict[str, list[cells.Cell]] = {}
    for cell in cells.cells():
        listed.setdefault(cell.system, []).append(cell)
    assert rows == [
        [
            system,
            found[0].kind,
            ", ".join(dict.fromkeys(cell.python for cell in found)),
            ", ".join(dict.fromkeys(cell.architecture for cell in found)),
            ", ".join(dict.fromkeys(kind for cell in found for kind in cell.artefacts)),
        ]
        for system, found in listed.items()
    ]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `make matrix`."""
    return subprocess.run(
        [sys.executable, "-m", "tools.matrix", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cell", "plan9-3.11-amd64"), "no cell is called plan9-3.11-amd64; --list names them"),
        (("--cell", "windows-3.12-amd64"), "windows-3.12-amd64 needs windows"),
        (("--cell", "windows-*"), "nothing to run: windows-3.11-amd64 needs windows"),
        (("--image", "x"), "--image is for one --cell"),
        (("--dist", "/nowhere"), "/nowhere is not there: name a folder that `make dist` built"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="it names Windows as what is not here")
def test_what_cannot_be_run_is_a_sentence(words: tuple[str, ...], said: str) -> None:
    done = command(*words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    packages.wheels(folder)
    pyz.build(folder)
    return folder


def test_a_cell_of_this_machine_is_tried(released: Path) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    name = f"{places.SYSTEMS[sys.platform]}-{version}-{debian_root.architecture()}"
    done = command("--cell", name, "--fake", "--json", "--dist", str(released))
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [(row["artefact"], row["way"]) for row in rows] == [("wheel", HOME), ("pyz", HOME)]
    for row in rows:
        assert [found["promise"] for found in row["checks"]][1:-1] == [
            promised.words for promised in PROMISES
        ]


@pytest.fixture
def forky() -> cells.Cell:
    require_tool("debootstrap")
    if reason := debian_root.missing():
        missing(f"a Debian root {reason}")
    (cell,) = cells.matching(f"debian-forky-3.14-{debian_root.architecture()}")
    return cell


def test_in_a_root_it_is_tried_by_nobody_without_a_home_where_nothing_is_written(
    released: Path, forky: cells.Cell
) -> None:
    shows = 'id -u; echo "${HOME-no home}"; cd / && touch /tmp/here /trial/here /here'
    with kit.packed(released) as packed, places.place(forky, packed) as place:
        assert place.call(["sh", "-c", "touch /opt/installed"], installs=True).returncode == 0
        done = place.call(["sh", "-c", shows], reads_only=True)
        assert done.stdout.split("\n")[:2] == ["65534", "no home"]
        assert done.stderr.count("Read-only file system") == 3
        usual = place.call(["sh", "-c", "ls /opt/installed && touch /tmp/here && ! touch /here"])
        assert usual.returncode == 0, usual.stderr
        assert place.call(["sh", "-c", "command -v cc gcc pip"]).stdout == ""
    root = debian_root.debian_root(forky.suite, places.PACKAGES)
    assert not (root / "opt/installed").exists()


def test_a_container_is_tried_in_the_same_way(
    released: Path, tmp_path: Path, forky: cells.Cell
) -> None:
    """In one made here from a Debian root, because no image can be pulled everywhere."""
    require_tool("podman")
    if not containers.engine():
        missing("neither docker nor podman answers")
    root = debian_root.debian_root(forky.suite, places.PACKAGES)
    archive, image = tmp_path / "root.tar", f"localhost/ecr-vend-{tmp_path.name}:root".lower()
    run("tar", "-C", root, "--exclude=./dev", "-cf", archive, ".")
    run(*containers.engine(), "import", archive, image)
    try:
        (cell,) = cells.matching(f"debian-3.14-{debian_root.architecture()}")
        only = replace(cell, artefacts=("pyz",))
        with kit.packed(released) as packed, trials.Service(fake=True) as service:
            (row,) = trials.tried(only, packed, service, image)
    finally:
        run(*containers.engine(), "rmi", "--force", image)
    assert (row.broken, row.way) == ([], CACHE)


@contextmanager
def trying(tmp_path: Path, how: str, way: str = HOME) -> Iterator[Trying]:
    """Try a client that is broken in one way, at the fake."""
    with fake.FakeStack() as stack:
        told: dict[str, Any] = stack.described()
        told |= {name: Image(**told[name]) for name in ("granted", "other")}
        programs = {name: [sys.executable, str(STUB), how, name] for name in PROGRAMS}
        sessions = {purpose: stack.session(purpose, purpose) for purpose in trials.PURPOSES}
        expected = {"version": "1.0.0"}
        task = Task(programs, expected, Service(**told), sessions, way, many=6)
        yield Trying(task, tmp_path)


def tried(tmp_path: Path, how: str, keep: str, way: str = HOME) -> Check:
    """Return what comes of one promise, by the name of the function that keeps it."""
    (promised,) = [promised for promised in PROMISES if promised.keep.__name__ == keep]
    with trying(tmp_path, how, way) as client:
        return check(client, promised)


BROKEN = [
    ("says another line", "not_ours", "exit 1: no credentials here"),
    ("says more", "not_ours", "exit 1: credentials not found in native keychain a warning"),
    ("says another line", "refusal", "exit 1: no credentials here"),
    ("is another version", "says_what_it_is", "{'version': '0.0.1'}, not {'version': '1.0.0'}"),
    ("is another version", "helper_version", "v0.0.1"),
    ("asks each time", "forms", "the forms have different tokens"),
    ("asks each time", "crowd", "6 calls got 6 tokens"),
    ("keeps for ever", "expired", "the token that is over is given out"),
    ("keeps for ever", "erased", "the same token is given out again"),
    ("makes tokens up", "pulls", "the registry answers (401, "),
    ("makes tokens up", "crowd", "the registry answers (401, "),
    ("fails now and then", "crowd", "1 kinds of failure: exit 1: ecr-vend: not today"),
    ("crashes", "kubelet", "no JSON: ''"),
    ("crashes", "bazel", "no JSON: ''"),
    ("crashes", "usage", "exit 3"),
]
"""How a client is broken, the promise that it breaks, and what is said of it."""


@pytest.mark.parametrize(("how", "keep", "said"), BROKEN)
def test_a_trial_fails_where_a_client_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, keep: str, said: str
) -> None:
    monkeypatch.setattr(fake, "SHORT", 1)
    assert said in tried(tmp_path, how, keep).broken


@pytest.mark.parametrize("keep", sorted({keep for _, keep, _ in BROKEN}))
def test_each_of_these_promises_is_kept_by_a_client_that_is_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    monkeypatch.setattr(fake, "SHORT", 1)
    assert tried(tmp_path, "works", keep).broken == ""


def test_where_nothing_can_be_kept_each_call_may_have_its_own_token(tmp_path: Path) -> None:
    assert tried(tmp_path, "asks each time", "crowd", NOTHING).broken == ""


class Told:
    """A place where a trial says that all is well, and a service that counts vends."""

    python = ("python3",)
    kit = folder = Path()
    starts: tuple[str, ...] = ()

    def __init__(self, vends: int) -> None:
        self.described = {"kind": "told"}
        self._vends = vends

    def call(self, words: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, "[]", "")

    def ask(self, what: str, *_: str) -> Any:
        return self._vends if what == "vends" else {}


@pytest.mark.parametrize(
    ("way", "vends", "broken"),
    [
        (HOME, 1, ""),
        (HOME, 2, "8 calls made 2 requests"),
        (CACHE, 0, "8 calls made 0 requests"),
        (NOTHING, 8, ""),
        (NOTHING, 1, "8 calls made 1 requests"),
    ],
)
def test_the_ledger_is_asked_how_often_the_client_asked(
    tmp_path: Path, released: Path, way: str, vends: int, broken: str
) -> None:
    told: Any = Told(vends)
    packed = kit.Kit(tmp_path, kit.released(released))
    found = trials.trial(told, packed, told, kind="pyz", way=way, many=8, programs={})
    assert [one.broken for one in found] == [broken]


def test_fifty_calls_are_made_at_once_wherever_tokens_can_be_kept() -> None:
    for cell in cells.cells():
        many = {
            trials.crowd(cell, way) for kind in cell.artefacts for way in trials.ways(cell, kind)
        }
        assert many == {50} or cell.kind in {"root", "emulated"}, cell.name
        assert 50 in many or cell.kind == "emulated"


def test_what_is_not_installed_is_broken_and_ends_nothing(tmp_path: Path, released: Path) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    name = f"{places.SYSTEMS[sys.platform]}-{version}-{debian_root.architecture()}"
    damaged = tmp_path / "dist"
    damaged.mkdir()
    for path in released.iterdir():
        (damaged / path.name).write_bytes(b"no zip" if path.suffix == ".whl" else b"#!no python")
    told: Any = Told(1)
    (cell,) = cells.matching(name)
    with kit.packed(damaged) as packed:
        rows = list(trials.tried(replace(cell, artefacts=("wheel",)), packed, told))
    assert [row.sign(trials.INSTALL) for row in rows] == ["✗"]
    assert "wheel" in rows[0].broken[0].broken.lower()
