"""Which of ministack's insides are used, here or in a module that changes one of its services.

None of these names is an interface that its authors promised, so the version is pinned exactly,
and `require` refuses another and looks at each of them before the emulator serves.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.passwords import authorization_token
from local.sessions import outliving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.passwords import Passwords

VERSION = "1.5.33"
EXPECTED_PARAMETERS = {
    ("core.iam_evaluator", "enforce"): (
        "access_key_id",
        "iam_action",
        "service",
        "region",
        "resource_arn",
        "service_context",
    ),
    ("core.iam_evaluator", "pin_request_origin"): ("source_ip", "secure_transport"),
    ("core.iam_evaluator", "is_root_access_key"): ("access_key_id",),
    ("core.iam_actions", "identity_denial_message"): (
        "action",
        "principal_arn",
        "resource",
        "explicit_deny",
    ),
    ("core.responses", "set_request_account_id"): ("access_key_id",),
    ("core.responses", "set_request_region"): ("region",),
    ("core.responses", "json_response"): ("data", "status"),
    ("core.router", "extract_access_key_id"): ("headers", "query_params"),
    ("core.lambda_runtime", "execution_credentials"): ("config",),
    ("services.sts", "_role_id"): ("role_arn",),
    ("core.iam_evaluator", "_principal_keys"): ("credential",),
    ("core.iam_evaluator", "evaluate_trust_policy"): ("trust_doc", "caller_arn", "ctx"),
    ("services.sts", "handle_request"): ("method", "path", "headers", "body", "query_params"),
    ("services.sts", "register_session"): ("access_key", "session"),
    ("services.ecr", "_get_authorization_token"): ("data",),
    ("services.apigateway_v1", "_import_rest_api"): ("spec", "base_data"),
    ("services.cloudformation.provisioners", "_iam_role_create"): (
        "logical_id",
        "props",
        "stack_name",
    ),
    ("services.cloudformation.provisioners", "_apigw_rest_api_create"): (
        "logical_id",
        "props",
        "stack_name",
    ),
    ("services.cloudformation.provisioners", "_apigw_rest_api_update"): (
        "physical_id",
        "old_props",
        "new_props",
        "stack_name",
        "logical_id",
    ),
    ("services.iam", "_put_role_permissions_boundary"): ("p",),
    ("services.s3", "_put_object_lock_configuration"): ("bucket_name", "body"),
    ("services.cloudformation.provisioners", "_s3_create"): ("logical_id", "props", "stack_name"),
    ("core.iam_evaluator", "_resolve_condition_key"): ("key", "ctx"),
    ("services.appconfig", "handle_request"): ("method", "path", "headers", "body_bytes"),
    ("services.appconfig", "_error"): ("status", "code", "message"),
    ("services.appconfig", "_list_deployments"): ("app_id", "env_id", "query"),
    ("services.appconfig", "_list_hosted_configuration_versions"): (
        "app_id",
        "profile_id",
        "query",
    ),
    ("services.appconfig", "_start_deployment"): ("app_id", "env_id", "body"),
    ("services.appconfig", "_latest_hosted_version_number"): ("app_id", "profile_id"),
    ("services.lambda_svc", "_get_func_record_for_ref"): ("function_ref",),
    ("services.lambda_svc", "function_policy_for_arn"): ("resource_arn",),
    ("services.lambda_svc", "_execution_record_for_config"): ("func", "config"),
    ("services.lambda_svc", "_execute_function_with_config_scope"): ("func", "event"),
    ("core.iam_evaluator", "evaluate_resource_policy"): ("doc", "ctx", "service"),
    ("services.iam", "_create_user"): ("p",),
    ("services.iam", "_put_user_policy"): ("p",),
    ("services.iam", "_create_access_key"): ("p",),
    ("core.lambda_runtime", "reset"): (),
}
"""What is called, with the parameters it must have."""


class Changed(Exception):
    """The emulator is not the one this was written for; the message says what to do."""


def require() -> None:
    """Check that the installed emulator has every name that is used here.

    Raises:
        Changed: It has not.
    """
    installed = importlib.metadata.version("ministack")
    if installed != VERSION:
        raise Changed(
            f"the embedded stack is written for ministack {VERSION} and {installed} is installed: "
            "run `make clean`, or review local/internals.py and pin the new one"
        )
    for (module, name), parameters in EXPECTED_PARAMETERS.items():
        found = getattr(importlib.import_module(f"ministack.{module}"), name, None)
        have = tuple(inspect.signature(found).parameters) if found else ()
        if found is None or have[: len(parameters)] != parameters:
            raise Changed(f"ministack.{module}.{name} takes {have}, expected {parameters}")


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key of an IAM user."""

    access_key_id: str
    secret_access_key: str


