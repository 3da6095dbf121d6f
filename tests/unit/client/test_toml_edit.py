"""Editing TOML keeps comments and formatting, and refuses what it cannot do with certainty."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend import toml_edit
from ecr_vend.toml_edit import NotEditable

TABLE = ("registries", "h.example.com", "profile")
FULL = """\
# who serves us
endpoint = "https://a.example.com"  # not "b" # ours

pull = [
  "team/app", # a comment with [ and "
  "x",
]

[registries."h.example.com"] # the table
profile = 'old'

[registries."other"]
host = "h"
"""
LINES = [
    '# a comment with = and ["',
    "",
    'profile = "p" # why',
    "ttl = '''\n15m''' # long",
    'pull = [\n  "a", # one\n]',
    '"reason" = "a # b"',
    '[registries."a.example.com"]',
    "  [ registries . 'h.example.com' ]",
    "[registries.inline]",
    'access = "push"',
    "grant=''",
]


@pytest.mark.parametrize(
    ("path", "was", "now"),
    [
        (("endpoint",), '"https://a.example.com"', '"n"'),
        (TABLE, "'old'", '"n"'),
        (("registries", "other", "host"), 'host = "h"', 'host = "n"'),
        (
            ("registries", "other", "access"),
            'host = "h"\n',
            'host = "h"\naccess = "n"\n',
        ),
        (("region",), '"x",\n]\n', '"x",\n]\nregion = "n"\n'),
        (
            ("registries", "new:5000", "profile"),
            'host = "h"\n',
            'host = "h"\n\n[registries."new:5000"]\nprofile = "n"\n',
        ),
    ],
)
def test_a_key_is_set_where_it_belongs(path: tuple[str, ...], was: str, now: str) -> None:
    assert toml_edit.put(FULL, path, "n") == FULL.replace(was, now)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("path", [("endpoint",), TABLE])
@given(lines=st.lists(st.sampled_from(LINES), max_size=6), ended=st.booleans())
def test_what_was_added_goes_without_a_trace(
    path: tuple[str, ...], newline: str, lines: list[str], *, ended: bool
) -> None:
    text = "\n".join(lines).replace("\n", newline) + (newline if ended else "")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    edited = toml_edit.put(text, path, "n")
    assert toml_edit.get(edited, path) == "n"
    before = toml_edit.spelling(text, path)
    if before is not None:
        assert toml_edit.put(edited, path, str(toml_edit.get(text, path)), before) == text
        return
    edited = toml_edit.remove(edited, path)
    if len(path) > 1 and toml_edit.get(text, path[:-1]) is None:
        edited = toml_edit.remove(edited, path[:-1])
    assert tomllib.loads(edited) == document
    assert edited == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("endpoint = \n", "is not TOML: .*line 1"),
        ('registries = ["h.example.com"]', "`registries` is there and is not a table"),
        ('registries = {"h.example.com" = {profile = "x"}}', "write .* yourself"),
        ('registries."h.example.com".region = "x"', "write .* yourself"),
        ('[[registries."h.example.com"]]\nhost = "x"', "is not a table"),
    ],
)
def test_what_cannot_be_edited_with_certainty_is_refused(text: str, message: str) -> None:
    with pytest.raises(NotEditable, match=message):
        toml_edit.put(text, TABLE, "n")


@given(st.text())
def test_any_string_can_be_a_value(value: str) -> None:
    assert tomllib.loads(toml_edit.put("", ("reason",), value)) == {"reason": value}
