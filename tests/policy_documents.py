"""Policy documents with every key, as hypothesis draws them and as YAML reads and writes them."""

from __future__ import annotations

import copy
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

from tests.strategies import ARNS, CALLER_PATTERNS, DAYS, NAMES, REGISTRIES, documents, optional
from vending.access import Access
from vending.policy_text import PolicyError, parse

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ODD_NAMES = ("on", "no", "y", "1e3", "123", "0x1f", "0o17", "017", "null", "1.5", "2027-06-30")
"""Names that YAML reads as something else, where they stand without quotes."""

ODD_TEXTS = (
    *ODD_NAMES,
    *("", " ", "~", "#", "a #b", "a: b", "a:", "- a", "[a", "{", "%x", "@x", "*x", "&x", "!x"),
    *("'", '"', "\\", "a\nb", "\na", "a\n", "a\n\n", " a", "a ", "a\tb", "1:30", "<<", "=", "---"),
    *("payments, and " * 12, "x" * 150, "naïve ☂", "a\u2028b", "a\x85b", "\x07", "\N{BOM}", "…"),
)
"""Descriptions that are hard to write down."""

TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=30)

ALL_CALLERS: SearchStrategy[dict[str, Any]] = CALLER_PATTERNS | st.sampled_from(
    [
        {"root": "111122223333"},
        {"federated_user": "arn:aws:sts::111122223333:federated-user/b*"},
        {"permission_set": {"name": "PaymentsDev", "account": "111122223333"}},
        {"permission_set": {"name": "1e3", "account": "012345678901", "user": "*@example.com"}},
        {"role": "arn:aws:iam::111122223333:role/a,b=c@d+e", "session": "123"},
        {"role": "arn:aws:iam::111122223333:role/" + "long-" * 20 + "*"},
    ]
)


@st.composite
def expectations(draw: Any) -> dict[str, Any]:
    """Draw a test of a policy."""
    return {
        "caller": draw(st.sampled_from([*ARNS, "arn:aws:iam::111122223333:root"])),
        "repository": draw(NAMES),
        "access": draw(st.sampled_from([one.value for one in Access])),
        "expect": draw(st.sampled_from(["allow", "deny"])),
        **draw(optional("registry", REGISTRIES)),
        **draw(optional("grant", st.sampled_from([None, "grant-0", *ODD_NAMES]))),
        **draw(optional("day", DAYS)),
    }


@st.composite
def described(draw: Any, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw names, owners and descriptions for grants or denies."""
    names = draw(st.permutations([*ODD_NAMES, *(f"entry-{number}" for number in range(8))]))
    texts = st.none() | TEXTS
    return [
        {
            **entry,
            "name": name,
            **draw(optional("owner", texts)),
            **draw(optional("description", texts)),
        }
        for entry, name in zip(entries, names, strict=False)
    ]


@st.composite
def whole_documents(draw: Any) -> dict[str, Any]:
    """Draw a document with any of all keys, as YAML reads it."""
    document = draw(documents())
    lists = {"revokers": ALL_CALLERS, "auditors": ALL_CALLERS, "tests": expectations()}
    document["grants"] = draw(described(document["grants"]))
    document["denies"] = draw(described(document["denies"]))
    document["grants"][0]["callers"] = draw(st.lists(ALL_CALLERS, min_size=1, max_size=3))
    for key, entries in lists.items():
        document |= draw(optional(key, st.none() | st.lists(entries, max_size=2)))
    return {**document}


def as_editors_read(value: Any) -> Any:
    """Return what YAML 1.1 reads as an editor does by YAML 1.2, which has no dates."""
    match value:
        case dict():
            return {key: as_editors_read(one) for key, one in value.items()}
        case list():
            return [as_editors_read(one) for one in value]
        case date():
            return value.isoformat()
        case _:
            return value


def shuffled(draw: Any, value: Any) -> Any:
    """Return a document with the keys of every mapping in another order."""
    if isinstance(value, dict):
        return {key: shuffled(draw, value[key]) for key in draw(st.permutations(list(value)))}
    return [shuffled(draw, one) for one in value] if isinstance(value, list) else value


@st.composite
def texts(draw: Any) -> tuple[str, list[str]]:
    """Draw a policy as people and programs write it, and how the comments in it begin.

    Where a comment would not be one, or would part what belongs together, there is none.
    """
    document = draw(whole_documents())
    # PyYAML writes what stands in several places once, with an anchor.
    document = shuffled(draw, copy.deepcopy(document) if draw(st.booleans()) else document)
    text: str = yaml.dump(
        document,
        default_flow_style=draw(st.sampled_from([None, None, False, True])),
        default_style=draw(st.sampled_from([None, None, None, '"', "'", "|", ">"])),
        indent=draw(st.sampled_from([2, 3, 4])),
        width=draw(st.sampled_from([20, 80, 1000])),
        explicit_start=draw(st.booleans()),
        explicit_end=draw(st.booleans()),
        allow_unicode=draw(st.booleans()),
        sort_keys=False,
        Dumper=draw(st.sampled_from([yaml.SafeDumper, Indenting])),
    )
    policy = parse(text.encode(), name="policy.yaml")
    comments: list[str] = []
    for number in range(draw(st.integers(0, 6))):
        ending = draw(st.sampled_from(["", " #", ": x", " é", "\t,"]))
        changed = commented(draw, text, f"# remark {number}{ending}")
        try:
            if parse(changed.encode(), name="policy.yaml") == policy:
                text, comments = changed, [*comments, f"# remark {number}"]
        except PolicyError:
            continue
    return text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"]))), comments


def commented(draw: Any, text: str, comment: str) -> str:
    """Return a text with a comment at a line's end, on a line of its own, or behind a sign."""
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["beside", "alone", "alone", "apart", "within"])):
        case "beside":
            lines[at] += f" {comment}"
        case "within":
            sign = draw(st.sampled_from([", ", "[", "{", "- ", ": "]))
            first, found, rest = lines[at].partition(sign)
            lines[at : at + 1] = [f"{first}{found} {comment}", f"    {rest}"]
        case place:
            around = [""] if place == "apart" else []
            pad = " " * draw(st.integers(0, 10))
            lines[at:at] = [*around, pad + comment, *draw(st.sampled_from([[], around]))]
    return "\n".join(lines)


class Indenting(yaml.SafeDumper):
    """Writes the items of a list deeper than its key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        """Begin a block: never without an indentation."""
        return super().increase_indent(flow, False)
