"""`equals`: the same text, or the same JSON."""

from typing import Any

from promptlab.core.json import JSON, as_text
from promptlab.engine.check import Finding, Subject, ValueCheck, shown
from promptlab.engine.checks.strict_json import NotJson, read_json


class Equals(ValueCheck):
    """The output is the value.

    A list or object is compared with the output, or the JSON in its text, item by item; the rest as text.

    Numbers are equal by value, but never to true or false.
    """

    @classmethod
    def parse(cls, value: JSON) -> JSON:
        return value

    def compare(self, value: Any, subject: Subject) -> Finding:
        if _equal(value, subject):
            return Finding.of(passed=True, reason=f"equals {shown(value)}")
        return Finding.of(passed=False, reason=f"is {shown(subject.output)}, not {shown(value)}")


def _equal(value: JSON, subject: Subject) -> bool:
    output = subject.output
    if isinstance(value, dict | list) and isinstance(output, str):
        try:
            return same(value, subject.once(read_json))
        except NotJson:
            return False
    if isinstance(value, str) or isinstance(output, str):
        return as_text(value) == subject.text
    return same(value, output)


def same(left: JSON, right: JSON) -> bool:
    """Compare two JSON values of any depth."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            return False
    return True
