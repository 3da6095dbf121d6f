"""What `configure` is to change: which registries, in which files, and what to say about it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_vend import configured, drafts, hosts, registry_configs
from ecr_vend.config_files import config_path
from ecr_vend.errors import Problem
from ecr_vend.registry_configs import HELPER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ecr_vend.configured import Record
    from ecr_vend.drafts import Draft

PREDECESSOR = "ecr-login"
PROGRAM = f"docker-credential-{HELPER}"


@dataclass(slots=True)
class Plan:
    """The changes of one call, none of them made yet.

    Attributes:
        environ: The process environment.
        record: What was changed before, and what is to be.
        config: The draft of `config.toml`.
        clients: The drafts of the registry clients' files.
        names: The registries that are configured, as they are asked for.
        warnings: What the person should know; a sentence each.
        switched: Registry, or "every registry" → the helper that answered for it before.
    """

    environ: Mapping[str, str]
    record: Record
    config: Draft
    clients: list[Draft]
    names: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    switched: dict[str, str] = field(default_factory=dict)

    def name(self, given: str) -> str:
        """Take up a registry as `--registry` names it, `HOST` or `ALIAS=HOST`.

        Raises:
            Problem: It is no host name, or the alias does not stand for an ECR host.
        """
        alias, _, host = given.rpartition("=")
        name, ecr = hosts.bare(alias or host), hosts.parse(hosts.bare(host) or "")
        if not name or (alias and not ecr):
            raise Problem("not_an_ecr_host", where="--registry", host=host)
        if ecr and alias and self.config.value(("registries", name)) != ecr.host:
            self.record.put(self.config, ("registries", name, "host"), ecr.host)
        if name not in self.names:
            self.names.append(name)
        return name

    def set(self, chosen: Mapping[str, str], *, named: bool) -> None:
        """Put settings into `config.toml`.

        The endpoint and its region are everybody's unless there is another one already; what else
        is set together with a registry is of that registry alone.

        Args:
            chosen: Key → value.
            named: Whether the person has named the registries.
        """
        other = self.config.value(("endpoint",))
        of_all = not named or other is None or other == chosen.get("endpoint", other)
        for key, value in chosen.items():
            if of_all if key in {"endpoint", "region"} else not named:
                self.record.put(self.config, (key,), value)
                continue
            for name in self.names:
                self.record.put(self.config, ("registries", name, key), value)

    def switch(self) -> None:
        """Take over what the predecessor answers for, and take up what is ours already."""
        for draft in self.clients:
            for name, helper in _table(draft, "credHelpers").items():
                if helper == HELPER:
                    self._take_up(name)
                elif helper != PREDECESSOR:
                    continue
                elif hosts.parse(hosts.bare(name) or ""):
                    self._answer_for(draft, name)
                else:
                    self.warnings.append(
                        f"{name} stays with {PREDECESSOR}: it is no private ECR registry"
                    )
            if draft.value(("credsStore",)) == PREDECESSOR:
                self._answer_for_all(draft)

    def answer_for_named(self, draft: Draft) -> None:
        """Have a registry client ask us for the registries taken up."""
        for name in list(self.names):
            self._answer_for(draft, name)

    def answer_for_all(self, draft: Draft, *, force: bool) -> None:
        """Have a registry client ask us for every registry that it has no helper of its own for.

        Raises:
            Problem: Passwords that are kept for other registries would be lost from sight.
        """
        store = draft.value(("credsStore",))
        kept = [name for name, entry in _table(draft, "auths").items() if entry]
        lost = f"the passwords in `{store}`" if store else f"those of {', '.join(kept)}"
        if (store not in {None, HELPER, PREDECESSOR} or (kept and not store)) and not force:
            what = (
                f"with a `credsStore` of ours docker would not find {lost} any more: name the "
                "registries with --registry, or add --force"
            )
            raise Problem("bad_config", where=str(draft.path), what=what)
        self._answer_for_all(draft)

    def look_around(self) -> None:
        """Warn of what would keep the registry clients from asking us."""
        path = self.environ.get("PATH")
        if not shutil.which(PROGRAM, path=path):
            self.warnings.append(
                f"{PROGRAM} is not on the PATH of this shell ({path or 'which is empty'}): put the "
                "folder it was installed into there, for docker too"
            )
        targets = [draft.path for draft in self.clients if draft.changed]
        places = dict.fromkeys(
            [
                registry_configs.docker_config(self.environ),
                *registry_configs.containers_auth_files(self.environ),
                *targets,
            ]
        )
        for place in places:
            for name in self._static(place):
                if place in targets:
                    told = f"{place} also holds a password for {name}, which is not used any more"
                else:
                    told = f"{place} holds a password for {name}: podman and others may take it"
                self.warnings.append(f"{told}; `docker logout {name}` or `podman logout` drops it")

    def _static(self, path: Path) -> list[str]:
        """Return our registries that a file has a password for."""
        try:
            document = registry_configs.read(path) or {}
            auths = registry_configs.table(document, "auths", path)
        except Problem:
            return []  # not ours to change, so not ours to complain about
        held = {registry_configs.host_of(key) for key, entry in auths.items() if entry}
        return [name for name in self.names if name in held]

    def _answer_for(self, draft: Draft, name: str) -> None:
        before = draft.value(("credHelpers", name))
        if isinstance(before, str) and before != HELPER:
            self.switched[name] = before
        self.record.put(draft, ("credHelpers", name), HELPER)
        self._take_up(name)

    def _take_up(self, name: str) -> None:
        if (bare := hosts.bare(name)) and bare not in self.names:
            self.names.append(bare)

    def _answer_for_all(self, draft: Draft) -> None:
        before = draft.value(("credsStore",))
        if isinstance(before, str) and before != HELPER:
            self.switched["every registry"] = before
        self.record.put(draft, ("credsStore",), HELPER)
        self.warnings.append(
            "`docker login` to registries that are not ECR keeps no password from now on: give "
            "them a helper of their own in `credHelpers`"
        )


def begin(environ: Mapping[str, str], *, podman: bool) -> Plan:
    """Return a plan that changes nothing yet; its first client's file is the one to write to.

    Args:
        environ: The process environment.
        podman: Whether to write what podman, buildah and skopeo read before docker's file.

    Raises:
        Problem: A file cannot be read.
    """
    path = config_path(environ)
    docker = registry_configs.docker_config(environ)
    containers = containers_file(environ)
    first, second = (containers, docker) if podman else (docker, containers)
    clients = [drafts.read(file) for file in dict.fromkeys((first, second))]
    return Plan(environ, configured.read(record_path(path)), drafts.read(path), clients)


def record_path(config: Path) -> Path:
    """Return where the changes are written down that `configure --remove` undoes."""
    return config.with_name(f"{config.name}.configured")


def containers_file(environ: Mapping[str, str]) -> Path:
    """Return the file of podman, buildah and skopeo that outlives the session."""
    files = registry_configs.containers_auth_files(environ)
    if len(files) == 1:
        return files[0]
    return registry_configs.containers_folder(environ) / "auth.json"


def _table(draft: Draft, name: str) -> dict[str, object]:
    found = draft.value((name,))
    return found if isinstance(found, dict) else {}
