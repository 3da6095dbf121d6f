"""What goes into the bundle of the functions and what stays out, each with its reason.

The builder (`tools/bundle.py`) only carries these rules out. A name here is a path inside the
bundle, with forward slashes; `*` also matches `/`.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

SOURCES = ("handlers", "vending")
"""The packages of ours that ship, beside their dependencies."""

SERVICES = {
    "appconfigdata": "2021-11-11",
    "dynamodb": "2012-08-10",
    "ecr": "2015-09-21",
    "kms": "2014-11-01",
    "sts": "2011-06-15",
}
"""The AWS services the functions call, and the version of each API, as botocore names them.

botocore describes some 430 services in 25 MB, and looks through all of their folders when it
makes a client. A test compares this list with the clients the code asks for.
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
    "dateutil/zoneinfo/*.tar.gz": "a time zone table; the functions know only UTC",
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
            return SERVICES.get(service) == version
    return True


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


def rewritten(path: str, content: bytes) -> bytes:
    """Return what ships in place of `content`, for the few files that are made smaller."""
    if path == "botocore/data/endpoints.json":
        return json.dumps(trimmed_endpoints(json.loads(content)), separators=(",", ":")).encode()
    return content
