"""Rules of what is measured, over every kind of request."""

from __future__ import annotations

import pytest

from tests.metric_lines import REQUESTS, lines_of, metrics_of
from vending.errors import Code


@pytest.mark.parametrize("kind", REQUESTS)
def test_no_caller_account_or_repository_is_a_dimension(kind: str) -> None:
    for line in lines_of(kind):
        for name, dimensions in metrics_of(line):
            found = dict(dimensions)
            assert found.pop("service") == "ecr-vend", name
            assert found.pop("code", Code.NOT_GRANTED) in list(Code), name
            assert found == {}, name
