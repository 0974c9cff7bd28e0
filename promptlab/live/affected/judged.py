"""What checks say, and what of a row they may look at."""

from collections.abc import Iterable, Iterator
from typing import cast

from promptlab.core.json import JSON
from promptlab.engine.check import Check
from promptlab.engine.checks.python import PythonCheck
from promptlab.engine.plan import PlannedStep
from promptlab.live.affected.definition import Fact
from promptlab.live.affected.reader import Reader

BUILT_IN = "promptlab.engine.checks."
EVERYTHING = frozenset(("row", "inputs", "context"))
"""Words of a check that mean the whole row."""


def check_facts(checks: Iterable[Check], reader: Reader) -> Iterator[Fact]:
    for number, check in enumerate(checks):
        said = cast("dict[str, JSON]", reader.read(check))
        yield Fact("judge", "checks", check.name or f"{check.type} {number}", [check.type, said], check.type)


def columns_of(checks: Iterable[Check], reader: Reader, around: frozenset[str]) -> frozenset[str] | None:
    """Give the names of a row that checks may look at; None: all."""
    known = list(_all_checks(checks))
    functions = [check.value for check in known if isinstance(check, PythonCheck)]
    words = reader.words | {one.name for function in functions for one in function.parameters}
    takes_all = any(function.accepts_extra for function in functions)
    asks_model = any(check.worst_calls for check in known)  # it may look at columns that it does not name
    if takes_all or asks_model or words & EVERYTHING or not all(map(_is_built_in, known)):
        return None
    return frozenset(words) | around


def renamed(planned: PlannedStep, words: frozenset[str]) -> frozenset[str]:
    """Give the names that checks inside a step see under other names."""
    has_checks = any(one.step.checks or one.step.inner_checks for _, one in planned.walk())
    return words if planned.inner and has_checks else frozenset()


def _all_checks(checks: Iterable[Check]) -> Iterator[Check]:
    for check in checks:
        yield check
        value = getattr(check, "value", None)
        if isinstance(value, tuple):
            yield from _all_checks(one for one in value if isinstance(one, Check))


def _is_built_in(check: Check) -> bool:
    return type(check).__module__.startswith(BUILT_IN)
