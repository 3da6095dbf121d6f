"""The configuration files, and which entry of them counts for a registry."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_vend import registries
from ecr_vend.diagnosis import FAIL, OK, WARN, Case, Finding, of_problem
from ecr_vend.errors import Problem
from ecr_vend.registry_configs import (
    HELPER,
    Document,
    containers_auth_files,
    containers_folder,
    docker_config,
    host_of,
    read,
    table,
)
from ecr_vend.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PODMANS = ("podman", "buildah", "skopeo")
FILES = "containers-auth.json"
"""What registries.conf calls the auth files in its list of helpers."""


def settings(case: Case) -> Iterator[Finding]:
    """Read the settings, which later checks need."""
    found = load(case.environ)
    case.settings = found
    for path in (found.config, found.system_config):
        there = "" if path.exists() else " (not there)"
        yield Finding("settings", OK, f"{path}{there}")


def chosen(case: Case, given: Sequence[str] | None) -> Iterator[Finding]:
    """Find the registries to look at, which later checks need."""
    if not case.settings:
        return
    try:
        case.registries = registries.chosen(given, case.settings, case.environ)
        yield Finding("registries", OK, ", ".join(one.name for one in case.registries))
    except Problem as problem:
        if problem.code == "no_registries":
            detail = "none is named in the settings or in docker's configuration"
            cure = "to look at one: ecr-vend doctor --registry HOST"
            yield Finding("registries", OK, detail, cure)
        else:
            yield of_problem("registries", problem)
    if len(case.registries) == 1:  # its own endpoint and profile, then, are what matters
        case.settings = case.registries[0].settings
    if case.settings.endpoint:
        yield Finding("endpoint", OK, case.settings.endpoint)
    else:
        yield of_problem("endpoint", Problem("endpoint_not_set", config=str(case.settings.config)))


def docker(case: Case) -> Iterator[Finding]:
    """Say which entry of docker's configuration counts for each registry."""
    path = docker_config(case.environ)
    document = read(path)
    yield Finding("docker", OK, f"{path}{'' if document is not None else ' (not there)'}")
    if case.environ.get("DOCKER_AUTH_CONFIG"):
        detail = "DOCKER_AUTH_CONFIG is set: docker asks it before every helper"
        yield Finding("docker", WARN, detail, "unset it, or see that it names no registry of yours")
    for host in [registry.name for registry in case.registries]:
        yield docker_entry(host, document or {}, path)
        if any(entry and host_of(key) == host for key, entry in _auths(document, path)):
            detail = f"{path} still has a password for {host} in `auths`"
            yield Finding("docker", WARN, detail, f"remove it: docker logout {host}")


def docker_entry(host: str, document: Document, path: Path) -> Finding:
    """Return which credential docker uses: `credHelpers`, else `credsStore`, else `auths`."""
    cure = f"run `ecr-vend configure --registry {host}`"
    helpers = table(document, "credHelpers", path)
    if helper := helpers.get(host, document.get("credsStore")):
        place = "credHelpers" if host in helpers else "credsStore"
        if helper == HELPER:
            return Finding("docker", OK, f"{host}: `{place}` names {HELPER}")
        detail = f"{host}: `{place}` of {path} names {helper}, which is asked in our place"
        return Finding("docker", FAIL, detail, cure)
    if any(host_of(key) == host for key, _ in _auths(document, path)):
        detail = f"{host}: the password in `auths` of {path} is used, and no helper asked"
        return Finding("docker", FAIL, detail, cure)
    return Finding("docker", WARN, f"{host}: {path} names no helper", cure)


def containers(case: Case) -> Iterator[Finding]:
    """Say which entry of podman's, buildah's and skopeo's files counts for each registry."""
    files = containers_auth_files(case.environ)
    broken = False
    for path in files:
        try:
            if read(path) is not None:
                yield Finding("containers", OK, str(path))
        except Problem as problem:
            broken = True
            yield of_problem("containers", problem)
    order, place = credential_helpers(case)
    if place:
        yield Finding("containers", OK, f"{place}: credential-helpers {', '.join(order)}")
    used = any(shutil.which(name, path=case.environ.get("PATH")) for name in PODMANS)
    if not broken:
        for host in [registry.name for registry in case.registries]:
            yield containers_entry(host, files, order, used=used)


def credential_helpers(case: Case) -> tuple[list[str], Path | None]:
    """Return the `credential-helpers` of registries.conf, and the file that sets them.

    Raises:
        Problem: `bad_config`: a file is not TOML.
    """
    own = containers_folder(case.environ)
    named = case.environ.get("CONTAINERS_REGISTRIES_CONF")
    user, system = own / "registries.conf", Path("/etc/containers/registries.conf")
    first = Path(named) if named else (user if user.exists() else system)
    pieces = [
        *sorted(Path("/etc/containers/registries.conf.d").glob("*.conf")),
        *sorted((own / "registries.conf.d").glob("*.conf")),
    ]
    found: tuple[list[str], Path | None] = ([FILES], None)
    for path in (first, *pieces):
        try:
            document = tomllib.loads(path.read_text())
        except OSError:
            continue
        except ValueError as error:
            raise Problem("bad_config", where=str(path), what=f"is not TOML: {error}") from None
        if isinstance(listed := document.get("credential-helpers"), list):
            found = ([str(name) for name in listed], path)
    return found


def containers_entry(
    host: str, files: Sequence[Path], order: Sequence[str], *, used: bool
) -> Finding:
    """Return which credential podman uses: helpers in order, a file's helper before its entries."""
    cure = f"run `ecr-vend configure --podman --registry {host}`"
    for helper in order:
        if helper == HELPER:
            return Finding("containers", OK, f"{host}: registries.conf names {HELPER}")
        for path in files if helper == FILES else ():
            document = read(path) or {}
            named = table(document, "credHelpers", path).get(host)
            if named == HELPER:
                return Finding("containers", OK, f"{host}: `credHelpers` of {path} names {HELPER}")
            if named:
                detail = f"{host}: `credHelpers` of {path} names {named}, which is asked"
                return Finding("containers", FAIL, detail, cure)
            keys = [key for key, _ in _auths(document, path) if host_of(key) == host]
            if keys:
                detail = f"{host}: the password of {keys[0]} in {path} is used, and no helper asked"
                return Finding("containers", FAIL, detail, f"remove it: podman logout {host}")
    detail = f"{host}: no file names a helper"
    if used:
        return Finding("containers", WARN, detail, cure)
    return Finding("containers", OK, f"{detail}; podman, buildah and skopeo are not installed")


def _auths(document: Document | None, path: Path) -> list[tuple[str, object]]:
    """Return the entries of a file; the old form is all entries."""
    if path.name == ".dockercfg":
        return list((document or {}).items())
    return list(table(document or {}, "auths", path).items())
