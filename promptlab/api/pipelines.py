"""Pipelines: listed, read with what is wrong with them, planned, and rendered for a row."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from promptlab.api.answers import answered, tagged_by_content
from promptlab.api.depends import LogDep
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.running import RunRequest
from promptlab.live.serving.pipelines import Looked, PipelinesDep, Rendered
from promptlab.loader.changes import Changes
from promptlab.loader.problems import Problem
from promptlab.schemas.api.pipelines import (
    FileProblem,
    ListedPipeline,
    PipelineList,
    PlanQuery,
    RenderedRow,
    RenderedStep,
    RenderQuery,
    WholePipeline,
)
from promptlab.schemas.api.plan import PlannedPipeline

router = APIRouter(prefix="/pipelines", tags=["pipelines"])

type Name = Annotated[
    str,
    Path(
        description="Its name, or that of its file without the ending.",
        max_length=200,
        examples=["support_triage"],
    ),
]


@router.get("", response_model=PipelineList)
def list_pipelines(pipelines: PipelinesDep) -> Response:
    """List the pipelines of the project, and whether they load."""
    listed = [ListedPipeline(**_facts(one), problems=len(one.checked.problems)) for one in pipelines.all()]
    return answered(PipelineList(pipelines=listed))


@router.get("/{name}", response_model=WholePipeline, responses=NOT_MODIFIED)
def read_pipeline(name: Name, request: Request, pipelines: PipelinesDep) -> Response:
    """Read a pipeline: its text, and each problem with its place."""
    one = pipelines.one(name)
    problems = one.checked.problems
    whole = WholePipeline(
        **_facts(one),
        source=pipelines.source(one.checked.path),
        problems=[file_problem(problem) for problem in problems],
        more_problems=problems.more,
    )
    return tagged_by_content(request, whole)


@router.get("/{name}/plan", response_model=PlannedPipeline)
def plan_pipeline(
    name: Name, query: Annotated[PlanQuery, Query()], pipelines: PipelinesDep, log: LogDep
) -> Response:
    """Say what a run would call, recall and skip, and what it would cost; nothing is called or written."""
    request = RunRequest(limit=query.limit, tags=query.tag)
    plan = pipelines.plan(name, Changes(variants=query.variant), request, log=log)
    return answered(PlannedPipeline.of(plan))


@router.get("/{name}/render", response_model=RenderedRow)
def render_pipeline(name: Name, query: Annotated[RenderQuery, Query()], pipelines: PipelinesDep) -> Response:
    """Give the messages that would be sent for one row, after answers that are recorded; nothing is sent."""
    variants = () if query.variant is None else (query.variant,)
    changes = Changes(variants=variants, is_judged=False)
    return answered(_rendered(pipelines.render(name, changes, row=query.row, step=query.step)))


def _facts(one: Looked) -> dict[str, Any]:
    checked, loaded = one.checked, one.checked.loaded
    spec = loaded.spec if loaded is not None else None
    return {
        "name": one.name,
        "path": checked.path,
        "description": spec.description if spec is not None else None,
        "tags": [*spec.tags] if spec is not None else [],
        "loads": not checked.problems.errors,
        "cells": [cell.name for cell in loaded.cells] if loaded is not None else None,
        "rows": loaded.row_count if loaded is not None else None,
        "called_by": [*checked.callers],
    }


def file_problem(problem: Problem) -> FileProblem:
    told = asdict(problem)
    return FileProblem(**{name: told[name] for name in FileProblem.model_fields})


def _rendered(found: Rendered) -> RenderedRow:
    key = found.trial.key
    return RenderedRow(
        pipeline=found.loaded.name,
        row=key.row,
        row_id=key.row_id,
        variant=key.variant,
        axes=dict(key.axes),
        steps=[RenderedStep.model_validate(step.as_json()) for step in found.steps],
    )
