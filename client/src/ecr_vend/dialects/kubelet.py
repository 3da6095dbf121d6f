"""`ecr-vend-credential-provider`: the kubelet's image credential provider protocol.

What the kubelet does with an answer, from its source (kubernetes/kubernetes,
pkg/credentialprovider/plugin/plugin.go and keyring.go):

- It decodes strictly: a field that it does not know makes it drop the answer, and so does an
  apiVersion other than the configured one.
- It keeps `auth` in memory for `cacheDuration`, a Go duration, under the image's name without tag
  and digest where `cacheKeyType` is Image. "0s" is not kept at all, none means the configured
  `defaultCacheDuration`. With service-account tokens, account or token are part of that name.
- A key of `auth` fits an image whose host and port are equal and whose path begins with its path.
- Whatever fails here, or an empty `auth`, leaves the image to other providers, pull secrets and an
  anonymous pull. What was said on stderr is in the kubelet's log. After a minute it kills us.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from ecr_vend import __version__, images, program, registries, tokens
from ecr_vend.errors import Problem
from ecr_vend.secret import Secret
from ecr_vend.web_identity import ROLE, WebIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "ecr-vend-credential-provider"
USAGE = f"""Usage: {NAME} <request.json

The kubelet runs this program (--image-credential-provider-config) and hands it a
CredentialProviderRequest on stdin. By hand:

  echo '{{"apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderRequest",
    "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app"}}' | {NAME}
"""

GROUP = "credentialprovider.kubelet.k8s.io"
VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
REQUEST = "CredentialProviderRequest"
RESPONSE = "CredentialProviderResponse"

ROLE_ANNOTATIONS = ("ecr-vend/role-arn", "eks.amazonaws.com/role-arn")
"""Annotations of a service account that name its role, the first of them that is there. Ours comes
first, so that images may be pulled with another role than the one the pod runs with."""


def run(
    arguments: Sequence[str],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
    environ: Mapping[str, str],
) -> int:
    """Carry out one call.

    Args:
        arguments: What follows the program's name; `get-credentials` is what other providers
            are configured with, and means nothing.
        stdin: The request.
        stdout: The response.
        stderr: Why there is none.
        environ: The process environment.

    Returns:
        The exit code.
    """
    match list(arguments):
        case ["--help" | "-h"]:
            stdout.write(USAGE)
        case ["--version"]:
            stdout.write(f"{NAME} {__version__}\n")
        case [] | ["get-credentials"]:
            from ecr_vend.dialects.json_requests import parsed

            def speak() -> int:
                stdout.write(json.dumps(answer(parsed(stdin.read()), environ)) + "\n")
                return 0

            return program.guarded(speak, stderr)
        case _:
            stderr.write(f"{NAME}: takes a request on stdin and no arguments; see --help\n")
            return 1
    return 0


def answer(request: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the response to a request.

    Raises:
        Problem: The request is not one, or the token of a managed image could not be had.
    """
    version = request.get("apiVersion")
    if version not in VERSIONS:
        detail = f"its apiVersion is {version}; in the kubelet's configuration write {VERSIONS[0]}"
        raise Problem("not_understood", detail=detail)
    if request.get("kind") != REQUEST:
        raise Problem("not_understood", detail=f"its kind is {request.get('kind')}, not {REQUEST}")
    response = {"apiVersion": version, "kind": RESPONSE, "cacheKeyType": "Image"}
    name = request.get("image")
    if not isinstance(name, str) or not name:
        raise Problem("not_understood", detail="it has no `image`")
    image = images.parse(name)
    if not image or "://" in name:
        raise Problem("not_understood", detail=f"{name} names no image")
    registry = registries.answered(image.host, environ)
    if not registry:
        # Not kept, so that a change of the settings is seen.
        return response | {"cacheDuration": "0s", "auth": {}}
    narrowed = registry.narrowed([image.repository], registries.PULLING)
    token = tokens.obtain(narrowed, environ, web_identity=web_identity(request))
    # Not until its end: a pull that starts with it must be able to finish. And by the kubelet's own
    # spelling of the host, since it compares the port as well.
    keep = max(0, int(token.refresh - time.time()))
    key = f"{name.partition('/')[0]}/{image.repository}"
    credential = {"username": "AWS", "password": token.password.reveal()}
    return response | {"cacheDuration": f"{keep}s", "auth": {key: credential}}


def web_identity(request: Mapping[str, Any]) -> WebIdentity | None:
    """Return the pod's own identity, None where the request carries no token.

    With a token the node's identity is never used in its place: what a pod may pull would depend
    on a misspelt annotation.

    Raises:
        Problem: The token's service account names no role, or something else.
    """
    token = request.get("serviceAccountToken")
    if token in (None, ""):
        return None
    annotations = request.get("serviceAccountAnnotations") or {}
    # Half a surrogate pair can be written in JSON, and be encoded in nothing.
    if not isinstance(token, str) or not token.isascii() or not isinstance(annotations, dict):
        raise Problem("not_understood", detail="its service account is not one")
    for annotation in ROLE_ANNOTATIONS:
        if annotation in annotations:
            role = annotations[annotation]
            if not isinstance(role, str) or not ROLE.fullmatch(role):
                raise Problem("not_a_role", annotation=annotation, role=str(role))
            return WebIdentity(role, Secret(token))
    raise Problem("no_role", annotation=ROLE_ANNOTATIONS[0])


def main() -> None:
    """Run the program and end the process."""
    program.finish(
        lambda stdin, stdout, stderr: run(sys.argv[1:], stdin, stdout, stderr, os.environ),
        sys.stdin,
    )


if __name__ == "__main__":
    main()
