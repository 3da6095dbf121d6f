"""The canonical form of a policy: the same policy, with the same comments, written in one way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given

from tests.policy_documents import texts
from vendctl.form.canonical import WIDTH, Unformatted, formatted
from vendctl.form.comments import Lines, comments_of
from vending.policy_text import PolicyError, parse

ROOT = Path(__file__).parents[3]


def form(text: str) -> str:
    return formatted(text.encode(), name="policy.yaml")


def remarks(text: str) -> list[str]:
    return sorted(one.text for one in comments_of(text, Lines(text)))


@given(texts())
def test_the_form_changes_no_decision_keeps_every_comment_and_is_final(
    drawn: tuple[str, list[str]],
) -> None:
    text, comments = drawn
    try:
        after = form(text)
    except Unformatted:
        assume("*id" not in text)  # an alias would stand before its anchor
        raise
    assert parse(after.encode(), name="a") == parse(text.encode(), name="b")
    assert remarks(after) == remarks(text.replace("\r", ""))
    if "!!null" not in text:  # whose text is no comment, and means nothing
        assert all(after.count(comment) == 1 for comment in comments)
    assert form(after) == after
    assert "\r" not in after
    assert after.endswith("\n")
    assert not any(line != line.rstrip() for line in after.split("\n"))


HEAD = 'version: 1\n\ngrants:\n  - name: a\n    callers:\n      - account: "111122223333"\n'
PLAIN = f"{HEAD}    repositories: [a/*]\n    access: pull\n"


@pytest.mark.parametrize("file", ["policy/policy.yaml", "local/policy.yaml"])
def test_the_policies_of_the_repository_are_in_the_form(file: str) -> None:
    text = (ROOT / file).read_text()
    assert form(text) == text, f"run bin/vendctl policy fmt {file}"


def test_keys_comments_and_blank_lines_get_their_places() -> None:
    text = """\
# About the document.

