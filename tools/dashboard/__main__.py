"""`make dashboard`: docs/dashboard.svg, from template.yaml."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tools.dashboard.drawing import picture

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/dashboard.svg"


def body() -> dict[str, Any]:
    """Return the body of the template's dashboard; each reference is the name it refers to.

    What depends on a condition is there.
    """
    template = yaml_parse((ROOT / "template.yaml").read_text())
    text, own = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, value in own.items():
        _, there, _ = value["Fn::If"]
        text = text.replace(f"${{{name}}}", there["Fn::Sub"])
    found: dict[str, Any] = json.loads(re.sub(r"\$\{(?:AWS::)?(\w+)(?:\.Arn)?\}", r"\1", text))
    return found


if __name__ == "__main__":
    PICTURE.write_text(picture(body()))
    print(f"wrote {PICTURE.relative_to(ROOT)}")
