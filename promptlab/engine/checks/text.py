"""Checks that look for text at one place or anywhere; text is compared as it stands, spaces included."""

from abc import abstractmethod
from typing import Any, ClassVar

from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck, shown, some_text


class _TextCheck(ValueCheck):
    holds: ClassVar[str]
    fails: ClassVar[str]

    @classmethod
    def parse(cls, value: JSON) -> str:
        return some_text(value)

    def compare(self, value: Any, subject: Subject) -> Finding:
        found = self.found(value, subject)
        return Finding.of(passed=found, reason=f"{self.holds if found else self.fails} {shown(value)}")

    @abstractmethod
    def found(self, wanted: str, subject: Subject) -> bool: ...


class Contains(_TextCheck):
    """The text stands in the output somewhere, as it is written."""

    holds, fails = "contains", "does not contain"

    def found(self, wanted: str, subject: Subject) -> bool:
        return wanted in subject.text


class IContains(_TextCheck):
    """The text stands in the output somewhere, upper and lower case the same (as Unicode folds them)."""

    holds, fails = "contains", "does not contain"

    def found(self, wanted: str, subject: Subject) -> bool:
        return wanted.casefold() in subject.folded


class StartsWith(_TextCheck):
    """The output begins with the text, spaces included."""

    holds, fails = "starts with", "does not start with"

    def found(self, wanted: str, subject: Subject) -> bool:
        return subject.text.startswith(wanted)


class EndsWith(_TextCheck):
    """The output ends with the text, spaces included."""

    holds, fails = "ends with", "does not end with"

    def found(self, wanted: str, subject: Subject) -> bool:
        return subject.text.endswith(wanted)
