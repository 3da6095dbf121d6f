"""What the emulator's AppConfig leaves out of versions and deployments, put in.

From AWS's API reference: CreateHostedConfigurationVersion, ListDeployments and StartDeployment.
Its names are checked by `internals.require` before the emulator serves.
"""

from __future__ import annotations

import json
import re
from typing import Any

VERSIONS = re.compile(r"/applications/([^/]+)/configurationprofiles/([^/]+)/hosted[a-z]+versions")
LONGEST_LABEL = 64
PAGE = 50
"""The most that a list answers at once, and what it answers where nothing else is asked for."""


def keep_versions() -> None:
    """Let AppConfig refuse a label that is none, and a version made beside another one's back.

    It also keeps a version's description, and does not deploy a version that is not there.
    """
    from ministack.services import appconfig  # noqa: PLC0415  reads the environment when imported

    handle, start = appconfig.handle_request, appconfig._start_deployment  # noqa: SLF001

    async def keeping(
        method: str, path: str, headers: dict[str, str], body_bytes: bytes, query_params: Any
    ) -> Any:
        place = VERSIONS.fullmatch(path)
        if method != "POST" or not place:
            return await handle(method, path, headers, body_bytes, query_params)
        label, expected = headers.get("versionlabel"), headers.get("latest-version-number")
        if label is not None and (len(label) > LONGEST_LABEL or re.fullmatch(r"\d*", label)):
            words = "VersionLabel has 1 to 64 characters, one of which is no digit"
            return appconfig._error(400, "BadRequestException", words)  # noqa: SLF001
        newest = appconfig._latest_hosted_version_number(place[1], place[2])  # noqa: SLF001
        if expected is not None and expected != str(newest):
            words = f"The latest version is {newest}, and not {expected}"
            return appconfig._error(409, "ConflictException", words)  # noqa: SLF001
        answer = await handle(method, path, headers, body_bytes, query_params)
        if answer[0] == 201 and (description := headers.get("description")):
            key = f"{place[1]}/{place[2]}/{answer[1]['Version-Number']}"
            appconfig._hosted_versions[key]["Description"] = description  # noqa: SLF001
        return answer

    def starting(app_id: str, env_id: str, body: dict[str, Any]) -> Any:
        profile, version = body.get("ConfigurationProfileId"), body.get("ConfigurationVersion")
        if f"{app_id}/{profile}/{version}" not in appconfig._hosted_versions:  # noqa: SLF001
            words = f"Configuration version {version} could not be found"
            return appconfig._error(404, "ResourceNotFoundException", words)  # noqa: SLF001
        return start(app_id, env_id, body)

    appconfig.handle_request = keeping
    appconfig._start_deployment = starting  # noqa: SLF001


def list_in_pages() -> None:
    """Let AppConfig list versions and deployments from the newest on, all of them, in pages.

    The emulator lists the first ones from the oldest on, and does not say that there are more.
    """
    from ministack.services import appconfig  # noqa: PLC0415

    versions = appconfig._list_hosted_configuration_versions  # noqa: SLF001
    deployments = appconfig._list_deployments  # noqa: SLF001

    def newest_versions(app_id: str, profile_id: str, query: dict[str, str]) -> Any:
        return paged(versions(app_id, profile_id, {"max_results": "100000"}), query)

    def newest_deployments(app_id: str, env_id: str, query: dict[str, str]) -> Any:
        return paged(deployments(app_id, env_id, {"max_results": "100000"}), query)

    appconfig._list_hosted_configuration_versions = newest_versions  # noqa: SLF001
    appconfig._list_deployments = newest_deployments  # noqa: SLF001


def paged(answer: Any, query: dict[str, str]) -> Any:
    """Return one page of a list that the emulator has answered whole, oldest first."""
    status, headers, body = answer
    if status != 200:
        return answer
    items = list(reversed(json.loads(body)["Items"]))
    begin = int(query.get("next_token") or 0)
    end = begin + min(int(query.get("max_results") or PAGE), PAGE)
    page = {"Items": items[begin:end], **({"NextToken": str(end)} if end < len(items) else {})}
    return status, headers, json.dumps(page).encode()
