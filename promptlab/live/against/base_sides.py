"""Pipelines as they were in a commit, and what their trials came to there."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from promptlab.analysis.regression import Base as GateBase
from promptlab.analysis.row_values import Side as Rows
from promptlab.core.errors import Interrupted, Terminated, UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.words import plural
from promptlab.engine.plan import Plan
from promptlab.live.affected.base import BaseProject, Broken
from promptlab.live.affected.sides import CellPair, Side, paired
from promptlab.live.against.checkout import checked_out
from promptlab.live.against.hearing import Heard
from promptlab.live.against.running import BaseRun, Terms
from promptlab.live.counts import RunCounts
from promptlab.live.driving import fan_out
from promptlab.live.running import RunRequest, options_of, plan_of, require_runnable
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.git_tree import GitTree
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.schemas.events import Emit
from promptlab.services.git import Base, base_of
from promptlab.services.run_log import RunLog

SHORT = 10


@frozen(kw_only=True)
class BaseSide:
    """What the rows of a pipeline say at `commit`, by the names that cells have here.

    `missing`: why there are none. `lacking`: of how many rows an answer is not there. `other_checks`: the
    steps that were judged otherwise there, "" the pipeline itself. `spent_usd`: what asking cost. `loaded`:
    the pipeline as it was; `names`: what its cells are called here.
    """

    commit: str
    rows: Rows
    missing: str = ""
    lacking: int = 0
    other_checks: tuple[str, ...] = ()
    spent_usd: float | None = 0.0
    loaded: LoadedPipeline | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What else there is to know of it, in words."""
        commit, said = self.commit[:SHORT], []
        if self.lacking:
            said.append(f"{plural(self.lacking, 'row')} at {commit} without all their answers")
        if self.other_checks:
            places = ", ".join(place or "the pipeline" for place in self.other_checks)
            said.append(f"judged by other checks at {commit} ({places})")
        return "; ".join(said)

    def as_base(self) -> GateBase:
        """Give it as what gates are held against."""
        return GateBase(self.rows, missing=self.missing, note=self.note)


