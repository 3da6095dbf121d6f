"""The picture of the dashboard in the documentation is that of the template."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from tools.dashboard.__main__ import PICTURE, body
from tools.dashboard.drawing import picture
from tools.dashboard.figures import RINGING
from tools.template.stack import Stack

SVG = "{http://www.w3.org/2000/svg}"


def words() -> list[str]:
    """Return all that the picture in the documentation says."""
    root = ET.fromstring(PICTURE.read_text())  # noqa: S314  our own file
    return [str(found.text) for found in root.iter(f"{SVG}text")]


def deployed() -> list[dict[str, object]]:
    """Return the properties of each widget as CloudFormation gives them to CloudWatch."""
    found = json.loads(Stack().properties("Dashboard")["DashboardBody"])["widgets"]
    return [widget["properties"] for widget in found]


def test_the_picture_is_drawn_from_the_template_as_it_stands() -> None:
    assert picture(body()) == PICTURE.read_text()


def test_the_picture_has_every_widget_and_every_line_by_its_name() -> None:
    titles = {widget["title"] for widget in deployed() if "title" in widget}
    labels = {
        row[-1]["label"]
        for widget in deployed()
        for row in widget.get("metrics", [])  # type: ignore[attr-defined]
        if "label" in row[-1]
    }
    assert len(titles) == 17
    assert titles | labels <= set(words())


def test_the_picture_has_every_alarm_and_some_of_them_ring() -> None:
    alarms = set(Stack().resources("AWS::CloudWatch::Alarm"))
    assert set(RINGING) < alarms <= set(words())
    assert words().count("In alarm") == len(RINGING)
