"""All checks, in the order in which they run: each module adds its own when it is imported."""

from __future__ import annotations

# isort: off
from tools.live_check import limits, service, tables, reach, functions, tokens  # noqa: F401
from tools.live_check import revoking, releases, watching  # noqa: F401
from tools.live_check.check import CHECKS
# isort: on

__all__ = ["CHECKS"]
