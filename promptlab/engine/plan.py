"""A plan: the ordered steps of each cell, and the trials as a stream."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from functools import cached_property

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.check import Check
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.provider import ModelProfile
from promptlab.engine.ruling import NamedCheck, named
from promptlab.engine.sources import sources_of
from promptlab.engine.step import Step
from promptlab.engine.target import NO_JUDGES, Judges, Target
from promptlab.schemas.dataset import Row
from promptlab.schemas.pipeline import Params, PipelineSpec, Repeat
from promptlab.schemas.run import StepResult, TrialKey, TrialStatus
from promptlab.schemas.sources import Sources


@frozen
class CellSpec:
    """A cell of variants × matrix: its whole name, and the pipeline with both laid over it.

    By the path of a step (`parts.part` for one inside `parts`), `dependencies`: the steps that it names or
    needs, beside it or around it; `for_checks`: those of them that only its checks name. `in_order`: the
    steps whose items run one after the other.
    """

    name: str
    variant: str
    axes: Mapping[str, JSON]
    spec: PipelineSpec
    dependencies: Mapping[str, frozenset[str]]
    for_checks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    in_order: frozenset[str] = frozenset()


@frozen(slots=False)  # `sources` and `named_checks` are made once, when asked for
class PlannedStep:
    """`needs`: the steps that it waits for; `for_checks`: those that only its checks name, which may err.

    `inner`: the steps inside it, in an order in which they can run; `in_order`: whether they are run for one
    item after the other. `judges`: the models that its checks ask; `inner_judges`: those of the pipeline that
    it calls.
    """

    step: Step
    needs: frozenset[str]
    target: Target | None = None
    for_checks: frozenset[str] = frozenset()
    inner: "tuple[PlannedStep, ...]" = ()
    in_order: bool = False
    judges: Judges = NO_JUDGES
    inner_judges: Judges = NO_JUDGES

    @cached_property
    def sources(self) -> Sources:
        """What it is made of, as digests; those of the steps inside it are their own."""
        return sources_of(self.step)

    @cached_property
    def named_checks(self) -> tuple[NamedCheck, ...]:
        return named(self.step.checks)

    def walk(self, within: str = "") -> "Iterator[tuple[str, PlannedStep]]":
        """Give the step and its path, then all inside it, at any depth."""
        path = f"{within}{self.step.id}"
        yield path, self
        for planned in self.inner:
            yield from planned.walk(f"{path}.")


@frozen(slots=False)  # likewise
class Cell:
    """A cell with its steps in an order in which they can run."""

    name: str
    variant: str
    axes: Mapping[str, JSON]
    spec: PipelineSpec
    steps: tuple[PlannedStep, ...]
    judges: Judges = NO_JUDGES

    def paths(self) -> Iterator[tuple[str, PlannedStep]]:
        """Give each step with its path, `parts.part`, followed by those inside it."""
        for planned in self.steps:
            yield from planned.walk()

    def lines(self) -> Iterator[tuple[Target, ...]]:
        """Give for each step that asks a model what it asks: its model, then its fallbacks; then judges."""
        for step in self.all_steps():
            if step.target is not None:
                yield step.target.line
        for judge in self.all_judges():
            yield judge.line

    def all_judges(self) -> Iterator[Target]:
        """Give the models that checks ask, those of steps and of the pipeline."""
        for step in self.all_steps():
            yield from (*step.judges.targets, *step.inner_judges.targets)
        yield from self.judges.targets

    def sources(self) -> dict[str, Sources]:
        """Give what each step is made of, by its path."""
        return {path: planned.sources for path, planned in self.paths()}

    def all_steps(self) -> Iterator[PlannedStep]:
        """Give each step, followed by those inside it."""
        return (planned for _, planned in self.paths())

    @property
    def checks(self) -> tuple[Check, ...]:
        return self.spec.checks

    @cached_property
    def named_checks(self) -> tuple[NamedCheck, ...]:
        return named(self.checks)


@frozen
class Trial:
    key: TrialKey
    row: Row
    cell: Cell

    def as_run(self, result: StepResult) -> StepResult:
        """Give a result with the calls that its step took when it was run, which may be long ago."""
        return result


def trial_of(row: Row, cell: Cell, repeat: int = 0) -> Trial:
    """Give a repeat of a row in a cell."""
    key = TrialKey(
        row=row.index,
        row_id=row.id,
        cell=cell.name,
        variant=cell.variant,
        axes=cell.axes,
        repeat=repeat,
    )
    return Trial(key, row, cell)


@frozen(slots=False)
class Plan:
    """`rows` opens the stream of rows anew at each call.

    `selected` says which trials are wanted, `counts` how many that are in each cell, where not all are. A row
    whose repeats are judged together is wanted as a whole. `kept`: how trials ended that are on record, and
    are not run again.
    """

    pipeline: str
    cells: tuple[Cell, ...]
    rows: Callable[[], Iterator[Row]]
    row_count: int
    selected: Callable[[TrialKey, Row], bool] | None = None
    counts: Mapping[str, int] | None = None
    kept: Callable[[TrialKey], TrialStatus | None] | None = None

    @property
    def repeat(self) -> Repeat:
        """How often each row is run: the same in all cells."""
        return self.cells[0].spec.repeat

    def has_metric(self, key: str) -> bool:
        return any(metric.key == key for cell in self.cells for metric in cell.spec.metrics)

    @property
    def is_sequential(self) -> bool:
        """Whether how the repeats of a row ended says if there are more of them."""
        return self.repeat.until is not None

    def trials(self) -> Iterator[Trial]:
        """Give the trials in order of row, cell and repeat; of rows that may be decided before, all."""
        found = (trial for row in self.rows() for cell in self.cells for trial in self._wanted(row, cell))
        if self.kept is None:
            return found
        kept = self.kept
        return (trial for trial in found if kept(trial.key) is None)

    def units(self) -> Iterator[tuple[Row, Cell]]:
        """Give each row in each cell of which any trial is wanted."""
        pairs = ((row, cell) for row in self.rows() for cell in self.cells)
        return ((row, cell) for row, cell in pairs if any(True for _ in self._selected(row, cell)))

    def repeats(self, row: Row, cell: Cell) -> Iterator[Trial]:
        """Give all trials of a row in a cell."""
        for repeat in range(self.repeat.count):
            yield trial_of(row, cell, repeat)

    def _wanted(self, row: Row, cell: Cell) -> Iterator[Trial]:
        selected = self._selected(row, cell)
        if self.repeat.needed is None:
            return selected
        return self.repeats(row, cell) if any(True for _ in selected) else iter(())

    def _selected(self, row: Row, cell: Cell) -> Iterator[Trial]:
        if self.selected is None:
            return self.repeats(row, cell)
        selected = self.selected
        return (trial for trial in self.repeats(row, cell) if selected(trial.key, row))

    @property
    def size(self) -> int:
        """How many trials there are."""
        return sum(self.trials_of(cell) for cell in self.cells)

    def trials_of(self, cell: Cell) -> int:
        if self.counts is not None:
            return self.counts.get(cell.name, 0)
        return self.row_count * cell.spec.repeat.count

    @property
    def least(self) -> int:
        """How many trials there are at least, should each row be decided as early as can be."""
        return self.size // self.repeat.count * self.repeat.fewest if self.is_sequential else self.size

    def narrowed(self, selected: Callable[[TrialKey, Row], bool]) -> "Plan":
        """Give the plan of those trials that are selected too; reads the rows once, to count them."""
        before = self.selected or (lambda _key, _row: True)
        narrow = replace(self, selected=lambda key, row: before(key, row) and selected(key, row))
        return replace(narrow, counts=Counter(trial.cell.name for trial in narrow.trials()))

    def profiles(self) -> tuple[ModelProfile, ...]:
        """The models that the plan may call, each once; fallbacks among them."""
        found = {target.profile.name: target.profile for line in self.lines() for target in line}
        return tuple(found.values())

    def lines(self) -> Iterator[tuple[Target, ...]]:
        """Give for each step that asks a model what it asks: its model, then its fallbacks; then judges."""
        for cell in self.cells:
            yield from cell.lines()

    def dead_ends(self, closed: Collection[str]) -> frozenset[str]:
        """Give those of the closed models that left some step without any model to ask."""
        names = [{target.profile.name for target in line} for line in self.lines()]
        return frozenset(name for line in names if line <= set(closed) for name in line)


JUDGE_HINT = "write `judge: provider/model` at the check, in the pipeline or in promptlab.yaml"


class NoModel(UsageError):
    """Nothing says which model a step or check asks."""


type FindTarget = Callable[[CompletionStep, PipelineSpec], Target]
type FindJudge = Callable[[str | None, PipelineSpec], Target]
type FindFallback = Callable[[int, CompletionStep, PipelineSpec], Target | None]


def merged_params(step: CompletionStep, spec: PipelineSpec) -> Params:
    """Give each parameter from the first that says it: the step, the pipeline, the prompt's front matter."""
    merged = step.params.over(spec.params)
    return merged.over(step.front.params) if step.front is not None else merged


def no_judge(_model: str | None, _spec: PipelineSpec) -> Target:
    """Find no model that judges; a FindJudge of cells whose checks ask none."""
    raise NoModel("nothing says which model judges", hint=JUDGE_HINT)
