"""`word-count`: how many words, which are what white space separates."""

import re
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck

_WHOLE = re.compile(r"\s*[0-9]{1,9}\s*")


@frozen
class Bounds:
    least: int | None
    most: int | None

    def hold(self, count: int) -> bool:
        return (self.least is None or count >= self.least) and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        if self.most is None:
            return f"at least {self.least}"
        return f"at most {self.most}" if self.least is None else f"{self.least} to {self.most}"


class WordCount(ValueCheck):
    """The value is a number, or `{min, max}` with one of them or both."""

    @classmethod
    def parse(cls, value: JSON) -> Bounds:
        if isinstance(value, dict):
            return _bounds(value)
        count = _whole(value, "it")
        return Bounds(count, count)

    def compare(self, value: Any, subject: Subject) -> Finding:
        count = len(subject.text.split())
        holds = value.hold(count)
        return Finding.of(passed=holds, reason=f"has {count} words" + ("" if holds else f", not {value}"))


def _bounds(value: dict[str, JSON]) -> Bounds:
    if not value or not value.keys() <= {"min", "max"}:
        raise ValueError("must be a number, or a map of `min` and `max`")
    least, most = (_whole(value[key], key) if key in value else None for key in ("min", "max"))
    if least is not None and most is not None and least > most:
        raise ValueError("`min` is above `max`, so that no output can do")
    return Bounds(least, most)


def _whole(value: JSON, name: str) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value) and value >= 0:
        return int(value)
    raise ValueError(f"{name} must be a whole number of words, or a map of `min` and `max`")
