"""What a run of the playground gave, and what the same cell gave before."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.core.json import as_text
from promptlab.models import Run
from promptlab.schemas.log import PLAYGROUND, RunRecord
from promptlab.schemas.pages import OneTrial
from promptlab.schemas.run import StepResult, everywhere
from promptlab.services.one_trial import OneTrialService
from promptlab.services.runs import OF_PIPELINES, RunService


@frozen
class Given:
    """The trial of a run, and its results that are of the step; `one` None: it did not come to it."""

    run: RunRecord
    one: OneTrial | None
    results: Sequence[StepResult] = ()

    @property
    def text(self) -> str:
        return "\n".join(as_text(result.made) for result in self.results if result.made is not None)


@frozen
class Answers:
    """`is_running` says whether the process of a run that has not ended is alive."""

    session: Session
    is_running: Callable[[str], bool]

    def of(self, run_id: str) -> Given:
        """Give what a run of the playground gave; raises NotFound."""
        for run in self._runs.with_ids([run_id]):
            if run.is_of_playground:
                return self._given(run, run, 0)
        raise NotFound(f"there is no run '{run_id}' of the playground")

    def before(self, given: Given, earlier: str | None) -> Given | None:
        """Give the same cell in the last run of the whole pipeline, else in the run `earlier`."""
        tries = self._runs.with_ids([earlier]) if earlier is not None else []
        for run in (*self._last(given.run), *tries):
            cell = given.run.cells[0]
            if run.pipeline == given.run.pipeline and cell in run.cells:
                found = self._given(run, given.run, run.cells.index(cell))
                if given.one and found.one and found.one.trial.key.row_id == given.one.trial.key.row_id:
                    return found
        return None

    @property
    def _runs(self) -> RunService:
        return RunService(self.session, is_running=self.is_running)

    def _last(self, run: RunRecord) -> list[RunRecord]:
        ended = (Run.passed + Run.failed + Run.errored > 0, OF_PIPELINES)
        return self._runs.newest(pipeline=run.pipeline, before=run.id, limit=1, where=ended)

    def _given(self, run: RunRecord, tried: RunRecord, cell: int) -> Given:
        """Give the trial of the row that was tried in a cell of a run."""
        about: Mapping[str, Any] = tried.made_with[PLAYGROUND]  # type: ignore[assignment]
        try:
            one = OneTrialService(self.session, run).read(f"{about['row']}-{cell}-0")
        except NotFound:
            return Given(run, None)
        steps = one.trial.all_steps
        found = [step for step in steps if everywhere(step.id).replace("[]", "") == about["step"]]
        return Given(run, one, found)
