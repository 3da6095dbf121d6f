"""What the stream says is one object, whose lines give it back, whatever callers wrote."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiving.batch import Unreadable, batch_of, events_in, streamed
from archiving.findings import MOST, Findings
from archiving.lines import Event, canonical, event_of, plain
from tests.fake_archive import stream_record

ARRIVED = datetime(2026, 11, 23, 20, 59, 59, 999_000, UTC)
VEND = {"pk": "vend#v-1", "sk": "1#intent", "vend_id": "v-1", "schema": 1}
BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

records = st.dictionaries(
    st.text(min_size=1),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    max_size=5,
).map(lambda more: {**more, "pk": "pk", "sk": "sk"})


@given(records)
def test_a_line_gives_back_what_was_recorded_and_is_printable_ascii(record: dict[str, Any]) -> None:
    event = streamed(stream_record(record, 7))
    line = event.line_of_batch("2026-11-23T20:00:00.000Z")
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["record"] == record
    assert canonical(json.loads(line)) == line
    assert event_of(line) == event


def test_what_callers_write_cannot_break_a_line_or_act_on_a_terminal() -> None:
    hostile = 'x"\n{"event":"REMOVE"}\r\x1b[2J\u2028\u202e</script>'
    batch = batch_of([streamed(stream_record({**VEND, "reason": hostile}, 7))], ARRIVED)
    (line,) = gzip.decompress(batch.body).decode("ascii").splitlines()
    assert line.isprintable()
    assert json.loads(line)["record"]["reason"] == hostile


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ({"N": "12345678901234567890123456789012345678"}, 12345678901234567890123456789012345678),
        ({"N": "1.5"}, {"number": "1.5"}),
        ({"B": "AAE="}, {"base64": "AAE="}),
        ({"SS": ["b", "a"]}, ["a", "b"]),
        ({"NS": ["10", "9"]}, [10, 9]),
        ({"BS": ["BB==", "AA=="]}, [{"base64": "AA=="}, {"base64": "BB=="}]),
        ({"NULL": True}, None),
        ({"L": [{"BOOL": False}, {"M": {"a": {"S": ""}}}]}, [False, {"a": ""}]),
    ],
)
def test_every_type_of_an_attribute_has_one_form(attribute: dict[str, Any], value: object) -> None:
    assert plain(attribute) == value


def test_a_type_that_is_not_known_is_no_silent_loss() -> None:
    with pytest.raises(ValueError, match="not known"):
        plain({"X": "?"})


def test_the_same_events_are_the_same_key_whenever_they_arrive_within_the_hour() -> None:
    events = [streamed(stream_record(VEND, number)) for number in (7, 8)]
    key = batch_of(events, ARRIVED).key
    assert key.startswith("batches/2026/11/23/20/7-")
    assert batch_of(events, ARRIVED - timedelta(minutes=5)).key == key
    # A bisected batch begins alike and is another one: neither keeps the other from being written.
    assert batch_of(events[:1], ARRIVED).key != key


def test_a_change_or_a_removal_is_a_finding_and_the_stream_goes_on() -> None:
    batch = batch_of(
        [
            streamed(stream_record(VEND, 7)),
            streamed(stream_record({**VEND, "sk": "2#outcome"}, 8, event="MODIFY")),
            streamed(stream_record(VEND, 9, event="REMOVE")),
            streamed(stream_record(VEND, 10, event="REMOVE", by=BY_TTL)),
            streamed(stream_record(VEND, 11, event="REMOVE", by={**BY_TTL, "type": "User"})),
        ],
        ARRIVED,
    )
    assert batch.records == 5
    assert batch.findings == (
        {"kind": "modify", "pk": "vend#v-1", "sk": "2#outcome", "sequence": "8"},
        {"kind": "remove", "pk": "vend#v-1", "sk": "1#intent", "sequence": "9"},
        {"kind": "expire", "pk": "vend#v-1", "sk": "1#intent", "sequence": "10"},
        {"kind": "remove", "pk": "vend#v-1", "sk": "1#intent", "sequence": "11"},
    )
    assert len(list(events_in(batch.key, batch.body))) == 5


def test_of_a_removal_the_key_is_known() -> None:
    event = streamed(stream_record(VEND, 9, event="REMOVE"))
    assert event.record == {"pk": "vend#v-1", "sk": "1#intent"}


def damaged(body: bytes, how: str) -> bytes:
    lines = gzip.decompress(body).decode().splitlines(keepends=True)
    match how:
        case "no gzip":
            return b"nothing"
        case "cut off":
            return body[:-9]
        case "a line less":
            lines.pop()
        case "a line more":
            lines.append(lines[0])
        case "altered":
            lines[0] = lines[0].replace("1#intent", "1#intend")
        case "no json":
            lines.append("{\n")
        case "no event":
            lines.append('{"event":"INSERT"}\n')
        case "a fraction":
            lines.append(lines[0].replace('"schema":1', '"schema":1.5'))
        case "numbers beyond measure":
            lines.append(lines[0].replace('"schema":1', '"schema":' + "1" * 5000))
    return gzip.compress("".join(lines).encode())


@pytest.mark.parametrize(
    "how",
    [
        "no gzip",
        "cut off",
        "a line less",
        "a line more",
        "altered",
        "no json",
        "no event",
        "a fraction",
        "numbers beyond measure",
    ],
)
def test_a_batch_that_is_not_what_its_name_says_is_told_apart(how: str) -> None:
    events = [streamed(stream_record(VEND, number)) for number in (7, 8)]
    batch = batch_of(events, ARRIVED)
    read: list[Event] = []
    with pytest.raises(Unreadable):
        read.extend(events_in(batch.key, damaged(batch.body, how)))
    # What can be read counts; a list takes what came before an error.
    assert len(read) >= (1 if how in ("a line less", "no json", "no event") else 0)


@pytest.mark.parametrize("number", ["1.5", "1e3", "NaN", "Infinity"])
def test_a_number_that_has_more_than_one_text_is_in_no_line(number: str) -> None:
    line = streamed(stream_record({**VEND, "schema": 1}, 7)).line()
    event_of(line)
    with pytest.raises(ValueError, match="no whole number"):
        event_of(line.replace('"schema":1', f'"schema":{number}'))


def test_findings_beyond_what_a_manifest_lists_are_counted() -> None:
    findings = Findings()
    for number in reversed(range(MOST + 5)):
        findings.add({"kind": "remove", "pk": f"{number:05}", "sk": "", "sequence": "1"})
    findings.add({"kind": "remove", "pk": "00000", "sk": "", "sequence": "1"})
    assert findings.total == MOST + 5
    assert [one["pk"] for one in findings.listed()] == [f"{number:05}" for number in range(MOST)]
