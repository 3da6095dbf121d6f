"""Which release runs, and what is said when the two sides are too far apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ecr_vend import __version__, answers, release

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine


def test_a_checkout_says_that_it_is_none(machine: Machine) -> None:
    out, err, code = machine.run("version")
    assert (err, code) == ("", 0)
    assert out.splitlines()[:3] == [
        f"ecr-vend {__version__}",
        "commit   unknown",
        "build    checkout",
    ]


def test_what_a_build_wrote_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / release.WRITTEN).write_text('{"commit": "c0ffee", "build": "wheel any"}')
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    found = json.loads(machine.run("version", "--json")[0])
    assert (found["version"], found["commit"]) == (__version__, "c0ffee")
    assert found["build"] == "wheel any"
    assert set(found) == {"version", "commit", "build", "python", "platform"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"', "null"])
def test_a_damaged_file_is_as_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / release.WRITTEN).write_text(text)
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    assert machine.run("version")[2] == 0
    assert release.current().build == "checkout"


@pytest.mark.parametrize(
    ("one", "two", "is_older"),
    [
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.9.0", False),
        ("1.2.3", "1.2.3", False),
        ("0+checkout", "1.0.0", False),
        ("", "1.0.0", False),
        ("0.1.0", "soon", False),
    ],
)
def test_versions_compare_by_number(one: str, two: str, is_older: bool) -> None:
    assert release.older(one, two) is is_older


def refusal(code: str, said: str) -> str:
    response = httpx.Response(
        400, headers={"Ecr-Vend-Version": said}, json={"code": code, "detail": "No such field."}
    )
    problem = answers.problem(response, endpoint="https://x", region="r", key_id="k")
    return f"{problem.code}: {problem.text}"


def test_a_service_that_is_too_old_is_told_from_a_wrong_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(release, "OLDEST_SERVICE", "1.4.0")
    said = refusal("invalid_request", "1.3.9")
    assert said.startswith("service_too_old: ")
    assert "is ecr-vend 1.3.9, and this client needs 1.4.0" in said
    assert refusal("invalid_request", "1.4.0").startswith("bad_request: ")
    assert refusal("invalid_request", "").startswith("bad_request: ")
    assert refusal("not_granted", "1.3.9").startswith("refused: ")


def test_a_client_that_is_too_old_is_told_to_upgrade() -> None:
    assert refusal("client_too_old", "9.0.0").startswith("client_too_old: ")


@pytest.mark.parametrize(
    ("said", "status"), [({"oldest_client": "99.0.0"}, "fail"), ({"version": "0.0.1"}, "warn")]
)
def test_doctor_says_which_side_is_too_old(
    machine: Machine,
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    status: str,
) -> None:
    ask = service.whoami
    monkeypatch.setattr(service, "whoami", lambda key: (200, ask(key)[1] | said))
    found = json.loads(machine.run("doctor", "--json")[0])
    words = " ".join(map(json.dumps, found if isinstance(found, list) else found["findings"]))
    assert next(iter(said.values())) in words
    assert f'"{status}"' in words
