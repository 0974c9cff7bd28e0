"""Runs, calls and trials to put into a run log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from promptlab.engine.call_log import Intent
from promptlab.engine.completion import Completion, CompletionRequest, Endpoint, Usage
from promptlab.engine.conversation import Message
from promptlab.live.recorder import Recorder
from promptlab.schemas.events import RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd, RunRecord, RunStart, SourceFile
from promptlab.schemas.run import StepCall, StepResult, TrialKey, TrialResult, TrialStatus, Verdict
from promptlab.services.run_log import RunLog, open_run_log
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService

ENDPOINT = Endpoint("openai", "openai", "chat")
START = RunStart(
    pipeline="triage",
    path="pipelines/triage.yaml",
    options={"limit": 3},
    note="a try",
    git_commit="abc123",
    git_dirty=True,
    files=(SourceFile("pipelines/triage.yaml", "pipeline", b"name: triage\n"),),
)
ANSWER = Completion(
    text="billing",
    usage=Usage(10, 2, 4, 1),
    cost_usd=0.5,
    latency_ms=12.5,
    first_token_ms=3.0,
    answered_by="gpt-4o-mini-2024",
    raw=b'{"id": 1}',
    logprobs=(-0.5, -1.25),
)


def log_in(folder: Path) -> RunLog:
    return open_run_log(folder / ".promptlab" / "lab.db")


def asking(text: str) -> CompletionRequest:
    return CompletionRequest(ENDPOINT, "gpt-4o-mini", (Message("user", text),), {"temperature": 0})


def intent_of(text: str, *, reserved: float | None = 1.0, number: int = 1) -> Intent:
    return Intent(request=asking(text), number=number, reserved_usd=reserved)


def trial_of(row: int, *, cell: str = "base", repeat: int = 0, status: TrialStatus = "passed") -> TrialResult:
    request = asking(f"row {row}")
    verdict = Verdict(
        step="classify", name="equals", type="equals", status="passed", score=1.0, reason="same"
    )
    overall = Verdict(
        step=None, name="cost", type="cost", status="failed", score=0.0, reason="dear", weight=2
    )
    step = StepResult(
        id="classify",
        status="passed",
        output={"label": "billing"},
        messages=({"role": "user", "content": f"row {row}"},),
        model="openai/gpt-4o-mini",
        calls=(StepCall(fingerprint=request.fingerprint, completion_id=1, recalled=False, attempts=2),),
        input_tokens=10,
        output_tokens=2,
        cost_usd=0.5,
        spent_usd=0.25,
        latency_ms=12.5,
        finish_reason="stop",
        logprobs=(-0.5, -1.25),
        verdicts=(verdict,),
    )
    skipped = StepResult(id="reply", status="skipped")
    return TrialResult(
        key=TrialKey(row=row, row_id=f"r{row}", cell=cell, variant=cell, axes={"t": 0.7}, repeat=repeat),
        status=status,
        inputs={"ticket": f"row {row}"},
        outputs={"label": "billing"},
        steps=(step, skipped),
        verdicts=(overall,),
        tags=("a", "b"),
        columns={"ticket": f"row {row}", "label": "billing"},
    )


@asynccontextmanager
async def recording(log: RunLog, start: RunStart = START) -> AsyncIterator[Recorder]:
    async with await Recorder.begin_run(log, start) as recorder:
        yield recorder


async def record_run(log: RunLog, *trials: TrialResult, cells: tuple[str, ...] = ("base",)) -> str:
    async with recording(log) as recorder:
        recorder.emit(RunStarted("triage", len(trials), cells))
        for trial in trials:
            recorder.emit(TrialFinished(trial))
        await recorder.end_run(RunEnd(status="passed", seconds=1.5))
    return recorder.run_id


async def buy(recorder: Recorder, text: str, answer: Completion = ANSWER) -> int:
    attempt = await recorder.intend(intent_of(text))
    assert attempt is not None
    completion = await recorder.settle(attempt, intent_of(text), answer)
    assert completion is not None
    return completion


def run_in(log: RunLog, reference: str = "last") -> RunRecord:
    with log.reading() as session:
        return RunService(session, is_running=log.is_running).find(reference)


def trials_in(log: RunLog, run_id: str) -> list[TrialResult]:
    with log.reading() as session:
        return list(TrialService(session).of_run(run_id))
