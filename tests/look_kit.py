"""Runs to look at: a log with two runs of a pipeline in two cells, one of them hostile, and some more."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import update

from promptlab.live.project_log import open_log
from promptlab.loader.project import open_project
from promptlab.models import Run
from promptlab.schemas.events import RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd, RunRecord, RunStart
from promptlab.schemas.run import StepCall, StepResult, TrialKey, TrialResult, TrialStatus, Verdict
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from tests.run_log_kit import ANSWER, START, asking, intent_of, recording

CELLS = ("base", "few-shot")
MEGABYTE = "x" * 1_000_000
SCRIPT = "<script>document.title='owned'</script>"
BIDI = "admin\u202egnippihs\x1b[31m\ud800"
OUTPUTS = {0: "billing", 1: SCRIPT, 2: BIDI, 3: MEGABYTE, 4: "a" * 40 + "!"}


def trial(
    row: int,
    cell: str = "base",
    *,
    status: TrialStatus = "passed",
    output: str = "billing",
    row_id: str | None = None,
    repeat: int = 0,
    tags: tuple[str, ...] = (),
    calls: tuple[StepCall, ...] = (),
    cost: float | None = 0.25,
    milliseconds: float = 12.5,
) -> TrialResult:
    """Give a trial of one step, whose check `equals` failed where the trial did."""
    is_good = status == "passed"
    verdict = Verdict(
        step="classify",
        name="equals",
        type="equals",
        status="passed" if is_good else "failed",
        score=float(is_good),
        reason=f"is '{output[:300]}'",
    )
    step = StepResult(
        id="classify",
        status="passed" if is_good else "failed",
        output=output,
        messages=({"role": "user", "content": f"ticket {row}"}, {"role": "assistant", "content": output}),
        said=1,
        model="openai/gpt-4o-mini",
        calls=calls,
        input_tokens=10,
        output_tokens=2,
        cost_usd=cost,
        spent_usd=0.0,
        latency_ms=milliseconds,
        finish_reason="stop",
        verdicts=(verdict,),
    )
    ran = (
        replace(step, status="errored", error="it broke", error_kind="server")
        if status == "errored"
        else step
    )
    return TrialResult(
        key=TrialKey(row=row, row_id=row_id or f"t{row}", cell=cell, variant=cell, repeat=repeat),
        status=status,
        inputs={"ticket": f"ticket {row}"},
        outputs=None if status == "errored" else output,
        steps=(ran,),
        tags=tags,
        columns={"ticket": f"ticket {row}", "label": "billing"},
    )


async def recorded(log: RunLog, start: RunStart, trials: Iterable[TrialResult], end: RunEnd) -> str:
    found = list(trials)
    async with recording(log, start) as recorder:
        recorder.emit(RunStarted(start.pipeline, len(found), CELLS))
        for one in found:
            recorder.emit(TrialFinished(one))
        await recorder.end_run(end)
    return recorder.run_id


def ended(rate: float | None = None, status: str = "failed") -> RunEnd:
    metrics = (
        {} if rate is None else {"pass_rate": rate, "cells": {cell: {"pass_rate": rate} for cell in CELLS}}
    )
    return RunEnd(status=status, seconds=1.5, metrics=metrics)  # type: ignore[arg-type]


async def _record(log: RunLog) -> list[str]:
    """Record an earlier run of six rows, then one in which some flipped and rows moved, then others."""
    before = [trial(row, cell) for row in range(6) for cell in CELLS]
    ids = [await recorded(log, replace(START, note="first <b>"), before, ended(1.0, "passed"))]
    async with recording(log, replace(START, note=None, git_commit="ffe0")) as recorder:
        attempt = await recorder.intend(intent_of("row 0"))
        assert attempt is not None
        bought = await recorder.settle(attempt, intent_of("row 0"), ANSWER)
        call = StepCall(
            fingerprint=asking("row 0").fingerprint, completion_id=bought, recalled=False, attempts=1
        )
        recorder.emit(RunStarted("triage", 12, CELLS))
        for one in _later(call):
            recorder.emit(TrialFinished(one))
        await recorder.end_run(ended(0.5))
        ids.append(recorder.run_id)
    other = replace(START, pipeline="other", path="pipelines/other.yaml", note="100% _sure_", git_commit=None)
    ids.append(await recorded(log, other, [trial(0)], ended(None, "passed")))
    async with recording(log, replace(START, pipeline="cut", note="cut off")) as recorder:
        recorder.emit(RunStarted("cut", 4, ("base",)))
        recorder.emit(TrialFinished(trial(0)))
        ids.append(recorder.run_id)
    return ids


def _later(call: StepCall) -> Iterable[TrialResult]:
    """Row 5 has become row 0 of its id and so on: all ids are one row further on, and row 0 is new."""
    yield trial(0, "base", row_id="new", calls=(call,), tags=("hard",))
    yield trial(0, "few-shot", row_id="new", status="errored", cost=None, milliseconds=900)
    for row in range(1, 6):
        failed = row in (1, 3)
        output = OUTPUTS.get(row, "billing")
        yield trial(
            row,
            "base",
            row_id=f"t{row - 1}",
            status="failed" if failed else "passed",
            output=output,
            cost=row / 10,
        )
        yield trial(row, "few-shot", row_id=f"t{row - 1}", output=f"billing {row}", milliseconds=row * 100)


def record(log: RunLog) -> list[str]:
    """Give the ids of: the earlier run, the later one, one of another pipeline, one whose process died."""
    ids = asyncio.run(_record(log))
    with log.writing() as session:  # as a process that was killed leaves it
        session.execute(update(Run).where(Run.id == ids[-1]).values(status="running", ended_at=None))
    return ids


def record_one(log: RunLog, trials: Iterable[TrialResult]) -> str:
    return asyncio.run(recorded(log, START, trials, ended()))


def run_of(log: RunLog, run_id: str) -> RunRecord:
    with log.reading() as session:
        return RunService(session, is_running=lambda _: False).find(run_id)


def folder_with_runs(folder: Path) -> list[str]:
    """Record them into the log of the project at a folder."""
    with open_log(open_project(root=str(folder))) as log:
        return record(log)
