"""Holds what a step gives a pipeline that it calls to that pipeline's inputs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.engine.sub_pipeline import misfit
from promptlab.loader.bindings import single_name
from promptlab.loader.kinds import kind_of_template
from promptlab.loader.scope import Objection, Scope
from promptlab.schemas.dataset import PATH_TYPES, InputSpec
from promptlab.schemas.history import fault_of
from promptlab.schemas.template import Place, TemplatedValue

if TYPE_CHECKING:
    from promptlab.engine.steps.pipeline import PipelineStep
    from promptlab.loader.templating.value_kinds import Kind

FITS = {("integer", "number"), ("array", "messages"), ("messages", "array"), ("number", "integer")}


def call_objections(step: "PipelineStep", scope: Scope) -> Iterator[tuple[Place, Objection, bool]]:
    """Give what is wrong, its place below the step, and whether it is about the key there."""
    inputs, path = step.pipeline.inputs, step.pipeline.path
    if inputs is None:
        return
    for name in step.bindings:
        if name not in inputs:
            hint = did_you_mean(name, inputs) or None
            yield ("with", name), Objection(f"{path} has no input '{name}'", "unknown-input", hint), True
        elif (message := _misfit(step.bindings[name], inputs[name], scope)) is not None:
            yield ("with", name), Objection(f"the input '{name}' of {path} {message}", "type"), False
    for name, spec in inputs.items():
        if spec.required and name not in step.bindings:
            message = f"nothing gives the input '{name}' of {path} a value"
            place: Place = ("with",) if step.bindings else ("pipeline",)
            yield (
                place,
                Objection(message, "missing-argument", f"write `with: {{{name}: …}}`"),
                bool(step.bindings),
            )


def _misfit(value: TemplatedValue, spec: InputSpec, scope: Scope) -> str | None:
    """Say why a value surely does not fit; one that is not known yet is looked at when it is there.

    A path of a file is known before the run, or it is none.
    """
    if spec.type in PATH_TYPES and value.holes:
        bound = (scope.inputs or {}).get(single_name(value) or "")
        if scope.inputs is None or (bound is not None and bound.type == spec.type):
            return None
        return f"is of type {spec.type}: give it a constant path, or an input of that type"
    if not value.holes:
        return misfit(value.source, spec) or _misfit_of_history(value.source, spec)
    kind = _kind(value, scope)
    if kind == "null":
        return "has no value" if spec.required else None
    if kind in (None, "any") or spec.type in ("any", kind) or (kind, spec.type) in FITS:
        return None
    return f"is of type {spec.type}, but this is of type {kind}"


def _misfit_of_history(value: JSON, spec: InputSpec) -> str | None:
    fault = fault_of(value) if spec.type == "messages" and isinstance(value, list) else None
    return f"is malformed: message {fault.number} {fault}" if fault is not None else None


def _kind(value: TemplatedValue, scope: Scope) -> "Kind | None":
    place, template = value.holes[0]
    if place == ():
        return kind_of_template(template.source, scope)
    return "object" if isinstance(value.source, dict) else "array"
