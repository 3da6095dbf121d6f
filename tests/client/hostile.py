"""What callers, and an endpoint that is not ours, might write where a person reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ecr_vend.report.report import Could
from tools.report_pictures import sample
from tools.report_pictures.sample import HABITS, NOW, vend

HOSTILE = (
    "<script>document.title='run'</script>",
    '"><img src=x onerror="document.title=1">',
    "'><svg onload=alert(1)>",
    "</style></title></table><script>1</script>",
    "<!--", "]]>", "&lt;b&gt;", "javascript:alert(1)", "{{7*7}}", "`${1}`",
    "\u202eevil\u2066\u2069\u200f", "nul\x00nul", "\x1b[31mred", "line\nbreak\r\n", "\ud800",
    "x" * 100_000, "zero\u200bwidth\ufeff", "url(#fill-refused)",
)  # fmt: skip
"""What callers, and an endpoint that is not ours, might write."""


def written(text: str, at: int = 0) -> dict[str, Any]:
    """Return a vend in which everything that can be somebody's words is `text`."""
    made = vend(NOW.end - timedelta(days=1, minutes=at), HABITS[0], at)
    made |= {"reason": text, "user_agent": text, "break_glass": True, "request_id": text}
    made |= {
        "grants": [text],
        "denies": [text],
        "code": text,
        "failure": text,
        "vend_id": f"{text}{at}",
    }
    made |= {"dropped": [{"repository": text, "access": text, "rule": text}], "caller_key": text}
    made |= {"scope": {"push": [text], text: [text]}, "policy_revision": text}
    made["registry"] = {"name": text, "host": text}
    made["asked"] = made["asked"] | {"repositories": {"push": [text]}}
    made["caller"] = made["caller"] | {"session": text, "name": text, "account": text, "arn": text}
    return made


def could_by(text: str) -> Could:
    """Return who could have had access, where everything is `text`."""
    row = dict.fromkeys(("callers", "from", "to", "grant", "owner", "but"), text)
    repository = sample.could()[0].repository._replace(registry=text, name=text)
    return Could(repository, [row], [row], [text])
