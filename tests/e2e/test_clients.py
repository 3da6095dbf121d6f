"""Independent registry clients, each with the real credential helper, as people call them.

Each is tried at the embedded stack's own registry, and at a plain one behind an alias. What a
client leaves to a daemon is tried where a daemon can run: see tests/README.md.
"""

from __future__ import annotations

import json
import platform
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from local import oci
from tests.e2e.clients import CLIENTS, DIGEST, Client, Desk, sat_down
from tests.e2e.mirror import mirror
from tests.e2e.servers import NotServing, docker_daemon, plain_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.clients import Done
    from tests.e2e.running import Stack

pytestmark = pytest.mark.emulator

REPOSITORY = "payments/api"
AT_ONCE = 8
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKERS_TYPES = {
    oci.MANIFEST: "application/vnd.docker.distribution.manifest.v2+json",
    oci.CONFIG: "application/vnd.docker.container.image.v1+json",
    oci.LAYER: "application/vnd.docker.image.rootfs.diff.tar.gzip",
}


@dataclass(frozen=True)
class Work:
    """A client at a registry, and what the service and the registry know of it.

    Attributes:
        stack: The embedded stack.
        desk: The client.
        session: Names its caller in the ledger.
        place: Its image.
        password: One that the helper has nothing to do with.
        no_daemon: Why no daemon serves it, if it wants one and none does.
    """

    stack: Stack
    desk: Desk
    session: str
    place: str
    password: str
    no_daemon: str | None

    def does(self, operation: str, **more: str) -> Done:
        """Carry out an operation, or skip the rest where it takes a daemon and there is none."""
        if self.no_daemon and operation in self.desk.client.by_daemon:
            pytest.skip(f"no dockerd can work here: {self.no_daemon}")
        return self.desk.run(operation, self.place, **more)

    def must(self, operation: str, **more: str) -> Done:
        """Carry out an operation that succeeds."""
        done = self.does(operation, **more)
        assert done.ok, done.said
        return done

    @property
    def vends(self) -> int:
        """How many tokens its caller was vended, or refused."""
        return len(self.stack.vends_of(self.session))

    @property
    def another(self) -> oci.Client:
        """Another client of the registry, with a token that is none of the helper's."""
        return oci.Client(self.desk.host, "AWS", self.password)

    @property
    def tag(self) -> str:
        """The image's tag."""
        return self.place.rpartition(":")[2]

    def manifest(self) -> bytes:
        """Return the image's manifest as the registry gives it to another client."""
        accepted = {"Accept": f"{oci.MANIFEST}, {DOCKERS_TYPES[oci.MANIFEST]}"}
        path = f"/v2/{REPOSITORY}/manifests/{self.tag}"
        return self.another.call("GET", path, headers=accepted).body

    def put(self) -> oci.Image:
        """Put an image there by another client, of the format that all clients know."""
        image = docker_image(self.place)
        self.another.push(REPOSITORY, self.tag, image)
        return image


def docker_image(text: str) -> oci.Image:
    """Return an image of docker's format: docker 20.10 inspects no other."""
    image = oci.small_image(text)
    manifest = image.manifest.decode()
    for ours, theirs in DOCKERS_TYPES.items():
        manifest = manifest.replace(ours, theirs)
    return replace(image, manifest=manifest.encode())


def machine() -> str:
    """Return this machine's architecture, as images name it."""
    name = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(name, name)


@pytest.fixture(scope="session")
def plain() -> Iterator[str]:
    """Give the host of a plain registry without a lock."""
    with plain_registry() as host:
        yield host


@pytest.fixture(scope="module")
def password(stack: Stack) -> str:
    """Give a password that may push, for what is done beside the clients."""
    return str(stack.vend("payments-publisher", access="push")["password"])


@pytest.fixture(scope="session")
def behind_a_lock(stack: Stack, plain: str) -> Iterator[str]:
    """Give the host of the same registry behind a lock."""
    with mirror(plain, stack.registry) as host:
        yield host


@pytest.fixture(scope="session")
def dockerd() -> Iterator[tuple[str, str | None]]:
    """Give a daemon's address, and why it does not serve."""
    try:
        with docker_daemon() as address:
            yield address, None
    except NotServing as reason:
        yield "unix:///nonexistent/docker.sock", str(reason)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    """Give each client of the table."""
    chosen: Client = request.param
    return chosen


def sit_down(
    client: Client,
    host: str,
    stack: Stack,
    home: Path,
    request: pytest.FixtureRequest,
    *,
    role: str = "payments-publisher",
) -> Work:
    """Give a client an identity, the helper and a home; its token may push unless it is told so."""
    session = f"{client.name}-{secrets.token_hex(4)}"
    environment = {
        **stack.helper_environment(stack.as_role(role, session), home),
        "ECR_VEND_REGISTRIES": f"{host}={stack.about['registry_host']}",
        "ECR_VEND_ACCESS": "push" if role == "payments-publisher" else "pull",
    }
    no_daemon = None
    if client.by_daemon:
        environment["DOCKER_HOST"], no_daemon = request.getfixturevalue("dockerd")
    desk = sat_down(client, host, home, session, environment)
    password = request.getfixturevalue("password")
    return Work(stack, desk, session, f"{host}/{REPOSITORY}:{session}", password, no_daemon)


