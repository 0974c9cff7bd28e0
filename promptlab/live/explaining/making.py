"""Explains the calls of a run from the log, many steps at a time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched

from promptlab.core.frozen import frozen
from promptlab.engine.places import by_place, place_of
from promptlab.engine.plan import Cell, PlannedStep
from promptlab.live.explaining.causes import causes
from promptlab.live.explaining.compared import Compared, Surroundings, is_told
from promptlab.live.explaining.files import FilesChanged
from promptlab.live.explaining.judges import explain_judges
from promptlab.schemas.explained import Change, Explained
from promptlab.schemas.run import StepCall
from promptlab.services.earlier_steps import Earlier
from promptlab.services.judge_history import JudgeHistory
from promptlab.services.logged_step import Asked, LoggedStep
from promptlab.services.run_log import RunLog
from promptlab.services.step_history import StepHistory

AT_ONCE = 64


def explain_run(log: RunLog, run_id: str, cells: Sequence[Cell], *, fresh: bool) -> Iterator[Explained]:
    """Say of each step of each trial of which a call left why it did, then of each check that asked a model.

    `fresh`: the run recalled nothing.
    """
    with log.reading() as session:
        planned = {cell.name: by_place(cell.steps) for cell in cells}
        history = StepHistory(session, run_id)
        explaining = _Explaining(history, planned, fresh)
        for steps in history.sent():
            yield from explaining.explain([step for step in steps if explaining.is_call(step)])
        if any(True for cell in cells for _ in cell.all_judges()):
            yield from explain_judges(JudgeHistory(session, run_id), history, cells, fresh=fresh)


@frozen
class _Explaining:
    history: StepHistory
    planned: Mapping[str, Mapping[str, PlannedStep]]
    fresh: bool

    def is_call(self, step: LoggedStep) -> bool:
        """Whether it might have been recalled, or is a request that leaves the machine."""
        return is_told(self._of(step))

    def explain(self, steps: Sequence[LoggedStep]) -> Iterator[Explained]:
        off = {step.place: change for step in steps if (change := self._off(step)) is not None}
        earlier = self.history.before([step for step in steps if step.place not in off])
        for some in batched(steps, AT_ONCE):
            batch = _Batch(self, some, earlier)
            for step in some:
                told = (off[step.place],) if step.place in off else batch.changes(step)
                yield Explained(trial=step.trial, step=step.step, changes=told, against=batch.against(step))

    def line(self, step: LoggedStep) -> tuple[PlannedStep, ...]:
        parts = place_of(step.step).split(".")
        by = self.planned[step.trial.cell]
        return tuple(by[".".join(parts[:count])] for count in range(1, len(parts) + 1))

    def _of(self, step: LoggedStep) -> PlannedStep:
        return self.planned[step.trial.cell][place_of(step.step)]

    def _off(self, step: LoggedStep) -> Change | None:
        """Say why nothing was recalled, where that is so whatever changed."""
        if self.fresh:
            return Change("fresh")
        planned = self._of(step)
        if planned.step.recall is False:
            return Change("recall", "recall: false")
        if planned.step.recall is None and planned.target is None:
            return Change("recall", "no recall: true")
        return None


class _Batch:
    """Some steps, with all that the log has on them and on their runs before."""

    def __init__(self, means: _Explaining, steps: Sequence[LoggedStep], earlier: Earlier) -> None:
        self._means = means
        self._earlier = earlier
        found = [earlier.found[step.place] for step in steps if step.place in earlier.found]
        self._before = means.history.at(found)
        pairs = [(step, before) for step in steps if (before := self._find(step)) is not None]
        self._surroundings = Surroundings(means.history, pairs)
        calls = (call for step in steps for call in self._calls(step))
        ids = {call.completion_id for call in calls if call is not None and call.completion_id is not None}
        self._requests = means.history.requests(ids)

    def against(self, step: LoggedStep) -> str | None:
        before = self._find(step)
        return before.run_id if before is not None else None

    def changes(self, step: LoggedStep) -> tuple[Change, ...]:
        before = self._find(step)
        call, call_before = self._calls(step)
        if before is None or call is None:
            return (Change("new", self._earlier.novelty(step)),)
        history = self._means.history
        compared = Compared(
            own=step,
            before=before,
            line=self._means.line(step),
            beside=self._means.planned[step.trial.cell],
            call=call,
            call_before=call_before,
            asked=self._request(call),
            asked_before=self._request(call_before),
            files=FilesChanged(history.files(before.run_id), history.files(step.run_id)),
            surroundings=self._surroundings,
        )
        return causes(compared)

    def _find(self, step: LoggedStep) -> LoggedStep | None:
        place = self._earlier.found.get(step.place)
        return self._before.get(place) if place is not None else None

    def _calls(self, step: LoggedStep) -> tuple[StepCall | None, StepCall | None]:
        """Give the call that was the first to leave, and the one in its place before."""
        first, before = step.first_sent, self._find(step)
        if first is None:
            return None, None
        asked = before.asked if before is not None else ()
        return step.asked[first], asked[first] if first < len(asked) else None

    def _request(self, call: StepCall | None) -> Asked | None:
        found = self._requests.get(call.completion_id or 0) if call is not None else None
        is_it = found is not None and call is not None and found.fingerprint == call.fingerprint
        return found if is_it else None  # the id of an answer that was pruned may be another's
