"""The values that a policy document is written in: durations, accounts, patterns, names."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from vending import patterns
from vending.access import Access
from vending.policy_problems import Mistake

LONGEST = timedelta(hours=1)
"""No token can live longer: a role that assumes a role gets a session of at most an hour. Source:
"Role chaining" in the IAM user guide."""

DURATION = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?", re.ASCII)


def _duration(value: Any) -> timedelta:
    match = DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if not match:
        raise Mistake("wrong-duration", f"{value!r} is no duration", "write it like 30m, 45s or 1h")
    counts = {unit: count.lstrip("0") for unit, count in match.groupdict().items() if count}
    parts = {unit: int(count[:6] or "0") for unit, count in counts.items()}
    length = timedelta(**parts)
    if not timedelta(0) < length <= LONGEST:
        raise Mistake("wrong-duration", f"{value} is out of range", "a token lives from 1s to 1h")
    return length


def _account(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        cure = f'write the account in quotes, "{value:012}"'
        raise Mistake("wrong-account", f"{value} is read as a number", cure)
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{12}", value):
        raise Mistake("wrong-account", f"{value!r} is no account", "it takes 12 digits in quotes")
    return value


def _repository_pattern(value: Any) -> str:
    if not isinstance(value, str) or not patterns.REPOSITORY_PATTERN.fullmatch(value):
        raise Mistake(
            "wrong-pattern",
            f"{value!r} is no repository pattern",
            "it takes the lower-case letters, digits and ._-/ of repository names, with * for any "
            "run of characters and ? for one",
        )
    return value


def _access(word: Any) -> Access:
    try:
        return Access(word)
    except ValueError:
        raise Mistake("wrong-access", f"{word!r} is none of {', '.join(Access)}") from None


def _day(day: Any) -> date | None:
    if day is None or type(day) is date:
        return day
    if isinstance(day, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
        try:
            return date.fromisoformat(day)
        except ValueError as problem:
            raise Mistake("wrong-day", f"{day!r} is no day", str(problem)) from None
    raise Mistake("wrong-day", f"{day!r} is no day", "write it like 2027-06-30")


def _written(pattern: str, *examples: str, cure: str, form: str | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a string: laxer than its validator at most, never stricter.

    The pattern means the same to Python and to an editor's JavaScript; editors show the cure.
    """
    written = {"type": "string", "pattern": pattern, "errorMessage": cure}
    more = {"examples": list(examples), "format": form}
    return written | {name: value for name, value in more.items() if value}


def _version(value: Any) -> Any:
    # To Python, True is 1.
    if isinstance(value, bool):
        raise Mistake("wrong-value", f"{value} is no version", "write `version: 1`")
    return value


Version = Annotated[Literal[1], BeforeValidator(_version)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda length: f"{int(length.total_seconds())}s"),
    WithJsonSchema(
        _written(
            "^(?=.)(0*[01]h)?(0*([0-5]?[0-9]|60)m)?(0*[0-9]{1,4}s)?$",
            *("15m", "45s", "1h"),
            cure="Write a duration like 30m, 45s or 1h: from 1s to 1h.",
            form="duration",
        )
    ),
]
AccountId = Annotated[
    str,
    BeforeValidator(_account),
    WithJsonSchema(
        _written("^[0-9]{12}$", "111122223333", cure="Write an account as 12 digits in quotes.")
    ),
]
RepositoryPattern = Annotated[
    str,
    BeforeValidator(_repository_pattern),
    WithJsonSchema(
        _written(
            "^[a-z0-9._/*?-]{1,256}$",
            *("payments/*", "base/python"),
            cure="A repository pattern takes lower-case letters, digits and ._-/ with * and ?.",
        )
    ),
]
AccessWord = Annotated[Access, BeforeValidator(_access)]
_DAY = _written(
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "2027-06-30",
    cure="Write a day like 2027-06-30.",
    form="date",
)
Day = Annotated[
    date | None, BeforeValidator(_day), WithJsonSchema({"anyOf": [_DAY, {"type": "null"}]})
]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\z"),
    WithJsonSchema(
        _written(
            "^[a-z0-9][a-z0-9._-]{0,62}$",
            cure="A name takes up to 63 lower-case letters, digits and ._- and begins with a "
            "letter or digit.",
        )
    ),
]
Globbed = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@*?-]{1,64}\z"),
    WithJsonSchema(
        _written(
            "^[A-Za-z0-9_+=,.@*?-]{1,64}$", cure="It takes letters, digits, +=,.@-_ with * and ?."
        )
    ),
]

Mode = Literal["enforce", "monitor"]
"""What a rule does: it decides, or it only has recorded what it would have done."""


class Model(BaseModel):
    """What every part of the document has in common: unknown keys are errors."""

    # Each part's own validator is built when it is first needed, which is hardly ever: the whole
    # document's contains them all.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
