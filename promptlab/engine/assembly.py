"""The one place where the order of all chains is written."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Literal, Never

from promptlab.core.frozen import frozen
from promptlab.engine.attachments import NO_ATTACHMENTS, AttachmentSource
from promptlab.engine.begun import Begun
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.call_log import CallLog, RecordedAnswers
from promptlab.engine.chain import Handler, chain
from promptlab.engine.clock import Clock, SystemClock
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DayLimit
from promptlab.engine.falling_back import FallbackRecord
from promptlab.engine.function import CallFunction, Function
from promptlab.engine.handlers.announce import Announce
from promptlab.engine.handlers.budget import Budget, Purse
from promptlab.engine.handlers.guard import Guard
from promptlab.engine.handlers.halt import Halt
from promptlab.engine.handlers.judge import Judge
from promptlab.engine.handlers.keep import Keep
from promptlab.engine.handlers.order import Order
from promptlab.engine.handlers.parse import Parse
from promptlab.engine.handlers.recall import Recall
from promptlab.engine.handlers.record import Record
from promptlab.engine.handlers.retry import Retry
from promptlab.engine.handlers.throttle import Throttle
from promptlab.engine.machinery import Machinery
from promptlab.engine.performing import Perform
from promptlab.engine.replaying import Anyhow, NoteRaised, Raise, Replay
from promptlab.engine.runner import Runner
from promptlab.engine.scope import Render
from promptlab.engine.step_request import RunStep, StepRequest
from promptlab.engine.stored import Stored
from promptlab.engine.trial import TrialRunner
from promptlab.engine.web import SendRequest, WebAnswer, WebRequest
from promptlab.schemas.events import Emit
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import StepResult

type Ask = Callable[[Call], Awaitable[Answer]]


@frozen(kw_only=True)
class RunOptions:
    """How a run goes about its calls. `spent`: what of `limits` is gone before it begins.

    `cost_name`: who set the limit of cost; `cost_usd_per_day` is one that all runs on the log share.
    Not `python`: functions of the project are not called, but replayed.
    """

    limits: Limits = field(default_factory=Limits)
    cost_name: str = "limits.cost_usd"
    cost_usd_per_day: float | None = None
    fresh: bool = False
    on_unknown: Literal["retry", "fail"] = "retry"
    max_concurrency: int | None = None
    fail_fast: bool = False
    streams: bool = False
    python: bool = True
    spent: Purse | None = None


@frozen
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
    attachments: AttachmentSource = NO_ATTACHMENTS,
    send: SendRequest | None = None,
    judge_only: bool = False,
    replay: Replay | None = None,
    note_raised: Callable[[CompletionRequest, Completion], None] | None = None,
) -> Engine:
    """Build the chains and the runner on top of them. `send` None: no http step is run.

    `judge_only`: the trials are stored ones, whose steps are not run again. `replay`: nothing is sent.
    `note_raised` is told what functions of the project raise.
    """
    clock = clock or SystemClock()
    recall = Recall(log if replay is None else Anyhow(replay.recorded), emit, fresh=options.fresh)
    retry = Retry(log, clock, brake, random.random, options.on_unknown)
    budget = _budget(options, log, clock, brake)
    begun = Begun(budget)
    throttle = Throttle(clock, brake, emit, options.max_concurrency)
    record = Record(log, emit)
    remember = Recall(log, _tell_nobody, fresh=options.fresh or replay is not None)
    noting = [] if note_raised is None else [NoteRaised(note_raised)]
    run_code = _calls([remember, *noting, Keep(log, brake)])
    replayed = None if replay is None else chain([Raise(), recall], replay.lacking)
    machinery = Machinery(
        complete=replayed or _calls([recall, retry, Order(begun), budget, throttle, record]),
        act=replayed if replayed and not options.python else run_code,
        use=replayed or run_code,
        fetch=replayed or _calls([recall, retry, Halt(brake), record]),
        call=call,
        send=send or _unfetched,
        render=render,
        clock=clock,
        brake=brake,
        emit=emit,
        fallbacks=FallbackRecord(recall.log, options.fresh, log if replay is None else None),
        attachments=attachments,
        streams=options.streams,
    )
    trials = TrialRunner(machinery, _stored_steps(machinery) if judge_only else _steps(machinery))
    runner = Runner(machinery, trials, begun, options.limits, options.max_concurrency, options.fail_fast)
    return Engine(runner, throttle, budget, (recall, remember))


def assemble_preview(
    log: RecordedAnswers, render: Render, attachments: AttachmentSource = NO_ATTACHMENTS
) -> RunStep:
    """Build the chains of a preview: what was recorded is recalled, nothing sent, run or judged."""
    answer = chain([Recall(log, _tell_nobody)], _unsent)
    machinery = still_machinery(answer, answer, FallbackRecord(log), render, attachments)
    return _step_chain([Guard(render, timed=False), Parse()], machinery)


def still_machinery(
    complete: Ask, act: Ask, fallbacks: FallbackRecord, render: Render, attachments: AttachmentSource
) -> Machinery:
    """Give what a walk works with: `complete` and `act` say what is known; nothing is run, sent or judged."""
    return Machinery(
        complete=complete,
        act=act,
        use=act,
        fetch=act,
        call=_uncalled,
        send=_unfetched,
        render=render,
        clock=SystemClock(),
        brake=Brake(),
        emit=_tell_nobody,
        fallbacks=fallbacks,
        attachments=attachments,
        is_walk=True,
    )


def assemble_walk(machinery: Machinery, inner: RunStep) -> RunStep:
    """Build the step chain of a trial that is only looked at: no step is judged, told of or timed.

    `inner` is what leads the steps inside a step.
    """
    return chain([Guard(machinery.render, timed=False), Parse()], Perform(machinery, inner))


def _budget(options: RunOptions, log: CallLog, clock: Clock, brake: Brake) -> Budget:
    usd = options.cost_usd_per_day
    day = DayLimit(usd, log, clock, brake) if usd is not None else None
    spent = options.spent or Purse()
    return Budget(options.limits, brake, spent, day=day, cost_name=options.cost_name)


async def _unsent(call: Call) -> Answer:
    return CallFailure(kind="closed", message=f"no answer of {call.model} is recorded", outcome="unsent")


async def _uncalled(function: Function, *_arguments: object, **_options: object) -> Never:
    raise AssertionError(f"a preview runs no code, but {function.reference} was called")


async def _unfetched(request: WebRequest, *, seconds: float) -> WebAnswer:
    raise AssertionError(f"nothing here sends requests, but {request.shown} was to be sent in {seconds:g} s")


def _calls(handlers: list[Handler[Call, Answer]]) -> Ask:
    async def ask(call: Call) -> Answer:
        return await call.ask(call)

    return chain(handlers, ask)


def _steps(machinery: Machinery) -> RunStep:
    handlers: list[Handler[StepRequest, StepResult]] = [
        Announce(machinery.emit),
        Judge(machinery),
        Guard(machinery.render),
        Parse(),
    ]
    return _step_chain(handlers, machinery)


def _stored_steps(machinery: Machinery) -> RunStep:
    """Build the chain of trials that are judged again."""

    async def run_step(request: StepRequest) -> StepResult:
        return await whole(request)

    whole = chain([Judge(machinery)], Stored(Perform(machinery, run_step)))
    return whole


def _step_chain(handlers: list[Handler[StepRequest, StepResult]], machinery: Machinery) -> RunStep:
    """Build a chain whose end leads the steps inside a step through the whole of it."""

    async def run_step(request: StepRequest) -> StepResult:
        return await whole(request)

    whole = chain(handlers, Perform(machinery, run_step))
    return whole


def _tell_nobody(_event: object) -> None:
    """What functions gave is remembered like a model's answers, but they are no calls of the run."""
