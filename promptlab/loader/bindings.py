"""What `with` makes of the names around a step."""

from promptlab.engine.step import Step
from promptlab.loader.scope import Scope
from promptlab.schemas.dataset import PATH_TYPES, InputSpec
from promptlab.schemas.template import TemplatedValue

__all__ = ["bound_name", "own_scope", "single_name"]


def bound_name(step: Step, name: str) -> str:
    """Give the name outside that a name inside a step stands for: `with` may bind one to another."""
    return single_name(step.bindings[name]) or "" if name in step.bindings else name


def single_name(value: TemplatedValue) -> str | None:
    """Give the name that a bound value is and no more than that."""
    if not isinstance(value.source, str) or not value.holes:
        return None
    inner = value.source.strip().removeprefix("{{").removesuffix("}}").strip()
    return inner.split(".")[0] if inner.replace(".", "").isidentifier() else None


def own_scope(step: Step, around: Scope) -> Scope:
    """Give what a step itself sees: what is around it, or nothing but its `with`.

    An input bound as it is stays what it is.
    """
    if not step.bindings:
        return around
    inputs = around.inputs or {}
    outside = {name: bound_name(step, name) for name in step.bindings}
    forms = {name: around.forms[bound] for name, bound in outside.items() if bound in around.forms}
    bound = {name: _bound(inputs.get(outer)) for name, outer in outside.items()}
    return Scope(bound, own=around.own, forms=forms, is_certain=around.is_certain)


def _bound(spec: InputSpec | None) -> InputSpec:
    return InputSpec(spec.type) if spec is not None and spec.type in PATH_TYPES else InputSpec()
