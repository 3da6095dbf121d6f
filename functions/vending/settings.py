"""The function's environment, parsed once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from vending.access import Access
from vending.budgets import Kind
from vending.patterns import REPOSITORY
from vending.probe import Prober
from vending.registry import DEFAULT, Registry, parse_host, served

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE_ARN = r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"


OTHER_REGISTRY = re.compile(
    r"arn:(?P<partition>aws(?:-[a-z]+)*):iam::(?P<account>[0-9]{12}):role/"
    r"[A-Za-z][A-Za-z0-9-]*\.(?P<name>[a-z0-9][a-z0-9-]*)"
    r"\.(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9]+)"
)
"""The output `Registry` of stacks/registry.yaml: how the ARNs of its vended roles begin."""


class SettingsError(Exception):
    """The environment does not make a service; the message names the variable."""


POLICY_ARN = r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:policy/[A-Za-z0-9_+=,.@/-]+$"


def _of_each_access(found: dict[Access, str], info: ValidationInfo) -> dict[Access, str]:
    if missing := [access for access in Access if access not in found]:
        raise ValueError(f"{info.field_name} for {', '.join(missing)} are missing")
    return found


class RevokerSetting(BaseModel):
    """How the tokens of one registry are denied.

    Attributes:
        role: Whom to be for it, in another account; absent in the function's own.
        policies: By access, the managed policy of the vended role that holds its denies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Annotated[str, Field(pattern=ROLE_ARN)] | None = None
    policies: Annotated[
        dict[Access, Annotated[str, Field(pattern=POLICY_ARN)]], AfterValidator(_of_each_access)
    ]


class RegistrySetting(BaseModel):
    """One served registry in `VEND_REGISTRIES`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: str
    suffix: str = "amazonaws.com"
    roles: Annotated[
        dict[Access, Annotated[str, Field(pattern=ROLE_ARN)]], AfterValidator(_of_each_access)
    ]
    revoker: RevokerSetting | None = None


class ProberSetting(BaseModel):
    """`VEND_PROBER`: who probes, and the repository that it may pull."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Annotated[str, Field(pattern=ROLE_ARN)]
    repository: str

    @field_validator("repository")
    @classmethod
    def _is_a_repository(cls, name: str) -> str:
        if not REPOSITORY.fullmatch(name):
            raise ValueError(f"{name!r} is no repository name")
        return name


class PolicySettings(BaseModel):
    """What every function of the API is told by its environment. See template.yaml."""

    model_config = ConfigDict(frozen=True)

    ledger_table: Annotated[str, Field(min_length=3)]
    person_key_table: Annotated[str, Field(min_length=3)]
    policy: Annotated[str, Field(pattern=r"^(appconfig:[^/]+/[^/]+/[^/]+|file:.+)$")]
    policy_max_age: Annotated[int, Field(ge=60, le=86_400)] = 3600

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the `VEND_*` variables.

        Raises:
            SettingsError: One is missing or wrong.
        """
        given: dict[str, Any] = {
            key.removeprefix("VEND_").lower(): value
            for key, value in environment.items()
            if key.startswith("VEND_")
        }
        try:
            return cls.model_validate(given)
        except ValidationError as errors:
            first = errors.errors(include_url=False)[0]
            where = "_".join(str(step) for step in first["loc"][:1]).upper()
            raise SettingsError(f"VEND_{where or 'REGISTRIES'}: {first['msg']}") from None

    def policy_file(self) -> Path | None:
        """Return the policy's file, or None when it is in AppConfig."""
        match = re.fullmatch(r"file:(.+)", self.policy)
        return Path(match[1]) if match else None


class AuditingSettings(PolicySettings):
    """What the auditing function is told by its environment besides."""

    token_key: Annotated[str, Field(min_length=1)]


class RevokingSettings(PolicySettings):
    """What the revoking function is told by its environment besides."""

    registries: Json[dict[str, RegistrySetting]]
    other_registries: str = ""
    block_table: Annotated[str, Field(min_length=3)]

    def served(self) -> dict[str, Registry]:
        """Return the served registries by name.

        Raises:
            SettingsError: There is no default one, or one is at no ECR host.
        """
        if DEFAULT not in self.registries:
            raise SettingsError(f"VEND_REGISTRIES: one must be called {DEFAULT!r}")
        found = {
            name: Registry(
                name,
                one.account,
                one.region,
                one.suffix,
                one.roles,
            )
            for name, one in self.registries.items()
        }
        for registry in found.values():
            if not parse_host(registry.host):
                raise SettingsError(f"VEND_REGISTRIES: {registry.host} is no ECR host")
        for beginning in filter(None, self.other_registries.split(",")):
            other = other_registry(beginning, found[DEFAULT])
            if other.name in found:
                raise SettingsError(f"VEND_OTHER_REGISTRIES: two are called {other.name!r}")
            if same := served(found, other.host):
                raise SettingsError(
                    f"VEND_OTHER_REGISTRIES: {other.name!r} and {same.name!r} are both {other.host}"
                )
            found[other.name] = other
        return found

    def revokers(self) -> dict[str, RevokerSetting | None]:
        """Return how the tokens of each registry are denied, by its host; None where they are not.

        Raises:
            SettingsError: As `served`.
        """
        revokers = {name: one.revoker for name, one in self.registries.items()}
        for name, registry in self.served().items():
            revokers.setdefault(name, revoker_elsewhere(registry))
        return {registry.host: revokers[name] for name, registry in self.served().items()}


class Settings(RevokingSettings):
    """What the vend function is told by its environment besides."""

    token_key: Annotated[str, Field(min_length=1)]
    budget_table: Annotated[str, Field(min_length=3)]
    budgets: Json[dict[Kind, Annotated[int, Field(ge=0)]]]
    max_ttl: Annotated[int, Field(ge=1, le=3600)] = 3600
    min_ttl: Annotated[int, Field(ge=1, le=3600)] = 60
    prober: Json[ProberSetting] | None = None

    def stack_prober(self) -> Prober | None:
        """Return the stack's prober, or None where it has none."""
        return Prober(self.prober.role, self.prober.repository) if self.prober else None


def other_registry(beginning: str, default: Registry) -> Registry:
    """Return the registry whose vended roles' ARNs begin with `beginning`.

    Raises:
        SettingsError: It is no such beginning, or of another partition than the default registry:
            no role is assumed across partitions.
    """
    parts = OTHER_REGISTRY.fullmatch(beginning)
    if not parts:
        raise SettingsError(
            f"VEND_OTHER_REGISTRIES: {beginning} is not what a registry's stack gives as Registry, "
            "such as arn:aws:iam::444455556666:role/ecr-vend.eu.eu-central-1"
        )
    roles = {access: f"{beginning}-{access}" for access in Access}
    registry = Registry(parts["name"], parts["account"], parts["region"], default.suffix, roles)
    if not parse_host(registry.host) or parts["partition"] != registry.partition:
        raise SettingsError(
            f"VEND_OTHER_REGISTRIES: {beginning} is no registry of the partition "
            f"{default.partition}"
        )
    return registry


def revoker_elsewhere(registry: Registry) -> RevokerSetting:
    """Return how the tokens of another registry are denied: what stacks/registry.yaml makes for it.

    Its owners may have made no role for it. Assuming that fails then, and each revocation says so.
    """
    beginning = registry.roles[Access.PULL].removesuffix(f"-{Access.PULL}")
    policies = beginning.replace(":role/", ":policy/", 1)
    return RevokerSetting(
        role=f"{beginning}-revoker",
        policies={access: f"{policies}-{access}-revocations" for access in Access},
    )
