"""The one type a token lives in."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A string that shows itself only when asked by name.

    repr, str, format, tracebacks and logs show `<redacted>`; it cannot be pickled. `reveal` is the
    only way to the text, so a search for that word finds every place a token leaves.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "<redacted>"

    def __format__(self, spec: str) -> str:
        return "<redacted>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
