"""The page of the audit report: all it says, for everyone, and nothing that runs."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_vend import vends
from ecr_vend.report import page as page_module
from ecr_vend.report import tally
from ecr_vend.report.markup import element, told
from ecr_vend.report.markup import shown as shown_text
from ecr_vend.report.page import CONTENTS, page
from ecr_vend.report.sections import ROWS
from ecr_vend.report.vend_sections import FIELDS
from tests.client import html_page
from tests.client.hostile import HOSTILE, could_by, written
from tools.report_pictures import sample
from tools.report_pictures.sample import HABITS, NOW, refusal, vend

if TYPE_CHECKING:
    from tests.client.html_page import Element


@pytest.fixture(scope="module")
def whole() -> Element:
    """Return the page of the sample."""
    return html_page.read(page(sample.report()))


def shown(*records: dict[str, Any], **changes: Any) -> Element:
    """Return the page of some vends."""
    return html_page.read(page(replace(sample.report(records), **changes)))


def rows_of(page: Element, section: str, table: int = 0) -> list[list[str]]:
    """Return the words of a table's rows."""
    (body,) = list(page.by_id(section).every("table"))[table].every("tbody")
    return [
        [cell.text for cell in row.every() if cell.name in {"th", "td"}] for row in body.every("tr")
    ]


def test_the_page_has_no_fault_that_would_keep_somebody_from_reading_it(whole: Element) -> None:
    assert list(html_page.faults(whole)) == []


def test_the_page_runs_loads_and_sends_nothing_and_leads_nowhere_else(whole: Element) -> None:
    assert list(html_page.acts(whole)) == []


