"""What the doctor reads of an account, as values: the registry, its repositories, the roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vending.access import ACTIONS, Access
from vending.session_policy import MINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vendctl.doctor.documents import Document


@dataclass(frozen=True, slots=True)
class Place:
    """One registry.

    Attributes:
        partition: Such as `aws`.
        region: Such as `eu-west-1`.
        account: 12 digits.
    """

    partition: str
    region: str
    account: str

    def repository(self, name: str) -> str:
        """Return the ARN of a repository, or of all that a pattern matches."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/{name}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which registry is examined, and what is known of it beforehand.

    Attributes:
        place: The registry.
        roles: The name of the vended role of each access.
        function_role: ARN of the vending function's role, the only one that may assume them.
        prefixes: What repository names may begin with; empty: anything.
        revocations: ARN of the policy with each access's revocations, where it is known.
        function: ARN of the vending function, where it is known.
        throttle: Requests a second that the API takes, where that is known.
    """

    place: Place
    roles: dict[Access, str]
    function_role: str
    prefixes: tuple[str, ...] = ()
    revocations: dict[Access, str] | None = None
    function: str = ""
    throttle: float | None = None


@dataclass(frozen=True, slots=True)
class VendedRole:
    """A role whose sessions the tokens are of.

    Attributes:
        access: What it is for.
        arn: Its ARN.
        role_id: `AROA…`; empty where it was not read.
        longest: The longest session, in seconds.
        trust: Who may assume it; None where it was not read.
        policies: Inline and attached policies that were read.
        boundary: Its permissions boundary, or None: there is none, or it was not read.
        complete: Whether all of these were read: only then does what is missing tell anything.
    """

    access: Access
    arn: str
    role_id: str = ""
    longest: int = 3600
    trust: Document | None = None
    policies: tuple[Document, ...] = ()
    boundary: Document | None = None
    complete: bool = True

    @property
    def name(self) -> str:
        """The role's name, without a path."""
        return self.arn.rpartition("/")[2]

    @property
    def account(self) -> str:
        """The account whose role it is."""
        return self.arn.split(":")[4]

    @property
    def actions(self) -> frozenset[str]:
        """What a token of this role may do at the most, in lower case."""
        return frozenset(action.lower() for action in (MINT, *ACTIONS[self.access]))

    def documents(self) -> Iterator[Document]:
        """Yield every document whose denies bind its sessions."""
        yield from self.policies
        if self.boundary is not None:
            yield self.boundary


@dataclass(frozen=True, slots=True)
class FunctionRole:
    """The vending function's role.

    Attributes:
        arn: Its ARN.
        trust: Who may assume it.
        policies: Inline and attached policies.
        complete: Whether all of these were read.
    """

    arn: str
    trust: Document | None = None
    policies: tuple[Document, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository.

    Attributes:
        name: Its name.
        mutable: Whether a tag of it can be moved to another image.
    """

    name: str
    mutable: bool


@dataclass(frozen=True, slots=True)
class Account:
    """All that was read.

    Attributes:
        roles: The vended roles.
        function_role: The vending function's; None where it is another account's, or unread.
        trusts: The trust of every other role of the account.
        repositories: Those that were examined.
        policies: Of repositories, of the registry, of creation templates.
        pull_through: Prefix of each pull-through cache rule; `ROOT` is all names.
        replicas: Registries that images are copied to, as account and region.
        token_rate: The quota of GetAuthorizationToken a second, where AWS tells one.
    """

    roles: tuple[VendedRole, ...] = ()
    function_role: FunctionRole | None = None
    trusts: tuple[Document, ...] = ()
    repositories: tuple[Repository, ...] = ()
    policies: tuple[Document, ...] = ()
    pull_through: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()
    token_rate: float | None = None
