"""The judge itself: patterns and conditions, after the examples in AWS's user guide."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam.conditions import conditions_hold
from tests.iam.patterns import arn_matches, matches


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("amzn-s3-demo-bucket/*/test/*", "amzn-s3-demo-bucket/1/2/test/3/object.jpg", True),
        ("amzn-s3-demo-bucket/*/test/*", "amzn-s3-demo-bucket/1-test/object.jpg", False),
        ("amzn-s3-demo-bucket/*/test/*", "amzn-s3-demo-bucket/test/object.jpg", False),
        ("amzn-s3-demo-bucket/??/test/*", "amzn-s3-demo-bucket/3b/test/object.jpg", True),
        ("amzn-s3-demo-bucket/??/test/*", "amzn-s3-demo-bucket/3/test/object.jpg", False),
        ("*", "", True),
        ("?", "", False),
        ("a*b", "ab", True),
        ("a*b", "a/x:b", True),
        ("a?b", "a/b", True),
        ("a[bc]", "ab", False),
        ("a.c", "abc", False),
        ("team/*", "Team/app", False),
        ("team/*", "xteam/app", False),
        ("team/*", "team/app\n", True),
        ("*a*a*a*a*b", "a" * 60, False),
    ],
)
def test_a_pattern_matches_as_the_guide_says(pattern: str, text: str, *, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_variables_are_replaced_and_never_become_wildcards() -> None:
    variables = {"aws:username": "*", "aws:x": "jo"}
    assert matches("home/${aws:X}/*", "home/jo/a", variables=variables)
    assert not matches("home/${aws:username}/a", "home/jo/a", variables=variables)
    assert matches("home/${aws:username}/a", "home/*/a", variables=variables)
    assert matches("a${*}${?}${$}", "a*?$", variables={})
    assert not matches("a${*}", "ab", variables={})


def test_a_variable_without_a_value_matches_nothing_unless_it_has_a_default() -> None:
    assert not matches("${aws:missing}*", "anything", variables={})
    assert matches("${aws:missing, 'some'}thing", "something", variables={})


def test_variables_are_plain_text_in_old_policies() -> None:
    assert matches("${aws:x}", "${aws:x}", variables=None)


def test_an_arn_condition_checks_each_component_for_itself() -> None:
    topic = "arn:aws:sns:us-east-2:123456789012:app:one"
    assert arn_matches("arn:aws:sns:*:123456789012:app*", topic)
    assert not arn_matches("arn:aws:*:app*", topic)
    assert not arn_matches("arn:aws:sns:us-east-2:*", topic)


def hold(block: dict[str, Any], context: dict[str, Any], version: str = "2012-10-17") -> bool:
    """Evaluate a Condition element in a context given with lower-case keys."""
    values = {key: (one,) if isinstance(one, str) else one for key, one in context.items()}
    return conditions_hold(block, values, version)


TAGS = "aws:tagkeys"
SOURCE = "aws:sourceip"


@pytest.mark.parametrize(
    ("block", "context", "expected"),
    [
        # Several values are alternatives, several keys and operators all have to hold.
        ({"StringEquals": {"aws:x": ["a", "b"]}}, {"aws:x": "b"}, True),
        ({"StringEquals": {"aws:x": "a", "aws:y": "b"}}, {"aws:x": "a"}, False),
        ({"StringEquals": {"aws:x": "a"}, "StringLike": {"aws:y": "b*"}}, {"aws:x": "a"}, False),
        ({"StringEquals": {"AWS:X": "a"}}, {"aws:x": "a"}, True),
        # A negated operator wants none of its values, and holds when the key is absent.
        ({"StringNotEquals": {"aws:x": ["a", "b"]}}, {"aws:x": "b"}, False),
        ({"StringNotEquals": {"aws:x": ["a", "b"]}}, {"aws:x": "c"}, True),
        ({"StringNotEquals": {"aws:x": "a"}}, {}, True),
        ({"StringNotLike": {"aws:x": "a*"}}, {}, True),
        ({"ArnNotLike": {"aws:x": "arn:aws:iam::1:*"}}, {}, True),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {}, True),
        ({"DateNotEquals": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, {}, True),
        # Any other operator does not hold when the key is absent.
        ({"StringEquals": {"aws:x": "a"}}, {}, False),
        ({"StringLike": {"aws:x": "*"}}, {}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, {}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2000-01-01T00:00:00Z"}}, {}, False),
        # …IfExists holds when the key is absent, and is the operator itself when it is there.
        ({"StringEqualsIfExists": {"aws:x": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"aws:x": "a"}}, {"aws:x": "b"}, False),
        ({"StringNotEqualsIfExists": {"aws:x": "a"}}, {"aws:x": "a"}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {}, True),
        # Null asks whether the key is absent.
        ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        ({"Null": {"aws:TokenIssueTime": "false"}}, {}, False),
        ({"Null": {"aws:x": False}}, {"aws:x": "a"}, True),
        # Case and wildcards.
        ({"StringEquals": {"aws:x": "A"}}, {"aws:x": "a"}, False),
        ({"StringEqualsIgnoreCase": {"aws:x": "A"}}, {"aws:x": "a"}, True),
        ({"StringNotEqualsIgnoreCase": {"aws:x": "A"}}, {"aws:x": "a"}, False),
        ({"StringEquals": {"aws:x": "a*"}}, {"aws:x": "ab"}, False),
        ({"StringEquals": {"aws:x": "a*"}}, {"aws:x": "a*"}, True),
        ({"StringEquals": {"aws:x": "a${*}"}}, {"aws:x": "a*"}, True),
        ({"StringEquals": {"aws:x": "${aws:y}"}}, {"aws:x": "b", "aws:y": "b"}, True),
        ({"StringLike": {"aws:x": "a*"}}, {"aws:x": "ab"}, True),
        ({"ArnEquals": {"aws:x": "arn:aws:iam::1:role/*"}}, {"aws:x": "arn:aws:iam::1:role/a"}, 1),
        # Dates as ISO 8601 or seconds, numbers as numbers, booleans without case.
        (
            {"DateGreaterThan": {"aws:CurrentTime": "2026-11-23T20:00:00Z"}},
            {"aws:currenttime": "2026-11-23T20:00:01+00:00"},
            True,
        ),
        (
            {"DateGreaterThan": {"aws:CurrentTime": "2026-11-23T20:00:00Z"}},
            {"aws:currenttime": "2026-11-23T20:00:00+00:00"},
            False,
        ),
        ({"DateLessThan": {"aws:EpochTime": "1700000001"}}, {"aws:epochtime": "1700000000"}, True),
        ({"DateLessThanEquals": {"a": "2026-01-01T01:00:00+01:00"}}, {"a": "2026-01-01"}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
        ({"NumericGreaterThan": {"s3:max-keys": 10}}, {"s3:max-keys": "9"}, False),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws:securetransport": "false"}, True),
        # Addresses.
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {SOURCE: "203.0.113.9"}, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.9"}}, {SOURCE: "203.0.113.10"}, False),
        ({"IpAddress": {"aws:SourceIp": ["::/0"]}}, {SOURCE: "203.0.113.9"}, False),
        ({"IpAddress": {"aws:SourceIp": "2001:DB8:1234::/48"}}, {SOURCE: "2001:db8:1234::9"}, 1),
        ({"NotIpAddress": {"aws:SourceIp": ["203.0.113.9/32"]}}, {SOURCE: "198.51.100.1"}, True),
        # Sets: ForAllValues holds of nothing, ForAnyValue does not.
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {TAGS: ("a",)}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {TAGS: ("a", "c")}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {TAGS: ("c", "b")}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}}, {TAGS: ("a", "c")}, True),
        ({"ForAllValues:StringNotLike": {"aws:TagKeys": ["a*"]}}, {TAGS: ("a1", "c")}, False),
    ],
)
def test_a_condition_holds_as_the_guide_says(
    block: dict[str, Any], context: dict[str, Any], *, expected: bool
) -> None:
    assert hold(block, context) == bool(expected)


@pytest.mark.parametrize(
    ("block", "context"),
    [
        ({"StringsEqual": {"aws:x": "a"}}, {"aws:x": "a"}),
        ({"ForSomeValues:StringEquals": {"aws:x": "a"}}, {"aws:x": "a"}),
        ({"StringEquals": {"aws:x": "a"}}, {"aws:x": ("a", "b")}),
    ],
)
def test_what_the_judge_does_not_know_is_an_error(
    block: dict[str, Any], context: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="operator"):
        hold(block, context)
