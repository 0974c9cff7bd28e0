"""The rounds of the steps inside a step that has not run yet: how many there are, and what they see."""

from collections.abc import Iterator, Sequence

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.plan import PlannedStep
from promptlab.engine.scope import PREVIOUS, Names, Render, RenderFailed, filled
from promptlab.engine.scopes import NOTHING, Schema, Scope, below, lengths, seen_of
from promptlab.engine.step import Step
from promptlab.engine.steps.foreach import ForeachStep, list_objection
from promptlab.engine.steps.pipeline import PipelineStep
from promptlab.engine.sub_pipeline import BadInput
from promptlab.schemas.template import TemplatedValue


@frozen
class Unfolding:
    """Lists that need no answer are made; of others as many items count as there may be at most."""

    render: Render

    async def rounds(self, planned: PlannedStep, scope: Scope) -> list[Scope]:
        """Give what the steps inside a step see, round by round; nothing where it fails before they run."""
        try:
            inside = await self._inside(planned.step, scope)
        except (RenderFailed, BadInput):
            return []
        return [await self._beside(planned.inner, one) for one in inside]

    async def seen_of(self, step: Step, scope: Scope) -> Schema:
        """Give what is known of what others will see of a step that has not run."""
        if not isinstance(step, ForeachStep):
            return seen_of(step)
        try:
            rounds = await self._inside(step, scope)
        except RenderFailed:
            return NOTHING
        sure = sum(one.times for one in rounds if one.is_limit == scope.is_limit)
        most = sum(one.times for one in rounds)
        return seen_of(step, least=sure // scope.times, most=most // scope.times)

    async def _inside(self, step: Step, scope: Scope) -> list[Scope]:
        inside = await self._bound(step, scope)
        if isinstance(step, ForeachStep):
            return await self._items(step, scope, inside)
        return [_called(step, inside) if isinstance(step, PipelineStep) else inside]

    async def _bound(self, step: Step, scope: Scope) -> Scope:
        """Give the scope with what `with` lays over it."""
        if not step.bindings:
            return scope
        values: dict[str, JSON] = {}
        missing: dict[str, Schema] = {}
        for name, value in step.bindings.items():
            if any(scope.lacks(template.source) for _, template in value.holes):
                missing[name] = _passed_on(value, scope)
            else:
                values[name] = await filled(value, scope.names, self.render)
        return replace(scope, names=Names(values), missing=missing)

    async def _items(self, step: ForeachStep, around: Scope, inside: Scope) -> list[Scope]:
        source = step.foreach.source
        if around.lacks(source):
            return list(_unknown_items(step, around.schema(source), inside))
        items = await self.render(step.foreach, around.names)
        if not isinstance(items, list) or list_objection(items, source) is not None:
            return []
        return [_of_item(step, inside, item, index) for index, item in enumerate(items)]

    async def _beside(self, steps: Sequence[PlannedStep], scope: Scope) -> Scope:
        """Give the scope of steps that stand beside each other, none of which has run."""
        missing = {**scope.missing, **{planned.step.id: NOTHING for planned in steps}}
        beside = replace(scope, missing=missing)
        for planned in steps:
            missing[planned.step.id] = await self.seen_of(planned.step, beside)
        return beside


def _called(step: PipelineStep, inside: Scope) -> Scope:
    """Give what the steps of a called pipeline see: the values of its inputs alone."""
    values = step.pipeline.values(inside.names.values, unknown=inside.missing.keys())
    return replace(inside, names=Names(values))


def _unknown_items(step: ForeachStep, schema: Schema, inside: Scope) -> Iterator[Scope]:
    item, index = step.names_of_items
    missing = {**inside.missing, item: below(schema, "items"), index: NOTHING, PREVIOUS: NOTHING}
    least, most = lengths(schema)
    for times, is_limit in ((least, inside.is_limit), (most - least, True)):
        if times:
            yield replace(inside, missing=missing, times=inside.times * times, is_limit=is_limit)


def _of_item(step: ForeachStep, inside: Scope, item: JSON, index: int) -> Scope:
    values = dict(zip(step.names_of_items, (item, index), strict=True))
    missing = {name: schema for name, schema in inside.missing.items() if name not in values}
    return replace(inside, names=inside.names.and_values(values), missing={**missing, PREVIOUS: NOTHING})


def _passed_on(value: TemplatedValue, scope: Scope) -> Schema:
    """Give what is known of a name that is bound to one expression, as a value."""
    source = value.source
    if isinstance(source, str) and source.startswith("{{") and source.endswith("}}"):
        return scope.schema(source[2:-2])
    return NOTHING
