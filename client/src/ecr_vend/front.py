"""What the sh front starts when it has no ready answer to a `get`: it has read stdin already."""

from __future__ import annotations

import io
import sys

from ecr_vend.dialects.docker import finish

if __name__ == "__main__":
    finish(["get"], io.StringIO(sys.argv[1]))
