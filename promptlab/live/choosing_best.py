"""Has the best output of each row chosen once all trials are on record, and counts who won."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import batched

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON
from promptlab.core.words import plural
from promptlab.engine.best import Choice, choose
from promptlab.engine.check import CannotJudge
from promptlab.engine.jury import Jury
from promptlab.engine.machinery import Machinery
from promptlab.engine.metrics.select_best import SelectBest
from promptlab.engine.plan import Cell, Plan
from promptlab.engine.question import NotAsked
from promptlab.engine.scope import Names
from promptlab.engine.tally import Tally
from promptlab.live.scores import Scores
from promptlab.schemas.run import TrialResult, TrialStatus, total
from promptlab.services.run_log import RunLog
from promptlab.services.trials import TrialService

ROWS_AT_ONCE = 64
WITH_OUTPUT: tuple[TrialStatus, ...] = ("passed", "failed")


@frozen
class Chosen:
    """What choosing came to. `left`: comparisons that were not asked for, as the run was ending."""

    cost_usd: float | None = 0.0
    left: int = 0


async def choose_best(plan: Plan, scores: Scores, log: RunLog, run_id: str, machinery: Machinery) -> Chosen:
    """Give the scores the share of rows that each cell won.

    The repeats of a row are compared each by itself. A cell without an output does not win; where no cell
    has one the row does not count.
    """
    contests = list(_contests(plan, machinery))
    with log.reading() as session:
        all_rows = TrialService(session).rows(run_id)
    for rows in batched(all_rows, ROWS_AT_ONCE):
        groups = [group for row in rows for group in _groups(log, run_id, row)]
        await asyncio.gather(*(contest.hold(group) for contest in contests for group in groups))
    for contest in contests:
        contest.tell(scores)
    costs = (cost for contest in contests for cost in contest.costs)
    return Chosen(total(costs), sum(contest.left for contest in contests))


def _contests(plan: Plan, machinery: Machinery) -> Iterator["_Contest"]:
    """Give each metric once, with the cells that have it."""
    found: dict[str, _Contest] = {}
    for cell in plan.cells:
        for metric in cell.spec.metrics:
            if isinstance(metric, SelectBest):
                found.setdefault(metric.name, _Contest(metric, cell, machinery)).cells.append(cell.name)
    yield from found.values()


def _groups(log: RunLog, run_id: str, row: int) -> list[list[TrialResult]]:
    """Give the trials of a row that have an output, by repeat, in the order of cells."""
    found: dict[int, list[TrialResult]] = defaultdict(list)
    with log.reading() as session:
        for trial in TrialService(session).of_run(run_id, row=row, statuses=WITH_OUTPUT):
            found[trial.key.repeat].append(trial)
    return list(found.values())


@slotted
class _Contest:
    """One metric. `won`: by cell, row, repeat and share of each win; of `rows`, `asked` took a judge."""

    metric: SelectBest
    cell: Cell
    machinery: Machinery
    cells: list[str] = field(default_factory=list)
    won: dict[str, list[tuple[int, int, float]]] = field(default_factory=lambda: defaultdict(list))
    rows: int = 0
    asked: int = 0
    disagreed: int = 0
    left: int = 0
    undecided: list[str] = field(default_factory=list)
    costs: list[float | None] = field(default_factory=list)

    async def hold(self, group: Sequence[TrialResult]) -> None:
        """Have the best of some outputs chosen."""
        mine = [trial for trial in group if trial.key.cell in self.cells]
        if not mine:
            return
        self.rows += 1
        try:
            choice = await self._choice(mine)
        except NotAsked:
            self.left += 1
        except CannotJudge as error:
            self.undecided.append(str(error))
        else:
            self.asked += choice.disagreed is not None
            self.disagreed += choice.disagreed is True
            for cell, share in choice.shares.items():
                self.won[cell].append((mine[0].key.row, mine[0].key.repeat, share))

    async def _choice(self, mine: Sequence[TrialResult]) -> Choice:
        tally, key = Tally(), mine[0].key
        ask = Jury(self.cell.judges, self.machinery.complete, key).counted_by(tally)
        outputs = {trial.key.cell: trial.outputs for trial in mine}
        try:
            return await choose(self.metric, outputs, _names(mine[0]), ask, self.machinery.render)
        finally:
            self.costs += tally.costs

    def tell(self, scores: Scores) -> None:
        """Say who won; a row that could not be decided was won by nobody."""
        name = self.metric.name
        disagreement = self.disagreed / self.asked if self.asked and not self.left else None
        for cell in self.cells:
            won = sorted(self.won[cell])
            share = sum(one for *_, one in won) / self.rows if self.rows and not self.left else None
            scores.metrics.give(cell, {name: share, f"{name}.disagreement": disagreement})
            scores.tell(cell, name, rows=self.rows, won=_places(won, whole=True), shared=_places(won))
            if self.left:
                scores.fail(
                    cell, name, f"the run stopped before {plural(self.left, 'row')} could be compared"
                )
            elif self.undecided:
                count, first = plural(len(self.undecided), "row"), self.undecided[0]
                scores.fail(cell, name, f"nobody won {count}: {first}")


def _places(won: Sequence[tuple[int, int, float]], *, whole: bool = False) -> JSON:
    """Give rows and repeats of wins that were whole, or shared."""
    return [[row, repeat] for row, repeat, share in won if (share == 1) is whole]


def _names(trial: TrialResult) -> Names:
    row: Mapping[str, JSON] = trial.columns or {}
    return Names({**row, **trial.inputs, "row": dict(row)})
