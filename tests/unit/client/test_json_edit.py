"""Editing JSON leaves every byte but the member's own, and can be undone to the byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend import json_edit
from ecr_vend.json_edit import NotEditable

HELPERS = ("credHelpers", "HOST")
NAMES = st.one_of(st.sampled_from(["credHelpers", "HOST", "auths", "a"]), st.text(max_size=4))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | FLOATS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
ESCAPED = st.booleans()
BLANKS = st.text(" \t\r\n", max_size=3)


@st.composite
def spelled(draw: st.DrawFn, value: object) -> str:
    """Return a value as JSON with blanks and escapes wherever they may stand."""
    if isinstance(value, dict):
        parts = [
            f"{draw(BLANKS)}{json.dumps(name, ensure_ascii=draw(ESCAPED))}{draw(BLANKS)}:"
            f"{draw(BLANKS)}{draw(spelled(inner))}{draw(BLANKS)}"
            for name, inner in value.items()
        ]
        doubled: bool = draw(st.booleans())
        if parts and doubled:  # the last one hides the one before
            parts.insert(0, parts[-1].replace("null", "0", 1))
        return "{" + (",".join(parts) or draw(BLANKS)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(f"{draw(BLANKS)}{draw(spelled(inner))}" for inner in value) + "]"
    return json.dumps(value, ensure_ascii=draw(ESCAPED), allow_nan=False)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Return the text of any JSON object in which a helper may be put."""
    document = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    if not isinstance(document.get("credHelpers", {}), dict):
        document["credHelpers"] = draw(st.dictionaries(NAMES, st.text(max_size=3), max_size=3))
    return draw(BLANKS) + draw(spelled(document)) + draw(BLANKS)


@given(documents(), st.sampled_from([HELPERS, ("credsStore",), ("credHelpers", 'a"é')]))
def test_a_member_is_set_and_nothing_else_changes(text: str, path: tuple[str, ...]) -> None:
    edited = json_edit.put(text, path, '"ecr-vend"')
    expected = json_edit.changed(json_edit.loads(text), path, "ecr-vend")
    assert json_edit.loads(edited) == expected
    was = json_edit.get(text, path)
    if was is None:
        # What was there is still there, before and behind what came in.
        start = next((at for at in range(len(text)) if text[at] != edited[at]), len(text))
        behind = len(text) - start
        assert edited.startswith(text[:start])
        assert edited.endswith(text[start:] if behind else "")
    else:
        assert json_edit.put(edited, path, was) == text
    assert json_edit.put(edited, path, '"ecr-vend"') == edited


@given(documents(), st.sampled_from([HELPERS, ("credsStore",)]))
def test_removing_what_was_added_gives_the_very_bytes_back(
    text: str, path: tuple[str, ...]
) -> None:
    if json_edit.get(text, path) is not None:
        return
    made = next(path[:n] for n in range(1, 3) if json_edit.get(text, path[:n]) is None)
    assert json_edit.remove(json_edit.put(text, path, '"ecr-vend"'), made) == text


@given(documents(), st.sampled_from(["credHelpers", "auths", "a"]))
def test_removing_leaves_the_others_as_they_were(text: str, name: str) -> None:
    document = json_edit.loads(text)
    assert isinstance(document, dict)
    while json_edit.get(text, (name,)) is not None:
        text = json_edit.remove(text, (name,))
    left = {key: value for key, value in document.items() if key != name}
    assert json_edit.loads(text or "{}") == left
    for key in left:
        assert json_edit.get(text, (key,)) is not None


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("", '{"credHelpers": {"HOST": "ecr-vend"}}'),
        ("{}\n", '{"credHelpers": {"HOST": "ecr-vend"}}\n'),
        ("{\n}\n", '{\n\t"credHelpers": {\n\t\t"HOST": "ecr-vend"\n\t}\n}\n'),
        ('{"auths":{}}', '{"auths":{},"credHelpers":{"HOST": "ecr-vend"}}'),
        (
            '{\n\t"auths": {}\n}',
            '{\n\t"auths": {},\n\t"credHelpers": {\n\t\t"HOST": "ecr-vend"\n\t}\n}',
        ),
        (
            '{\r\n  "credHelpers": {\r\n    "a": "b"\r\n  }\r\n}',
            '{\r\n  "credHelpers": {\r\n    "a": "b",\r\n    "HOST": "ecr-vend"\r\n  }\r\n}',
        ),
        ('{"credHelpers": null}', '{"credHelpers": {"HOST": "ecr-vend"}}'),
        ('{"credHelpers": {}, "z": 1.0}', '{"credHelpers": {"HOST": "ecr-vend"}, "z": 1.0}'),
    ],
)
def test_what_comes_in_has_the_style_around_it(text: str, edited: str) -> None:
    assert json_edit.put(text, HELPERS, '"ecr-vend"') == edited


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "a": 1,\n}', r"is not JSON: .* at line [23], column \d"),
        ("[]", "is not a JSON object"),
        ('"x"', "is not a JSON object"),
        ('{"a": NaN}', "holds NaN"),
        ('{"a": 1} {', "is not JSON"),
        ('{\n"credHelpers": []}', r"`credHelpers` is not an object \(line 2\)"),
        ("{" + '"a":[' * 100_000, "is not JSON"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(NotEditable, match=message):
        json_edit.put(text, HELPERS, '"ecr-vend"')
