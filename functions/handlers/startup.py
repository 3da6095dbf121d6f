"""A quick start: imported before everything else, and ended when the function is ready.

The collector would walk the same objects again and again while they are made, and again in every
request; they live as long as the process. pydantic looks through every installed
distribution for plugins of which there are none.
"""

from __future__ import annotations

import gc
import os

gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def ready() -> None:
    """Leave what is there to itself, and collect what comes."""
    gc.freeze()
    gc.enable()
