"""What type a value surely has before it is there."""

from typing import TYPE_CHECKING

from promptlab.loader.scope import Scope
from promptlab.loader.shapes import type_of_output

if TYPE_CHECKING:
    from promptlab.loader.templating.value_kinds import Kind


def kind_of(expression: str, scope: Scope) -> "Kind | None":
    """Give the type of what an expression without braces gives, where that is sure."""
    from promptlab.loader.templating.value_kinds import kind_of_expression  # noqa: PLC0415 - needs Jinja

    return kind_of_expression(expression, lambda name, path: _kind_at(name, path, scope))


def items_of(expression: str) -> int | None:
    """Give how many items an expression gives, where it says just that."""
    if "range" not in expression:
        return None
    from promptlab.loader.templating.value_kinds import length_of_range  # noqa: PLC0415 - needs Jinja

    return length_of_range(expression)


def kind_of_template(template: str, scope: Scope) -> "Kind | None":
    """Give the type of what a template gives: text, or what its single expression gives."""
    from promptlab.loader.templating.value_kinds import kind_of_value  # noqa: PLC0415 - needs Jinja

    return kind_of_value(template, lambda name, path: _kind_at(name, path, scope))


def _kind_at(name: str, path: tuple[str | int, ...], scope: Scope) -> "Kind | None":
    if name in scope.others:
        return "integer" if name.endswith("_index") and name != "row" and not path else None
    spec = (scope.inputs or {}).get(name)
    if spec is not None:
        return None if path or spec.type == "any" else spec.type
    step = scope.steps.get(name)
    if step is None or path[:1] == ("status",):
        return None if step is None else "string"
    return type_of_output(step.shape, path[1:]) if path[:1] == ("output",) else None
