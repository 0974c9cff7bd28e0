"""What an edited prompt would send for a row, and what that would cost; nothing is sent or written."""

from collections.abc import Sequence
from dataclasses import field

from promptlab.core.errors import NothingToRun, UsageError
from promptlab.core.frozen import frozen, replace
from promptlab.engine.plan import Trial
from promptlab.engine.rendering import Renderer
from promptlab.live.hosting.hosted import Hosted
from promptlab.live.planning.making import plan_loaded
from promptlab.live.playground.prompt_text import PromptText, read_prompt
from promptlab.live.playground.tried import Tried
from promptlab.live.preview import StepPreview, preview, trial_to_preview
from promptlab.live.running import RunRequest, ceiling_of
from promptlab.live.serving.pipelines import pipeline_path
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.loader.prompt_steps import PromptSteps, prompt_steps
from promptlab.schemas.plan import PipelinePlan
from promptlab.schemas.run import everywhere
from promptlab.services.run_log import RunLog


@frozen(kw_only=True)
class Wanted:
    """Which prompt, on which row. `template` None: as it is on disk; `row` None: the first.

    `allowed`, `max_cost`: what a run of it may cost by the server and by whoever asks. `is_to_run`: what its
    checks need counts too.
    """

    pipeline: str
    step: str | None = None
    variant: str | None = None
    row: int | None = None
    template: str | None = field(default=None, repr=False)
    max_cost: float | None = None
    allowed: float | None = None
    is_to_run: bool = False

    def found(self, project: Project) -> PromptSteps:
        return prompt_steps(project.files, pipeline_path(project, self.pipeline), self.variant)

    @property
    def request(self) -> RunRequest:
        hosted = Hosted(allowed=self.allowed) if self.allowed is not None else None
        return RunRequest(max_cost=self.max_cost, hosted=hosted)


@frozen(kw_only=True)
class Cost:
    """What a run of it would do, or why there can be none; `room`: what its limits leave, in USD."""

    plan: PipelinePlan | None = None
    refusal: str | None = None
    room: float | None = None
    limit: str = ""

    @property
    def is_too_dear(self) -> bool:
        worst = self.plan.total.worst_usd if self.plan is not None else None
        return worst is not None and self.room is not None and worst > self.room


@frozen(kw_only=True)
class Look:
    """What was found. `loaded` and `trial` are None where there are problems; `loaded` has all rows."""

    found: PromptSteps
    tried: Tried
    prompt: PromptText
    problems: Problems
    loaded: LoadedPipeline | None = None
    trial: Trial | None = None
    steps: Sequence[StepPreview] = ()
    cost: Cost = field(default_factory=Cost)


@frozen
class Looking:
    """Looks with what stays warm between looks."""

    project: Project
    log: RunLog
    memory: LoadingMemory
    renderer: Renderer

    async def look(self, wanted: Wanted) -> Look:
        found = wanted.found(self.project)
        step = found.step(wanted.step)
        prompt = read_prompt(self.project.files, found.prompts[step])
        tried = Tried(
            pipeline=found.pipeline,
            cell=found.cell,
            step=step,
            row=wanted.row or 0,
            prompt=prompt.path,
            template=prompt.text if wanted.template is None else wanted.template,
        )
        look = Look(found=found, tried=tried, prompt=prompt, problems=Problems())
        project = tried.over(self.project)
        loaded = tried.load(
            project, project.targets(), look.problems, is_judged=wanted.is_to_run, memory=self.memory
        )
        return look if loaded is None else await self._rendered(look, project, loaded, wanted)

    async def _rendered(self, look: Look, project: Project, loaded: LoadedPipeline, wanted: Wanted) -> Look:
        row = trial_to_preview(loaded, wanted.row).key.row
        tried = replace(look.tried, row=row)
        alone = tried.alone(loaded)
        trial = trial_to_preview(alone, row)
        previews = await preview(project, alone, trial, renderer=self.renderer)
        return replace(
            look,
            tried=tried,
            loaded=loaded,
            trial=trial,
            steps=[one for one in previews if _is_at(one.step, tried.step)],
            cost=await self._cost(project, alone, wanted),
        )

    async def _cost(self, project: Project, alone: LoadedPipeline, wanted: Wanted) -> Cost:
        try:
            plan = await plan_loaded(project, alone, wanted.request, log=self.log, renderer=self.renderer)
        except (UsageError, NothingToRun) as error:
            return Cost(refusal=f"{error}; {error.hint}" if error.hint else str(error))
        ceiling = ceiling_of(alone, project, wanted.request)
        if ceiling is None:
            return Cost(plan=plan)
        return Cost(plan=plan, room=ceiling.room, limit=ceiling.name)


def _is_at(result: str, step: str) -> bool:
    """Say whether a result is of the step at a path, of whichever item."""
    return everywhere(result).replace("[]", "") == step
