"""Runs in the functions' Python: prints the seconds that importing a handler takes.

python start_probe.py BUNDLE MODULE
"""

import importlib

# What Lambda's own runtime has imported before the handler is.
import json  # noqa: F401
import logging  # noqa: F401
import sys
import time
import traceback  # noqa: F401
import urllib.parse  # noqa: F401

sys.path[0] = sys.argv[1]
begun = time.perf_counter()
importlib.import_module(sys.argv[2])
print(time.perf_counter() - begun)
