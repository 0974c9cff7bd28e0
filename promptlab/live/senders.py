"""Finds the steps whose calls are of unknown outcome: on record, or because they would ask the same again."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import batched, islice

from promptlab.core.errors import PromptlabError
from promptlab.engine.forecast import StepForecast
from promptlab.engine.forecasting import Forecaster
from promptlab.engine.places import place_of
from promptlab.engine.plan import Trial
from promptlab.engine.rendering import Renderer
from promptlab.live.recall import AllRuns, Recaller
from promptlab.live.resuming import How, Resumable, as_it_was
from promptlab.live.running import plan_of
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.project import Project
from promptlab.schemas.log import AttemptRecord, Sender, Senders
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from promptlab.services.senders import SenderService, judging

AT_ONCE = 128
UNDER_WAY = 1_000  # trials that a run has begun and not ended are no more


def senders_of(
    project: Project,
    log: RunLog,
    run_id: str,
    attempts: Sequence[AttemptRecord],
    found: Resumable | None = None,
) -> Senders:
    """Give, by fingerprint, which steps of which rows of a run sent requests; nothing is called or run.

    Trials that did not end tell it by what they would ask, if the files are as they were; `found`: what the
    run runs, where it is loaded. One that hangs on what a function gave or a model said and the log does not
    hold is not found.
    """
    wanted = {attempt.fingerprint for attempt in attempts}
    with log.reading() as session:
        on_record = SenderService(session, run_id).of(wanted)
    if not wanted - on_record.keys():
        return on_record
    with suppress(PromptlabError):
        found = found or _loaded(project, log, run_id)
        return on_record | asyncio.run(_walk(found, log, run_id, wanted - on_record.keys()))
    return on_record


def _loaded(project: Project, log: RunLog, run_id: str) -> Resumable:
    with log.reading() as session:
        runs = RunService(session, is_running=log.is_running)
        run, sources = runs.find(run_id), runs.sources(run_id)
    return as_it_was(project, log, run, sources, How())


async def _walk(found: Resumable, log: RunLog, run_id: str, wanted: set[str]) -> dict[str, list[Sender]]:
    senders: dict[str, list[Sender]] = {}
    attachments = ProjectAttachments(found.loaded.files)
    async with Renderer() as renderer:
        with closing(Recaller(log, "")) as recaller:
            forecaster = Forecaster(AllRuns(recaller), renderer.render, fresh=False, attachments=attachments)
            for trials in batched(_under_way(found, log, run_id), AT_ONCE):
                for fingerprint, sender in await _sent(forecaster, trials):
                    if fingerprint in wanted and sender not in senders.setdefault(fingerprint, []):
                        senders[fingerprint].append(sender)
                if len(senders) == len(wanted):
                    break
    return senders


def _under_way(found: Resumable, log: RunLog, run_id: str) -> Iterator[Trial]:
    """Give the trials of which calls may have been in flight: the first that are not on record."""
    with log.reading() as session:
        ended = SenderService(session, run_id).ended()
    trials = plan_of(found.loaded, found.request, log).trials()
    return islice((trial for trial in trials if trial.key.place not in ended), UNDER_WAY)


async def _sent(forecaster: Forecaster, trials: Sequence[Trial]) -> list[tuple[str, Sender]]:
    forecasts = await asyncio.gather(*map(forecaster.trial, trials))
    return [
        (ahead.fingerprint.hex(), (_place(step), trial.key.row_id))
        for trial, steps in zip(trials, forecasts, strict=True)
        for step in steps
        for ahead in step.ahead
        if ahead.fingerprint is not None
    ]


def _place(step: StepForecast) -> str:
    place = place_of(step.path)
    return judging(place) if step.judges else place
