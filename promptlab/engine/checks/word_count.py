"""`word-count`: how many words, which are what white space separates."""

from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck
from promptlab.engine.checks.bounds import Bounds, read_bounds


class WordCount(ValueCheck):
    """The output has this many words, as white space parts them.

    The value is a number, or `{min, max}` with one of them or both.
    """

    @classmethod
    def parse(cls, value: JSON) -> Bounds:
        return read_bounds(value, "words")

    def compare(self, value: Any, subject: Subject) -> Finding:
        count = len(subject.text.split())
        holds = value.hold(count)
        return Finding.of(passed=holds, reason=f"has {count} words" + ("" if holds else f", not {value}"))
