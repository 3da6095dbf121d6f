"""What is said of one registry holds for it alone, and the nearest word wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_vend import settings
from ecr_vend.errors import Problem
from tests.client.fake_service import HOST

OTHER = HOST.replace("111122223333", "444455556666")
FIPS = "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com"
DUAL_STACK = "111122223333.dkr-ecr.eu-west-1.on.aws"
ROLE = "arn:aws:iam::444455556666:role/team/pullers"


def load(home: Path, user: str = "", system: str = "", **environ: str) -> settings.Settings:
    paths = {"ECR_VEND_CONFIG": home / "user.toml", "ECR_VEND_SYSTEM_CONFIG": home / "system.toml"}
    for path, content in zip(paths.values(), (user, system), strict=True):
        path.write_text(content)
    named = {name: str(path) for name, path in paths.items()}
    return settings.load({"HOME": str(home)} | named | environ)


def table(name: str, *lines: str) -> str:
    return "\n".join([f'[registries."{name}"]', *lines, ""])


def failure(home: Path, user: str = "", system: str = "", **environ: str) -> str:
    with pytest.raises(Problem) as caught:
        load(home, user, system, **environ)
    return caught.value.text


def test_the_nearest_word_about_a_registry_wins(tmp_path: Path) -> None:
    # From the outermost to the innermost, each adds a word and the last one must win.
    system = "reason = 'system'\n"
    assert load(tmp_path, "", system).for_registry(HOST).request["reason"] == "system"
    user = "reason = 'user'\n"
    assert load(tmp_path, user, system).for_registry(HOST).request["reason"] == "user"
    system += table(HOST, "reason = 'system, of this one'")
    found = load(tmp_path, user, system)
    assert found.for_registry(HOST).request["reason"] == "system, of this one"
    assert found.for_registry(OTHER).request["reason"] == "user"
    user += table(HOST, "reason = 'user, of this one'")
    found = load(tmp_path, user, system)
    assert found.for_registry(HOST).request["reason"] == "user, of this one"
    found = load(tmp_path, user, system, ECR_VEND_REASON="environment")
    assert found.for_registry(HOST).request["reason"] == "environment"


def test_a_table_decides_everything_but_where_and_whether(tmp_path: Path) -> None:
    lines = [
        "endpoint = 'https://vend.example.com'",
        "region = 'eu-west-3'",
        "profile = 'partner'",
        f"role = '{ROLE}'",
        "pull = ['a', 'b']",
        "push = 'c'",
        "ttl = 600",
        "grant = 'nightly'",
        "reason = 'because'",
    ]
    found = load(tmp_path, table(HOST, *lines))
    ours = found.for_registry(HOST)
    assert (ours.endpoint, ours.region) == ("https://vend.example.com", "eu-west-3")
    assert (ours.profile, ours.role) == ("partner", ROLE)
    assert ours.request == {
        "pull": ["a", "b"],
        "push": ["c"],
        "ttl_seconds": 600,
        "grant": "nightly",
        "reason": "because",
    }
    theirs = found.for_registry(OTHER)
    assert (theirs.endpoint, theirs.role, theirs.request) == (None, None, {})


@pytest.mark.parametrize("written", [HOST, FIPS, DUAL_STACK, f"https://{HOST}", HOST.upper()])
@pytest.mark.parametrize("asked", [HOST, FIPS, DUAL_STACK])
def test_a_table_holds_for_every_name_of_its_registry(
    tmp_path: Path, written: str, asked: str
) -> None:
    found = load(tmp_path, table(written, "profile = 'p'"))
    assert found.for_registry(asked).profile == "p"
    assert found.managed(asked) == HOST


@pytest.mark.parametrize("alias", ["images.example.com", "localhost:5000", "[::1]:5000"])
def test_an_alias_has_its_own_table_over_that_of_its_host(tmp_path: Path, alias: str) -> None:
    tables = table(HOST, "profile = 'host'", "grant = 'host'")
    found = load(tmp_path, tables + table(alias, f"host = '{HOST}'", "profile = 'alias'"))
    assert found.managed(alias) == HOST
    through = found.for_registry(alias)
    assert (through.profile, through.request) == ("alias", {"grant": "host"})
    straight = found.for_registry(HOST)
    assert (straight.profile, straight.request) == ("host", {"grant": "host"})


def test_an_alias_without_a_table_takes_that_of_its_host(tmp_path: Path) -> None:
    short = f'[registries]\n"images.example.com" = "{FIPS}"\n'
    found = load(tmp_path, short + table(HOST, "profile = 'host'"))
    assert found.managed("images.example.com") == HOST
    assert found.for_registry("images.example.com").profile == "host"


def test_an_alias_may_be_set_in_one_place_and_its_table_in_another(tmp_path: Path) -> None:
    mine = table("images.example.com", "profile = 'alias'")
    with_variable = load(tmp_path, mine, ECR_VEND_REGISTRIES=f"images.example.com={HOST}")
    assert with_variable.for_registry("images.example.com").profile == "alias"
    with_system = load(tmp_path, mine, table("images.example.com", f"host = '{HOST}'"))
    assert with_system.for_registry("images.example.com").profile == "alias"


def test_aliases_of_all_places_count_and_the_nearest_says_what_each_stands_for(
    tmp_path: Path,
) -> None:
    user = f'[registries]\n"a.example" = "{HOST}"\n"b.example" = "{HOST}"\n'
    system = f'[registries]\n"b.example" = "{OTHER}"\n"c.example" = "{OTHER}"\n'
    found = load(tmp_path, user, system, ECR_VEND_REGISTRIES=f"a.example={OTHER}")
    assert found.aliases == {"a.example": OTHER, "b.example": HOST, "c.example": OTHER}
    assert found.only == frozenset()


def test_a_table_restricts_nothing_and_a_list_does(tmp_path: Path) -> None:
    assert load(tmp_path, table(HOST, "profile = 'p'")).managed(OTHER) == OTHER
    listed = load(tmp_path, f"registries = ['{HOST}']")
    assert (listed.managed(HOST), listed.managed(OTHER)) == (HOST, None)
    system = load(tmp_path, table(OTHER, "profile = 'p'"), f"registries = ['{HOST}']")
    assert (system.managed(HOST), system.managed(OTHER)) == (HOST, None)
    mine = load(tmp_path, f"registries = ['{OTHER}']", f"registries = ['{HOST}']")
    assert (mine.managed(HOST), mine.managed(OTHER)) == (None, OTHER)


@pytest.mark.parametrize(
    ("nearer", "asks"),
    [
        ("access = 'push'", {"access": "push"}),
        ("pull = ['x']", {"pull": ["x"]}),
        ("push = ['x']", {"push": ["x"]}),
        ("pull_through = ['x']", {"pull_through": ["x"]}),
        ("ttl = 60", {"pull": ["a"], "push": ["b"], "ttl_seconds": 60}),
    ],
)
def test_the_scope_comes_whole_from_the_nearest_place_that_names_any_of_it(
    tmp_path: Path, nearer: str, asks: dict[str, object]
) -> None:
    far = "pull = ['a']\npush = ['b']\n"
    assert load(tmp_path, far + table(HOST, nearer)).for_registry(HOST).request == asks
    assert load(tmp_path, nearer, far).request == asks
    assert load(tmp_path, far).for_registry(HOST).request == {"pull": ["a"], "push": ["b"]}


def test_a_variable_decides_the_whole_scope(tmp_path: Path) -> None:
    found = load(tmp_path, "pull = ['a']" + "\n" + table(HOST, "push = ['b']"), ECR_VEND_PULL="c")
    assert found.for_registry(HOST).request == {"pull": ["c"]}
    found = load(tmp_path, "pull = ['a']", ECR_VEND_ACCESS="push")
    assert found.request == {"access": "push"}


def test_each_value_knows_where_it_stands(tmp_path: Path) -> None:
    user = "pull = ['a']\nttl = 60\n" + table(HOST, "access = 'push'", "profile = 'p'")
    found = load(tmp_path, user, "ttl = 70\nregion = 'eu-west-1'", ECR_VEND_GRANT="g")
    origins = found.for_registry(HOST).origins
    assert {key: (at.source, at.table) for key, at in origins.items()} == {
        "access": ("user", HOST),
        "profile": ("user", HOST),
        "ttl": ("user", None),
        "region": ("system", None),
        "grant": ("environment", None),
    }
    assert str(origins["grant"]) == "ECR_VEND_GRANT"
    assert str(origins["region"]) == f"`region` in {tmp_path}/system.toml"
    assert str(origins["profile"]) == f'`profile` in [registries."{HOST}"] of {tmp_path}/user.toml'
    assert "pull" in found.origins


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["profil = 'p'"], f'[registries."{HOST}"] in FILE: `profil` is not a key'),
        (["cache_dir = '/x'"], "`cache_dir` is not a key; the keys are host, endpoint"),
        (["registries = []"], "`registries` is not a key"),
        (["ttl = 'soon'"], f'`ttl` in [registries."{HOST}"] of FILE: soon is not a length'),
        (["access = 'pull'", "push = ['a']"], f'not together with `push` in [registries."{HOST}"]'),
        (["role = 'pullers'"], "pullers is not a role's ARN: write arn:aws:iam::ACCOUNT:role/NAME"),
        (["host = 'docker.io'"], "docker.io is not an ECR host"),
        (["endpoint = 'http://example.com'"], "http:// is for this machine only"),
    ],
)
@pytest.mark.parametrize("file", ["user", "system"])
def test_a_mistake_in_a_table_names_file_table_and_key(
    tmp_path: Path, file: str, lines: list[str], says: str
) -> None:
    text = failure(tmp_path, **{file: table(HOST, *lines)})
    assert says.replace("FILE", f"{tmp_path}/{file}.toml") in text


def test_a_table_of_what_is_not_ecr_says_what_it_stands_for(tmp_path: Path) -> None:
    for lines in ((), ("profile = 'p'",)):
        text = failure(tmp_path, table("images.example.com", *lines))
        assert f'[registries."images.example.com"] in {tmp_path}/user.toml: is not an ECR' in text
        assert "add `host`" in text


def test_two_tables_of_one_registry_in_one_file_are_a_mistake(tmp_path: Path) -> None:
    text = failure(tmp_path, table(HOST, "profile = 'p'") + table(FIPS, "profile = 'q'"))
    assert f'[registries."{FIPS}"]' in text
    assert f'is the same registry as [registries."{HOST}"]' in text


@pytest.mark.parametrize("name", ["images.example.com/team", "a b", "", "ftp://example.com"])
def test_a_table_is_for_a_whole_host(tmp_path: Path, name: str) -> None:
    assert "is not a host name" in failure(tmp_path, table(name, f"host = '{HOST}'"))


@pytest.mark.parametrize("value", ["3", "[1]", "true"])
def test_an_alias_stands_for_a_string(tmp_path: Path, value: str) -> None:
    text = failure(tmp_path, f'[registries]\n"images.example.com" = {value}')
    assert '`host` in [registries."images.example.com"]' in text
