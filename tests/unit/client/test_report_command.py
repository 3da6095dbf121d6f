"""`ecr-vend audit report`: what it asks for, what it writes over, and how it goes on."""

from __future__ import annotations

import io
import json
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ecr_vend import command_line, reporting
from ecr_vend.console import Console
from ecr_vend.report.page import GENERATOR
from tests.client import html_page
from tests.client.fake_service import COULD
from tools.report_pictures.sample import HABITS, NOW, refusal, vend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

MONTH = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-12-01")
FIRST, LAST, EARLIER = (
    vend(NOW.end - timedelta(days=days), HABITS[0], number)
    for number, days in enumerate((1, 20, 40))
)
PAGES: list[tuple[list[dict[str, Any]], str | None]] = [
    ([FIRST], FIRST["vend_id"]),
    ([LAST], LAST["vend_id"]),
    ([EARLIER], None),
]


@pytest.fixture
def out(tmp_path: Path, service: FakeService) -> Path:
    """Return where the page goes, of a service that has some pages of vends."""
    service.pages = list(PAGES)
    return tmp_path / "report.html"


def asked_of(service: FakeService, path: str) -> list[dict[str, Any]]:
    return [query for _, asked, query in service.auditing if asked == path]


def test_the_period_and_the_one_before_are_read_once_and_each_vend_counts_in_its_own(
    machine: Machine, service: FakeService, out: Path
) -> None:
    said, err, code = machine.run("audit", "report", *MONTH, "--out", str(out))
    assert (said, err, code) == (f"Wrote {out}; vends: 2, differences: 1\n", "", 0)
    first, *others = asked_of(service, "/v1/vends")
    assert first == {
        "from": "2026-10-02T00:00:00Z",
        "to": "2026-12-01T00:00:00Z",
        "order": "newest",
        "limit": "50",
    }
    assert [one["after"] for one in others] == [FIRST["vend_id"], LAST["vend_id"]]
    page = html_page.read(out.read_text())
    assert FIRST["vend_id"] in page.text
    assert EARLIER["vend_id"] not in page.text
    assert "Asked for21" in page.by_id("glance").text


def test_who_could_have_had_access_is_asked_of_each_repository_for_the_period(
    machine: Machine, service: FakeService, out: Path
) -> None:
    machine.run("audit", "report", *MONTH, "--out", str(out))
    span = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    names = ("payments/api", "payments/web")
    assert asked_of(service, "/v1/access") == [
        {"repository": name, "access": access, **span}
        for name in names
        for access in ("push", "pull")
    ]
    assert COULD["callers"] in html_page.read(out.read_text()).by_id("push").text


def test_of_many_repositories_some_are_asked_about_and_the_page_says_of_how_many(
    machine: Machine, service: FakeService, out: Path
) -> None:
    names = [f"some/{number:02}" for number in range(reporting.MOST_REPOSITORIES + 5)]
    one = vend(NOW.end - timedelta(days=1), HABITS[0], 1, scope={"pull": ["some/*"]})
    one["asked"]["repositories"] = {"pull": names}
    service.pages = [([one], None)]
    machine.run("audit", "report", *MONTH, "--out", str(out))
    asked = {query["repository"] for query in asked_of(service, "/v1/access")}
    assert len(asked) == reporting.MOST_REPOSITORIES
    assert "Asked of 20 of 25 repositories" in html_page.read(out.read_text()).by_id("push").text


def test_of_one_repository_all_is_asked_by_it_even_where_nothing_was_vended(
    machine: Machine, service: FakeService, out: Path
) -> None:
    service.pages = [([], None)]
    words = ("--repository", "payments/api", "--out", str(out))
    assert machine.run("audit", "report", *MONTH, *words)[2] == 0
    assert asked_of(service, "/v1/vends")[0]["repository"] == "payments/api"
    assert {query["repository"] for query in asked_of(service, "/v1/access")} == {"payments/api"}


