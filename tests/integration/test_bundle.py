"""One builder, two targets: what ships is complete, small, and the same bytes each time."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from tools.artefacts.archives import files
from tools.artefacts.bundle import LOCK, build, host_target, pack, source_files
from tools.artefacts.bundle_rules import DROPPED, SERVICES, trimmed_service
from tools.environments import ROOT, VENV, Missing, run, uv
from tools.release.version import commit, version

if TYPE_CHECKING:
    from pathlib import Path

HOST_PYTHON = VENV / "local/bin/python"


def functions(folder: Path, answer: str = "1") -> Path:
    """Write a smallest `functions/` and return its folder."""
    for package in ("handlers", "vending"):
        (folder / package).mkdir(parents=True, exist_ok=True)
        (folder / package / "__init__.py").write_text("")
    (folder / "handlers/vend.py").write_text(f"ANSWER = {answer}\n")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files(folder)}


def python(bundle: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code with the bundle, and nothing else, on the path."""
    return subprocess.run(
        [HOST_PYTHON, "-S", "-c", code],
        env={"PYTHONPATH": str(bundle), "AWS_DEFAULT_REGION": "eu-west-1", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_lambda_bundle_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    archives = []
    for turn in ("one", "two"):
        source = functions(tmp_path / turn / "functions")
        archives.append(pack(build("lambda", tmp_path / turn / "bundle", functions=source)))
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_the_released_archive_is_at_most_ten_megabytes(tmp_path: Path) -> None:
    archive = pack(build("lambda", tmp_path / "bundle"))
    assert archive.stat().st_size <= 10_000_000
    with zipfile.ZipFile(archive) as zipped:
        assert {info.external_attr >> 16 for info in zipped.infolist()} == {0o100644}
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_module_of_the_lambda_bundle_has_unchecked_313_bytecode(tmp_path: Path) -> None:
    bundle = build("lambda", tmp_path / "bundle")
    modules = [path for name, path in files(bundle) if name.endswith(".py")]
    assert len(modules) > 100
    for module in modules:
        cached = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        flags = int.from_bytes(cached.read_bytes()[4:8], "little")
        assert flags == 0b01, f"{cached}: bit 0 says hash-based, bit 1 would say checked"


def test_native_code_of_the_lambda_bundle_is_for_arm64(tmp_path: Path) -> None:
    bundle = build("lambda", tmp_path / "bundle")
    libraries = [path for name, path in files(bundle) if path.suffix == ".so"]
    assert any(path.name.startswith("_pydantic_core") for path in libraries)
    for library in libraries:
        assert library.read_bytes()[18:20] == b"\xb7\x00", f"{library} is not for aarch64"


def test_a_changed_source_is_picked_up_whatever_its_time_stamp(tmp_path: Path) -> None:
    source = functions(tmp_path / "functions", answer="1")
    module = source / "handlers/vend.py"
    stat = module.stat()
    build("host", tmp_path / "bundle", functions=source)
    module.write_text("ANSWER = 2\n")
    os.utime(module, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    bundle = build("host", tmp_path / "bundle", functions=source)
    assert python(bundle, "import handlers.vend as v; print(v.ANSWER)").stdout == "2\n"


def test_a_removed_source_leaves_the_bundle(tmp_path: Path) -> None:
    source = functions(tmp_path / "functions")
    (source / "vending/gone.py").write_text("")
    assert (build("host", tmp_path / "bundle", functions=source) / "vending/gone.py").exists()
    (source / "vending/gone.py").unlink()
    bundle = build("host", tmp_path / "bundle", functions=source)
    assert not list(bundle.rglob("gone*"))


def test_an_unchanged_bundle_is_left_alone(tmp_path: Path) -> None:
    source = functions(tmp_path / "functions")
    first = build("host", tmp_path / "bundle", functions=source).stat()
    again = build("host", tmp_path / "bundle", functions=source).stat()
    assert (first.st_ino, first.st_ctime_ns) == (again.st_ino, again.st_ctime_ns)


def test_builds_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    source = functions(tmp_path / "functions")
    command = (
        "import sys; from pathlib import Path; from tools.artefacts.bundle import build;"
        "build('host', Path(sys.argv[1]), functions=Path(sys.argv[2]))"
    )
    out = tmp_path / "bundle"

    def one(_: int) -> int:
        words: list[str | Path] = [sys.executable, "-c", command, out, source]
        return subprocess.run(words, cwd=ROOT, check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == [0, 0, 0, 0]
    alone = build("host", tmp_path / "alone", functions=source)
    assert contents(out) == contents(alone)


def test_no_python_313_refuses_the_lambda_bundle_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.artefacts.bundle.find_interpreter", lambda _version: None)
    with pytest.raises(Missing, match=r"Python 3\.13 .*[\s\S]*pyenv install 3\.13"):
        build("lambda", tmp_path / "bundle")


def test_the_host_bundle_builds_in_an_empty_process_environment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/artefacts/bundle.py", "host", "--out", tmp_path / "bundle"],
        env={"HOME": os.environ["HOME"], "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{tmp_path / 'bundle'}\n", done.stderr


def test_the_list_of_services_is_what_the_code_makes_clients_for() -> None:
    asked = set()
    for _, path in source_files(ROOT / "functions"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in {"client", "create_client"} and isinstance(node.args[0], ast.Constant):
                asked.add(node.args[0].value)
    assert asked == SERVICES.keys()


def test_clients_of_the_services_the_functions_use_can_be_made_and_no_others(
    tmp_path: Path,
) -> None:
    bundle = build("host", tmp_path / "bundle", functions=functions(tmp_path / "functions"))
    code = (
        "import botocore.session, json; session = botocore.session.get_session();"
        "print(json.dumps([session.get_available_services(),"
        "{name: session.create_client(name).meta.endpoint_url for name in SERVICES}]))"
    )
    done = python(bundle, code.replace("SERVICES", repr(sorted(SERVICES))))
    available, urls = json.loads(done.stdout)
    assert available == sorted(SERVICES)
    assert urls["ecr"] == "https://api.ecr.eu-west-1.amazonaws.com"
    assert urls["sts"] == "https://sts.eu-west-1.amazonaws.com"


def test_a_trimmed_service_keeps_every_shape_its_operations_lead_to() -> None:
    model: dict[str, Any] = {
        "metadata": {"apiVersion": "2030-01-01"},
        "operations": {
            "Put": {"input": {"shape": "In"}, "errors": [{"shape": "No"}], "documentation": "x"},
            "Delete": {"input": {"shape": "Other"}},
        },
        "shapes": {
            "In": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
            "Text": {"type": "string", "documentation": "x"},
            "No": {"type": "structure", "members": {"In": {"shape": "In"}}},
            "Other": {"type": "structure", "members": {}},
        },
    }
    trimmed = trimmed_service(model, ["Put"])
    assert trimmed["operations"] == {"Put": {"input": {"shape": "In"}, "errors": [{"shape": "No"}]}}
    assert trimmed["shapes"] == {
        "In": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
        "No": {"type": "structure", "members": {"In": {"shape": "In"}}},
        "Text": {"type": "string"},
    }
    assert trimmed["metadata"] == model["metadata"]


def test_every_rule_drops_something_that_is_installed(tmp_path: Path) -> None:
    """A rule that matches nothing is a rule nobody can check."""
    chosen = host_target().options
    run(uv(), "pip", "install", "--quiet", "--target", tmp_path, *chosen, "-r", LOCK)
    names = [name for name, _ in files(tmp_path)]
    for pattern in DROPPED.keys() - {"*/__pycache__/*"}:  # which is for our own folders
        assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_licences_ship(tmp_path: Path) -> None:
    bundle = build("host", tmp_path / "bundle", functions=functions(tmp_path / "functions"))
    for folder in bundle.glob("*.dist-info"):
        names = [path.name.upper() for path in folder.rglob("*")]
        assert any(name.startswith(("LICENSE", "LICENCE")) for name in names), folder.name


def test_botocore_of_the_bundle_comes_from_the_lock_not_from_a_test_tool(tmp_path: Path) -> None:
    bundle = build("host", tmp_path / "bundle", functions=functions(tmp_path / "functions"))
    lock = (ROOT / "functions/requirements.txt").read_text()
    done = python(bundle, "import botocore; print(botocore.__file__, botocore.__version__)")
    path, version = done.stdout.split()
    assert path.startswith(str(bundle))
    assert f"\nbotocore=={version} " in lock


def test_a_bundle_says_what_it_was_built_from(tmp_path: Path) -> None:
    bundle = build("host", tmp_path / "bundle")
    said = python(bundle, "from vending import release; print(release.VERSION, release.COMMIT)")
    assert said.stdout.split() == [version(), *commit().split()]
