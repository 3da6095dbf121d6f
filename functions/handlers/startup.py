"""A quick start: imported before everything else, and ended when the function is ready.

The collector would walk the same objects again and again while they are made, and again in every
request; they live as long as the process. pydantic looks through every installed
distribution for plugins of which there are none.
"""

from __future__ import annotations

import gc
import os
import random

try:
    from snapshot_restore_py import register_after_restore
except ImportError:  # anywhere but in Lambda
    register_after_restore = None

gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def ready() -> None:
    """Leave what is there to itself, and collect what comes."""
    # Copies of a snapshot would all draw the same. Ids come from the system's own source, but
    # clients wait between retries for as long as this one says.
    if register_after_restore:
        register_after_restore(random.seed)
    gc.freeze()
    gc.enable()
