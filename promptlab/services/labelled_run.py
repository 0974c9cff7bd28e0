"""What a run has for the answers that people labelled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from promptlab.core.frozen import frozen
from promptlab.loader.labels import Label
from promptlab.schemas.run import Place, TrialKey, everywhere
from promptlab.services.verdicts import StoredVerdict


@frozen
class CheckPlace:
    """A check of a pipeline: the step that it stands at (None: the pipeline) and its name."""

    step: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.step}/{self.name}" if self.step else self.name


class LabelledRun:
    """The checks of a run by what they are called, its rows by id, and what was said of labelled rows.

    `checks`: with their types; `asking`: those that asked a model. All in the order in which they came.
    """

    def __init__(
        self, found: Iterable[tuple[TrialKey, StoredVerdict | None]], labels: Iterable[Label]
    ) -> None:
        self._labelled = {label.row if label.row_id is None else label.row_id for label in labels}
        self.checks: dict[CheckPlace, str] = {}
        self.asking: dict[CheckPlace, None] = {}
        self.rows: dict[str, int] = {}
        self._trials: dict[int, dict[Place, TrialKey]] = defaultdict(dict)
        self._verdicts: dict[tuple[Place, CheckPlace], list[StoredVerdict]] = defaultdict(list)
        for trial, verdict in found:
            self._add(trial, verdict)

    def trials(self, label: Label) -> list[TrialKey]:
        """Give the trials of the row that a label names; none where the run has no such row."""
        row = label.row if label.row_id is None else self.rows.get(label.row_id)
        return [] if row is None else list(self._trials.get(row, {}).values())

    def verdicts(self, trial: TrialKey, check: CheckPlace) -> Sequence[StoredVerdict]:
        """Give what a check said in a trial; several where it stands inside of a `foreach`."""
        return self._verdicts.get((trial.place, check), ())

    def named(self, name: str) -> list[CheckPlace]:
        """Give the checks that are called so, alone or with their step."""
        return [check for check in self.checks if name in (check.name, str(check))]

    def _add(self, trial: TrialKey, verdict: StoredVerdict | None) -> None:
        self.rows[trial.row_id] = trial.row
        is_labelled = trial.row in self._labelled or trial.row_id in self._labelled
        if is_labelled:
            self._trials[trial.row][trial.place] = trial
        if verdict is None:
            return
        check = CheckPlace(everywhere(verdict.step) if verdict.step else None, verdict.name)
        self.checks[check] = verdict.type
        if verdict.judge is not None:
            self.asking[check] = None
        if is_labelled:
            self._verdicts[trial.place, check].append(verdict)
