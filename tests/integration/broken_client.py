"""A client in one file that works, or is broken in the way its first argument says.

It takes the place of an installed one, to see that a trial tells them apart: it speaks as much of
the protocols as that takes, keeps its tokens in `$HOME/token`, and signs with a key's id alone.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

HOW, PROGRAM, *WORDS = sys.argv[1:]
HELPER = "docker-credential-ecr-vend"
VERSION = "0.0.1" if HOW == "is another version" else "1.0.0"
ALIAS, _, HOST = os.environ["ECR_VEND_REGISTRIES"].partition("=")


def answer(text: str, code: int = 0) -> None:
    """Print an answer and end."""
    print(text)
    sys.exit(code)


def vended() -> tuple[str, float]:
    """Ask the service for a token, and return it with its end."""
    if HOW == "makes tokens up":
        return "made-up", time.time() + 900
    request = urllib.request.Request(  # noqa: S310 the tests name the service
        os.environ["ECR_VEND_ENDPOINT"] + "/v1/tokens",
        json.dumps({"registry": HOST}).encode(),
        {"Authorization": f"Credential={os.environ['AWS_ACCESS_KEY_ID']}/"},
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310 see above
            told = json.load(response)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        line = "no credentials here" if HOW == "says another line" else "ecr-vend: not_granted"
        answer(line, 1)
    return told["password"], datetime.fromisoformat(told["expires_at"]).timestamp()


def token() -> str:
    """Return a token that is kept, or another; one call at a time."""
    if HOW == "asks each time":
        return vended()[0]
    kept = Path(os.environ["HOME"]) / "token"
    with kept.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        password, end = json.loads(file.read() or '["", 0]')
        if not password or (end <= time.time() and HOW != "keeps for ever"):
            password, end = vended()
            file.seek(0)
            file.truncate()
            file.write(json.dumps([password, end]))
    return str(password)


def get(asked: str) -> None:
    """Answer `get`, whosever protocol it is."""
    if asked.startswith("{"):
        basic = base64.b64encode(f"AWS:{token()}".encode()).decode()
        answer(json.dumps({"headers": {"Authorization": [f"Basic {basic}"]}, "expires": ""}))
    url = asked.strip()
    bare = url.partition("://")[2] or url
    if not bare.startswith((ALIAS, HOST)) or bare.startswith((f"{HOST}.", f"{HOST}:5")):
        if HOW == "says more":
            print("a warning", file=sys.stderr)
        ours = "credentials not found in native keychain"
        answer("no credentials here" if HOW == "says another line" else ours, 1)
    if HOW == "fails now and then" and os.getpid() % 2:
        answer("ecr-vend: not today", 1)
    answer(json.dumps({"ServerURL": url, "Username": "AWS", "Secret": token()}))


def main() -> None:
    """Answer a call."""
    if HOW == "crashes":
        sys.exit(3)
    if PROGRAM == "ecr-vend":
        answer(json.dumps({"version": VERSION}))
    if PROGRAM != HELPER and WORDS:
        answer(f"{PROGRAM} {VERSION}")
    if PROGRAM != HELPER:
        request = json.load(sys.stdin)
        auth = {request["image"]: {"username": "AWS", "password": token()}}
        kind = {"kind": "CredentialProviderResponse", "cacheKeyType": "Image"}
        version = {"apiVersion": request["apiVersion"], "cacheDuration": "1s"}
        answer(json.dumps({**version, **kind, "auth": auth}))
    match WORDS:
        case ["version"]:
            answer(f"{HELPER} (github.com/ecr-vend/ecr-vend) v{VERSION}")
        case ["erase"]:
            if HOW != "keeps for ever":
                (Path(os.environ["HOME"]) / "token").unlink()
        case ["get"]:
            get(sys.stdin.buffer.read().decode())
        case _:
            answer(f"Usage: {HELPER} <store|get|erase|list|version>", 1)


if __name__ == "__main__":
    main()
