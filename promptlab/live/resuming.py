"""Takes up a run that did not come to its end: under its lock, from the same files, with the same options."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.engine.targets import Targets
from promptlab.live.circumstances import can_be_read, differences
from promptlab.live.kept import TakenOver
from promptlab.live.running import RunRequest, circumstances_of
from promptlab.live.said import changes_said, request_said
from promptlab.live.source_changes import changed_files
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, load_pipeline
from promptlab.loader.project import Project
from promptlab.schemas.affected import AffectedTrials
from promptlab.schemas.log import AttemptRecord, RunRecord, SourceFile
from promptlab.schemas.run import total
from promptlab.services.commands import command_again
from promptlab.services.reopening import ReopeningService
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService, mark_dead
from promptlab.services.store import RunLock

LOOKS = 5  # at a lock: whoever asks whether a run is running holds it for an instant
BETWEEN_LOOKS = 0.05  # seconds
MOST_NAMED = 10


@frozen(kw_only=True)
class How:
    """What a resume says anew; None: as the run itself."""

    on_unknown: Literal["retry", "fail"] | None = None
    max_cost: float | None = None
    max_concurrency: int | None = None
    python_allowed: bool = True
    fail_fast: bool = False
    streams: bool = False


@frozen(kw_only=True)
class ClaimedRun:
    """A run that this process alone may go on with. `doubtful`: attempts that may be made again."""

    run: RunRecord
    taken_over: TakenOver
    sources: Sequence[SourceFile]
    doubtful: Sequence[AttemptRecord]

    @property
    def is_complete(self) -> bool:
        run = self.run
        return run.status in ("passed", "failed") and run.done >= run.planned and not run.errored


@frozen(kw_only=True)
class Resumable:
    """A run that can go on: what it runs, as it was loaded the first time."""

    project: Project
    loaded: LoadedPipeline
    targets: Targets
    request: RunRequest


@contextmanager
def claimed(log: RunLog, reference: str) -> Iterator[ClaimedRun]:
    """Hold the lock of a run; raises UsageError where it is still running."""
    with log.reading() as session:
        run = RunService(session, is_running=log.is_running).find(reference)
    lock = _acquired(log, run)
    try:
        yield _claim(log, run.id, lock)
    finally:
        lock.remove()


def _acquired(log: RunLog, run: RunRecord) -> RunLock:
    lock = log.lock_of(run.id)
    for look in range(LOOKS):
        if lock.acquire():
            return lock
        time.sleep(BETWEEN_LOOKS if look < LOOKS - 1 else 0)
    with log.reading() as session:
        pid = RunService(session, is_running=log.is_running).find(run.id).pid
    raise UsageError(
        f"run {run.id} is still running, in process {pid}", hint="wait for its end, or stop it with Ctrl-C"
    )


def _claim(log: RunLog, run_id: str, lock: RunLock) -> ClaimedRun:
    with log.writing() as session:
        mark_dead(session, run_id)
        runs, reopening = RunService(session, is_running=log.is_running), ReopeningService(session, run_id)
        run, unknown, numbers = runs.find(run_id), runs.unknown_attempts(run_id), reopening.numbers()
        taken_over = TakenOver(
            run_id=run_id,
            lock=lock,
            used=reopening.used(),
            spent_usd=run.spent_usd,
            seconds=reopening.seconds(),
            unknown=len(unknown),
            unknown_usd=total(attempt.reserved_usd for attempt in unknown),
        )
        claim = ClaimedRun(
            run=run,
            taken_over=taken_over,
            sources=runs.sources(run_id),
            doubtful=[attempt for attempt in unknown if attempt.fingerprint in numbers],
        )
        if not claim.is_complete:
            reopening.sign()
        return claim


def prepared(project: Project, log: RunLog, claim: ClaimedRun, how: How) -> Resumable:
    """Load what the run runs; raises UsageError, naming what is not as it was."""
    found = as_it_was(project, log, claim.run, claim.sources, how)
    return replace(found, request=replace(found.request, taken_over=claim.taken_over))


def as_it_was(
    project: Project, log: RunLog, run: RunRecord, sources: Sequence[SourceFile], how: How
) -> Resumable:
    """Load what a run ran, to look at; raises UsageError, naming what is not as it was."""
    if run.is_of_playground:
        hint = "run it again in the playground: what was answered is recalled"
        raise UsageError(f"run {run.id} tried a prompt that is not on disk: it cannot go on", hint=hint)
    if run.path is None or not can_be_read(run.made_with):
        _refuse(run, [f"it was written by another version of promptlab ({run.version})"])
    _refuse(run, list(changed_files(ProjectFiles(project.root), sources)))
    kept: Mapping[str, Any] = run.made_with
    project = replace(project, settings=replace(project.settings, model=kept["model"]))
    targets = project.targets(_text(run.options.get("model")))
    loaded = load_pipeline(project.files, run.path or "", targets, changes_said(run.options))
    known = {source.path for source in sources}
    _refuse(run, [f"{path} is new" for path in loaded.files.files_read if path not in known])
    request = _request(run, how)
    _refuse(run, list(differences(kept, circumstances_of(project, loaded, request, log))))
    return Resumable(project=project, loaded=loaded, targets=targets, request=request)


def _request(run: RunRecord, how: How) -> RunRequest:
    said = request_said(run.options)
    kept: Mapping[str, Any] = run.made_with
    before, affected, trials = kept["spent"], kept.get("affected"), kept.get("trials")
    return replace(
        said,
        on_unknown=how.on_unknown or said.on_unknown,
        max_cost=how.max_cost or said.max_cost,
        spent=0.0 if how.max_cost else float(before) if isinstance(before, int | float) else 0.0,
        max_concurrency=how.max_concurrency or said.max_concurrency,
        python_allowed=said.python_allowed and how.python_allowed,
        fail_fast=how.fail_fast,
        streams=how.streams,
        said=run.options,
        affected={run.path or "": AffectedTrials.of(affected)} if affected else {},
        trials=None if trials is None else frozenset((row, cell, repeat) for row, cell, repeat in trials),
    )


def _refuse(run: RunRecord, reasons: Sequence[str]) -> None:
    if not reasons:
        return
    named = ", ".join(reasons[:MOST_NAMED])
    more = f" and {len(reasons) - MOST_NAMED} more" if len(reasons) > MOST_NAMED else ""
    again = command_again(run.path or run.pipeline, run.options)
    hint = f"`{again}` gets there by recall: of what was answered it asks only what has changed"
    raise UsageError(f"run {run.id} cannot be resumed: {named}{more}", hint=hint)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
