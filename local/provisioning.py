"""What the emulator's CloudFormation leaves out of what it makes, put in.

Its names are checked by `internals.require` before the emulator serves.
"""

from __future__ import annotations

from typing import Any


def honour_api_policies() -> None:
    """Let a template's REST API keep its resource policy.

    SAM writes it into the API's OpenAPI body, and the emulator's CloudFormation looks for it
    beside the body only. What is deployed is the template's own policy either way.
    """
    from ministack.services import apigateway_v1  # noqa: PLC0415

    original = apigateway_v1._import_rest_api  # noqa: SLF001

    def with_policy(spec: dict[str, Any], base: dict[str, Any]) -> Any:
        policy = base.get("policy") or spec.get("x-amazon-apigateway-policy")
        return original(spec, {**base, "policy": policy})

    apigateway_v1._import_rest_api = with_policy  # noqa: SLF001


def honour_boundaries() -> None:
    """Let a template's role keep its permissions boundary.

    The emulator's IAM enforces boundaries, and its CloudFormation forgets them when it makes a
    role, which would leave the vended roles wider than the template says.
    """
    from ministack.services import iam  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    role = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]  # noqa: SLF001
    original = role["create"]

    def with_boundary(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = original(logical_id, props, stack_name)
        if boundary := props.get("PermissionsBoundary"):
            parameters = {"RoleName": [made[0]], "PermissionsBoundary": [boundary]}
            status, _, body = iam._put_role_permissions_boundary(parameters)  # noqa: SLF001
            if status != 200:
                raise ValueError(f"{logical_id}: the boundary {boundary} was refused: {body!r}")
        return made

    role["create"] = with_boundary


def honour_object_locks() -> None:
    """Let a template's bucket have its Object Lock.

    The emulator's S3 enforces locks, and its CloudFormation makes every bucket without.
    """
    from ministack.services import s3  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]  # noqa: SLF001
    original = bucket["create"]

    def with_lock(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        made = original(logical_id, props, stack_name)
        if lock := props.get("ObjectLockConfiguration"):
            retention = lock["Rule"]["DefaultRetention"]
            rule = "".join(f"<{name}>{value}</{name}>" for name, value in retention.items())
            body = (
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
                f"<DefaultRetention>{rule}</DefaultRetention></Rule></ObjectLockConfiguration>"
            )
            status, _, said = s3._put_object_lock_configuration(made[0], body.encode())  # noqa: SLF001
            if status != 200:
                raise ValueError(f"{logical_id}: the lock was refused: {said!r}")
        return made

    bucket["create"] = with_lock


def keep_api_ids() -> None:
    """Let an update of a template's REST API keep the API's id, as CloudFormation does.

    The emulator makes another API when the OpenAPI body changes, so that after an update nobody
    would find it where it was. CloudFormation writes the new body over the old one ("PutRestApi",
    mode `overwrite`); stages and deployments stay.
    """
    from ministack.services import apigateway_v1 as gateway  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    api = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]  # noqa: SLF001
    create, update = api["create"], api["update"]
    written = (
        gateway._rest_apis,  # noqa: SLF001
        gateway._resources,  # noqa: SLF001
        gateway._authorizers_v1,  # noqa: SLF001
        gateway._models,  # noqa: SLF001
        gateway._gateway_responses,  # noqa: SLF001
    )

    def in_its_place(
        physical_id: str,
        old_props: dict[str, Any],
        new_props: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
    ) -> Any:
        if new_props.get("Body") == old_props.get("Body"):
            return update(physical_id, old_props, new_props, stack_name, logical_id)
        made, attributes = create(logical_id or physical_id, new_props, stack_name)
        for store in written:
            store[physical_id] = store[made]
        gateway._rest_apis[physical_id]["id"] = physical_id  # noqa: SLF001
        api["delete"](made, new_props)
        return physical_id, {
            name: str(value).replace(made, physical_id) for name, value in attributes.items()
        }

    api["update"] = in_its_place
