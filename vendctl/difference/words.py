"""The words that patterns tell apart: for each set of patterns that match together, an example.

All patterns run through a word at once, as one automaton whose state is a number: one bit for each
place in each pattern ("bit-parallel simulation", Baeza-Yates and Gonnet 1992). A breadth-first walk
over its states meets every set of patterns that some word matches, by a shortest such word. So what
is found is all there is, not a sample.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vendctl.difference.effort import LETTER, PREFIX
from vending import patterns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vendctl.difference.effort import Effort
    from vendctl.difference.languages import Language

WILD = re.compile(r"[*?]{2,}")


def classes(
    written: Sequence[str],
    language: Language,
    *,
    needed: Collection[int] | None,
    effort: Effort,
) -> dict[frozenset[int], str]:
    """Return a word for each set of patterns that can match a word while all others do not.

    Args:
        written: The patterns, each once.
        language: Which words there are.
        needed: Only sets that hold one of these patterns; None for all, the empty set too.
        effort: Where the work is counted; what is found is incomplete once it is exhausted.
    """
    plain = {one: at for at, one in enumerate(written) if patterns.is_literal(one)}
    wild = [at for at in range(len(written)) if written[at] not in plain]
    found: dict[frozenset[int], str] = {}
    globs = Automaton([written[at] for at in wild], language)
    for word, at in plain.items():
        if effort.spend(len(word) * LETTER) and language.holds(word):
            matched = frozenset({at, *(wild[one] for one in globs.matched(word))})
            if needed is None or not matched.isdisjoint(needed):
                found[matched] = word
    wanted = None if needed is None else [at for at, one in enumerate(wild) if one in needed]
    barred: list[str] = []
    while wanted is None or wanted:
        others = _beside(globs.globs, barred, language, wanted, effort)
        # A word that one of the plain patterns is stands for that pattern, not for the globs alone.
        taken = [word for word in others.values() if word in plain]
        if not taken:
            found |= {frozenset(wild[one] for one in key): word for key, word in others.items()}
            break
        barred += taken
    return found


def _beside(
    globs: list[str],
    barred: list[str],
    language: Language,
    wanted: list[int] | None,
    effort: Effort,
) -> dict[frozenset[int], str]:
    """Return a word for each set of `globs`, none of them one of the words that are `barred`."""
    automaton = Automaton([*globs, *barred], language)
    found: dict[frozenset[int], str] = {}
    for accepted, word in automaton.walk(wanted, effort):
        if all(one < len(globs) for one in accepted):
            found.setdefault(accepted, word)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands: the automaton's state, the language's, and the word so far."""

    state: int
    spelling: int
    word: str


class Automaton:
    """Some patterns that read a word together.

    Attributes:
        globs: The patterns, as they were given.
    """

    def __init__(self, globs: list[str], language: Language) -> None:
        """Lay the patterns out one after the other, each with a bit for its end."""
        self.globs, self._language = globs, language
        self._start = self._any = self._stars = 0
        self._letters: dict[str, int] = {}
        self._ends: dict[int, int] = {}
        self._spans: list[int] = []
        at = 0
        for number, glob in enumerate(globs):
            first, self._start = at, self._start | 1 << at
            for letter in WILD.sub(_in_order, glob):
                if letter == "*":
                    self._stars |= 1 << at
                elif letter == "?":
                    self._any |= 1 << at
                else:
                    self._letters[letter] = self._letters.get(letter, 0) | 1 << at
                at += 1
            self._ends[at] = number
            self._spans.append((1 << at + 1) - (1 << first))
            at += 1
        self._accepting = sum(1 << end for end in self._ends)
        self._start = self._past_stars(self._start)

    def _past_stars(self, state: int) -> int:
        # Once is enough: no star follows another.
        return state | (state & self._stars) << 1

    def _after(self, state: int, letter: str) -> int:
        read, stay = self._letters.get(letter, 0), 0
        if letter not in self._language.apart:
            read, stay = read | self._any, self._stars
        return self._past_stars((state & read) << 1 | state & stay)

    def _numbers(self, state: int) -> Iterator[int]:
        state &= self._accepting
        while state:
            lowest = state & -state
            yield self._ends[lowest.bit_length() - 1]
            state ^= lowest

    def matched(self, word: str) -> list[int]:
        """Return which of the patterns match a word."""
        state = self._start
        for letter in word:
            state = self._after(state, letter)
        return list(self._numbers(state))

    def _next_letters(self, state: int) -> Iterator[str]:
        """Yield the letters that lead somewhere different, and one for all the others.

        A letter that no pattern waits for stands for every such letter: each pattern takes them
        all for a wildcard, or none. A separator that none waits for leads nowhere that such a
        letter does not, unless the wildcards do not match it.
        """
        waited = {letter for letter, places in self._letters.items() if state & places}
        other = next((one for one in self._language.letters if one not in waited), None)
        yield from (other or "")
        yield from sorted(waited)
        yield from sorted(
            one
            for one in self._language.apart + ("" if other else self._language.separators)
            if one not in waited
        )

    def walk(
        self, wanted: list[int] | None, effort: Effort
    ) -> Iterator[tuple[frozenset[int], str]]:
        """Yield which patterns match together, with a word, shortest words first.

        Args:
            wanted: Follow only what one of these patterns may still match; None for everything.
            effort: Where the work is counted; the walk ends where it is exhausted.
        """
        language = self._language
        alive = sum(self._spans[one] for one in wanted) if wanted is not None else None
        waiting = deque([_Place(self._start, 0, "")])
        seen = {(self._start, 0)}
        while waiting and not effort.is_exhausted:
            place = waiting.popleft()
            if language.accepts(place.spelling):
                accepted = frozenset(self._numbers(place.state))
                if wanted is None or not accepted.isdisjoint(wanted):
                    yield accepted, place.word
            if len(place.word) == language.longest:
                continue
            for letter in self._next_letters(place.state):
                effort.spend(LETTER)
                spelling = language.step(place.spelling, letter)
                state = self._after(place.state, letter)
                if (
                    spelling is not None
                    and (alive is None or state & alive)
                    and (state, spelling) not in seen
                ):
                    effort.spend(PREFIX)
                    seen.add((state, spelling))
                    waiting.append(_Place(state, spelling, place.word + letter))


def _in_order(wildcards: re.Match[str]) -> str:
    """Return a run of wildcards in the one order that all its spellings share: `*?*` is `?*`."""
    return "?" * wildcards[0].count("?") + "*"[: wildcards[0].count("*")]
