"""What type a value surely has before it is there."""

from typing import TYPE_CHECKING, cast

from promptlab.engine.step import Step
from promptlab.loader.scope import Scope
from promptlab.loader.shapes import type_of_output
from promptlab.schemas.template import TemplatedValue

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.pipeline import PipelineStep
    from promptlab.engine.steps.python import PythonStep
    from promptlab.loader.templating.value_kinds import Kind


def kind_of(expression: str, scope: Scope) -> "Kind | None":
    """Give the type of what an expression without braces gives, where that is sure."""
    from promptlab.loader.templating.value_kinds import kind_of_expression  # noqa: PLC0415 - needs Jinja

    return kind_of_expression(expression, lambda name, path: _kind_at(name, path, scope))


def kind_of_item(expression: str, scope: Scope) -> "Kind | None":
    """Give the type of each item of the list that an expression gives, where that is sure."""
    from promptlab.loader.templating.value_kinds import kind_of_element  # noqa: PLC0415 - needs Jinja

    return kind_of_element(expression, lambda name, path: _kind_at(name, path, scope))


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
        return None if path else scope.items.get(name)
    spec = (scope.inputs or {}).get(name)
    if spec is not None:
        return None if path or spec.type == "any" else spec.type
    step = scope.steps.get(name)
    if step is None or path[:1] == ("status",):
        return None if step is None else "string"
    return _kind_of_output(step, path[1:]) if path[:1] == ("output",) else None


def _kind_of_output(step: Step, path: tuple[str | int, ...]) -> "Kind | None":
    if not isinstance(step.on_error, str):  # its default may stand there
        return None
    if step.output is None and step.key == "python":
        from promptlab.loader.returns import returned  # noqa: PLC0415 - needs `ast`

        return type_of_output(returned(cast("PythonStep", step).python), path)
    if step.output is None and step.key == "pipeline":
        return _kind_of_called(cast("PipelineStep", step), path)
    return type_of_output(step.shape, path)


def _kind_of_called(step: "PipelineStep", path: tuple[str | int, ...]) -> "Kind | None":
    """Give the type of what lies below the output of a pipeline, as its outputs or its last step say it."""
    outputs = step.pipeline.spec.outputs
    if outputs is None:
        return _kind_of_output(step.inner[-1], path)
    match path:
        case (str(name),) if name in outputs:
            return _kind_of_value(outputs[name], _scope_of(step))
    return type_of_output(step.shape, path)


def _scope_of(step: "PipelineStep") -> Scope:
    return Scope(step.pipeline.inputs_given(step.bindings), {inner.id: inner for inner in step.inner})


def _kind_of_value(value: TemplatedValue, scope: Scope) -> "Kind | None":
    if value.holes and value.holes[0][0] == ():
        return kind_of_template(value.holes[0][1].source, scope)
    return "string" if isinstance(value.source, str) else None
