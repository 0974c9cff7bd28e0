"""Adds up what trials would do: for each step in each cell, and for each model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import field, fields
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.engine.forecast import Ahead, StepForecast
from promptlab.engine.places import by_place, place_of, written_places
from promptlab.engine.plan import Cell, Trial
from promptlab.engine.provider import ModelProfile
from promptlab.engine.target import Target
from promptlab.live.planning.estimates import Estimate, Estimator
from promptlab.schemas.plan import CertainError, Experience, Numbers, StepPlan

ERRORS_KEPT = 20


@slotted
class Seen:
    """The requests that leave, so that each is counted once; `new_run` where the next pipeline begins.

    Eight bytes of each fingerprint are kept.
    """

    _own: set[int] = field(default_factory=set)
    _earlier: set[int] = field(default_factory=set)

    def new_run(self, *, fresh: bool) -> None:
        """What an earlier run will have bought is recalled, unless the new one recalls nothing older."""
        if not fresh:
            self._earlier |= self._own
        self._own = set()

    def is_new(self, ahead: Ahead) -> bool:
        if ahead.fingerprint is None:
            return True
        key = int.from_bytes(ahead.fingerprint[:8])
        if key in self._own or (ahead.recall and key in self._earlier):
            return False
        self._own.add(key)
        return True


@slotted
class ModelLoad:
    """The calls that a model is likely to get; `latency_ms` of all of them, None where nobody knows.

    `problem`: why it cannot be asked as things are.
    """

    profile: ModelProfile
    problem: str | None = None
    calls: int = 0
    tokens: float = 0.0
    latency_ms: float | None = 0.0

    def add(self, times: int, tokens: float, latency_ms: float | None) -> None:
        self.calls += times
        self.tokens += tokens * times
        known = None in (self.latency_ms, latency_ms)
        self.latency_ms = None if known else self.latency_ms + latency_ms * times  # type: ignore[operator]


class Sums:
    """Grows to the Numbers of a step in a cell, and has their fields; frozen ones would be slow to add up."""

    def __init__(self) -> None:
        self._of: dict[str, Any] = {entry.name: entry.default for entry in fields(Numbers)}

    def count(self, name: str, times: int = 1) -> None:
        self._of[name] += times

    def note(self, name: str, *, holds: bool) -> None:
        self._of[name] = self._of[name] or holds

    def add(self, ahead: Ahead, estimate: Estimate) -> None:
        """Add calls that nobody has answered; only likely ones are expected."""
        times, inputs, outputs = ahead.times, estimate.inputs, estimate.outputs
        self.count("call" if ahead.certainty == "sure" else "open", times)
        self._of["worst_tokens"] += (inputs.worst + outputs.worst) * times
        self._pay("worst_usd", estimate.worst_usd, times)
        self.note("is_soft", holds=not (inputs.is_known and outputs.is_known))
        if ahead.is_likely:
            self._of["input_tokens"] += inputs.expected * times
            self._of["output_tokens"] += outputs.expected * times
            self._pay("expected_usd", estimate.expected_usd, times)

    def _pay(self, name: str, usd: float | None, times: int) -> None:
        so_far = self._of[name]
        self._of[name] = None if so_far is None or usd is None else so_far + usd * times

    @property
    def numbers(self) -> Numbers:
        return Numbers(**self._of)


class Counting:
    """Takes the forecasts of trials, in order."""

    def __init__(self, cells: Iterable[Cell], experience: Experience, seen: Seen) -> None:
        self._cells = {cell.name: cell for cell in cells}
        self._steps = {name: by_place(cell.steps) for name, cell in self._cells.items()}
        self._estimators = {name: Estimator(cell, experience) for name, cell in self._cells.items()}
        self._sums = defaultdict[tuple[str, str, bool], Sums](Sums)
        self._seen = seen
        self.loads: dict[str, ModelLoad] = {}
        self.errors: list[CertainError] = []

    def add(self, trial: Trial, forecasts: Iterable[StepForecast]) -> None:
        is_sure = trial.key.repeat < trial.cell.spec.repeat.fewest
        for forecast in forecasts:
            self._add(trial, forecast if is_sure else forecast.if_undecided())

    def steps(self) -> Iterator[StepPlan]:
        """Give what each step does, cell by cell, as they are written."""
        for name, cell in self._cells.items():
            for place in written_places(cell.spec.steps):
                planned = self._steps[name][place]
                target = planned.target
                yield StepPlan(
                    cell=name,
                    variant=cell.variant,
                    axes=cell.axes,
                    step=place,
                    model=target.profile.name if target is not None else None,
                    numbers=self._sums[name, place, False].numbers,
                    basis=self._estimators[name].basis(place),
                )
                yield from self._judges(cell, place, (*planned.judges.targets, *planned.inner_judges.targets))
            yield from self._judges(cell, "", cell.judges.targets)

    def asked(self, cell: str, ahead: Ahead) -> Numbers:
        """Give what calls of a judge come to that belong to no trial; they count among the loads."""
        sums = Sums()
        self._ask(sums, self._estimators[cell], None, ahead)
        return sums.numbers

    def _judges(self, cell: Cell, place: str, targets: Iterable[Target]) -> Iterator[StepPlan]:
        """Give what the models do that judge at a place, where there are any."""
        models = sorted({target.profile.name for target in targets})
        if models:
            yield StepPlan(
                cell=cell.name,
                variant=cell.variant,
                axes=cell.axes,
                step=place,
                model=", ".join(models),
                numbers=self._sums[cell.name, place, True].numbers,
                basis="assumed",
                judges=True,
            )

    def _add(self, trial: Trial, forecast: StepForecast) -> None:
        place = place_of(forecast.path)
        sums = self._sums[trial.key.cell, place, forecast.judges]
        sums.count("recall", forecast.recalled)
        sums.count("run", forecast.runs)
        sums.count("remembered", forecast.remembered)
        sums.count("skip", forecast.is_skipped)
        sums.note("has_open_list", holds=forecast.has_open_list)
        for ahead in forecast.ahead:
            if self._seen.is_new(ahead):
                self._ask(sums, self._estimators[trial.key.cell], None if forecast.judges else place, ahead)
            else:
                sums.count("recall")
        if forecast.error is not None:
            sums.count("error")
            self._note(trial, forecast.path, forecast.error)

    def _ask(self, sums: Sums, estimator: Estimator, step: str | None, ahead: Ahead) -> None:
        estimate = estimator.estimate(step, ahead)
        sums.add(ahead, estimate)
        if ahead.is_likely:
            profile = ahead.request.profile
            load = self.loads.setdefault(profile.name, ModelLoad(profile, ahead.request.problem))
            tokens = estimate.inputs.expected + estimate.outputs.expected
            load.add(ahead.times, tokens, estimator.latency_ms(step, ahead.request))

    def _note(self, trial: Trial, step: str, message: str) -> None:
        if len(self.errors) < ERRORS_KEPT:
            key = trial.key
            self.errors.append(
                CertainError(row=key.row, row_id=key.row_id, cell=key.cell, step=step, message=message)
            )
