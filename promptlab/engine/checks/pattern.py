"""`regex`: a pattern found anywhere in the text."""

from typing import TYPE_CHECKING, Any

from promptlab.core.json import JSON
from promptlab.core.patterns import SearchTookTooLong, compiled, search
from promptlab.engine.check import CannotJudge, Finding, Subject, ValueCheck, shown

if TYPE_CHECKING:
    import regex


class Regex(ValueCheck):
    """The pattern is found somewhere in the output.

    Its language is that of the `regex` package; a search that takes too long is an error.
    """

    @classmethod
    def parse(cls, value: JSON) -> "regex.Pattern[str]":
        if not isinstance(value, str) or not value:
            raise ValueError("must be a regular expression as text; quote it")
        return compiled(value)

    def compare(self, value: Any, subject: Subject) -> Finding:
        try:
            found = search(value, subject.text)
        except SearchTookTooLong as error:
            raise CannotJudge(str(error)) from None
        if found is None:
            return Finding.of(passed=False, reason="does not match the pattern")
        return Finding.of(passed=True, reason=f"matches the pattern with {shown(found.group()[:200])}")
