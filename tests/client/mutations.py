"""Strategies for what is nearly right: a document or a file with a few things wrong in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Whatever Python reads as JSON: NaN and lone surrogates, too."""

UNREADABLE = ("-", "1e", "[", "}", '"', '"\x00"', "9" * 5000, "\ud800")
DEPTHS = (50, 300, 900, 1500, 5000, 100_000)
"""Levels of a value that some readers, or those who print what was read, do not come down to."""

SPELLINGS = st.one_of(
    st.sampled_from([*UNREADABLE, "NaN", "-Infinity", "1e999", '"\\ud800"', '"\\u0000"']),
    st.sampled_from(DEPTHS).map(lambda depth: "[" * depth + "]" * depth),
    st.sampled_from(DEPTHS).map(lambda depth: '{"":' * depth + "0" + "}" * depth),
    st.integers(1, 300_000).map(lambda length: json.dumps("x" * length)),
    ANY_JSON.map(json.dumps),
)
"""Values as they stand in a text, some of which no `json.dumps` would write."""


def places(document: object, *above: str | int) -> Iterator[Place]:
    """Yield where each value of a document stands."""
    if isinstance(document, dict | list):
        keyed = document.items() if isinstance(document, dict) else enumerate(document)
        for key, inner in keyed:
            yield (*above, key)
            yield from places(inner, *above, key)


@st.composite
def nearly(draw: st.DrawFn, document: Mapping[str, Any]) -> str:
    """Draw a JSON object as text in which up to two values are gone, doubled or something else."""
    changed = json.loads(json.dumps(document))
    spelled: dict[str, str] = {}
    for number in range(draw(st.integers(0, 2))):
        if not (found := list(places(changed))):
            break
        *above, key = draw(st.sampled_from(found))
        inside = changed
        for step in above:
            inside = inside[step]
        match draw(st.sampled_from(["gone", "renamed", "other", "other", "longer"])):
            case "gone":
                del inside[key]
            case "renamed" if isinstance(inside, dict):
                inside[draw(st.text(max_size=8))] = inside.pop(key)
            case "longer" if isinstance(inside[key], str):
                at = draw(st.integers(0, len(inside[key])))
                letters = st.text(max_size=3) | st.sampled_from(["\ud800", "\0", "\n", "{", "é"])
                inside[key] = inside[key][:at] + draw(letters) + inside[key][at:]
            case _:
                mark = f"<spelled {number}>"
                spelled[json.dumps(mark)] = draw(SPELLINGS)
                inside[key] = mark
    text = json.dumps(changed)
    if isinstance(changed, dict) and changed and draw(st.booleans()):
        doubled = json.dumps(draw(st.sampled_from(sorted(changed))))
        text = f"{{{doubled}: {draw(SPELLINGS)}, {text[1:]}"  # the last one counts
    for mark, spelling in spelled.items():
        text = text.replace(mark, spelling)
    return text


@st.composite
def damaged(draw: st.DrawFn, content: bytes, other: bytes = b"") -> bytes:
    """Draw what may become of a file: bits that flipped, a part gone, new or of another file."""
    at = draw(st.integers(0, len(content)))
    match draw(st.sampled_from(["bits", "cut", "zeroed", "part", "spliced", "lines"])):
        case "bits" if content:
            changed = bytearray(content)
            for place in draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
                changed[place] ^= 1 << draw(st.integers(0, 7))
            return bytes(changed)
        case "cut":
            return content[:at]
        case "zeroed":
            until = draw(st.integers(at, len(content)))
            return content[:at] + bytes(until - at) + content[until:]
        case "part":
            until = draw(st.integers(at, len(content)))
            return content[:at] + draw(st.binary(max_size=20)) + content[until:]
        case "spliced":
            return content[:at] + other[draw(st.integers(0, len(other))) :]
        case _:
            lines = content.splitlines(keepends=True) + other.splitlines(keepends=True)
            return b"".join(draw(st.permutations(lines))[: draw(st.integers(0, len(lines)))])
