"""The fixtures of `tests.client`: a machine of its own for each test, and a service."""

from tests.client.machine import machine, service, shelled

__all__ = ["machine", "service", "shelled"]
