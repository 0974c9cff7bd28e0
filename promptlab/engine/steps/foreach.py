"""Steps that are run for each item of a list."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from promptlab.core.frozen import replace, slotted
from promptlab.core.json import JSON, as_text
from promptlab.core.words import plural
from promptlab.engine.ran import Ran
from promptlab.engine.scope import PREVIOUS, RenderFailed
from promptlab.engine.shapes import list_of, object_of
from promptlab.engine.step import OnErrorDefault, Part, Step, holes
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.schemas.base import SomeItems
from promptlab.schemas.fields import NAME_PATTERN, STEP, Expression, Templated
from promptlab.schemas.pipeline import OutputSpec
from promptlab.schemas.refusal import Refusal

MOST_ITEMS = 10_000
MOST_AT_ONCE = 64


class ForeachStep(Step):
    """Gives, in order, the list of what it made of each item; `on_error` is about each item."""

    key: ClassVar[str] = "foreach"
    may_be_excused: ClassVar[bool] = False

    foreach: Expression
    item: str = Field(default="item", alias="as", pattern=NAME_PATTERN)
    steps: SomeItems[Annotated[Any, *STEP]]
    outputs: Templated | None = None
    until: Expression | None = None
    max_concurrency: int | None = Field(default=None, ge=1)

    @property
    def inner(self) -> Sequence[Step]:
        return self.steps

    @property
    def shape(self) -> OutputSpec | None:
        if self.output is not None:
            return self.output
        if self.outputs is None:
            return list_of(self.steps[-1].shape)
        source = self.outputs.source
        return list_of(object_of(source) if isinstance(source, dict) else None)

    @property
    def names_of_items(self) -> tuple[str, str]:
        return self.item, f"{self.item}_index"

    @field_validator("foreach", mode="before")
    @classmethod
    def _is_an_expression(cls, value: object) -> object:
        if isinstance(value, list):
            written = as_text(value).replace("'", "''")
            raise Refusal(
                "must be an expression that gives a list, not a list",
                hint=f"write the list as an expression: foreach: '{written}'",
            )
        return value

    def own_parts(self) -> Iterator[Part]:
        yield Part(("foreach",), self.foreach, "around")
        if self.until is not None:
            yield Part(("until",), self.until, "until")
        if self.outputs is not None:
            yield from holes(self.outputs, ("outputs",), "inner")

    async def run(self, context: StepContext) -> Produced | StepFailed:
        items = await context.render(self.foreach, context.around)
        problem = list_objection(items, self.foreach.source)
        if not isinstance(items, list) or problem is not None:
            return StepFailed(kind="foreach", message=problem or "")
        loop = _Loop(self, context, items)
        await (loop.in_order() if context.in_order else loop.side_by_side())
        return loop.outcome()


def list_objection(items: JSON, source: str) -> str | None:
    """Say why a value is no list that a `foreach` may run over; `source`: the expression that gave it."""
    if not isinstance(items, list):
        shown = as_text(items)[:80]
        return f"`foreach` needs a list, but {source} is {KINDS[type(items)]}: {shown}"
    return too_many(len(items), source)


def too_many(count: int, source: str) -> str | None:
    """Say that so many items are more than a `foreach` runs over."""
    if count <= MOST_ITEMS:
        return None
    return f"`foreach` runs for {MOST_ITEMS:,} items at most, but {source} has {count:,}"


KINDS = {
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    dict: "a map",
    type(None): "null",
}


@slotted
class _Loop:
    """`made` and `failed` by the index of the item; `ended`: `until` held, or there is no use in going on."""

    step: ForeachStep
    context: StepContext
    items: list[JSON]
    made: dict[int, JSON] = field(default_factory=dict)
    failed: dict[int, StepFailed] = field(default_factory=dict)
    ended: bool = False

    async def side_by_side(self) -> None:
        indexes = iter(range(len(self.items)))
        at_once = self.step.max_concurrency or MOST_AT_ONCE
        from asyncio import TaskGroup  # noqa: PLC0415 - slow to import, and `validate` runs nothing

        async with TaskGroup() as group:
            for _ in range(min(at_once, len(self.items))):
                group.create_task(self._work(indexes))

    async def in_order(self) -> None:
        """Run one item after the other; what would follow one that errored depends on it."""
        for index in range(len(self.items)):
            await self._do(index)
            self.ended = self.ended or (index in self.failed and self.step.on_error == "fail")
            if self.ended:
                return

    async def _work(self, indexes: Iterator[int]) -> None:
        for index in indexes:
            if self.ended:
                return
            await self._do(index)

    async def _do(self, index: int) -> None:
        ran = await self.context.run_inner(self._values(index), item=index)
        failure = StepFailed.inside(ran) or await self._keep(index, ran)
        if failure is not None:
            self._fail(index, failure)

    async def _keep(self, index: int, ran: Ran) -> StepFailed | None:
        outputs, until = self.step.outputs, self.step.until
        try:
            made = ran.last if outputs is None else await self.context.fill(outputs, ran.names)
            if until is not None:
                names = ran.names.and_values({"output": made})
                self.ended = bool(await self.context.render(until, names))
        except RenderFailed as error:
            return StepFailed(kind="template", message=f"{ran.path}: {error}")
        self.made[index] = made
        return None

    def _fail(self, index: int, failure: StepFailed) -> None:
        self.failed[index] = failure
        on_error = self.step.on_error
        if failure.left:
            self.ended = self.context.in_order or not self.context.is_walk
        elif on_error != "fail":
            self.context.excuse(index)
        if isinstance(on_error, OnErrorDefault) and not failure.left:
            self.made[index] = on_error.default

    def outcome(self) -> Produced | StepFailed:
        left = next((failure for failure in self.failed.values() if failure.left), None)
        if left is not None:
            return left
        if self.failed and self.step.on_error == "fail":
            return self._failure()
        return Produced(value=[self.made[index] for index in sorted(self.made)])

    def _failure(self) -> StepFailed:
        first, more = self.failed[min(self.failed)], len(self.failed) - 1
        rest = f"; {plural(more, 'other item')} errored too" if more else ""
        return replace(first, message=f"{first.message}{rest}")

    def _values(self, index: int) -> dict[str, JSON]:
        item, number = self.step.names_of_items
        values = {**self.context.names.values, item: self.items[index], number: index}
        values.pop(PREVIOUS, None)
        if self.context.in_order and self.made:
            values[PREVIOUS] = next(reversed(self.made.values()))
        return values
