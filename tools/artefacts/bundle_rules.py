"""What goes into the bundle of the functions and what stays out, each with its reason.

The builder (`bundle.py`) only carries these rules out. A name here is a path inside the
bundle, with forward slashes; `*` also matches `/`.
"""

from __future__ import annotations

import gzip
import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SOURCES = ("archiving", "auditing", "checking", "handlers", "probing", "reconciling", "vending")
"""The packages of ours that ship, beside their dependencies."""

RELEASE = "vending/release.py"
"""The module that a build writes: the version and the commit."""

SERVICES = {
    "appconfigdata": ("2021-11-11", ("GetLatestConfiguration", "StartConfigurationSession")),
    "codedeploy": ("2014-10-06", ("PutLifecycleEventHookExecutionStatus",)),
    "dynamodb": (
        "2012-08-10",
        (
            "BatchGetItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "TransactWriteItems",
            "UpdateItem",
        ),
    ),
    "ecr": ("2015-09-21", ("GetAuthorizationToken",)),
    "iam": (
        "2010-05-08",
        ("CreatePolicyVersion", "DeletePolicyVersion", "ListPolicyVersions"),
    ),
    "kms": ("2014-11-01", ("GenerateMac", "Sign", "Verify")),
    "lambda": ("2015-03-31", ("Invoke",)),
    "logs": ("2014-03-28", ("FilterLogEvents",)),
    "s3": ("2006-03-01", ("GetObject", "ListObjectVersions", "PutObject")),
    "sns": ("2010-03-31", ("Publish",)),
    "sts": ("2011-06-15", ("AssumeRole",)),
}
"""The AWS services the functions call, as botocore names them: the version of each API, and the
operations. A client of the bundle has these methods and no others.

botocore describes some 430 services in 25 MB, looks through all of their folders when it makes a
client, and makes a method for each operation. Tests hold this list to what the functions call.
"""

DROPPED = {
    "bin/*": "commands of the dependencies: nothing runs them in a function",
    "*.lock": "left behind by the installer",
    "*/__pycache__/*": "bytecode is compiled here, for one interpreter and without time stamps",
    "*.py[cix]": "the same, and declarations for type checkers and Cython",
    "*/py.typed": "a mark for type checkers",
    "*.dist-info/INSTALLER": "a note of the installer",
    "*.dist-info/REQUESTED": "a note of the installer",
    "*.dist-info/RECORD": "the list of installed files, which is not true of a trimmed bundle",
    "*.dist-info/WHEEL": "a note for the installer",
    "*.dist-info/top_level.txt": "a note for the installer",
    "*.dist-info/zip-safe": "a note for the installer",
    "annotated_types/test_cases.py": "tests",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js": "a web page we do not serve",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.css": "a web page we do not serve",
    "boto3/data/*": "descriptions of resource objects; the functions use clients only",
    "boto3/examples/*": "texts for the documentation",
    "botocore/data/*/examples-1.json": "texts for the documentation",
    "botocore/data/*/paginators-1.json": "nothing the functions call comes in pages",
    "botocore/data/*/waiters-2.json": "the functions wait for nothing",
    "cffi/*": "makes bindings; what they need when they run is `_cffi_backend`",
    "dateutil/zoneinfo/*.tar.gz": "a time zone table; the functions know only UTC",
    "pycparser*": "reads C for cffi when it makes bindings",
    "pydantic/mypy.py": "a plugin of the type checker",
    "pydantic/v1/*": "the API of pydantic 1",
}
"""Pattern of a path → why it is not in the bundle.

What remains of a distribution is its code, its METADATA and entry points (importlib.metadata reads
them at run time), its licences, which its users must be given, and its bill of materials.
"""


def kept(path: str) -> bool:
    """Return whether the installed file at `path` ships."""
    if any(fnmatchcase(path, pattern) for pattern in DROPPED):
        return False
    match path.split("/"):
        case ["botocore", "data", service, version, _]:
            return service in SERVICES and SERVICES[service][0] == version
    return True


def shipped(path: str, content: bytes) -> tuple[str, bytes]:
    """Return the path and content that ship for an installed file: botocore's data made smaller."""
    if not path.startswith("botocore/data/"):
        return path, content
    if path.endswith(".json.gz"):
        # Every start would unpack it again; the archive packs it just as well.
        path, content = path.removesuffix(".gz"), gzip.decompress(content)
    match path.split("/"):
        case [*_, "endpoints.json"]:
            return path, compact(trimmed_endpoints(json.loads(content)))
        case [*_, service, _, "service-2.json"]:
            return path, compact(trimmed_service(json.loads(content), SERVICES[service][1]))
    return path, content


def trimmed_endpoints(document: dict[str, Any]) -> dict[str, Any]:
    """Return botocore's `endpoints.json` with every partition and region, but only our services.

    It is 1.2 MB that the first client parses at every cold start. A service that is not listed
    would get a made-up host name, so the list must hold all that the functions call.
    """
    partitions = [
        partition
        | {
            "services": {
                name: service
                for name, service in partition["services"].items()
                if name in SERVICES or name == "api.ecr"  # ECR's prefix for endpoints
            }
        }
        for partition in document["partitions"]
    ]
    return document | {"partitions": partitions}


def trimmed_service(model: dict[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    """Return a service's description with only these operations and the shapes they lead to.

    Raises:
        KeyError: The service has no such operation.
    """
    held = {name: undocumented(model["operations"][name]) for name in operations}
    shapes: dict[str, Any] = {}
    names = list(shapes_named(held))
    while names:
        name = names.pop()
        if name not in shapes:
            shapes[name] = undocumented(model["shapes"][name])
            names.extend(shapes_named(shapes[name]))
    return model | {"operations": held, "shapes": dict(sorted(shapes.items()))}


def shapes_named(part: Any) -> Iterator[str]:
    """Yield the names of all shapes that a part of a description refers to."""
    if isinstance(part, dict):
        if isinstance(name := part.get("shape"), str):
            yield name
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from shapes_named(inner)


def undocumented(part: Any) -> Any:
    """Return a part of a description without its texts; a member may itself have that name."""
    if isinstance(part, dict):
        return {
            name: undocumented(inner)
            for name, inner in part.items()
            if not (name == "documentation" and isinstance(inner, str))
        }
    return [undocumented(inner) for inner in part] if isinstance(part, list) else part


def compact(document: dict[str, Any]) -> bytes:
    """Return a document as the shortest JSON."""
    return json.dumps(document, separators=(",", ":")).encode()
