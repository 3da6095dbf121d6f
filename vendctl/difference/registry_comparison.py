"""What changes for one class of callers, registry by registry, repository by repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vendctl.difference import languages
from vendctl.difference.causes import causes_of
from vendctl.difference.effort import QUESTION
from vendctl.difference.outcomes import Days, Question, outcome, stretches, timeline
from vendctl.difference.words import classes
from vending.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from vendctl.difference.effort import Effort
    from vendctl.difference.outcomes import Timeline
    from vendctl.difference.real_names import RealNames
    from vendctl.difference.rules import Rule, Rules
    from vending.caller import Caller


@dataclass(frozen=True, slots=True)
class Finding:
    """A decision that is not the same any more.

    Attributes:
        question: What is asked, about an example of the repositories.
        patterns: The patterns that match these repositories.
        names: Those of them that there are.
        timeline: What both documents answer, from today on.
        widens: Whether somebody can get by it what no request gave before.
        causes: The rules that brought it about.
        grants: The grants of both documents that are about it.
    """

    question: Question
    patterns: frozenset[str]
    names: tuple[str, ...]
    timeline: Timeline
    widens: bool
    causes: tuple[Rule, ...]
    grants: tuple[Rule, ...]


@dataclass(slots=True)
class InRegistry:
    """What was compared in one registry.

    Attributes:
        registry: Its name.
        classes: The repositories that were told apart, each by the patterns that match them.
        findings: What changes.
        names: Names that requests may give now, or no longer, while what can be had stays the same:
            what a grant was and is called, None where it was not or is not, with a question that
            shows it.
    """

    registry: str
    classes: list[frozenset[str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    names: dict[tuple[str | None, str | None], Question] = field(default_factory=dict)


def compared(
    live: list[Rule],
    caller: Caller,
    *,
    rules: Rules,
    today: date,
    effort: Effort,
    names: RealNames | None,
) -> Iterator[InRegistry]:
    """Yield what changes for a caller in each registry where a changed rule is about it.

    Args:
        live: The rules that match it.
        caller: An example of its class.
        rules: All rules of both documents.
        today: The first day that counts.
        effort: Where the work is counted.
        names: The repositories that there are.
    """
    granted = [rule for rule in live if rule.kind == "grant"]
    for registry in sorted({str(rule.registry) for rule in granted}):
        here = [rule for rule in live if rule.registry in (None, registry)]
        if any(rule.is_changed for rule in here):
            known = names if names and names.registry == registry else None
            yield _Comparison(here, caller, rules, today, effort, registry, known).run()


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One caller, one registry, and the rules that are about them."""

    here: list[Rule]
    caller: Caller
    rules: Rules
    today: date
    effort: Effort
    registry: str
    names: RealNames | None

    def run(self) -> InRegistry:
        found = InRegistry(self.registry)
        grants = [rule for rule in self.here if rule.kind == "grant"]
        bounds = self.rules.bounds
        written = _patterns([rule for rule in self.here if rule.kind != "ceiling"], bounds)
        changed = [rule for rule in self.here if rule.is_changed]
        unbounded = any(rule.repositories is None for rule in changed)
        needed = set(_patterns(grants if unbounded else [], ()) + _patterns(changed, ()))
        known = self.names.in_classes(written, needed=needed) if self.names else {}
        words = classes(
            written,
            languages.REPOSITORIES,
            needed=[at for at, pattern in enumerate(written) if pattern in needed],
            effort=self.effort,
        )
        for numbers, word in words.items():
            if self.effort.is_exhausted:
                break
            matched = frozenset(written[number] for number in numbers)
            about = [
                rule
                for rule in self.here
                if rule.repositories is None or not matched.isdisjoint(rule.repositories)
            ]
            if any(rule.kind == "grant" for rule in about):
                found.classes.append(matched)
                self._ask(found, about, word, matched, tuple(known.get(matched, ())))
        self._ask_for_all(found)
        return found

    def _ask(
        self,
        found: InRegistry,
        about: list[Rule],
        name: str,
        matched: frozenset[str],
        names: tuple[str, ...],
    ) -> None:
        """Ask about one repository: each access, without a grant's name and with each."""
        grants = [rule for rule in about if rule.kind == "grant"]
        days = list(stretches(_expiries(grants), today=self.today))
        for access in Access:
            if not any(grant.access.includes(access) for rule in grants for grant in rule.grants):
                continue
            plain: Timeline = ()
            for old, new in [(None, None), *self._named(about)]:
                question = Question(self.registry, name, access, old, new)
                answers = self._answers(question, days)
                # What a grant gives alone is said once, where it is what all of them give.
                if any(one.differs for one in answers) and answers != plain:
                    widens = self._exceeds(1, question, days, grants)
                    called = self._begins_or_ends(old, new, about)
                    if called and not widens and not self._exceeds(0, question, days, grants):
                        found.names.setdefault(called, question)
                    else:
                        causes = causes_of(about, answers, access)
                        found.findings.append(
                            Finding(
                                question, matched, names, answers, widens, causes, tuple(grants)
                            )
                        )
                if old is None and new is None:
                    plain = answers
                elif old != new and any(one.old for one in answers):
                    found.names.setdefault((old, new), question)

    def _begins_or_ends(
        self, old: str | None, new: str | None, about: list[Rule]
    ) -> tuple[str | None, str | None] | None:
        """Return a grant's names where one document alone has a grant that is called so."""
        if old is None or old != new:
            return None
        how = {rule.how for rule in about if rule.kind == "grant" and rule.name == new}
        if how & {"new", "enforced"}:
            return None, new
        return (old, None) if how & {"gone", "monitored"} else None

    def _ask_for_all(self, found: InRegistry) -> None:
        """Ask for all that is granted, whose token is as short as the shortest grant's.

        What follows from the repositories' own changes is not said again.
        """
        grants = [rule for rule in self.here if rule.kind == "grant"]
        days = list(stretches(_expiries(grants), today=self.today))
        plain: Timeline = ()
        for old, new in [(None, None), *self._named(self.here)]:
            question = Question(self.registry, None, Access.PULL, old, new)
            answers = self._answers(question, days)
            told = [
                one.timeline
                for one in found.findings
                if (one.question.old_grant, one.question.new_grant) in ((old, new), (None, None))
                and one.question.repository
            ]
            only_begins_or_ends = not any(one.differs and one.old and one.new for one in answers)
            follows = answers in (plain, *told) or (told and only_begins_or_ends)
            if any(one.differs for one in answers) and not follows:
                if called := self._begins_or_ends(old, new, self.here):
                    found.names.setdefault(called, question)
                else:
                    causes = causes_of(self.here, answers, Access.PULL)
                    found.findings.append(
                        Finding(
                            question,
                            frozenset(),
                            (),
                            answers,
                            widens=False,
                            causes=causes,
                            grants=tuple(grants),
                        )
                    )
            if old is None and new is None:
                plain = answers

    def _answers(self, question: Question, days: list[Days]) -> Timeline:
        self.effort.spend(len(days) * QUESTION)
        return timeline((self.rules.old, self.rules.new), self.caller, question, days=days)

    def _named(self, about: list[Rule]) -> Iterator[tuple[str, str]]:
        """Yield what a grant is called in both documents, for each whose answer may change."""
        grants = [rule for rule in about if rule.kind == "grant"]
        if len(grants) == 1 and grants[0].how == "same" and not grants[0].grants[0].break_glass:
            # To name the only one is to name none.
            return
        everything = any(rule.is_changed and rule.kind != "grant" for rule in about)
        before = {new: old for old, new in self.rules.renamed.items()}
        seen = set()
        for rule in grants:
            if rule.is_changed or everything:
                pair = (before.get(rule.name, rule.name), rule.name)
                if rule.name in self.rules.renamed:
                    pair = (rule.name, self.rules.renamed[rule.name])
                if pair not in seen:
                    seen.add(pair)
                    yield pair

    def _exceeds(self, side: int, question: Question, days: list[Days], grants: list[Rule]) -> bool:
        """Return whether one document's answer is more than any request gets under the other.

        Naming a grant gives at least what the grants give together.

        Args:
            side: 1 where the new answer widens, 0 where the old one was wider.
            question: What is asked.
            days: On which it is asked.
            grants: Of both documents, about the caller and the repository.
        """
        names = (question.old_grant, question.new_grant)
        for first, _, may_be_cut in days:
            here, there = (
                partial(
                    outcome,
                    (self.rules.old, self.rules.new)[one],
                    self.caller,
                    question,
                    day=first,
                    may_be_cut=may_be_cut,
                )
                for one in (side, 1 - side)
            )
            given = here(grant=names[side])
            others = (there(grant=rule.name) for rule in grants if (rule.new, rule.old)[side])
            if given and not any(one and one.is_at_least(given) for one in others):
                return True
        return False


def _patterns(rules: list[Rule], others: tuple[str, ...]) -> list[str]:
    """Return the repository patterns of some rules, each once, and others."""
    written = (pattern for rule in rules for pattern in rule.repositories or ())
    return list(dict.fromkeys((*written, *others)))


def _expiries(grants: list[Rule]) -> list[date | None]:
    return [grant.expires_on for rule in grants for grant in rule.grants]
