"""What a probe proves: each claim can fail, and none holds for a wrong reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from probing.proofs import Answer, Unreachable, prove
from tests.fakes import PASSWORD
from vending.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probing.proofs import Proof

REPOSITORY = "ecr-vend-probe/5c1e9f20"
REFUSED = Answer(403, "not_granted")


@dataclass
class FakeDoor:
    """A service that answers as it is told."""

    answer: Answer = field(
        default_factory=lambda: Answer(200, token=Token(PASSWORD), scope={"pull": [REPOSITORY]})
    )
    refusal: Answer = REFUSED
    silent: bool = False

    def granted(self) -> Answer:
        if self.silent:
            raise Unreachable("POST https://api/v1/tokens: ConnectTimeoutError")
        return self.answer

    def refused(self) -> Iterator[tuple[str, str, Answer]]:
        yield "somebody else is refused", "not_granted", self.refusal


@dataclass
class FakeRegistry:
    """A registry that answers as it is told, and keeps what it was asked."""

    own: int = 200
    other: int = 403
    push: int = 403
    asked: list[tuple[str, str]] = field(default_factory=list)

    def status(self, method: str, path: str, token: Token) -> int:
        assert token.reveal() == PASSWORD
        self.asked.append((method, path))
        if method == "POST":
            return self.push
        return self.other if "-other/" in path else self.own


def proofs(door: FakeDoor | None = None, registry: FakeRegistry | None = None) -> list[Proof]:
    return list(prove(door or FakeDoor(), registry or FakeRegistry(), REPOSITORY))


def failed(found: list[Proof]) -> list[str]:
    return [proof.claim for proof in found if not proof.held]


@pytest.mark.parametrize("status", [200, 404])
def test_a_service_that_works_is_proved(status: int) -> None:
    found = proofs(registry=FakeRegistry(own=status))
    assert len(found) == 5
    assert failed(found) == []


@pytest.mark.parametrize(
    ("registry", "claim"),
    [
        (FakeRegistry(own=403), "the token reads its repository"),
        (FakeRegistry(own=401), "the token reads its repository"),
        (FakeRegistry(other=404), "the token reads no other repository"),
        # The registry does not know the token, which says nothing of its scope.
        (FakeRegistry(other=401), "the token reads no other repository"),
        (FakeRegistry(push=202), "the token writes nothing"),
    ],
)
def test_a_token_of_the_wrong_scope_is_seen(registry: FakeRegistry, claim: str) -> None:
    assert failed(proofs(registry=registry)) == [claim]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, "policy_unavailable"),
        Answer(200, token=Token(PASSWORD), scope={"pull": [REPOSITORY, "payments/api"]}),
        Answer(200, token=Token(PASSWORD), scope={"push": [REPOSITORY]}),
    ],
)
def test_what_is_not_the_token_that_was_granted_is_not_tried(answer: Answer) -> None:
    registry = FakeRegistry()
    found = proofs(FakeDoor(answer), registry)
    assert failed(found) == ["the prober is vended a token"]
    assert registry.asked == []
    # The refusals are proved all the same.
    assert found[-1].claim == "somebody else is refused"


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(200, token=Token(PASSWORD), scope={"pull": [REPOSITORY]}),
        # Refused, but for another reason: the rule that should refuse was not reached.
        Answer(403, "unsupported_caller"),
        Answer(403),
        Answer(503, "not_granted"),
    ],
)
def test_a_refusal_counts_only_for_its_own_reason(refusal: Answer) -> None:
    assert failed(proofs(FakeDoor(refusal=refusal))) == ["somebody else is refused"]


def test_silence_is_a_failure_that_says_who_was_silent() -> None:
    (found,) = proofs(FakeDoor(silent=True))
    assert not found.held
    assert "ConnectTimeoutError" in found.seen


def test_no_proof_shows_the_token() -> None:
    assert PASSWORD not in "".join(map(repr, proofs()))
