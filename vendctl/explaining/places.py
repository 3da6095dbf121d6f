"""Where in its text an entry of a policy stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vending.policy_nodes import found

if TYPE_CHECKING:
    import yaml


@dataclass(frozen=True, slots=True)
class Places:
    """The lines of one policy's text.

    Attributes:
        file: What it is called, as it was typed.
        root: Of its nodes.
    """

    file: str
    root: yaml.Node

    def line(self, *path: int | str) -> int:
        """Return the line of an entry, such as `("grants", 3)`, or of the nearest above it.

        A value that an alias stands for is where its anchor is.
        """
        node, _ = found(self.root, path)
        return int(node.start_mark.line) + 1

    def at(self, *path: int | str) -> str:
        """Return the place as editors and terminals follow it: `policy.yaml:12`."""
        return f"{self.file}:{self.line(*path)}"
