"""Runs `tools/release/verify.py` again and again in one process of the environment `release`.

Starting one takes seconds, most of them for the grammars of a schema's formats. A line on stdin is
a command line, as a JSON list; the line on stdout that answers it has the exit code and the output.
"""

from __future__ import annotations

import io
import json
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.release import verify


def run(words: list[str]) -> dict[str, object]:
    """Return what a command line ends with."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    error = io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        try:
            code: object = verify.main(words)
        except SystemExit as end:
            code = end.code
        except Exception:  # noqa: BLE001 a test then shows it
            code = 70
            traceback.print_exc(file=error)
    out.seek(0)
    return {"code": code, "out": out.read(), "error": error.getvalue()}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