@slotted(slots=False)
class BaseSides:
    """Pipelines at the commit where HEAD parted from `ref`; a context, as a process reads that commit.

    `log`: where answers are looked up, and those go that are asked for; None: recordings alone. `request`:
    how to run, and which trials; in mode `replay` nothing is asked. `model`, `changes`: what flags say of
    both sides. Raises UsageError where git does not know the commit.
    """

    project: Project
    ref: str
    log: RunLog | None
    request: RunRequest
    model: str | None = None
    changes: Changes = NO_CHANGES

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.base: Base = base_of(self.project.root, self.ref)
        prefix = self.base.prefix.removesuffix("/")
        self._tree = self._stack.enter_context(GitTree(self.project.root, self.base.commit, prefix))
        self._memory = self._stack.enter_context(LoadingMemory())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def side_of(
        self, head: LoadedPipeline, *, spent: float = 0.0, listeners: Sequence[Emit] = ()
    ) -> BaseSide:
        """Give what a pipeline of here came to there; `listeners` hear each event of its trials.

        `spent`: what of the request's limit is gone. Raises StorageError, and Interrupted on a signal.
        """
        before = self._before(head)
        if isinstance(before, str):
            return BaseSide(commit=self.base.commit, rows={}, missing=before)
        pairs = paired(Side(head, self.base.changed), Side(before, self.base.changed))
        plan = self._plan(head, before, pairs)
        if not plan.size:
            return BaseSide(
                commit=self.base.commit, rows={}, missing=f"none of the rows were in {self._called}"
            )
        heard, counts = Heard(plan), RunCounts()
        self._run(before, plan, spent, fan_out(heard, counts, *listeners))
        lacking = frozenset(heard.lacking())
        return BaseSide(
            commit=self.base.commit,
            rows=_named_as_here(heard.side(lacking), pairs),
            lacking=len({row for _, row in lacking}),
            other_checks=_other_checks(pairs),
            spent_usd=counts.spent_usd,
            loaded=before,
            names={pair.was.name: pair.now.name for pair in pairs},
        )

    def here_of(self, head: LoadedPipeline, *, listeners: Sequence[Emit] = ()) -> BaseSide:
        """Give the same of a pipeline as it is, from what is recorded and logged."""
        plan = Plan(head.name, head.cells, head.rows, head.row_count)
        heard = Heard(plan)
        self._run_at(self.project.root, head, plan, 0.0, fan_out(heard, *listeners))
        lacking = frozenset(heard.lacking())
        return BaseSide(
            commit="",
            rows=heard.side(lacking),
            lacking=len({row for _, row in lacking}),
            loaded=head,
            names={cell.name: cell.name for cell in head.cells},
        )

    @property
    def _called(self) -> str:
        return f"{self.ref} ({self.base.commit[:SHORT]})"

    @cached_property
    def _there(self) -> BaseProject:
        return BaseProject(self.project, self._tree, self.model, self.changes, self._memory)

    @cached_property
    def _paths(self) -> set[str]:
        return set(self.project.pipelines())

    def _before(self, head: LoadedPipeline) -> LoadedPipeline | str:
        """Give the pipeline as it was, or why there is none."""
        there = self._there
        found: LoadedPipeline | Broken | None
        if there.has(head.path):
            found = there.pipeline(head.path)
        else:
            found = next((one for one in there.gone(self._paths) if one.name == head.name), None)
        if found is None:
            return f"there is no such pipeline at {self._called}"
        if isinstance(found, Broken):
            return f"{self._called} cannot be loaded: {found.reason}"
        try:
            require_runnable(self.project, found, _asking(self.request))
        except UsageError as error:
            return f"{error.message} at {self._called}"
        return found

    @property
    def is_replay(self) -> bool:
        return self.request.mode == "replay" or self.log is None

    def _plan(self, head: LoadedPipeline, before: LoadedPipeline, pairs: Sequence[CellPair]) -> Plan:
        """Plan the rows that are wanted here, in the cells that are here."""
        names = {pair.was.name: pair.now.name for pair in pairs}
        cells = tuple(cell for cell in before.cells if cell.name in names)
        plan = Plan(before.name, cells, before.rows, before.row_count)
        if not _narrows(self.request) or self.log is None:
            return plan
        wanted = {(row.id, cell.name) for row, cell in plan_of(head, self.request, self.log).units()}
        return plan.narrowed(lambda key, _row: (key.row_id, names[key.cell]) in wanted)

    def _run(self, before: LoadedPipeline, plan: Plan, spent: float, emit: Emit) -> None:
        has_code = any(path.endswith(".py") for path in before.files.files_read)
        is_run = has_code and self.request.python_allowed
        with checked_out(self._tree) if is_run else nullcontext(self.project.root) as root:
            self._run_at(root, before, plan, spent, emit)

    def _run_at(self, root: Path, loaded: LoadedPipeline, plan: Plan, spent: float, emit: Emit) -> None:
        terms = Terms(
            root=root,
            options=options_of(loaded, self.project, _asking(self.request, spent)),
            is_replay=self.is_replay,
            log=self.log,
        )
        run = BaseRun(loaded, plan, self.project.files, terms, self._there.opened)
        ending = asyncio.run(run.run(emit))
        if ending.signal_code is not None:
            raise _interrupted(ending.signal_code)


def _asking(request: RunRequest, spent: float = 0.0) -> RunRequest:
    """Give how what was never answered is asked."""
    return replace(request, fresh=False, spent=request.spent + spent, fail_fast=False, streams=False)


def _narrows(request: RunRequest) -> bool:
    return bool(
        request.limit is not None
        or request.tags
        or request.failed is not None
        or request.since is not None
        or request.trials is not None
    )


def _interrupted(code: int) -> Interrupted:
    kind = Terminated if code == Terminated.exit_code else Interrupted
    return kind("interrupted before the trials of the base were done")


def _named_as_here(rows: Rows, pairs: Sequence[CellPair]) -> Rows:
    return {pair.now.name: rows[pair.was.name] for pair in pairs if pair.was.name in rows}


def _other_checks(pairs: Sequence[CellPair]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for pair in pairs:
        before = pair.before.places
        for place, now in pair.definition.places.items():
            if place in before and before[place].judge != now.judge:
                found[place] = None
    return tuple(found)
