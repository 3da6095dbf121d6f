"""Small policies for the tests of what a change does."""

from __future__ import annotations

GRANT = """
- name: ci
  callers: [{role: "arn:aws:iam::111122223333:role/ci"}]
  repositories: [team/*]
  access: push
  max_ttl: 30m
"""
OLD = f"version: 1\ngrants:{GRANT}"
DENY = "denies: [{name: embargo, repositories: [team/secret]}]\n"
ACCOUNT = GRANT.replace("name: ci", "name: all").replace(
    'role: "arn:aws:iam::111122223333:role/ci"', 'account: "111122223333"'
)


def many(count: int) -> str:
    """Return a policy of so many grants of long names."""
    return "version: 1\ngrants:" + "".join(
        GRANT.replace("name: ci", f"name: {'c' * 50}-{n}")
        .replace("role/ci", f"role/{'r' * 50}-{n}")
        .replace("team/", f"{'t' * 200}-{n}/")
        for n in range(count)
    )
