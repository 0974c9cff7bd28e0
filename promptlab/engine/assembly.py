"""The one place where the order of both chains is written."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Never

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.call_log import CallLog, RecordedAnswers
from promptlab.engine.chain import Handler, chain
from promptlab.engine.clock import Clock, SystemClock
from promptlab.engine.completion import Answer, CallFailure
from promptlab.engine.function import CallFunction, Function
from promptlab.engine.handlers.announce import Announce
from promptlab.engine.handlers.budget import Budget, Purse
from promptlab.engine.handlers.guard import Guard
from promptlab.engine.handlers.judge import Judge
from promptlab.engine.handlers.keep import Keep
from promptlab.engine.handlers.parse import Parse
from promptlab.engine.handlers.recall import Recall
from promptlab.engine.handlers.record import Record
from promptlab.engine.handlers.retry import Retry
from promptlab.engine.handlers.throttle import Throttle
from promptlab.engine.machinery import Machinery
from promptlab.engine.performing import Perform
from promptlab.engine.runner import Runner
from promptlab.engine.scope import Render
from promptlab.engine.step_request import StepRequest
from promptlab.engine.trial import RunStep, TrialRunner
from promptlab.schemas.events import Emit
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import StepResult

type Ask = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run goes about its calls. `spent`: what its earlier part, if it is resumed, had spent."""

    limits: Limits = field(default_factory=Limits)
    fresh: bool = False
    on_unknown: Literal["retry", "fail"] = "retry"
    max_concurrency: int | None = None
    fail_fast: bool = False
    streams: bool = False
    spent: Purse | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """A runner, and the parts of it that whoever started the run must see."""

    runner: Runner
    throttle: Throttle
    budget: Budget
    recalls: tuple[Recall, ...]

    async def drain(self, patience: float) -> None:
        """Let no call leave any more; wait for those in flight, for so many seconds at most.

        Those that are given up are recorded as of unknown outcome.
        """
        self.budget.brake.end()
        try:
            async with asyncio.timeout(patience):
                await self._landed()
        except TimeoutError:
            for recall in self.recalls:
                recall.abandon()
            await self._landed()

    async def _landed(self) -> None:
        for recall in self.recalls:
            await recall.drain()


def assemble(
    options: RunOptions,
    *,
    log: CallLog,
    render: Render,
    call: CallFunction,
    brake: Brake,
    emit: Emit,
    clock: Clock | None = None,
) -> Engine:
    """Build both chains and the runner on top of them."""
    clock = clock or SystemClock()
    recall = Recall(log, emit, fresh=options.fresh)
    retry = Retry(log, clock, brake, random.random, options.on_unknown)
    budget = Budget(options.limits, brake, options.spent or Purse())
    throttle = Throttle(clock, brake, emit, options.max_concurrency)
    remember = Recall(log, _tell_nobody, fresh=options.fresh)
    machinery = Machinery(
        complete=_calls([recall, retry, budget, throttle, Record(log, emit)]),
        act=_calls([remember, Keep(log, brake)]),
        call=call,
        render=render,
        clock=clock,
        brake=brake,
        emit=emit,
        streams=options.streams,
    )
    trials = TrialRunner(machinery, _steps(machinery))
    runner = Runner(machinery, trials, options.limits, options.max_concurrency, options.fail_fast)
    return Engine(runner, throttle, budget, (recall, remember))


def assemble_preview(log: RecordedAnswers, render: Render) -> RunStep:
    """Build the chains of a preview: what was recorded is recalled, nothing sent, run or judged."""
    answer = chain([Recall(log, _tell_nobody)], _unsent)
    return assemble_walk(still_machinery(answer, answer, render))


def still_machinery(complete: Ask, act: Ask, render: Render) -> Machinery:
    """Give what a walk works with: `complete` and `act` say what is known, and no code is run."""
    return Machinery(
        complete=complete,
        act=act,
        call=_uncalled,
        render=render,
        clock=SystemClock(),
        brake=Brake(),
        emit=_tell_nobody,
    )


def assemble_walk(machinery: Machinery) -> RunStep:
    """Build the step chain of a trial that is only looked at: no step is judged, told of or timed."""
    return chain([Guard(machinery.render, timed=False), Parse()], Perform(machinery))


async def _unsent(call: Call) -> Answer:
    return CallFailure(kind="closed", message=f"no answer of {call.model} is recorded", outcome="unsent")


async def _uncalled(function: Function, *_arguments: object, **_options: object) -> Never:
    raise AssertionError(f"a preview runs no code, but {function.reference} was called")


def _calls(handlers: list[Handler[Call, Answer]]) -> Ask:
    async def ask(call: Call) -> Answer:
        return await call.ask(call.request)

    return chain(handlers, ask)


def _steps(machinery: Machinery) -> RunStep:
    handlers: list[Handler[StepRequest, StepResult]] = [
        Announce(machinery.emit),
        Judge(machinery),
        Guard(machinery.render),
        Parse(),
    ]
    return chain(handlers, Perform(machinery))


def _tell_nobody(_event: object) -> None:
    """What functions gave is remembered like a model's answers, but they are no calls of the run."""