def test_without_a_time_the_last_thirty_days_are_reported(
    machine: Machine, service: FakeService, out: Path
) -> None:
    service.pages = [([], None)]
    assert machine.run("audit", "report", "--out", str(out))[2] == 0
    (asked,) = asked_of(service, "/v1/vends")
    start, end = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))
    assert end - start == timedelta(days=60)
    assert abs(datetime.now(UTC) - end) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "x", "--from", "yesterday"), "--from is yesterday: give a time"),
        (("--out", "x", "--to", "9999-99"), "--to is 9999-99: give a time"),
        (("--out", "x", "--from", "2026-12-01", "--to", "2026-11-01"), "--from is 2026-12-01"),
        (("--out", "/dev/null/x.html"), "/dev/null/x.html cannot be written"),
        (("--out", "/"), "/ is there and is no report"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    words: tuple[str, ...], said: str, machine: Machine, service: FakeService
) -> None:
    _, err, code = machine.run("audit", "report", *words)
    assert code == 1
    assert said in err
    assert service.auditing == []


def test_a_report_needs_a_file(machine: Machine, service: FakeService) -> None:
    assert machine.run("audit", "report")[2] == 2
    assert service.auditing == []


def test_an_older_report_is_replaced_and_no_other_file_is(
    machine: Machine, service: FakeService, out: Path
) -> None:
    out.write_text("grants: []\n")
    assert machine.run("audit", "report", *MONTH, "--out", str(out))[2] == 1
    assert out.read_text() == "grants: []\n"
    assert service.auditing == []
    out.write_text(f"<!doctype html>{GENERATOR}the older one")
    assert machine.run("audit", "report", *MONTH, "--out", str(out))[2] == 0
    assert "the older one" not in out.read_text()


def test_a_link_stays_and_what_it_points_to_is_replaced(
    machine: Machine, out: Path, tmp_path: Path
) -> None:
    link = tmp_path / "latest.html"
    link.symlink_to(out)
    assert machine.run("audit", "report", *MONTH, "--out", str(link))[2] == 0
    assert link.is_symlink()
    assert GENERATOR in out.read_text()


