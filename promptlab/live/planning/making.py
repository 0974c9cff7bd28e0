"""Makes the plan of a pipeline: walks every trial with what is recorded; sends, runs and writes nothing."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from itertools import batched

from promptlab.core.frozen import frozen
from promptlab.engine.attachments import AttachmentSource
from promptlab.engine.forecasting import Forecaster
from promptlab.engine.plan import Plan
from promptlab.engine.rendering import Renderer
from promptlab.live.planning.comparisons import comparisons
from promptlab.live.planning.counting import Counting, Seen
from promptlab.live.planning.limits import limit_warnings, model_warnings, seconds_of
from promptlab.live.recall import AllRuns, Recaller
from promptlab.live.recordings import Behind, RecordedFiles
from promptlab.live.running import Ceiling, RunRequest, ceiling_of, plan_of, require_runnable
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.loader.recordings import Recordings
from promptlab.schemas.plan import Experience, Numbers, PipelinePlan
from promptlab.services.experience import ExperienceService
from promptlab.services.run_log import RunLog

AT_ONCE = 128

type Progress = Callable[[int, int], None]


async def plan_loaded(
    project: Project,
    loaded: LoadedPipeline,
    request: RunRequest,
    *,
    log: RunLog,
    seen: Seen | None = None,
    progress: Progress = lambda _done, _planned: None,
    renderer: Renderer | None = None,
) -> PipelinePlan:
    """Plan a run of a pipeline. `seen`: what the same command runs before. `progress` gets done and planned.

    `renderer`: one that is open already, and stays open.
    Raises UsageError, NothingToRun and StorageError where a run would.
    """
    require_runnable(project, loaded, request)
    plan = plan_of(loaded, request, log)
    seen = seen or Seen()
    seen.new_run(fresh=request.fresh)
    recordings = Recordings(project.files, loaded.name)
    walk = _Walk(plan, log, request.fresh, ProjectAttachments(loaded.files), recordings, renderer)
    counting = await walk.count(seen, progress)
    steps = (*counting.steps(), *comparisons(plan, counting))
    total = Numbers.total(step.numbers for step in steps)
    loads = list(counting.loads.values())
    seconds = None if total.has_open_list else seconds_of(loads, request.max_concurrency)
    return PipelinePlan(
        pipeline=loaded.name,
        path=loaded.path,
        trials=plan.size,
        least_trials=plan.least,
        steps=steps,
        seconds=seconds,
        warnings=(
            *model_warnings(total, loads),
            *limit_warnings(
                total,
                seconds,
                loaded.spec.limits,
                _ceilings(project, loaded, request, log),
            ),
        ),
        errors=tuple(counting.errors),
    )


def _ceilings(
    project: Project, loaded: LoadedPipeline, request: RunRequest, log: RunLog
) -> Iterator[Ceiling]:
    """Give the limit of the run's cost and that of the day, with what of it is gone."""
    ceiling = ceiling_of(loaded, project, request)
    if ceiling is not None:
        yield ceiling
    per_day = project.settings.limits.cost_usd_per_day
    if per_day is not None:
        with closing(Recaller(log, "")) as recaller:
            spent = recaller.today(log.is_running).elsewhere
        yield Ceiling(per_day, spent + request.spent, "limits.cost_usd_per_day of promptlab.yaml")


@frozen
class _Walk:
    """All trials of a plan, some of them at once."""

    plan: Plan
    log: RunLog
    fresh: bool
    attachments: AttachmentSource
    recordings: Recordings
    renderer: Renderer | None

    async def count(self, seen: Seen, progress: Progress) -> Counting:
        counting = Counting(self.plan.cells, self._experience(), seen)
        done = 0
        async with AsyncExitStack() as stack:
            renderer = self.renderer
            if renderer is None:
                renderer = await stack.enter_async_context(Renderer())
            recaller = stack.enter_context(closing(Recaller(self.log, "")))
            answers = Behind(AllRuns(recaller), RecordedFiles(self.recordings))
            forecaster = Forecaster(answers, renderer.render, self.fresh, self.attachments)
            for trials in batched(self.plan.trials(), AT_ONCE):
                forecasts = await asyncio.gather(*map(forecaster.trial, trials))
                for trial, steps in zip(trials, forecasts, strict=True):
                    counting.add(trial, steps)
                done += len(trials)
                progress(done, self.plan.size)
        return counting

    def _experience(self) -> Experience:
        with self.log.reading() as session:
            models = (profile.name for profile in self.plan.profiles())
            return ExperienceService(session).gather(self.plan.pipeline, models)
