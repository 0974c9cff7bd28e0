"""Finds what the same step of the same trial was in the runs before, the newest first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import batched
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.places import place_of
from promptlab.models import Run, StepRun, Trial
from promptlab.schemas.run import TrialKey
from promptlab.services.logged_step import Name, Place
from promptlab.services.runs import OF_PIPELINES

MOST_RUNS = 100
MOST_ROWS_NAMED = 500
_AT_ONCE = 500
_TRIALS, _STEPS = Trial.__table__, StepRun.__table__

type _Wanted = dict[Name, dict[str, Place]]
type _Find = Callable[[Session, Mapping[int, Name]], Iterator[tuple[int, int, str]]]


class Logged(Protocol):
    """What is looked for: a step, or a check, by its path in its trial."""

    @property
    def trial(self) -> TrialKey: ...
    @property
    def name(self) -> Name: ...
    @property
    def step(self) -> str: ...
    @property
    def place(self) -> Place: ...


@slotted
class Earlier:
    """`found`: by the place of a step, that of its newest earlier run. The rest: what else there was."""

    is_first: bool
    found: dict[Place, Place] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    cells: set[tuple[str, str]] = field(default_factory=set)
    variants: set[str] = field(default_factory=set)
    axes: dict[str, list[JSON]] = field(default_factory=dict)
    steps: dict[Name, set[str]] = field(default_factory=dict)

    def novelty(self, step: Logged) -> str:
        """Say what is new about a step that was not found."""
        row, cell, _ = step.name
        if self.is_first:
            return "run"
        if step.name in self.steps:
            return "item" if place_of(step.step) in self.steps[step.name] else "step"
        if row not in self.rows:
            return "row"
        return "repeat" if (row, cell) in self.cells else self._new_of_cell(step.trial)

    def _new_of_cell(self, trial: TrialKey) -> str:
        """Say what of a cell is new: its variant, one of its axes, a value of one, or that they meet."""
        if trial.variant not in self.variants:
            return "variant"
        axis = next((name for name in trial.axes if name not in self.axes), None)
        if axis is not None:
            return f"axis {axis}"
        new = next((name for name, value in trial.axes.items() if value not in self.axes[name]), None)
        return f"value of axis {new}" if new is not None else "cell"

    def meet(self, variant: str, axes: Mapping[str, JSON]) -> None:
        """Note a cell that there was."""
        self.variants.add(variant)
        for name, value in axes.items():
            values = self.axes.setdefault(name, [])
            if value not in values:
                values.append(value)


def runs_before(session: Session, run_id: str) -> list[str]:
    """Give the newest runs of the same pipeline, none of the playground, that began before a run."""
    pipeline = select(Run.pipeline).where(Run.id == run_id).scalar_subquery()
    query = select(Run.id).where(Run.pipeline == pipeline, Run.id < run_id, OF_PIPELINES)
    return list(session.connection().scalars(query.order_by(Run.id.desc()).limit(MOST_RUNS)))


def find_earlier(
    session: Session, runs: Sequence[str], steps: Sequence[Logged], *, places: _Find | None = None
) -> Earlier:
    """Find the newest earlier run of each step: same row id, cell, repeat and path.

    Each of the runs is read once at most, however many steps there are. `places`: finds what trials have,
    if it is not their steps: trial, position and path.
    """
    earlier = Earlier(is_first=not runs)
    wanted: _Wanted = {}
    for step in steps:
        wanted.setdefault(step.name, {})[step.step] = step.place
    for run_id in runs:
        if not wanted:
            break
        _look_into(session, run_id, wanted, earlier, places or _steps)
    return earlier


def _look_into(session: Session, run_id: str, wanted: _Wanted, earlier: Earlier, find: _Find) -> None:
    trials = dict(_trials(session, run_id, wanted, earlier))
    for trial_id, position, step in find(session, trials):
        name = trials[trial_id]
        own = wanted[name].pop(step, None)
        if own is not None:
            earlier.found[own] = trial_id, position
        earlier.steps.setdefault(name, set()).add(place_of(step))
    for name in set(trials.values()):
        if not wanted[name]:
            del wanted[name], earlier.steps[name]


def _trials(session: Session, run_id: str, wanted: _Wanted, earlier: Earlier) -> Iterator[tuple[int, Name]]:
    rows = {row for row, *_ in wanted}
    query = select(*(_TRIALS.c[name] for name in ("id", "row_id", "cell", "repeat", "variant", "axes")))
    query = query.where(_TRIALS.c.run_id == run_id)
    if len(rows) <= MOST_ROWS_NAMED:
        query = query.where(_TRIALS.c.row_id.in_(rows))
    for id_, row, cell, repeat, variant, axes in session.connection().execute(query):
        if row in rows:
            earlier.rows.add(row)
            earlier.cells.add((row, cell))
            earlier.meet(variant, axes)
        if (row, cell, repeat) in wanted:
            yield id_, (row, cell, repeat)


def _steps(session: Session, trials: Mapping[int, Name]) -> Iterator[tuple[int, int, str]]:
    columns = _STEPS.c.trial_id, _STEPS.c.position, _STEPS.c.step
    for some in batched(trials, _AT_ONCE):
        query = select(*columns).where(_STEPS.c.trial_id.in_(some), _STEPS.c.status != "left")
        yield from (
            (trial_id, position, step) for trial_id, position, step in session.connection().execute(query)
        )
