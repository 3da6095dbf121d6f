"""The tests of a policy, file by file, and what it answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from vendctl.checking.excerpt import one_line
from vendctl.policy.document import STDIN

if TYPE_CHECKING:
    from vending.policy_problems import Problem
    from vending.policy_tests import Outcome
    from vending.policy_text import Reading


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file, and what the policy answers to them.

    Attributes:
        name: The file.
        text: Its bytes.
        reading: What they say.
        outcomes: In the order of the file.
    """

    name: str
    text: bytes
    reading: Reading
    outcomes: tuple[Outcome, ...]

    def place(self, outcome: Outcome) -> Problem:
        """Return a test as a problem at its place."""
        return self.reading.problem(("tests", outcome.number - 1), outcome.sentence, "test-fails")


def junit(suites: list[Suite]) -> str:
    """Return the outcomes as CI systems show them."""
    every = ET.Element("testsuites")
    for suite in suites:
        failed = sum(not outcome.passed for outcome in suite.outcomes)
        name = "stdin" if suite.name == STDIN else suite.name
        element = ET.SubElement(every, "testsuite", name=name, failures=str(failed))
        element.set("tests", str(len(suite.outcomes)))
        for outcome in suite.outcomes:
            test = outcome.test
            asks = f"{test.caller} asks to {test.access} {test.repository}: {test.expect}"
            case = ET.SubElement(element, "testcase", name=one_line(asks), classname=name)
            case.set("line", str(suite.place(outcome).line))
            if not outcome.passed:
                ET.SubElement(case, "failure", message=one_line(outcome.sentence))
    return ET.tostring(every, encoding="unicode")
