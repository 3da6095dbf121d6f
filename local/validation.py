"""Runs the Lambda validators of a configuration profile when a deployment of it starts.

AWS AppConfig does so and refuses the deployment when one raises. The emulator keeps the
validators and calls none, so the embedded stack puts this in front of its AppConfig.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

DEPLOYMENTS = re.compile(r"/applications/([^/]+)/environments/[^/]+/deployments")
SERVICE = "appconfig.amazonaws.com"


def run_validators() -> None:
    """Let the emulator's AppConfig call a profile's validators before it starts a deployment."""
    from ministack.services import appconfig  # noqa: PLC0415  reads the environment when imported

    original = appconfig.handle_request

    async def validating(
        method: str, path: str, headers: dict[str, str], body_bytes: bytes, query_params: Any
    ) -> Any:
        place = DEPLOYMENTS.fullmatch(path)
        if method == "POST" and place:
            wanted = json.loads(body_bytes or b"{}")
            words = await asyncio.to_thread(objection, place[1], wanted)
            if words:
                return appconfig._error(400, "BadRequestException", words)  # noqa: SLF001
        return await original(method, path, headers, body_bytes, query_params)

    appconfig.handle_request = validating


def objection(application: str, wanted: dict[str, Any]) -> str | None:
    """Return what the first validator that refuses says, or None.

    Args:
        application: Its id.
        wanted: The body of StartDeployment.
    """
    from ministack.services import appconfig  # noqa: PLC0415

    profile_id = str(wanted.get("ConfigurationProfileId"))
    version = str(wanted.get("ConfigurationVersion"))
    profile = appconfig._config_profiles.get(f"{application}/{profile_id}") or {}  # noqa: SLF001
    hosted = appconfig._hosted_versions.get(f"{application}/{profile_id}/{version}")  # noqa: SLF001
    if hosted is None:
        return None
    content = hosted["Content"]
    event = {
        "applicationId": application,
        "configurationProfileId": profile_id,
        "configurationVersion": version,
        "content": base64.b64encode(
            content if isinstance(content, bytes) else content.encode()
        ).decode(),
        "uri": f"hosted://{application}/{profile_id}/{version}",
    }
    for validator in profile.get("Validators", []):
        if validator.get("Type") == "LAMBDA" and (words := refused(validator["Content"], event)):
            return words
    return None


def refused(function: str, event: dict[str, Any]) -> str | None:
    """Call a validator as AppConfig would and return its error, or None.

    A function whose own policy does not let AppConfig call it is an error too, as on AWS.
    """
    from ministack.core.iam_evaluator import (  # noqa: PLC0415
        EvalContext,
        evaluate_resource_policy,
    )
    from ministack.core.responses import get_account_id, get_region  # noqa: PLC0415
    from ministack.services import lambda_svc  # noqa: PLC0415

    record, config, _ = lambda_svc._get_func_record_for_ref(function)  # noqa: SLF001
    if record is None or config is None:
        return f"the validator {function} does not exist"
    unqualified = ":".join(function.split(":")[:7])
    found = lambda_svc.function_policy_for_arn(unqualified)
    context = EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account=get_account_id(),
        action="lambda:InvokeFunction",
        resource_arn=function,
        region=get_region(),
        service_context={
            "aws:sourceaccount": get_account_id(),
            "aws:sourcearn": f"arn:aws:appconfig:{get_region()}:{get_account_id()}:application/"
            f"{event['applicationId']}/configurationprofile/{event['configurationProfileId']}",
        },
    )
    policy = found[0] if found else None
    if evaluate_resource_policy(policy, context, service=SERVICE).decision != "Allow":
        return f"AppConfig may not invoke the validator {function}"
    runnable = lambda_svc._execution_record_for_config(record, config)  # noqa: SLF001
    result = lambda_svc._execute_function_with_config_scope(runnable, event)  # noqa: SLF001
    if not result.get("error"):
        return None
    body = result.get("body")
    return str(body.get("errorMessage", body) if isinstance(body, dict) else body)
