"""A number that makes no sense is refused with what is wrong about it."""

from __future__ import annotations

import argparse

import pytest

from tools.arguments import between
from tools.estimates import cost, scale


@pytest.mark.parametrize("text", ["1", "10"])
def test_both_ends_are_included(text: str) -> None:
    assert between(int, 1, 10)(text) == int(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("0", "0 is not from 1 to 10"), ("11", "11 is not"), ("x", "'x' is no number"), ("1.5", "no")],
)
def test_what_is_outside_or_no_number_is_refused(text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        between(int, 1, 10)(text)


def test_no_number_at_all_is_between_nothing() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="nan is not from 0 to 1"):
        between(float, 0, 1)("nan")


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (cost.main, ["--vends", "0"]),
        (scale.main, ["--runners", "-5"]),
        (scale.main, ["--runners", "10,99999999999"]),
    ],
)
def test_the_estimates_take_no_nonsense(
    main: object, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "is not from 1 to" in capsys.readouterr().err
