"""A stored run, ready to be judged by its pipeline as that is now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from promptlab.analysis.regression import Base
from promptlab.core.errors import UsageError
from promptlab.core.frozen import slotted
from promptlab.core.words import plural
from promptlab.engine.plan import Cell
from promptlab.engine.stored import StoredPlan, StoredTrial
from promptlab.engine.targets import Targets
from promptlab.live.bases import bases_of
from promptlab.live.said import changes_said
from promptlab.loader.loading import LoadedPipeline, load_pipeline
from promptlab.loader.project import Project
from promptlab.schemas.dataset import Row
from promptlab.schemas.log import RunRecord
from promptlab.schemas.run import TrialResult
from promptlab.services.commands import command_again
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService


@slotted(kw_only=True)
class StoredRun:
    """`command`: what runs it anew; `files`: what its pipeline reads now; `left`: trials that did not end.

    `bases`: of its gates.
    """

    run_id: str
    command: str
    plan: StoredPlan
    targets: Targets
    files: Sequence[str]
    left: int
    bases: Mapping[str, Base]

    @property
    def code(self) -> list[str]:
        return [name for name in self.files if name.endswith(".py")]

    def notes(self) -> Iterator[str]:
        """Say what is not judged."""
        if self.left:
            yield f"{plural(self.left, 'trial')} of run {self.run_id} did not end, and are not judged"


@contextmanager
def stored_run_of(project: Project, log: RunLog, reference: str) -> Iterator[StoredRun]:
    """Give a stored run; its trials are read while the log is open. Raises UsageError and InvalidPipeline."""
    with log.reading() as session:
        run = RunService(session, is_running=log.is_running).find(reference)
        if run.path is None:
            raise UsageError(f"run {run.id} is of no pipeline of a file")
        targets = project.targets(_model(run))
        loaded = load_pipeline(project.files, run.path, targets, changes_said(run.options))
        trials = TrialService(session)
        counts = trials.counts(run.id)
        cells = _cells(loaded, counts, run)
        left = counts.pop("", 0)
        found = StoredRun(
            run_id=run.id,
            command=command_again(run.path, run.options, without=("outs", "note")),
            plan=StoredPlan(
                pipeline=loaded.name,
                cells=tuple(cells.values()),
                rows=loaded.rows,
                row_count=loaded.row_count,
                counts=counts,
                source=lambda: _trials(trials.of_run(run.id), cells, loaded),
            ),
            targets=targets,
            files=sorted(loaded.files.files_read),
            left=left,
            bases=bases_of(loaded),
        )
        yield found


def _model(run: RunRecord) -> str | None:
    said = run.options.get("model")
    return said if isinstance(said, str) else None


def _cells(loaded: LoadedPipeline, counts: Mapping[str, int], run: RunRecord) -> dict[str, Cell]:
    """Give the cells that the run had; raises UsageError for one that is no more."""
    cells = {cell.name: cell for cell in loaded.cells}
    missing = [name for name in counts if name and name not in cells]
    if missing:
        hint = "give its variant or axis back its name"
        raise UsageError(
            f"run {run.id} has the cell '{missing[0]}', and {loaded.path} has none now", hint=hint
        )
    return {name: cell for name, cell in cells.items() if name in counts}


def _trials(
    found: Iterator[TrialResult], cells: Mapping[str, Cell], loaded: LoadedPipeline
) -> Iterator[StoredTrial]:
    rows = {row.id: row for row in loaded.rows()}
    for trial in found:
        if trial.status != "left":
            stored = {step.id: step for step in trial.all_steps}
            yield StoredTrial(trial.key, _row(trial, rows), cells[trial.key.cell], stored)


def _row(trial: TrialResult, rows: Mapping[str, Row]) -> Row:
    """Give the row as it is now, with its labels and checks, if its inputs are those that were answered."""
    key, now = trial.key, rows.get(trial.key.row_id)
    if now is not None and now.inputs == trial.inputs:
        return now
    return Row(key.row, key.row_id, trial.inputs, trial.columns, 0, trial.tags)
