"""AWS credentials by botocore's chain, and its failures in words a person can act on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ecr_vend.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials, ReadOnlyCredentials

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


def find(environ: Mapping[str, str], profile: str | None) -> ReadOnlyCredentials:
    """Return the credentials that botocore's chain finds first.

    Args:
        environ: The process environment.
        profile: The profile to use, or None for the chain's own choice.

    Raises:
        Problem: There are none, or they could not be had.
    """
    from botocore import exceptions

    try:
        found = _load(environ, profile)
        if found is None:
            named = f" in the profile {profile}" if profile else ""
            raise Problem("no_credentials", profile=named)
        return found.get_frozen_credentials()
    except exceptions.ProfileNotFound as error:
        named = str(error.kwargs.get("profile", profile))
        raise Problem("no_profile", profile=named, files=_files(environ)) from None
    except (
        exceptions.UnauthorizedSSOTokenError,
        exceptions.SSOTokenLoadError,
        exceptions.TokenRetrievalError,
    ):
        raise Problem("sso_expired", command=_sign_in("sso login", environ, profile)) from None
    except exceptions.ClientError as error:
        raise _refused(error, environ, profile) from None
    except (exceptions.BotoCoreError, OSError, ValueError) as error:
        if "Login" in type(error).__name__:
            raise Problem("sso_expired", command=_sign_in("login", environ, profile)) from None
        raise Problem("credentials_failed", detail=str(error) or type(error).__name__) from None


def _load(environ: Mapping[str, str], profile: str | None) -> Credentials | None:
    if not profile and environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        # The first link of the chain on its own: the whole of it takes twice as long to import.
        from botocore.credentials import EnvProvider

        found: Credentials | None = EnvProvider(dict(environ)).load()
        return found
    from botocore.session import Session

    return Session(profile=profile).get_credentials()


def _refused(error: Exception, environ: Mapping[str, str], profile: str | None) -> Problem:
    """Return what AWS's answer to a sign-in or AssumeRole call means."""
    answer = getattr(error, "response", {}).get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    if "Signature expired" in message or "Signature not yet current" in message:
        return Problem("clock_skew", detail="")
    if code in EXPIRED:
        return Problem("credentials_expired")
    if code == "UnauthorizedException":
        return Problem("sso_expired", command=_sign_in("sso login", environ, profile))
    return Problem("credentials_failed", detail=str(error))


def _sign_in(command: str, environ: Mapping[str, str], profile: str | None) -> str:
    name = profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    return f"aws {command}" + (f" --profile {name}" if name else "")


def _files(environ: Mapping[str, str]) -> str:
    config = environ.get("AWS_CONFIG_FILE") or os.path.join("~", ".aws", "config")  # noqa: PTH118
    return f"{config} or the credentials file"
