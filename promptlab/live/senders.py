"""Finds the steps whose calls are of unknown outcome: those that would send the same requests again."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import batched

from promptlab.engine.forecasting import Forecaster
from promptlab.engine.places import place_of
from promptlab.engine.plan import Trial
from promptlab.engine.rendering import Renderer
from promptlab.live.recall import AllRuns, Recaller
from promptlab.live.resuming import Resumable
from promptlab.live.running import plan_of
from promptlab.loader.attachments import ProjectAttachments
from promptlab.schemas.log import AttemptRecord
from promptlab.services.run_log import RunLog

AT_ONCE = 128

type Sender = tuple[str, str]  # the place of a step, a row's id


def senders_of(
    found: Resumable, log: RunLog, attempts: Sequence[AttemptRecord]
) -> Mapping[str, Sequence[Sender]]:
    """Give, by fingerprint, which steps of which rows send a request; nothing is called or run.

    One that hangs on what a function gave or a model said and the log does not hold is not found.
    """
    wanted = {attempt.fingerprint for attempt in attempts}
    return asyncio.run(_walk(found, log, wanted)) if wanted else {}


async def _walk(found: Resumable, log: RunLog, wanted: set[str]) -> Mapping[str, Sequence[Sender]]:
    senders: dict[str, list[Sender]] = {}
    plan, attachments = plan_of(found.loaded, found.request, log), ProjectAttachments(found.loaded.files)
    async with Renderer() as renderer:
        with closing(Recaller(log, "")) as recaller:
            forecaster = Forecaster(AllRuns(recaller), renderer.render, fresh=False, attachments=attachments)
            for trials in batched(plan.trials(), AT_ONCE):
                for fingerprint, sender in await _sent(forecaster, trials):
                    if fingerprint in wanted and sender not in senders.setdefault(fingerprint, []):
                        senders[fingerprint].append(sender)
                if len(senders) == len(wanted):
                    break
    return senders


async def _sent(forecaster: Forecaster, trials: Sequence[Trial]) -> list[tuple[str, Sender]]:
    forecasts = await asyncio.gather(*map(forecaster.trial, trials))
    return [
        (ahead.fingerprint.hex(), (place_of(step.path), trial.key.row_id))
        for trial, steps in zip(trials, forecasts, strict=True)
        for step in steps
        for ahead in step.ahead
        if ahead.fingerprint is not None
    ]
