"""Where in its text an entry of a policy stands."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Places:
    """The lines of one policy's text.

    Attributes:
        file: What it is called, as it was typed.
        root: Of the text, composed.
    """

    file: str
    root: yaml.Node

    @classmethod
    def of(cls, text: bytes, *, file: str) -> Places:
        """Return the places in a text that is a policy."""
        root = yaml.compose(text, Loader=LOADER)
        if root is None:
            raise ValueError(f"{file} is empty")
        return cls(file, root)

    def line(self, *steps: int | str) -> int:
        """Return the line of an entry, such as `("grants", 3)`, or of the last of its steps there.

        A value that an alias stands for is where its anchor is.
        """
        node = self.root
        for step in steps:
            if isinstance(step, int) and isinstance(node, yaml.SequenceNode):
                following = node.value[step]
            elif isinstance(node, yaml.MappingNode):
                following = next((value for key, value in node.value if key.value == step), None)
            else:
                following = None
            if following is None:
                break
            node = following
        return int(node.start_mark.line) + 1

    def at(self, *steps: int | str) -> str:
        """Return the place as editors and terminals follow it: `policy.yaml:12`."""
        return f"{self.file}:{self.line(*steps)}"