# yet about grants
grants: # beside grants
- {access: push, "name": 'a', callers: [{account: "111122223333", # beside an account
   }], repositories: [a/*, # first
   b, 'c'   # last
   # below the list
   ]} # beside a whole grant
- # behind a dash
  # second
  owner: "on"
  callers:
    # above a role
    - role: arn:aws:iam::111122223333:role/x   # beside a role
      session: '123'
      # below a caller
    # below all callers
  name: b
  description: >  # beside folded text
    some text
    folded
  # above access
  access: pull
  max_ttl: 3600s
  expires_on: "2027-06-30"
  break_glass: no
  repositories:
  - "*"

  # below grant b
# above denies
denies: [
  # none yet
]
revokers:


- account: '012345678901'

- {permission_set: {user: x@example.com, account: "111122223333", name: Dev}}
version: 1 # beside version
ceiling: {accounts: [ # all
  "111122223333"], max_ttl: 0060m}
    # far to the right
# the end
"""
    assert (
        form(text)
        == """\
# About the document.

version: 1 # beside version

ceiling:
  accounts: ["111122223333"] # all
  max_ttl: 1h

# yet about grants
grants: # beside grants
  # beside a whole grant
  - name: a
    callers:
      - account: "111122223333" # beside an account
    repositories:
      - a/* # first
      - b
      - c # last
      # below the list
    access: push

  # behind a dash
  # second
  - name: b
    owner: "on"
    description: | # beside folded text
      some text folded
    callers:
      # above a role
      - role: arn:aws:iam::111122223333:role/x # beside a role
        session: "123"
        # below a caller
      # below all callers
    repositories: ["*"]
    # above access
    access: pull
    max_ttl: 1h
    expires_on: 2027-06-30
    break_glass: false

    # below grant b

# above denies
# none yet
denies: []

revokers:
  - account: "012345678901"

  - permission_set: {name: Dev, account: "111122223333", user: x@example.com}
# far to the right
# the end
"""
    )


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("max_ttl: 1800s", "max_ttl: 30m"),
        ("max_ttl: 60m", "max_ttl: 1h"),
        ("max_ttl: '60s'", "max_ttl: 1m"),
        ("max_ttl: 90s", "max_ttl: 90s"),
        ("max_ttl: 1m30s", "max_ttl: 1m30s"),
        ("max_ttl: ~", "max_ttl: null"),
        ("max_ttl:", "max_ttl: null"),
        ("bind_source_ip: on", "bind_source_ip: true"),
        ("bind_source_ip: !!bool 'NO'", "bind_source_ip: false"),
        ("expires_on: !!str 2027-06-30", "expires_on: 2027-06-30"),
        ("owner: 'on'", 'owner: "on"'),
        ("owner: '1:30'", 'owner: "1:30"'),
        ("owner: '0777'", 'owner: "0777"'),
        ("owner: 0o17", 'owner: "0o17"'),
        ("owner: 1e3", 'owner: "1e3"'),
        ("owner: y", 'owner: "y"'),
        ("owner: 'a: b'", 'owner: "a: b"'),
        ("owner: 'a #b'", 'owner: "a #b"'),
        ("owner: 'a:b#c'", "owner: a:b#c"),
        ('owner: "it\'s"', "owner: it's"),
        ("owner: '\"x\"'", 'owner: "\\"x\\""'),
        ('owner: "\\u202ex"', 'owner: "\\u202ex"'),
        ('owner: "\\u263a"', "owner: \u263a"),
        ("description: |\n      a\n      b", "description: |\n      a\n      b"),
        ('description: "a\\nb"', "description: |-\n      a\n      b"),
        ('description: "a \\nb"', 'description: "a \\nb"'),
    ],
)
def test_values_are_written_in_one_way_and_stay_what_they_are(written: str, canonical: str) -> None:
    key = canonical.partition(":")[0]
    text = f"{HEAD}    repositories: [a/*]\n    access: pull\n    {written}\n"
    after = form(text)
    assert after.count(f"    {key}:") == 1
    assert f"    {canonical}\n" in after
    assert parse(after.encode(), name="a") == parse(text.encode(), name="b")


def test_a_long_list_is_one_to_a_line_and_a_long_text_is_folded() -> None:
    long = [f"team-{number:02}/images/*" for number in range(6)]
    text = PLAIN.replace("[a/*]", str(long)) + f"    description: {'so many words ' * 20}\n"
    lines = form(text).splitlines()
    assert [f"      - {one}" for one in long] == [line for line in lines if "team-" in line]
    assert "    description: >-" in lines
    assert max(map(len, lines)) <= WIDTH
    short = form(PLAIN.replace("[a/*]", str(long[:3])))
    assert f"    repositories: [{', '.join(long[:3])}]\n" in short


def test_windows_line_ends_byte_order_marks_and_other_encodings_are_left_behind() -> None:
    windows = PLAIN.replace("\n", "\r\n").replace("a/*]", "a/*] # \u263a")
    after = PLAIN.replace("a/*]", "a/*] # \u263a")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert formatted(windows.encode(encoding), name="policy.yaml") == after


def test_a_document_in_json_becomes_yaml() -> None:
    text = (
        '{"version": 1, "grants": [{"access": "pull", "name": "a", "repositories": ["a/*"], '
        '"callers": [{"account": "111122223333"}]}]}'
    )
    assert form(text) == PLAIN


def test_anchors_aliases_and_merged_keys_stay_what_they_are() -> None:
    text = f"""{HEAD.replace("callers:", "callers: &teams")}    repositories: &all [a/*, &one b/*]
    access: pull

  - &base
    name: b
    callers: *teams
    repositories: [*one, c]
    access: pull

  - <<: *base
    name: c
    repositories: *all
"""
    assert form(text) == text
    assert form(text.replace("- <<: *base\n    name: c", "- name: c\n    <<: *base")) == text


def test_a_head_stays_a_paragraph_of_its_own_where_the_first_key_goes_away() -> None:
    text = PLAIN.replace("version: 1\n\n", "# The head.\n") + "# one\nversion: 1\n"
    assert form(text) == PLAIN.replace("version", "# The head.\n\n# one\nversion")


def test_a_form_in_which_an_alias_would_stand_before_its_anchor_is_refused() -> None:
    text = "denies: [{name: a, repositories: &all [a/*]}]\nversion: 1\ngrants: []\n"
    swapped = PLAIN.replace("version: 1\n", "").replace("[a/*]", "*all")
    with pytest.raises(Unformatted, match="undefined alias; keep anchors before their aliases"):
        form(text.replace("grants: []\n", "") + swapped)


def test_what_is_no_policy_is_not_formatted() -> None:
    with pytest.raises(PolicyError, match="write"):
        form(PLAIN.replace("pull", "write"))
    with pytest.raises(PolicyError, match="not YAML"):
        form(PLAIN.replace("    access", "\taccess"))
