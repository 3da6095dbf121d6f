"""What can be wrong with a policy, each under a code that stays, with its severity and its cure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem counts. The names are those of SARIF's levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one code means.

    Attributes:
        severity: An error is certain, and the policy is not deployed; a warning may be meant so.
        about: What is wrong, for whoever has not met the code before.
        cure: What to do about it.
    """

    severity: Severity
    about: str
    cure: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES: dict[str, Rule] = {
    # What the text says
    "too-large": Rule(
        _E,
        "The document is larger than AppConfig keeps.",
        "Write grants in flow style, prefer patterns to lists, remove expired grants, or part the "
        "teams among two stacks.",
    ),
    "not-yaml": Rule(_E, "The text is not YAML.", "Correct the syntax at this place."),
    "nested-too-deeply": Rule(
        _E,
        "Mappings and lists stand in one another deeper than any policy needs.",
        "Write the document as docs/policy.md shows it.",
    ),
    "aliases-too-large": Rule(
        _E, "Aliases multiply the document beyond any policy.", "Write out what they stand for."
    ),
    "repeated-key": Rule(
        _E,
        "A key stands twice in one mapping, of which YAML silently keeps the last.",
        "Remove one of the two.",
    ),
    "unreadable-value": Rule(
        _E,
        "A value looks like a date or a number and is none, or its tag is unknown.",
        "Correct it, or put it in quotes.",
    ),
    "not-a-policy": Rule(
        _E, "The document is no mapping.", "Begin with `version: 1` and `grants:`."
    ),
    # What the document says
    "unknown-key": Rule(
        _E,
        "There is no such key, so what it says would be ignored.",
        "Use the key that is meant, or remove it.",
    ),
    "missing-key": Rule(_E, "A key that must be there is missing.", "Add it."),
    "wrong-value": Rule(
        _E, "The key does not take such a value.", "Write what the table of keys says."
    ),
    "empty-list": Rule(
        _E, "The list is empty.", "Name at least one, or leave the whole entry out."
    ),
    "wrong-name": Rule(
        _E,
        "The name has characters that names do not have.",
        "Use lower-case letters, digits and ._- in names; letters, digits, +=,.@-_ and * ? in "
        "patterns.",
    ),
    "repeated-name": Rule(
        _E,
        "Two grants, or two denies, have one name, so no record would tell which counted.",
        "Give each its own name.",
    ),
    "wrong-duration": Rule(
        _E, "The value is no duration from 1s to 1h.", "Write it like 30m, 45s or 1h."
    ),
    "wrong-account": Rule(_E, "The value is no AWS account.", "Write its 12 digits in quotes."),
    "wrong-pattern": Rule(
        _E,
        "The value is no repository pattern.",
        "Use the characters of repository names, * for any run of them and ? for one.",
    ),
    "wrong-access": Rule(_E, "There is no such access.", "Write pull, push or pull-through."),
    "wrong-day": Rule(_E, "The value is no day.", "Write it like 2027-06-30."),
    "wrong-caller": Rule(
        _E,
        "The value is not the ARN of such a caller.",
        "Write it like arn:aws:iam::111122223333:role/NAME.",
    ),
    "session-for-role": Rule(
        _E,
        "A session is named where a role belongs.",
        "Name the role, and put `session` beside it if the session matters.",
    ),
    "role-with-path": Rule(
        _E,
        "A role is named with its path, which a request does not tell.",
        "Leave the path out.",
    ),
    "identity-center-role": Rule(
        _E,
        "An Identity Center role is named, whose users a permission set names.",
        "Write `permission_set: {name, account}`.",
    ),
    "one-principal": Rule(
        _E,
        "An entry of callers names no principal, or more than one.",
        "Make an entry of its own for each.",
    ),
    "stray-session": Rule(
        _E,
        "A session is named beside something that has none.",
        "Put `session` beside `role` only.",
    ),
    "break-glass-too-long": Rule(
        _E,
        "A break-glass grant wants tokens that live longer than 15 minutes.",
        "Write `max_ttl: 15m` or less, or leave `max_ttl` out.",
    ),
    "wrong-test": Rule(
        _E,
        "A test asks for no literal repository, or for no caller.",
        "Write a whole repository name, and an ARN as `aws sts get-caller-identity` prints it.",
    ),
    # What it means
    "test-fails": Rule(
        _E,
        "The policy does not answer one of its tests as the test expects.",
        "Correct the grants and denies, or the test.",
    ),
    "never-matches": Rule(
        _E,
        "A grant can never give anything: no caller can be any of its callers, or no repository "
        "name can match any of its patterns.",
        "Correct the spelling, or remove the grant.",
    ),
    "dead-entry": Rule(
        _W,
        "One of a grant's callers or patterns can never match; the others can.",
        "Correct the spelling, or remove the entry.",
    ),
    "outside-ceiling": Rule(
        _W,
        "A grant gives nothing, because all of it lies outside the ceiling.",
        "Widen the ceiling, or remove the grant.",
    ),
    "shadowed-by-deny": Rule(
        _W,
        "A grant gives nothing, because denies take away all of it.",
        "Remove the grant, or narrow the deny.",
    ),
    "expired": Rule(
        _W, "A grant no longer counts: its last day is over.", "Remove it, or set a later day."
    ),
    "expires-soon": Rule(
        _N,
        "A grant's last day comes within 30 days.",
        "Ask its owner whether it is still needed.",
    ),
    "every-repository": Rule(
        _W,
        "A grant that is not break-glass covers every repository of its registry.",
        "Name the repositories, or what they stand under, like `payments/*`.",
    ),
    "wide-pattern": Rule(
        _W,
        "A pattern begins with a star, or ends with one right after a letter or digit, and so "
        "covers names that it does not seem to.",
        "Write `payments/*` for what is below it, and `payments` beside it if that is a "
        "repository.",
    ),
    "star-crosses-slash": Rule(
        _N,
        "A star inside a name covers more levels than the pattern seems to have.",
        "Let a star follow a slash and end the pattern, if only one level is meant to vary.",
    ),
    "any-character": Rule(
        _N,
        "A question mark stands for any one character, `/` and `-` among them.",
        "Write the names out, if only a digit or letter is meant.",
    ),
    "scope-too-large": Rule(
        _W,
        "A token for all that is granted may not fit a session policy of STS, so who asks for all "
        "is refused.",
        "Use patterns in place of lists, or let callers name the repositories that they need.",
    ),
    "glob-over-accounts": Rule(
        _W,
        "A caller pattern means principals of many accounts, also of accounts added later.",
        "Name each account in an entry of its own, and bound them by `ceiling.accounts`.",
    ),
    "glob-spans-teams": Rule(
        _W,
        "A caller pattern also means a caller whom another owner's grant names.",
        "Narrow the pattern, or name the roles.",
    ),
    "no-owner": Rule(
        _W, "Nobody is named who answers for a grant or deny.", "Add `owner: team@example.com`."
    ),
    "redundant-grant": Rule(
        _W,
        "Another grant gives the same callers all that this one gives.",
        "Remove it, or say in the other one what this one should bound.",
    ),
    "deny-removes-nothing": Rule(
        _W,
        "A deny takes nothing away from any grant, as when its pattern is misspelled.",
        "Correct its callers and patterns. A deny that only guards against later grants may stay.",
    ),
    "no-tests": Rule(
        _W,
        "The policy has grants and no tests, so a change may give too much and still be deployed.",
        "Add some under `tests:`, above all with `expect: deny`.",
    ),
}
"""Every code, in the order of the documentation."""


