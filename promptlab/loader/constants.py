"""Finds constants that a check compares with what its step can never say."""

from promptlab.engine.check import Check
from promptlab.engine.checks.equals import Equals
from promptlab.engine.step import Step
from promptlab.loader.scope import Objection, Scope
from promptlab.loader.templates import LiteralComparison


def constant_objection(check: Check, step: Step | None, scope: Scope) -> Objection | None:
    """Say whether an `equals` can never hold, for its constant is none of the words of an enum."""
    name = check.of or (step.id if step is not None else None)
    if not isinstance(check, Equals) or name is None or check.transform is not None:
        return None
    if check.value.holes or not isinstance(check.value.source, str):
        return None
    path = ("output", *_parts(check.path))
    return scope.comparison_objection(LiteralComparison(name, path, check.value.source, "", 1, 1))


def _parts(path: str | int | None) -> tuple[str | int, ...]:
    parts = () if path is None else str(path).split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts)
