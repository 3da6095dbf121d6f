"""Settings come from the environment, then the file; a mistake is named where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_vend import config_files, settings
from ecr_vend.errors import Problem
from tests.client.fake_service import HOST

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
endpoint = "https://abc.execute-api.eu-west-1.amazonaws.com/live/"
ttl = "15m"
push = ["team/app"]
grant = "from-file"
[registries]
"images.example.com" = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
"""


def load(home: Path, file: str | None = None, **environ: str) -> settings.Settings:
    path = home / ".config" / "ecr-vend" / "config.toml"
    if file is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    system = str(home / "etc" / "config.toml")
    return settings.load({"HOME": str(home), "ECR_VEND_SYSTEM_CONFIG": system} | environ)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, FILE, ECR_VEND_GRANT="from-environment", ECR_VEND_TTL="90s")
    assert found.request == {"push": ["team/app"], "ttl_seconds": 90, "grant": "from-environment"}
    assert found.endpoint == "https://abc.execute-api.eu-west-1.amazonaws.com/live"


def test_without_settings_every_ecr_host_is_managed_and_nothing_is_asked_for(
    tmp_path: Path,
) -> None:
    found = load(tmp_path)
    assert found.request == {}
    assert found.managed(HOST) == HOST
    assert found.managed("docker.io") is None


def test_an_alias_stands_for_its_registry_and_leaves_ecr_hosts_managed(tmp_path: Path) -> None:
    found = load(tmp_path, ECR_VEND_REGISTRIES=f"127.0.0.1:4566={HOST}")
    assert found.managed("127.0.0.1:4566") == HOST
    assert found.managed(HOST) == HOST
    assert found.managed("127.0.0.1:4567") is None


def test_naming_hosts_leaves_all_others_to_someone_else(tmp_path: Path) -> None:
    found = load(tmp_path, ECR_VEND_REGISTRIES=HOST)
    assert found.managed(HOST) == HOST
    assert found.managed(HOST.replace("111122223333", "444455556666")) is None


def test_a_registry_has_one_name_in_requests_whichever_is_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path).managed("111122223333.dkr-ecr.eu-west-1.on.aws") == HOST


@pytest.mark.parametrize(
    ("text", "seconds"), [("900", 900), ("90s", 90), ("15m", 900), ("1h", 3600)]
)
def test_lengths_of_time(tmp_path: Path, text: str, seconds: int) -> None:
    assert load(tmp_path, ECR_VEND_TTL=text).request == {"ttl_seconds": seconds}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"ECR_VEND_TTL": "soon"}, "ECR_VEND_TTL: soon is not a length of time"),
        ({"ECR_VEND_TTL": "0"}, "ECR_VEND_TTL: 0 is not a length of time"),
        ({"ECR_VEND_ACCESS": "delete"}, "ECR_VEND_ACCESS: must be one of pull, push"),
        ({"ECR_VEND_ACCESS": "pull", "ECR_VEND_PULL": "a/b"}, "not together with ECR_VEND_PULL"),
        ({"ECR_VEND_PULL": " , "}, "ECR_VEND_PULL: names nothing"),
        ({"ECR_VEND_ENDPOINT": "http://example.com"}, "http:// is for this machine only"),
        ({"ECR_VEND_ENDPOINT": "http://127.0.0.1.evil.example"}, "for this machine only"),
        ({"ECR_VEND_ENDPOINT": "ftp://x"}, "must be a URL that starts with https://"),
        ({"ECR_VEND_ENDPOINT": "https://u:p@example.com"}, "without user, query or fragment"),
        ({"ECR_VEND_ENDPOINT": "https://example.com:port"}, "ECR_VEND_ENDPOINT: is not a URL"),
        ({"ECR_VEND_CACHE_DIR": "relative"}, "ECR_VEND_CACHE_DIR: an absolute path is needed"),
        ({"ECR_VEND_REASON": "a\udcff"}, "ECR_VEND_REASON: is not UTF-8"),
        ({"ECR_VEND_PULL": "a/b,c\udcff"}, "ECR_VEND_PULL: is not UTF-8"),
        ({"ECR_VEND_REGION": "é"}, "ECR_VEND_REGION: é is not a region's name"),
        ({"ECR_VEND_REGISTRIES": "x=docker.io"}, "docker.io is not an ECR host"),
        ({"ECR_VEND_REGISTRIES": f"a b={HOST}"}, "a b is not a host name"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    with pytest.raises(Problem) as caught:
        load(tmp_path, **environ)
    assert says in caught.value.text


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("endpont = 'x'", "`endpont` is not a key"),
        ("ttl = ", "is not TOML"),
        ("ttl = true", "`ttl` in "),
        ("pull = [1]", "`pull` in "),
        ("region = 3", "`region` in "),
        ("region = 'eu/west'", "eu/west is not a region's name"),
        (r'cache_dir = "/a\u0000b"', "`cache_dir` in "),
        (r'cache_dir = "~\u0000"', "`cache_dir` in "),
        ("[registries]\nx = 'docker.io'", "docker.io is not an ECR host"),
    ],
)
def test_a_mistake_in_the_file_names_file_and_key(tmp_path: Path, file: str, says: str) -> None:
    with pytest.raises(Problem) as caught:
        load(tmp_path, file)
    assert says in caught.value.text
    assert str(tmp_path) in caught.value.text


def test_the_home_directory_is_found_without_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    assert settings.config_path({}).is_absolute()


@pytest.mark.parametrize("home", [None, "", ".", "here"])
def test_without_a_home_nothing_is_read_from_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    # As for a user who is in no password file.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    environ = {} if home is None else {"HOME": home}
    assert settings.config_path(environ).is_absolute()
    assert config_files.default_cache_dir(environ).is_absolute()


def test_a_relative_xdg_folder_is_ignored_as_its_specification_says(tmp_path: Path) -> None:
    found = load(tmp_path, XDG_CACHE_HOME="here", XDG_CONFIG_HOME="there")
    assert found.cache_dir == tmp_path / ".cache" / "ecr-vend"