class Mistake(ValueError):
    """A value that a policy may not have.

    Attributes:
        code: One of RULES.
        message: What is wrong.
        cure: What to write instead, where it can be told more closely than by the rule.
    """

    def __init__(self, code: str, message: str, cure: str = "") -> None:
        self.code, self.message, self.cure = code, message, cure
        super().__init__(f"{message}: {cure}" if cure else message)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a policy, or may be.

    Attributes:
        line: Counted from 1.
        column: Counted from 1, in characters.
        key: Where it stands, such as `grants[0].callers[1].role`.
        message: What is wrong.
        code: One of RULES.
        cure: What to write instead, where it can be told more closely than by the rule.
        end: Line and column after the last character of the text in question.
    """

    line: int
    column: int
    key: str
    message: str
    code: str
    cure: str = ""
    end: tuple[int, int] = (0, 0)

    @property
    def severity(self) -> Severity:
        """How much it counts."""
        return RULES[self.code].severity

    @property
    def remedy(self) -> str:
        """What to do about it: the closest advice there is."""
        cure = self.cure or RULES[self.code].cure
        return (cure[:1].lower() + cure[1:]).rstrip(".")

    def __str__(self) -> str:
        said = f"{self.key}: {self.message}" if self.key else self.message
        return f"{said}: {self.cure}" if self.cure else said
