"""A pipeline that a step of another one calls."""

from collections.abc import Collection, Iterable, Mapping

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text
from promptlab.schemas.dataset import InputSpec
from promptlab.schemas.pipeline import PipelineSpec, fits

SHOWN = 80


class BadInput(Exception):
    """A pipeline was called with what is none of its inputs; the message says which, and why."""


@frozen
class SubPipeline:
    """`path`: of its file. Its dataset, variants, matrix, repeat, gates and limits do not count here."""

    path: str
    spec: PipelineSpec

    @property
    def inputs(self) -> Mapping[str, InputSpec] | None:
        """What it takes; None: whatever it is given."""
        declared = self.spec.inputs
        return None if declared is None else {name: entry.spec for name, entry in declared.items()}

    def inputs_given(self, names: Iterable[str]) -> Mapping[str, InputSpec]:
        return {name: InputSpec() for name in names} if self.inputs is None else self.inputs

    def values(self, given: Mapping[str, JSON], *, unknown: Collection[str] = ()) -> dict[str, JSON]:
        """Give the values of its inputs but the unknown, with defaults; null is no value. Raises BadInput."""
        inputs = self.inputs_given(given)
        return {name: self._value(name, spec, given) for name, spec in inputs.items() if name not in unknown}

    def _value(self, name: str, spec: InputSpec, given: Mapping[str, JSON]) -> JSON:
        value = given.get(name)
        if value is None:
            if spec.required and self.inputs is not None:
                raise BadInput(f"the input '{name}' of {self.path} has no value")
            return spec.default
        problem = misfit(value, spec)
        if problem is not None:
            raise BadInput(f"the input '{name}' of {self.path} {problem}")
        return value


def misfit(value: JSON, spec: InputSpec) -> str | None:
    """Say why a value is none for an input; null is no value at all."""
    if value is None:
        return "has no value" if spec.required else None
    if not fits(value, spec.type):
        return f"is of type {spec.type}, but this is {_shown(value)}"
    if spec.enum is not None and value not in spec.enum:
        return f"is one of {', '.join(map(as_text, spec.enum))}, but this is {_shown(value)}"
    return None


def _shown(value: JSON) -> str:
    """Show a value as it is written: only text stands in quotes."""
    text = as_text(value)[:SHOWN]
    return repr(text) if isinstance(value, str) else text
