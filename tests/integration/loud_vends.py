"""Vend with everything turned on that could make a process say more than it should.

Run by `test_loud_vends` in a process of its own, because the variables count at import.
The answers go to the file named by the first argument: they are where the token belongs.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(name)s %(message)s")
for name in ("botocore", "urllib3", "boto3", "aws_lambda_powertools", "ecr-vend"):
    logging.getLogger(name).setLevel(logging.DEBUG)

# After the logging: a service that is quiet only while nobody has asked for more would pass.
from handlers.vend import handler  # noqa: E402

CONTEXT = SimpleNamespace(
    aws_request_id="invocation-1",
    function_name="vend",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:111122223333:function:vend",
)


def main() -> None:
    """Vend once for each event on stdin, one JSON document a line."""
    answers: list[dict[str, Any]] = [handler(json.loads(line), CONTEXT) for line in sys.stdin]
    Path(sys.argv[1]).write_text(json.dumps(answers))
    logging.getLogger("loud").debug("everything is on")


if __name__ == "__main__":
    main()