def test_the_page_is_for_this_users_eyes_and_nothing_is_left_beside_it(
    machine: Machine, out: Path
) -> None:
    machine.run("audit", "report", *MONTH, "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [one.name for one in out.parent.iterdir() if one.is_file()] == [out.name]


def test_a_dash_is_stdout_and_nothing_else_is_said_there(
    machine: Machine, service: FakeService, out: Path
) -> None:
    said, err, code = machine.run("audit", "report", *MONTH, "--out", "-")
    assert (err, code) == ("", 0)
    assert said.startswith("<!doctype html>\n")
    assert said.endswith("</html>\n")


def test_a_read_that_broke_goes_on_where_it_was(
    machine: Machine, service: FakeService, out: Path
) -> None:
    service.pages = [*PAGES[:2], ([{"no": "record"}], None)]
    words = ("audit", "report", "--out", str(out))
    _, err, code = machine.run(*words, *MONTH)
    assert code == 1
    assert "goes on from there" in err
    assert not out.exists()
    part = out.with_name("report.html.part")
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    kept = part.read_bytes().splitlines(keepends=True)
    assert len(kept) == 3
    # As if the process had died amid a line.
    part.write_bytes(b"".join(kept) + kept[2][:40])
    service.auditing.clear()
    service.pages = [PAGES[2]]
    assert machine.run(*words, *MONTH)[0].startswith(f"Wrote {out}; vends: 2,")
    assert [one["after"] for one in asked_of(service, "/v1/vends")] == [LAST["vend_id"]]
    assert not part.exists()


def test_what_goes_on_is_of_the_time_that_the_first_try_asked_for(
    machine: Machine, service: FakeService, out: Path
) -> None:
    service.refuse = (404, {"code": "no_such_vend", "detail": "Ask.", "request_id": "r-9"})
    assert machine.run("audit", "report", "--out", str(out))[2] == 1
    part = out.with_name("report.html.part")
    first = json.loads(part.read_text())
    service.refuse = None
    began = datetime.fromisoformat(first["until"]) - timedelta(hours=3)
    part.write_text(json.dumps({**first, "until": began.isoformat()}) + "\n")
    service.auditing.clear()
    service.pages = [([], None)]
    assert machine.run("audit", "report", "--out", str(out))[2] == 0
    (asked,) = asked_of(service, "/v1/vends")
    assert datetime.fromisoformat(asked["to"]) - began <= timedelta(seconds=1)


@pytest.mark.parametrize("change", ["another question", "old", "something else"])
def test_what_was_kept_of_another_question_or_long_ago_is_read_again(
    change: str, machine: Machine, service: FakeService, out: Path
) -> None:
    service.pages = [PAGES[0], ([{"no": "record"}], None)]
    words = ("audit", "report", "--out", str(out))
    machine.run(*words, *MONTH)
    part = out.with_name("report.html.part")
    head, *others = part.read_text().splitlines(keepends=True)
    if change == "old":
        past = (datetime.now(UTC) - timedelta(days=2)).isoformat()
        part.write_text(json.dumps({**json.loads(head), "until": past}) + "\n" + "".join(others))
    elif change == "something else":
        part.write_text("not json\n")
    service.auditing.clear()
    service.pages = list(PAGES)
    more = ("--outcome", "issued") if change == "another question" else ()
    assert machine.run(*words, *MONTH, *more)[2] == 0
    assert "after" not in asked_of(service, "/v1/vends")[0]


def test_what_is_kept_is_not_anothers(machine: Machine, service: FakeService, out: Path) -> None:
    part = out.with_name("report.html.part")
    part.write_text("")
    part.chmod(0o644)
    _, err, code = machine.run("audit", "report", *MONTH, "--out", str(out))
    assert code == 1
    assert "report.html.part cannot be written: another user's, or open to others" in err
    assert service.auditing == []


def test_records_so_large_that_a_page_of_them_is_no_answer_are_read_fewer_at_a_time(
    machine: Machine, service: FakeService, out: Path
) -> None:
    names = [f"some/{'x' * 200}/{number:03}" for number in range(300)]
    huge = []
    for number in range(20):
        one = vend(NOW.end - timedelta(hours=number + 1), HABITS[0], number)
        one |= refusal("x", "pull", "no grant")
        one["asked"]["repositories"] = {"pull": names}
        one["dropped"] = [
            {"repository": name, "access": "pull", "rule": "no grant"} for name in names
        ]
        huge.append(one)
    service.listed = huge
    assert machine.run("audit", "list", "--json", "--limit", "0")[2] == 0
    limits = [int(one["limit"]) for one in asked_of(service, "/v1/vends")]
    assert limits[:4] == [50, 25, 12, 6]
    said = machine.run("audit", "report", *MONTH, "--out", str(out))[0]
    assert said.startswith(f"Wrote {out}; vends: 20,")


def test_a_person_sees_how_far_it_is_and_a_script_does_not(
    machine: Machine, service: FakeService, out: Path
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    err = Terminal()
    console = Console(io.StringIO(), io.StringIO(), err, machine.environ)
    assert command_line.run(("audit", "report", *MONTH, "--out", str(out)), console) == 0
    shown = err.getvalue().split("\r\x1b[K")
    assert "2 vends, back to 2026-11-11 00:00 of 2026-10-02" in shown
    assert "1 of 2 repositories" in shown
    assert shown[-1] == ""


def test_those_are_asked_about_first_to_which_most_was_pushed(
    machine: Machine, service: FakeService, out: Path
) -> None:
    pulled = vend(NOW.end - timedelta(days=1), HABITS[0], 1, scope={"pull": ["a/first"]})
    pulled["asked"]["repositories"] = {"pull": ["a/first"]}
    pushed = vend(NOW.end - timedelta(days=2), HABITS[0], 2, scope={"push": ["z/last"]})
    pushed["asked"]["repositories"] = {"push": ["z/last"]}
    service.pages = [([pulled, pulled | {"vend_id": "v-3"}, pushed], None)]
    machine.run("audit", "report", *MONTH, "--out", str(out))
    assert asked_of(service, "/v1/access")[0]["repository"] == "z/last"
