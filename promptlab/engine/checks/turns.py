"""`turns`: how many times the model answered."""

from typing import Any

from promptlab.core.json import JSON
from promptlab.core.words import plural
from promptlab.engine.check import CannotJudge, Finding, Subject, ValueCheck
from promptlab.engine.checks.bounds import Bounds, read_bounds
from promptlab.engine.checks.called import turns_of


class Turns(ValueCheck):
    """The models answered this many times: the value is a number, or `{min, max}` with one of them or both.

    Each answer of a model is a turn, one that only calls tools as well; what the step's own prompt says for
    the assistant is none. The turns of inner steps, and those of all steps where the outputs are judged, are
    added up. Where no model was asked, the check is errored.
    """

    @classmethod
    def parse(cls, value: JSON) -> Bounds:
        return read_bounds(value, "turns")

    def compare(self, value: Any, subject: Subject) -> Finding:
        turns = turns_of(subject)
        if turns is None:
            raise CannotJudge("no turns are known: no model was asked, or nothing says how often")
        holds = value.hold(turns)
        reason = f"took {plural(turns, 'turn')}" + ("" if holds else f", not {value}")
        return Finding.of(passed=holds, reason=reason)
