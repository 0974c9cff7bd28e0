"""From a cell as its file says it to one that can run: steps in order, each with its model."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from graphlib import CycleError, TopologicalSorter

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen, replace
from promptlab.engine.check import Check
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.metric import Metric
from promptlab.engine.plan import Cell, CellSpec, FindFallback, FindJudge, FindTarget, PlannedStep, no_judge
from promptlab.engine.step import Step
from promptlab.engine.target import Judges, Target
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.template import Place

INHERITED = {"retry", "recall"}


class StepCycle(Exception):
    """Steps wait for each other; `within` is what stands before their ids in a path."""

    def __init__(self, within: str, cycle: tuple[str, ...]) -> None:
        super().__init__(" → ".join(cycle))
        self.within = within
        self.cycle = cycle


@frozen
class NoJudge:
    """A check or metric asks a model that there is none of. `path`: of its step, with a dot behind it that of
    the pipeline that the step calls; `place`: `checks` or `metrics`, then in that list.
    """

    path: str
    place: Place
    error: UsageError


class NoTargets(Exception):
    """Steps have no model that can be asked; `errors` say by path why: of a fallback with its number."""

    def __init__(
        self, errors: Sequence[tuple[str, int | None, UsageError]], judges: Sequence[NoJudge] = ()
    ) -> None:
        super().__init__(", ".join((*(path for path, _, _ in errors), *(one.path for one in judges))))
        self.errors = errors
        self.judges = judges


def compile_cell(
    source: CellSpec,
    find_target: FindTarget,
    find_fallback: FindFallback | None = None,
    find_judge: FindJudge = no_judge,
    *,
    rows_ask: bool = False,
) -> Cell:
    """Order the steps of a cell and give each its models. Raises StepCycle and NoTargets.

    `rows_ask`: checks that rows bring with them ask the model that judges by default.
    """
    body = _Body(source, find_target, find_fallback, find_judge, source.spec)
    planned = body.ordered(source.spec.steps)
    judges = body.judges(source.spec.checks, "", source.spec.metrics, rows_ask=rows_ask)
    if body.errors or body.unjudged:
        raise NoTargets(body.errors, body.unjudged)
    return Cell(source.name, source.variant, source.axes, source.spec, planned, judges)


@frozen
class _Body:
    """Steps that see each other, and what stands before their ids in a path.

    `errors`: why steps have no target, of the whole cell.
    """

    source: CellSpec
    find_target: FindTarget
    find_fallback: FindFallback | None
    find_judge: FindJudge
    spec: PipelineSpec
    within: str = ""
    errors: list[tuple[str, int | None, UsageError]] = field(default_factory=list)
    unjudged: list[NoJudge] = field(default_factory=list)

    def ordered(self, written: Sequence[Step]) -> tuple[PlannedStep, ...]:
        steps = {step.id: step for step in written}
        needed = {name: self._of(self.source.dependencies, name) & steps.keys() for name in steps}
        try:
            order = tuple(TopologicalSorter(needed).static_order())
        except CycleError as error:
            raise StepCycle(self.within, tuple(reversed(error.args[1]))) from None
        return tuple(self._planned(steps[name]) for name in order)

    def _planned(self, step: Step) -> PlannedStep:
        path, spec = f"{self.within}{step.id}", step.inner_spec(self.spec)
        inner = replace(self, spec=spec, within=f"{path}.")
        return PlannedStep(
            step,
            self._of(self.source.dependencies, step.id),
            self._target(step, path),
            self._of(self.source.for_checks, step.id),
            inner.ordered([inherited(each, step) for each in step.inner]),
            path in self.source.in_order,
            self.judges(step.checks, path),
            inner.judges(step.inner_checks, inner.within),
        )

    def judges(
        self, checks: Sequence[Check], path: str, metrics: Sequence[Metric] = (), *, rows_ask: bool = False
    ) -> Judges:
        """Give the models that checks and metrics ask; `path` says where these stand."""
        of_checks = (("checks", index, one.judges_named()) for index, one in enumerate(checks))
        of_metrics = (("metrics", index, one.judges_named()) for index, one in enumerate(metrics))
        asked: list[tuple[Place, str | None]] = [
            ((key, index, *place), name)
            for key, index, named in (*of_checks, *of_metrics)
            for place, name in named
        ]
        found: dict[str | None, Target] = {}
        for place, name in (*asked, *([((), None)] if rows_ask else [])):
            if name not in found:
                self._find_judge(name, path, place, found)
        default = found.pop(None, None)
        return Judges(default, {name: target for name, target in found.items() if name is not None})

    def _find_judge(self, name: str | None, path: str, place: Place, found: dict[str | None, Target]) -> None:
        try:
            found[name] = self.find_judge(name, self.spec)
        except UsageError as error:
            self.unjudged.append(NoJudge(path, place, error))

    def _target(self, step: Step, path: str) -> Target | None:
        if not isinstance(step, CompletionStep):
            return None
        found: list[Target] = []
        for number in (None, *range(len(step.fallback))):
            try:
                target = self._model(number, step)
            except UsageError as error:
                self.errors.append((path, number, error))
            else:
                found += [target] if target is not None else []
        return replace(found[0], fallbacks=tuple(found[1:])) if len(found) > 1 else next(iter(found), None)

    def _model(self, number: int | None, step: CompletionStep) -> Target | None:
        if number is None:
            return self.find_target(step, self.spec)
        return self.find_fallback(number, step, self.spec) if self.find_fallback is not None else None

    def _of(self, names: Mapping[str, frozenset[str]], step: str) -> frozenset[str]:
        return names.get(f"{self.within}{step}", frozenset())


def inherited(step: Step, around: Step) -> Step:
    """Give a step inside another with what that says for all inside it."""
    said = {name: getattr(around, name) for name in INHERITED & around.model_fields_set}
    changes = {name: value for name, value in said.items() if name not in step.model_fields_set}
    return step.model_copy(update=changes) if changes else step
