"""What every consumer of the protocols relies on (docs/consumers.md), of an installed client."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.installed.task import COMMAND, HELPER, PROVIDER
from tests.installed.trying import Answer, document, must, promise

if TYPE_CHECKING:
    from tests.installed.trying import Trying

NOT_FOUND = "credentials not found in native keychain"
NO_SERVER_URL = "no credentials server URL"
NO_USERNAME = "no credentials username"

HOSTS = json.loads(
    (Path(__file__).resolve().parents[1] / "vectors/hosts.json").read_text(encoding="utf-8")
)
PART = "conformance"
AT_ONCE = 4
"""Calls under way where many are made and their number is not the point."""


def exactly(answer: Answer, out: str, code: int) -> None:
    """See that a call printed just that and nothing on stderr."""
    must(answer == Answer(out, "", code), answer.said)


@promise(PART, "`ecr-vend version` says what was built from which commit")
def says_what_it_is(trying: Trying) -> None:
    said = document(trying.call(COMMAND, "version", "--json").out)
    found = {name: said.get(name) for name in trying.task.expected}
    must(found == trying.task.expected, f"{found}, not {trying.task.expected}")


@promise(PART, "`version` says the version in one line")
def helper_version(trying: Trying) -> None:
    version = trying.task.expected["version"]
    exactly(
        trying.call(HELPER, "version"), f"{HELPER} (github.com/ecr-vend/ecr-vend) v{version}", 0
    )
    exactly(trying.call(PROVIDER, "--version"), f"{PROVIDER} {version}", 0)


@promise(PART, "a wrong number of arguments is answered with the usage, exit code 1")
def usage(trying: Trying) -> None:
    for words in ((), ("get", "more")):
        answer = trying.call(HELPER, *words)
        must(answer.out.startswith(f"Usage: {HELPER} ") and answer.code == 1, answer.said)


@promise(PART, "a registry that is not ours: the canonical line on stdout, exit code 1, no more")
def not_ours(trying: Trying) -> None:
    asked = ["https://not.a.real.registry/url"]
    # Shells drop NUL bytes, which no name holds.
    asked += [host for entry in HOSTS["reject"] if (host := entry["host"]) and "\0" not in host]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for answer in pool.map(lambda host: trying.get("pull", host), asked):
            exactly(answer, NOT_FOUND, 1)


@promise(PART, "no server URL and no user name are told in the protocol's own words")
def own_words(trying: Trying) -> None:
    exactly(trying.get("pull", "\n"), NO_SERVER_URL, 1)
    exactly(trying.call(HELPER, "erase"), NO_SERVER_URL, 1)
    exactly(trying.call(HELPER, "store", given="{}"), NO_SERVER_URL, 1)
    nobody = json.dumps({"ServerURL": trying.task.service.registry, "Username": "", "Secret": "x"})
    exactly(trying.call(HELPER, "store", given=nobody), NO_USERNAME, 1)


@promise(PART, "`store` succeeds and keeps nothing")
def store(trying: Trying) -> None:
    typed = {"ServerURL": trying.task.service.registry, "Username": "AWS", "Secret": "typed-in"}
    exactly(trying.call(HELPER, "store", given=json.dumps(typed), session="pull"), "", 0)
    must(trying.get("pull").secret != "typed-in", "what was stored is given out")


@promise(PART, "a registry is known in whatever form it is passed, and named as it was asked for")
def forms(trying: Trying) -> None:
    trying.get("pull", trying.task.service.registry_host)  # kept, where there is a place for it
    asked = [form.format(host=trying.task.service.registry_host) for form in HOSTS["client_forms"]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda url: trying.get("pull", url), asked))
    for url, answer in zip(asked, answers, strict=True):
        must(answer.secret, url)
        must(document(answer.out)["ServerURL"] == url.strip(), f"{url!r}: another ServerURL")
    if trying.keeps():
        must(len({answer.secret for answer in answers}) == 1, "the forms have different tokens")


@promise(PART, "`list` names the registry, and nobody's password")
def listing(trying: Trying) -> None:
    answer = trying.call(HELPER, "list", session="pull")
    must(document(answer.out).get(trying.task.service.registry) == "AWS", answer.said)


@promise(PART, "the kubelet gets a credential for its image alone")
def kubelet(trying: Trying) -> None:
    image = f"{trying.task.service.registry_host}/{trying.task.service.granted.repository}"
    version = "credentialprovider.kubelet.k8s.io/v1"
    request = {"apiVersion": version, "kind": "CredentialProviderRequest", "image": image}
    answer = trying.call(PROVIDER, given=json.dumps(request), session="pull")
    response = document(answer.out)
    auth = response.pop("auth", {})
    must(answer.code == 0 and not answer.err, answer.err or response)
    must(response.pop("cacheDuration", "").endswith("s"), response)
    kind = {"kind": "CredentialProviderResponse", "cacheKeyType": "Image"}
    must(response == {"apiVersion": version, **kind}, response)
    must(list(auth) == [image], list(auth))
    trying.pulls(auth[image]["password"])


@promise(PART, "Bazel gets a header that the registry takes")
def bazel(trying: Trying) -> None:
    request = {"uri": f"https://{trying.task.service.registry}/v2/"}
    answer = trying.call(HELPER, "get", given=json.dumps(request), session="pull")
    response = document(answer.out)
    must(answer.code == 0 and set(response) == {"headers", "expires"}, answer.err or set(response))
    (header,) = response["headers"]["Authorization"]
    trying.pulls(base64.b64decode(header.removeprefix("Basic ")).decode().removeprefix("AWS:"))


@promise(PART, "a caller whom the policy does not know is told so, and never the canonical line")
def refusal(trying: Trying) -> None:
    answer = trying.get("refused")
    must(answer.code == 1 and "\n" not in answer.out, answer.said)
    must(answer.out.startswith("ecr-vend: ") and "not_granted" in answer.out, answer.said)
    must(NOT_FOUND not in answer.out, answer.said)
