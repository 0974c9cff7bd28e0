"""The names that templates, expressions and checks of a trial see."""

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.run import MISSING, StepResult
from promptlab.schemas.template import Template, TemplatedValue

PREVIOUS = "previous"  # what the item before gave


@frozen
class Names:
    """`values` by name, and `steps` by id: `{"status": …, "output": …, "messages": […]}`.

    A step without output has no key `output`; naming what is below it is undefined, not an error of its own.
    """

    values: Mapping[str, JSON]
    steps: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)

    def and_values(self, values: Mapping[str, JSON]) -> "Names":
        return Names({**self.values, **values}, self.steps)


def step_names(result: StepResult) -> dict[str, JSON]:
    """Give what other steps and checks see of a finished step."""
    seen: dict[str, JSON] = {"status": result.status}
    if result.output is not MISSING:
        seen["output"] = result.made
    if result.messages:
        seen["messages"] = [dict(message) for message in result.messages]
    return seen


class RenderFailed(Exception):
    """A template that cannot be rendered with these names; the message says where and why."""


class Render(Protocol):
    """Renders a template: messages (as JSON) for a prompt, else a string or a value."""

    async def __call__(self, template: Template, names: Names) -> JSON: ...


async def filled(value: TemplatedValue, names: Names, render: Render) -> JSON:
    """Render the templates inside a value."""
    if not value.holes:
        return value.source
    return value.filled([await render(template, names) for _, template in value.holes])
