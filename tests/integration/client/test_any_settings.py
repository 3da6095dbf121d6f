"""Whatever stands in the settings file: a token, or a line that says what is wrong with it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_vend.dialects import docker
from ecr_vend.errors import NOT_FOUND
from ecr_vend.layers import KEYS, TABLE_KEYS
from tests.client.fake_service import HOST
from tests.client.mutations import damaged

if TYPE_CHECKING:
    from tests.client.fake_service import FakeService
    from tests.client.machine import Machine

FULL = f"""\
region = "eu-west-1"
access = "push"
ttl = "15m"
grant = "nightly" # why
reason = '''because'''

[registries."images.example.com:5000"]
host = "{HOST}"
pull = ["team/app", "base/python"]

[registries."{HOST}"]
ttl = 900
"""
VALUES = [
    '""',
    '" "',
    '"\\u0000"',
    '"/a\\u0000b"',
    '"~\\u0000/b"',
    '"~nobody/b"',
    '"\\U0001F600"',
    '"http://[::1"',
    '"https://a:99999999999"',
    '"https://a:\\u0661"',
    '"\\u0661m"',
    f'"{"x" * 100_000}"',
    "[]",
    '["", "\\u0000"]',
    "[[]]",
    "{}",
    "{a = {}}",
    "[" * 100 + "]" * 100,
    "[" * 2000 + "]" * 2000,
    "0",
    "9" * 5000,
    "nan",
    "-inf",
    "true",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    f'"a=b={HOST}"',
    f'["={HOST}"]',
    f'{{"\\u0000" = "{HOST}"}}',
    f'{{"" = {{host = "{HOST}"}}}}',
    f'{{"{HOST}" = {{}}, "{HOST.upper()}" = {{}}}}',
]
lines = st.builds("{} = {}\n".format, st.sampled_from(KEYS), st.sampled_from(VALUES))
tables = st.builds(
    f'[registries."{HOST}"]\n{{}} = {{}}\n'.format,
    st.sampled_from(TABLE_KEYS),
    st.sampled_from(VALUES),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=(lines | tables).map(str.encode) | damaged(FULL.encode(), FULL.encode()))
@example(content=b'cache_dir = "~\\u0000"')
@example(content=b'region = "\\u0130"')
@example(content=b"\xff")
@example(content=b"a." * 5000 + b"b = 1")
def test_any_file_gets_a_token_or_one_line_and_stops_nobody_elses_pulls(
    machine: Machine, service: FakeService, content: bytes
) -> None:
    config = machine.home / ".config/ecr-vend/config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_bytes(content)
    environ = {name: text for name, text in machine.environ.items() if name != "ECR_VEND_REGION"}
    for action, asked in (("get", HOST), ("list", ""), ("erase", HOST), ("get", "docker.io")):
        out = io.StringIO()
        code = docker.run([action], io.StringIO(asked), out, environ)
        text = out.getvalue()
        if asked == "docker.io":
            assert (text, code) == (f"{NOT_FOUND}\n", 1)
        elif code:
            # No credential of these settings, or none of their business.
            assert text.startswith("ecr-vend: ") or text == f"{NOT_FOUND}\n"
            assert text.count("\n") == 1
        elif asked and action == "get":
            assert json.loads(text)["Secret"].startswith("token-")
    assert all(request["registry"] == HOST for request in service.asked)
    said = machine.run("config", "show", "--origin")
    assert "fault in the helper" not in said[1]
