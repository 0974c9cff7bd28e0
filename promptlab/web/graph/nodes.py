"""The steps of a cell as nodes: what each is, what it waits for, and what is inside it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from promptlab.core.frozen import frozen
from promptlab.engine.plan import PlannedStep
from promptlab.engine.step import Step

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.foreach import ForeachStep
    from promptlab.engine.steps.http import HttpStep
    from promptlab.engine.steps.pipeline import PipelineStep
    from promptlab.engine.steps.prompt import PromptStep
    from promptlab.engine.steps.python import PythonStep
    from promptlab.engine.tool import ProjectTool

KINDS: Mapping[str, str] = {"foreach": "for each"}

type Addresses = Mapping[str, str]  # by the place of a step, `parts.sort`


@frozen(kw_only=True)
class Node:
    """A step, or a tool. `says`: what it runs; `notes`: what else is to be known of it, in words.

    `needs`: the ids of the nodes beside it that it waits for. `address`: where its definition is.
    """

    id: str
    kind: str
    says: str
    model: str | None = None
    when: str | None = None
    checks: int = 0
    notes: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    address: str | None = None
    inner: "tuple[Node, ...]" = ()

    @property
    def is_group(self) -> bool:
        return bool(self.inner)

    def all(self) -> "Iterator[tuple[int, Node]]":
        """Give the node and all inside it, each with its depth."""
        yield 0, self
        for node in self.inner:
            yield from ((depth + 1, one) for depth, one in node.all())


def nodes_of(steps: Iterable[PlannedStep], addresses: Addresses, within: str = "") -> tuple[Node, ...]:
    """Give the nodes of steps that stand beside each other, in the order in which they can run."""
    found = tuple(steps)
    beside = frozenset(planned.step.id for planned in found)
    return tuple(_node(planned, beside, addresses, within) for planned in found)


def _node(planned: PlannedStep, beside: frozenset[str], addresses: Addresses, within: str) -> Node:
    step, place = planned.step, f"{within}{planned.step.id}"
    tools = tuple(_tool(tool) for tool in getattr(step, "tools", ()))
    inner = nodes_of(planned.inner, addresses, f"{place}.")
    return Node(
        id=step.id,
        kind=KINDS.get(step.key, step.key),
        says=_says(step),
        model=planned.target.profile.name if planned.target is not None else None,
        when=step.when.source if step.when is not None else None,
        checks=len(step.checks) + len(step.inner_checks),
        notes=tuple(_notes(planned)),
        needs=(planned.needs | planned.for_checks) & beside - {step.id},
        address=addresses.get(place),
        inner=(*inner, *tools),
    )


def _tool(tool: "ProjectTool") -> Node:
    return Node(id=tool.name, kind="tool", says=tool.function.reference)


def _says(step: Step) -> str:
    match step.key:
        case "prompt":
            return cast("PromptStep", step).prompt.path
        case "python":
            return cast("PythonStep", step).python.reference
        case "pipeline":
            return cast("PipelineStep", step).pipeline.path
        case "foreach":
            loop = cast("ForeachStep", step)
            return loop.foreach.source if loop.item == "item" else f"{loop.item} in {loop.foreach.source}"
        case "http":
            options = cast("HttpStep", step).http
            return f"{options.verb} {urlsplit(options.url.source).hostname or options.url.source}"
        case _:
            return ""


def _notes(planned: PlannedStep) -> Iterator[str]:
    step = planned.step
    if planned.in_order:
        yield "one after the other"
    until = getattr(step, "until", None)
    if until is not None:
        yield f"until {until.source}"
    if getattr(step, "tools", ()):
        yield f"at most {step.max_turns} turns"  # type: ignore[attr-defined]
    if getattr(step, "fallback", ()):
        yield f"else {', '.join(step.fallback)}"  # type: ignore[attr-defined]
    if step.on_error != "fail":
        yield "left out on error" if step.on_error == "skip" else "default on error"
