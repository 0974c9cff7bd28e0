"""The playground: an edited prompt rendered, run on one row, and written over its file."""

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response, status

from promptlab.api.answers import answered
from promptlab.api.pipelines import file_problem
from promptlab.live.playground.depends import PlaygroundDep
from promptlab.live.playground.looking import Look, Wanted
from promptlab.live.playground.prompt_text import PromptText
from promptlab.schemas.api.pipelines import RenderedStep
from promptlab.schemas.api.plan import PlannedPipeline
from promptlab.schemas.api.playground import (
    PlaygroundOrder,
    PromptOnDisk,
    RenderedPrompt,
    RenderOrder,
    SavedPrompt,
    SaveOrder,
    TryOrder,
)
from promptlab.schemas.api.starting import Accepted

router = APIRouter(prefix="/playground", tags=["playground"])


@router.post("/render", response_model=RenderedPrompt)
async def render_prompt(order: RenderOrder, playground: PlaygroundDep) -> Response:
    """Give what an edited prompt would send for a row, or what is wrong with it; calls nothing."""
    return answered(_rendered(await playground.look(wanted(order))))


@router.post("/run", status_code=status.HTTP_202_ACCEPTED)
async def run_prompt(order: TryOrder, playground: PlaygroundDep, response: Response) -> Accepted:
    """Run the step with an edited prompt on one row, once, however often it is asked for meanwhile.

    Steps that it needs are recalled, or run. Its events also tell `text`, the answer as it arrives.
    """
    run_id = await playground.run(wanted(order))
    response.headers["Location"] = f"/api/runs/{run_id}"
    return Accepted(run=run_id, events=f"/api/runs/{run_id}/events")


@router.post("/save")
async def save_prompt(order: SaveOrder, playground: PlaygroundDep) -> SavedPrompt:
    """Write an edited prompt over its file, unless that has changed meanwhile (409)."""
    bench, where = playground.bench, wanted(order)
    saved = await asyncio.to_thread(bench.save, where, order.template, expected=order.expected)
    return SavedPrompt(**asdict(saved))


def wanted(order: PlaygroundOrder) -> Wanted:
    said: dict[str, Any] = order.model_dump(exclude={"expected"})
    return Wanted(**said)


def _rendered(look: Look) -> RenderedPrompt:
    plan = look.cost.plan
    return RenderedPrompt(
        pipeline=look.loaded.name if look.loaded is not None else look.found.pipeline,
        step=look.tried.step,
        cell=look.tried.cell,
        row=look.tried.row,
        row_id=look.trial.key.row_id if look.trial is not None else None,
        prompt=_prompt(look.prompt),
        messages=[RenderedStep.model_validate(step.as_json()) for step in look.steps],
        problems=[file_problem(problem) for problem in look.problems],
        more_problems=look.problems.more,
        plan=PlannedPipeline.of(plan) if plan is not None else None,
        refusal=look.cost.refusal,
        room_usd=look.cost.room,
        limit=look.cost.limit,
    )


def _prompt(prompt: PromptText) -> PromptOnDisk:
    objection = prompt.objection
    text = prompt.text if objection is None else None
    return PromptOnDisk(path=prompt.path, sha256=prompt.sha256, text=text, objection=objection)