def make_administrator(name: str = "administrator") -> Keys:
    """Make an IAM user that may do everything, and return a key of it.

    Called before the emulator listens: it is the only identity that nothing had to sign for.
    """
    from ministack.services import iam  # noqa: PLC0415  reads the environment when imported

    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    calls: list[tuple[Any, dict[str, str]]] = [
        (iam._create_user, {"UserName": name}),  # noqa: SLF001
        (
            iam._put_user_policy,  # noqa: SLF001
            {"UserName": name, "PolicyName": "everything", "PolicyDocument": policy},
        ),
        (iam._create_access_key, {"UserName": name}),  # noqa: SLF001
    ]
    for call, parameters in calls:
        status, _, body = call({key: [value] for key, value in parameters.items()})
        if status != 200:
            raise Changed(f"{call.__name__} answered {status}: {body!r}")
    made = [key for key in iam._access_keys.values() if key["UserName"] == name]  # noqa: SLF001
    return Keys(made[0]["AccessKeyId"], made[0]["SecretAccessKey"])


def issue_passwords_from(passwords: Passwords, endpoint: str) -> None:
    """Let `ecr:GetAuthorizationToken` answer with a password of `passwords`.

    The emulator's own answer is one constant for all. IAM has verified the signature and allowed
    the call before this runs.

    Args:
        passwords: Where they are kept.
        endpoint: What the answer names as `proxyEndpoint`.
    """
    from ministack.core import iam_evaluator  # noqa: PLC0415
    from ministack.core.responses import json_response  # noqa: PLC0415
    from ministack.services import ecr  # noqa: PLC0415

    def answer(_data: dict[str, Any]) -> Any:
        verified = iam_evaluator._verified_key.get()  # noqa: SLF001
        if not verified:
            raise Changed("GetAuthorizationToken was reached without a verified signature")
        password, holder = passwords.issue(outliving(verified))
        token = {
            "authorizationToken": authorization_token(password),
            "expiresAt": int(holder.expires),
            "proxyEndpoint": endpoint,
        }
        return json_response({"authorizationData": [token]})

    ecr._get_authorization_token = answer  # noqa: SLF001


def claimed_keys(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> list[str]:
    """Return the access keys a request names, in its header and in its query."""
    from ministack.core.router import extract_access_key_id  # noqa: PLC0415

    both = (
        extract_access_key_id(dict(headers), None),
        extract_access_key_id({}, dict(query)),
    )
    return [key for key in both if key]


def is_root(access_key: str) -> bool:
    """Return whether the emulator takes `access_key` for the root user, unverified."""
    from ministack.core.iam_evaluator import is_root_access_key  # noqa: PLC0415

    return bool(is_root_access_key(access_key))


def refusal(access_key: str, action: str, repository: str, region: str, address: str) -> str | None:
    """Ask the emulator's IAM about one action on one repository.

    Every policy counts: the identity's, its boundary, the session's, the repository's own.

    Args:
        access_key: Of the session that the password acts as.
        action: Such as `ecr:BatchGetImage`.
        repository: Its name, or `*`.
        region: Of the registry.
        address: Where the request came from.

    Returns:
        None where it is allowed, else AWS's sentence.
    """
    from ministack.core import iam_actions, iam_evaluator, responses  # noqa: PLC0415

    responses.set_request_account_id(access_key)
    responses.set_request_region(region)
    # The registry request itself is not signed: its password stands for a signature that was
    # checked when it was issued.
    iam_evaluator._signed_request.set(None)  # noqa: SLF001
    iam_evaluator._anonymous.set(False)  # noqa: SLF001
    iam_evaluator.pin_request_origin(address, secure_transport=True)
    arn = f"arn:aws:ecr:{region}:{responses.get_account_id()}:repository/{repository}"
    denied = iam_evaluator.enforce(access_key, action, "ecr", region, resource_arn=arn)
    if denied is None:
        return None
    if isinstance(denied, iam_evaluator.AuthError):
        return str(denied.message)
    explicit = denied.decision == "Deny"
    return str(iam_actions.identity_denial_message(action, denied.principal_arn, arn, explicit))


def stop_functions() -> None:
    """End every process in which a function runs."""
    from ministack.core import lambda_runtime  # noqa: PLC0415

    lambda_runtime.reset()
