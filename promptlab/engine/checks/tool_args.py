"""`tool-args-match`: a tool was called with these arguments."""

from typing import Any, Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck, shown
from promptlab.engine.checks.called import Call, calls_of
from promptlab.engine.checks.equals import same
from promptlab.engine.checks.strict_json import NotJson

type Mode = Literal["partial", "exact"]

_FORMS = "must be a map of `name`, `args`, and if wanted `mode` (partial or exact)"


@frozen
class Expected:
    name: str
    args: dict[str, JSON]
    mode: Mode


class ToolArgsMatch(ValueCheck):
    """A tool was called with these arguments, in at least one of its calls.

    The value is `{name: tool, args: {…}, mode: partial}`. With `partial` (default) a call may have arguments
    beside these, at any depth of maps; with `exact` it has these and no others. Lists are the same item by
    item; numbers are equal by value, but never to true or false.
    """

    @classmethod
    def parse(cls, value: JSON) -> Expected:
        match value:
            case {"name": str(name), "args": dict(args), **rest} if name and rest.keys() <= {"mode"}:
                match rest.get("mode", "partial"):
                    case "partial" | "exact" as mode:
                        return Expected(name, args, mode)
        raise ValueError(_FORMS)

    def compare(self, value: Any, subject: Subject) -> Finding:
        calls = [call for call in calls_of(subject) if call.name == value.name]
        if not calls:
            return Finding.of(passed=False, reason=f"did not call {shown(value.name)}")
        holds = any(_fits(value, call) for call in calls)
        wanted = shown(value.args) + ("" if value.mode == "partial" else " exactly")
        did = wanted if holds else f"{shown(calls[-1].arguments)}, not {wanted}"
        return Finding.of(passed=holds, reason=f"called {shown(value.name)} with {did}")


def _fits(expected: Expected, call: Call) -> bool:
    try:
        arguments = call.read_arguments()
    except NotJson:
        return False
    return same(expected.args, arguments) if expected.mode == "exact" else includes(arguments, expected.args)


def includes(given: JSON, wanted: JSON) -> bool:
    """Say whether a value is another, with more keys in its maps perhaps."""
    pairs = [(wanted, given)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if not one.keys() <= other.keys():
                return False
            pairs.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif not same(one, other):
            return False
    return True