def test_its_policy_allows_its_own_style_and_nothing_else(whole: Element) -> None:
    metas = [one.attributes for one in whole.every("meta")]
    (said,) = [
        one["content"] for one in metas if one.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = whole.every("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert said == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    # It holds for what stands after it.
    assert metas[0] == {"charset": "utf-8"}
    assert "http-equiv" in metas[1]


def test_every_link_leads_to_a_place_in_the_page(whole: Element) -> None:
    ids = {one.attributes["id"] for one in whole.every() if "id" in one.attributes}
    links = [one.attributes["href"] for one in whole.every("a")]
    assert len(links) > 500
    assert {link.removeprefix("#") for link in links} <= ids
    assert list(CONTENTS) == [
        one.attributes["id"] for one in whole.every("section") if "id" in one.attributes
    ]


def test_every_figure_leads_to_its_vends_and_each_of_them_to_all_that_is_known(
    whole: Element,
) -> None:
    link = next(whole.by_id("caller").every("a"))
    heading = whole.by_id(link.attributes["href"][1:])
    assert heading.text == "Caller 444455556666/edge"
    (section,) = [one for one in whole.by_id("vends").every("section") if heading in one.content]
    assert f"10 of {link.text} are shown." in section.text
    assert "ecr-vend audit list --caller aws:444455556666:" in section.text
    first = next(section.every("a"))
    summary = whole.by_id(first.attributes["href"][1:])
    (details,) = [
        one for one in whole.by_id("records").every("details") if summary in list(one.every())
    ]
    assert f"ecr-vend audit show {first.text} " in details.text
    assert "partners" in details.text


def test_no_table_leaves_rows_out_without_a_word() -> None:
    many = ROWS + 9
    records = [
        vend(
            NOW.end - timedelta(hours=number + 1),
            replace(HABITS[0], name=f"caller-{number:03}", repositories=[f"some/{number:03}"]),
            number,
            **refusal(f"some/{number:03}", "push", f"deny rule-{number}", f"code_{number}"),
        )
        for number in range(many)
    ]
    found = shown(*records)
    for section in ("caller", "repository"):
        assert len(rows_of(found, section)) == ROWS
        assert f"{ROWS} of {many}" in found.by_id(section).text
    said = found.by_id("refusals").text
    assert f"{ROWS} of {many} codes are shown" in said
    assert f"{ROWS} of {many} rules are shown" in said


def test_what_each_section_says_of_the_sample(whole: Element) -> None:
    assert ["By break-glass", "2", "0"] in rows_of(whole, "glance")
    rules = [row[:2] for row in rows_of(whole, "differences")]
    assert ["new caller", "Caller 777788889999/new-deployer"] in rules
    assert ["more refusals", "Caller 444455556666/batch"] in rules
    assert len(rows_of(whole, "time")) == 30
    assert ["111122223333/oncall", "payments/api", "2", "0"] in [
        row[:4] for row in rows_of(whole, "push")
    ]
    assert "INC-4711: rollback of payments/api" in whole.by_id("break-glass").text
    assert [row[0] for row in rows_of(whole, "refusals", 1)] == ["deny embargo", "no grant"]
    states = {row[0]: row[1] for row in rows_of(whole, "grants")}
    assert states == {
        "contractors": "never used", "mirror": "stale", "developers": "used", "emergency": "used",
        "partners": "used", "payments": "used", "scanners": "used", "search": "used",
    }  # fmt: skip


def test_who_could_have_had_push_is_told_beside_who_got_it(whole: Element) -> None:
    text = whole.by_id("push").text
    assert "Asked of 2 of 6 repositories" in text
    (oncall,) = [row for row in rows_of(whole, "push", 1) if "role/oncall" in row[0]]
    assert oncall[3:] == [
        "emergency",
        "2",
        "emergency@example.com",
        "by name and with a reason alone",
    ]


def test_what_could_not_be_told_is_said() -> None:
    report = sample.report()
    could = replace(
        report.could[0], push=(), pull=(), untold="40 policies served: ask until X first."
    )
    nobody = replace(report.could[1], push=())
    said = html_page.read(page(replace(report, could=[could, nobody]))).by_id("push").text
    assert "It could not be told: 40 policies served: ask until X first." in said
    assert "Nobody could have had push." in said


def test_a_report_about_one_caller_does_not_call_a_grant_unused() -> None:
    found = html_page.read(page(replace(sample.report(), only={"caller": "aws:1:AROAX"})))
    assert "Not told: this report is about one caller" in found.by_id("grants").text
    assert not list(found.by_id("grants").every("table"))
    # … and the service, which selects by one thing, is asked for that one.
    assert "--caller aws:1:AROAX" in found.by_id("vends").text


def test_an_empty_period_is_a_page_too() -> None:
    found = shown(could=[], repositories=0)
    assert list(html_page.faults(found)) == []
    assert "Nothing is on record of the period before" in found.by_id("differences").text
    assert "No token of this period could push." in found.by_id("push").text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_what_callers_wrote_is_text_wherever_it_stands(text: str) -> None:
    harmless, hostile = (
        shown(*(written(one, number) for number in range(3)), could=[could_by(one)])
        for one in ("plain", text)
    )
    assert list(html_page.acts(hostile)) == []
    assert list(html_page.faults(hostile)) == []
    # The same elements as with a plain word: nothing of it became one.
    assert [one.name for one in hostile.every()] == [one.name for one in harmless.every()]
    assert all(letter.isprintable() or letter == "\n" for letter in body(hostile).text)


def body(page: Element) -> Element:
    """Return the page without its style."""
    (found,) = page.every("body")
    return found


@given(st.text(), st.text())
def test_any_text_is_read_back_as_the_very_text_with_what_is_not_seen_named(
    text: str, other: str
) -> None:
    made = element("p", text, told(other), title=text)
    (read,) = html_page.read(made).content
    assert isinstance(read, html_page.Element)
    assert read.attributes == {"title": shown_text(text)}
    assert read.content[:-1] == ([shown_text(text)] if text else [])
    assert shown_text(text).replace("\n", "").isprintable()
    assert [one.name for one in read.every()] == ["p", "bdi"]


def test_letters_that_nobody_sees_are_named() -> None:
    text = shown(written("a\u202eb\x00c")).by_id("break-glass").text
    assert "a⟨U+202E⟩b⟨U+0000⟩c" in text


def test_the_words_of_a_caller_keep_their_direction_to_themselves() -> None:
    found = shown(written("שלום"))
    for one in body(found).every():
        if one.name not in {"bdi", "title", "text", "summary"}:
            here = "".join(part for part in one.content if isinstance(part, str))
            assert "שלום" not in here, one.name


def test_what_is_too_long_says_how_much_is_left_out() -> None:
    found = shown(written("x" * 5000))
    assert "… (4,700 more characters)" in found.by_id("break-glass").text
    assert "… (3,000 more characters)" in found.by_id("records").text
    assert not re.search("x{2001}", body(found).text)


def test_a_vend_of_very_many_fields_says_how_many_more_there_are() -> None:
    made = written("x")
    made["dropped"] = [
        {"repository": f"r{one}", "access": "pull", "rule": "no grant"} for one in range(300)
    ]
    fields = len(list(vends.fields(made)))
    records = shown(made).by_id("records")
    assert len(list(records.every("dt"))) == FIELDS
    assert f"{fields - FIELDS} more fields are there." in records.text


def test_names_that_somebody_made_up_do_not_use_up_the_memory_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (tally, page_module):
        monkeypatch.setattr(module, "MOST_GROUPS", 100)
    made = vend(NOW.end - timedelta(days=1), HABITS[0], 1)
    made["asked"]["repositories"] = {"pull": [f"made/up-{one}" for one in range(300)]}
    report = sample.report([made])
    assert len(report.now.repositories) == 100
    assert len(report.now.groups) < 250
    said = html_page.read(page(report)).by_id("made").text
    assert "Not counted: 201 mentions of others than the first 100 by pair; 201 mentions" in said
    assert "Not counted" not in shown(written("x")).by_id("made").text


def test_no_place_in_the_page_is_named_after_what_somebody_wrote() -> None:
    found = shown(written("evil"))
    assert not [one for one in found.every() if "evil" in one.attributes.get("id", "")]


def test_a_command_that_the_page_shows_is_one_word_for_each_thing() -> None:
    found = shown(written("$(reboot); x"))
    commands = [one.text for one in found.by_id("records").every("code")]
    assert commands == ["ecr-vend audit show '$(reboot); x0'"]
