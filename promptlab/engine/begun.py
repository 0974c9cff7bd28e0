"""The trials that have begun, and whether limits leave room for them and for one more."""

import asyncio
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.call import Worst, cost_of
from promptlab.engine.completion import Usage
from promptlab.engine.handlers.budget import Budget, output_ceiling
from promptlab.engine.plan import Cell, Trial
from promptlab.engine.target import Target
from promptlab.schemas.run import Place, TrialKey, TrialStatus


@frozen
class Expected:
    """How many calls a trial makes, as far as its steps say, and what the dearest of them may take."""

    calls: int
    dearest: Worst


@slotted
class Begun:
    """Lets a trial begin where limits leave room for all calls that those under way are still to make.

    Of a trial are expected as many calls as it has steps and checks that ask a model, each as dear as answers
    were so far. That as large a share of trials errs as did so far is expected, too: before one has passed,
    all of them. One trial alone always has room: only what a call takes decides then whether it leaves.
    """

    budget: Budget
    errored: int = 0
    _ended: int = 0
    _calls: dict[Place, int] = field(default_factory=dict)
    _calls_left: int = 0
    _silent: set[Place] = field(default_factory=set)
    _expected: dict[str, Expected] = field(default_factory=dict)
    _door: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, trial: Trial) -> bool:
        """Wait until a trial may begin, after those that came before it; False: the run was stopped."""
        expected = self._expect(trial.cell)
        async with self._door:
            while self.budget.brake.stop is None:
                if not self._calls or self._has_room(expected):
                    self._add(trial.key.place, expected.calls)
                    return True
                self._changed.clear()
                await self._changed.wait()
        return False

    def is_silent(self, key: TrialKey) -> bool:
        """Whether a trial has made no call so far."""
        return key.place in self._silent

    def called(self, key: TrialKey) -> None:
        """Note that a trial makes a call."""
        self._silent.discard(key.place)
        if self._calls.get(key.place):
            self._calls[key.place] -= 1
            self._calls_left -= 1

    def end(self, key: TrialKey, status: TrialStatus) -> None:
        self._calls_left -= self._calls.pop(key.place)
        self._silent.discard(key.place)
        self._ended += 1
        self.errored += status == "errored"
        self._changed.set()

    def _add(self, place: Place, calls: int) -> None:
        self._calls[place] = calls
        self._calls_left += calls
        self._silent.add(place)

    def _has_room(self, expected: Expected) -> bool:
        calls = self._calls_left + expected.calls
        return self._may_err() and self.budget.has_room(calls, expected.dearest)

    def _may_err(self) -> bool:
        limit = self.budget.limits.errors
        if limit is None:
            return True
        share = (self.errored + 1) / (self._ended + 1)
        return (len(self._calls) + 1) * share <= limit - self.errored

    def _expect(self, cell: Cell) -> Expected:
        found = self._expected.get(cell.name)
        if found is None:
            targets = [line[0] for line in cell.lines()]
            asked = sum(step.target is not None for step in cell.all_steps())
            found = self._expected[cell.name] = Expected(asked + _judged(cell), _dearest(targets))
        return found


def _judged(cell: Cell) -> int:
    """Give how many times the checks of a trial ask a model."""
    steps = [step.step for step in cell.all_steps()]
    checks = (check for step in steps for check in (*step.checks, *step.inner_checks))
    return sum(check.worst_calls for check in (*checks, *cell.checks))


def _dearest(targets: list[Target]) -> Worst:
    """Give the most that an answer may take, as far as that is known before anything is asked."""
    tokens = [output_ceiling(target.params, target.profile) or 0 for target in targets]
    costs = [
        cost_of(Usage(0, output), target.profile.price) or 0.0
        for target, output in zip(targets, tokens, strict=True)
    ]
    return Worst(max(tokens, default=0), max(costs, default=0.0))
