"""AWS credentials by botocore's chain, and its failures in words a person can act on."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_vend import log
from ecr_vend.errors import Problem
from ecr_vend.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded"})

SESSION_NAME = "ecr-vend"
"""What the session of a role is called where AWS_ROLE_SESSION_NAME does not name it."""

SHORTEST_SESSION = 900
CONNECT = 3.0
READ = 5.0
ATTEMPTS = 2
"""Seconds an AssumeRole call may wait, and how often it is tried: a call to the service is to
follow before the deadline."""


def find(environ: Mapping[str, str], profile: str | None) -> Keys:
    """Return the credentials that botocore's chain finds first.

    Args:
        environ: The process environment.
        profile: The profile to use, or None for the chain's own choice.

    Raises:
        Problem: There are none, or they could not be had.
    """
    # The first link of the chain on its own: to import the chain takes as long as all the rest.
    if not profile and (keys := from_variables(environ, now=time.time())):
        return _found(keys, "variables")
    from botocore import exceptions

    try:
        found = _load(profile)
        if found is None:
            named = f" in the profile {profile}" if profile else ""
            raise Problem("no_credentials", profile=named)
        frozen = found.get_frozen_credentials()
        keys = Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token)
        return _found(keys, found.method)
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


def usable(keys: Keys) -> Keys:
    """Return credentials that a request can be signed with.

    Raises:
        Problem: These are none. What sends the request would say so by quoting them.
    """
    if what := keys.malformed:
        raise Problem("credentials_malformed", what=what)
    return keys


def _found(keys: Keys, source: str) -> Keys:
    usable(keys)
    log.note("credentials", source=source, access_key=keys.access_key)
    return keys


def assume(
    role: str,
    found: Keys,
    region: str,
    environ: Mapping[str, str],
    profile: str | None,
) -> Keys:
    """Return the credentials of a role, assumed with those that were found.

    For the least time that STS takes: they sign one call of the service.

    Args:
        role: Its ARN.
        found: Who assumes it.
        region: Whose STS is asked; not the global one, which is one region's.
        environ: The process environment.
        profile: The profile whose configuration says how STS is reached, or None.

    Raises:
        Problem: It could not be assumed.
    """
    from botocore import exceptions
    from botocore.config import Config
    from botocore.parsers import ResponseParserError

    from ecr_vend.aws_session import open_session
    from ecr_vend.network import authorities, proxy_for

    url = environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL")
    named = authorities(environ)
    proxy = proxy_for(url or f"https://sts.{region}.amazonaws.com")
    session = open_session(profile)
    session.set_config_variable("sts_regional_endpoints", "regional")
    try:
        client: Any = session.create_client(
            "sts",
            region_name=region,
            endpoint_url=url,
            # botocore takes a file alone.
            verify=str(named[1]) if named and named[1].is_file() else None,
            aws_access_key_id=found.access_key,
            aws_secret_access_key=found.secret_key,
            aws_session_token=found.token,
            config=Config(
                connect_timeout=CONNECT,
                read_timeout=READ,
                retries={"total_max_attempts": ATTEMPTS},
                proxies={"https": proxy} if proxy else {},
            ),
        )
        name = environ.get("AWS_ROLE_SESSION_NAME") or SESSION_NAME
        answer = client.assume_role(
            RoleArn=role, RoleSessionName=name, DurationSeconds=SHORTEST_SESSION
        )
        return keys_in(answer)
    except exceptions.ClientError as error:
        raise _not_assumed(error, role, region) from None
    except exceptions.SSLError as error:
        raise Problem("not_trusted", endpoint=f"STS in {region}", detail=str(error)) from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise Problem("unreachable", endpoint=f"STS in {region}", detail=str(error)) from None
    except (exceptions.BotoCoreError, OSError, ValueError) as error:
        raise Problem("role_not_assumed", role=role, detail=str(error)) from None
    except (KeyError, ResponseParserError):
        raise no_keys(region) from None


def keys_in(answer: Mapping[str, Any]) -> Keys:
    """Return the credentials that an answer of STS holds.

    Raises:
        KeyError: It holds none.
        Problem: A request cannot be signed with them.
    """
    found = answer["Credentials"]
    return usable(Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]))


def no_keys(region: str) -> Problem:
    """Return the failure that STS, or what stands in its place, answered without credentials."""
    detail = "no credentials in it"
    return Problem("unexpected_answer", endpoint=f"STS in {region}", detail=detail)


def _not_assumed(error: Exception, role: str, region: str) -> Problem:
    """Return what STS's answer to our AssumeRole means."""
    response = getattr(error, "response", {})
    answer = response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if "Signature expired" in message or "Signature not yet current" in message:
        return Problem("clock_skew", detail="")
    if code in EXPIRED:
        return Problem("credentials_expired")
    if code in UNKNOWN_KEY:
        return Problem("credentials_refused", key="")
    if code in THROTTLED or status == 429:
        return Problem("throttled", endpoint=f"STS in {region}", detail="")
    if status >= 500:
        return Problem("unreachable", endpoint=f"STS in {region}", detail=f"HTTP {status}")
    detail = f"{code}: {message}" if message else code
    return Problem("role_not_assumed", role=role, detail=detail.rstrip(". "))


def from_variables(environ: Mapping[str, str], *, now: float) -> Keys | None:
    """Return the credentials that the environment holds, as botocore's EnvProvider finds them.

    None where they are not whole or hold something unusual: the chain then has its say.

    Raises:
        Problem: They have expired.
    """
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    if expiration := environ.get("AWS_CREDENTIAL_EXPIRATION"):
        try:
            end = datetime.fromisoformat(expiration)
        except ValueError:
            return None
        if (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp() <= now:
            raise Problem("credentials_expired")
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN") or None
    return Keys(access_key, secret_key, token)


def _load(profile: str | None) -> Credentials | None:
    from ecr_vend.aws_session import open_session

    return open_session(profile).get_credentials()


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
