"""What came of each trial when it was last run, and what is different now."""

from collections.abc import Mapping
from dataclasses import field, replace
from hashlib import sha256

from promptlab.core.errors import PromptlabError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON, as_text
from promptlab.core.word_diff import Piece, word_diff
from promptlab.live.watching.turn import MetricChange, TurnRun
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.flip import Flip
from promptlab.schemas.reason import NOT_PASSED, reason_of
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialKey, TrialResult, TrialStatus
from promptlab.services.run_log import RunLog
from promptlab.services.trials import TrialService

SHOWN = 20
OF_RUN = ("spent_usd",)  # says nothing of the answers

type TrialName = tuple[str, str, int]
type Metrics = Mapping[str, Mapping[str, float | None]]


@frozen
class Past:
    """How a trial ended, where in which run, and a hash of its outputs."""

    status: TrialStatus
    row: int
    outputs: bytes
    run: str = ""


@slotted
class Memory:
    """The trials of one pipeline as they last ended, and its metrics in whole runs."""

    past: dict[TrialName, Past] = field(default_factory=dict)
    first: Metrics | None = None
    last: Metrics | None = None

    def failed(self) -> frozenset[TrialName]:
        """Give the trials that did not pass when they were last run."""
        return frozenset(name for name, past in self.past.items() if past.status in NOT_PASSED)


@slotted
class Comparison:
    """Listens to a run, and holds it against what is remembered."""

    memory: Memory
    log: RunLog
    flipped: list[tuple[Past, TrialResult]] = field(default_factory=list)
    outputs_changed: int = 0
    _now: dict[TrialName, Past] = field(default_factory=dict)
    _flips: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self._take(event.result)

    def ended(self, summary: RunSummary, *, is_whole: bool) -> TurnRun:
        """Give what is different, and remember what there is now. `is_whole`: every trial was run."""
        flips = tuple(self._flip(past, trial) for past, trial in self.flipped)
        changes = self._metrics(summary) if is_whole else ()
        self._remember(summary, is_whole=is_whole)
        return TurnRun(
            summary=summary,
            flips=flips,
            flipped=self._flips,
            outputs_changed=self.outputs_changed,
            metrics=changes,
        )

    def _take(self, trial: TrialResult) -> None:
        name = _name(trial.key)
        outputs = sha256(as_text(trial.outputs).encode("utf-8", "surrogatepass")).digest()[:8]
        self._now[name] = Past(trial.status, trial.key.row, outputs)
        past = self.memory.past.get(name)
        if past is None:
            return
        self.outputs_changed += past.outputs != outputs
        if past.status != trial.status:
            self._flips += 1
            if len(self.flipped) < SHOWN:
                self.flipped.append((past, trial))

    def _remember(self, summary: RunSummary, *, is_whole: bool) -> None:
        now = {name: replace(past, run=summary.run_id) for name, past in self._now.items()}
        self.memory.past = now if is_whole else self.memory.past | now
        if is_whole:
            self.memory.last = summary.cells
            self.memory.first = self.memory.first or summary.cells

    def _flip(self, past: Past, trial: TrialResult) -> Flip:
        return Flip(
            trial=trial.key,
            before=past.status,
            after=trial.status,
            reason=reason_of(trial),
            diff=tuple(self._diff(past, trial)),
        )

    def _diff(self, past: Past, trial: TrialResult) -> list[Piece]:
        """Hold a trial's outputs against those in the log; a run that was deleted says nothing."""
        try:
            with self.log.reading() as session:
                trials = TrialService(session).of_run(past.run, row=past.row, cell=trial.key.cell)
                before = next((one for one in trials if _name(one.key) == _name(trial.key)), None)
        except PromptlabError:
            before = None
        if before is None or before.outputs == trial.outputs:
            return []
        return word_diff(_shown(before.outputs), _shown(trial.outputs))

    def _metrics(self, summary: RunSummary) -> tuple[MetricChange, ...]:
        first, last = self.memory.first, self.memory.last
        if first is None or last is None:
            return ()
        return tuple(
            MetricChange(
                cell=cell,
                name=name,
                value=value,
                since_last=_difference(last, cell, name, value),
                since_start=_difference(first, cell, name, value),
            )
            for cell, values in summary.cells.items()
            for name, value in values.items()
            if name not in OF_RUN
        )


def _name(key: TrialKey) -> TrialName:
    return key.row_id, key.cell, key.repeat


def _shown(outputs: JSON) -> str:
    return "" if outputs is None else as_text(outputs)


def _difference(before: Metrics, cell: str, name: str, value: float | None) -> float | None:
    past = before.get(cell, {}).get(name)
    return None if past is None or value is None else value - past
