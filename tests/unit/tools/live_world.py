"""A world for the checks of the live check: answers that a test chooses, and no network."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import httpx

from tools.live_check.__main__ import tried
from tools.live_check.check import Check
from tools.live_check.checks import CHECKS
from tools.live_check.registry import Login, Registry
from tools.live_check.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a-token-that-no-report-may-hold"


class Answers(Login):
    """A token that gets one status for everything but what its own repository answers."""

    def __init__(self, pulls: int, pushes: int) -> None:
        object.__setattr__(self, "registry", Registry("https://registry"))
        object.__setattr__(self, "password", SECRET)
        self.__dict__.update(pulls=pulls, pushes=pushes)

    def pull(self, repository: str) -> int:
        return int(self.__dict__["pulls"])

    def begin_push(self, repository: str) -> int:
        return int(self.__dict__["pushes"])


class Open(Registry):
    """A registry that takes every password."""

    def login(self, password: str) -> Login:
        return Answers(200, 202)


class Anything:
    """An AWS client that takes every call and answers nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda **_: {}


class Aws:
    """AWS's own clients, which check what they are asked and answer what a test chooses.

    Attributes:
        answers: By operation, such as `lambda.Invoke`: an answer, or what makes one of the
            parameters. A text is an error's code, or a code and a message after a colon.
        asked: Each operation with its parameters, in the order in which they were asked.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        found = make(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        found.meta.events.register("provide-client-params.*", self._ask)
        found.meta.events.register("before-call.*", self._answer)
        return found

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((f"{model.service_model.service_name}.{model.name}", params))

    def _answer(self, **_: Any) -> tuple[Any, Any]:
        operation, parameters = self.asked[-1]
        answer: Any = self.answers.get(operation, {})
        answer = answer(parameters) if callable(answer) else answer
        if isinstance(answer, str):
            code, message = answer.partition(": ")[::2]
            error = {
                "Error": {"Code": code, "Message": message},
                "ResponseMetadata": {},
            }
            return SimpleNamespace(status_code=400), error
        return SimpleNamespace(status_code=200), {"ResponseMetadata": {}} | answer


class Scripted(World):
    """A world in which every token gets the same answers, whatever should have stopped it."""

    pulls, pushes = 200, 202
    aws: Aws | None = None
    answer: Callable[[str, str], httpx.Response] | None = None

    def client(self, service: str, credentials: Any = None) -> Any:
        return self.aws.client(service) if self.aws else Anything()

    def outputs(self) -> dict[str, str]:
        return {"LedgerTableName": "ledger", "Endpoint": "https://api"}

    def physical(self, logical: str) -> str:
        return f"ecr-vend-{logical}"

    def session_of(self, *_: Any, **__: Any) -> Any:
        return None

    def token(self, credentials: Any) -> Login:
        return Answers(self.pulls, self.pushes)

    def vended(self, *_: Any, **__: Any) -> Login:
        return Answers(self.pulls, self.pushes)

    def denying(self, statement: Any) -> Any:
        return nullcontext()

    def until_refused(self, login: Login, *, within: float) -> float:
        status = login.pull(self.one)
        if status == 200:
            raise TimeoutError("it still pulled")
        return 0.0

    def call(
        self, method: str, path: str, body: Any = None, *, role: str = "", api: str = ""
    ) -> httpx.Response:
        if self.answer:
            return self.answer(f"{method} {path}", role)
        told = {
            "source_ip": "203.0.113.7",
            "password": SECRET,
            "vend_id": "v-0",
            "expires_at": "2100-01-01T00:00:00Z",
        }
        return httpx.Response(200, json=told)


def world(
    kind: type[World] = Scripted,
    answers: dict[str, Any] | None = None,
    api: Callable[[str, str], httpx.Response] | None = None,
) -> Any:
    """Return a world of a kind, in which AWS gives these answers, and the API those."""
    found = kind(
        boto3.Session(region_name="eu-west-1"),
        "ecr-vend",
        "ecr-vend-check",
        "https://api",
        Open("https://registry"),
        on_aws=True,
        slow=True,
        sleep=lambda _: None,
    )
    found.__dict__.update(account="111122223333", partition="aws", answer=api)
    if answers is not None:
        found.__dict__["aws"] = Aws(answers)
    return found


class Refusing(Scripted):
    pulls, pushes = 403, 403


class Broken(Scripted):
    pulls, pushes = 500, 500


def check(name: str) -> Check:
    """Return a check by its name."""
    (found,) = [one for one in CHECKS if one.name == name]
    return found


IDS = {"x-amzn-requestid": "c6af9ac6-7b61-11e6", "x-amz-apigw-id": "AbCdEfGhIj0="}
BY_IAM = {"message": "User is not authorized"}


def served(request: str, role: str) -> httpx.Response:
    """Answer as the API does: a route of revoking is not the caller's."""
    if request.startswith("DELETE"):
        return httpx.Response(403, json=BY_IAM, headers=IDS)
    return httpx.Response(200, json={}, headers=IDS)


def verdict(name: str, answers: dict[str, Any], api: Any = served) -> tuple[str, str]:
    """Return what a check comes to where AWS and the API answer so, and what it saw."""
    found = tried(check(name), world(answers=answers, api=api))
    return str(found.verdict), found.saw