@pytest.fixture(params=["embedded", "alias"])
def work(client: Client, stack: Stack, cache: Path, request: pytest.FixtureRequest) -> Work:
    """Give each client at each registry."""
    alias = request.param == "alias"
    host = request.getfixturevalue("behind_a_lock") if alias else stack.registry
    return sit_down(client, host, stack, cache, request)


def test_login_is_answered_by_the_helper(work: Work) -> None:
    work.must("login")
    assert work.vends == 1
    work.put()
    work.must("inspect")
    assert work.vends == 1


def test_a_login_with_a_password_succeeds_and_is_not_kept(work: Work) -> None:
    work.must("login_with_password", typed=work.password)
    kept = json.loads((work.desk.home / "docker/config.json").read_text())
    assert not any(kept.get("auths", {}).values())
    work.put()
    work.must("inspect")
    assert work.vends == 1  # the helper's own, not the password that was typed


def test_what_is_pushed_is_what_is_pulled(work: Work) -> None:
    work.must("make")
    pushed = work.must("push").digests[-1]
    assert pushed == oci.digest(work.manifest())
    work.must("forget")
    assert work.must("pull").digests[-1] == pushed
    assert work.vends == 1


def test_inspect_shows_the_registrys_image(work: Work) -> None:
    image = work.put()
    configuration = json.loads(image.manifest)["config"]["digest"]
    assert {image.digest, configuration} & set(work.must("inspect").digests)


def test_an_image_for_several_platforms_is_pulled(work: Work) -> None:
    image = work.put()
    other = docker_image(f"{work.place} for another")
    work.another.push(REPOSITORY, f"{work.tag}-other", other)
    listed = [
        {
            "mediaType": json.loads(one.manifest)["mediaType"],
            "digest": one.digest,
            "size": len(one.manifest),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for one, architecture in ((image, machine()), (other, "s390x"))
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
    index = oci.Image(json.dumps(document).encode(), {})
    work.another.push(REPOSITORY, work.tag, index)
    assert work.must("pull").digests[-1] in {image.digest, index.digest}


def test_logout_drops_the_token(work: Work) -> None:
    work.put()
    work.must("inspect")
    work.must("inspect")
    assert work.vends == 1
    work.must("logout")
    assert work.vends == 1
    work.must("inspect")
    assert work.vends == 2


@pytest.mark.parametrize(
    "client", [one for one in CLIENTS if one.name != "docker"], ids=lambda client: client.name
)
def test_logout_reaches_a_helper_named_in_dockers_file_where_it_is_told_of_that_file(
    client: Client, stack: Stack, cache: Path, request: pytest.FixtureRequest
) -> None:
    work = sit_down(client, stack.registry, stack, cache, request)
    file = work.desk.home / ".docker/config.json"
    (work.desk.home / "docker").rename(file.parent)
    found = {
        name: value
        for name, value in work.desk.environment.items()
        if name not in {"DOCKER_CONFIG", "REGISTRY_AUTH_FILE"}
    }
    work = replace(work, desk=replace(work.desk, environment=found))
    work.put()
    work.must("inspect")
    assert "not logged into" in work.does("logout").said
    work.must("inspect")
    assert work.vends == 1
    told = {**found, "REGISTRY_AUTH_FILE": str(file)}
    replace(work, desk=replace(work.desk, environment=told)).must("logout")
    work.must("inspect")
    assert work.vends == 2


def test_parallel_pulls_from_a_cold_cache_make_one_vend(work: Work) -> None:
    image = work.put()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pulled = list(pool.map(lambda n: work.does("pull", folder=f"{n}"), range(AT_ONCE)))
    assert all(done.ok for done in pulled), [done.said for done in pulled]
    assert {done.digests[-1] for done in pulled} == {image.digest}
    assert work.vends == 1


def test_a_caller_without_a_grant_is_told_why(
    client: Client, stack: Stack, cache: Path, request: pytest.FixtureRequest
) -> None:
    work = sit_down(client, stack.registry, stack, cache, request, role="outsider")
    done = work.does("inspect")
    assert not done.ok
    assert "not_granted" in done.said
    assert work.vends > 0


def test_a_token_to_pull_does_not_push(
    client: Client, stack: Stack, cache: Path, request: pytest.FixtureRequest
) -> None:
    work = sit_down(client, stack.registry, stack, cache, request, role="payments-ci")
    work.must("make")
    done = work.does("push")
    assert not done.ok
    assert "is not authorized to perform: ecr:InitiateLayerUpload" in done.said, done.said


def test_a_registry_that_is_not_managed_is_used_as_anybody(
    client: Client, stack: Stack, plain: str, cache: Path, request: pytest.FixtureRequest
) -> None:
    work = sit_down(client, plain, stack, cache, request)
    nobody = {**work.desk.environment, "ECR_VEND_REGISTRIES": ""}
    work = replace(work, desk=replace(work.desk, environment=nobody))
    work.put()
    assert DIGEST.search(work.must("inspect").said)
    assert work.vends == 0
