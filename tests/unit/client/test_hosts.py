"""Every name of an ECR registry is known, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend import hosts

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "hosts.json").read_text())
ACCEPTED = [case["host"] for case in VECTORS["accept"]]


@pytest.mark.parametrize("case", VECTORS["accept"], ids=ACCEPTED)
def test_every_aws_form_names_its_registry(case: dict[str, str]) -> None:
    registry = hosts.parse(case["host"])
    assert registry == hosts.Registry(
        case["account"], case["region"], case["partition"], case["canonical"]
    )


@pytest.mark.parametrize("form", VECTORS["client_forms"])
@pytest.mark.parametrize("host", ACCEPTED)
def test_what_consumers_wrap_around_a_host_is_taken_off(form: str, host: str) -> None:
    assert hosts.bare(form.format(host=host)) == host


@pytest.mark.parametrize("case", VECTORS["reject"], ids=lambda case: case["why"])
def test_a_look_alike_is_no_registry(case: dict[str, str]) -> None:
    assert hosts.parse(case["host"]) is None
    bare = hosts.bare(case["host"])
    assert bare is None or hosts.parse(bare) is None


def test_capital_letters_name_the_same_registry() -> None:
    assert hosts.parse(ACCEPTED[0].upper()) == hosts.parse(ACCEPTED[0])


@given(st.sampled_from(ACCEPTED), st.text(min_size=1, max_size=30), st.booleans())
def test_nothing_can_be_added_to_a_host_name(host: str, extra: str, after: bool) -> None:
    # A region is a free label, and fips and dual stack are names of the same registry: what is
    # added there gives another valid name, never the same bytes with something around them.
    assert hosts.parse(host + extra if after else extra + host) is None


@given(st.sampled_from(ACCEPTED), st.integers(0, 60), st.characters(exclude_categories=["Cs"]))
def test_a_host_with_one_foreign_character_is_no_registry(
    host: str, place: int, letter: str
) -> None:
    changed = host[:place] + letter + host[place + 1 :]
    registry = hosts.parse(changed)
    if registry:
        assert changed.isascii()
        assert registry.host.endswith(tuple(f".{name}" for name in hosts.PARTITIONS))
        assert registry.account.isdigit()


@given(st.text())
def test_any_text_is_a_host_or_not_but_never_an_error(text: str) -> None:
    bare = hosts.bare(text)
    if bare is not None:
        assert bare.isascii()
        assert not set(bare) & set(" \t\r\n\x00@?#%\\/")
