"""Pipelines as the API tells them: what they are, what is wrong with them, and what a row would send."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.queries import Query, Word

LISTED: dict[str, Any] = {
    "name": "support_triage",
    "path": "pipelines/support_triage.yaml",
    "description": "Classify tickets, then answer them.",
    "tags": ["support"],
    "loads": True,
    "problems": 0,
    "cells": ["base", "few-shot"],
    "rows": 40,
    "called_by": [],
}
RENDERED: dict[str, Any] = {
    "pipeline": "support_triage",
    "row": 3,
    "row_id": "3",
    "variant": "few-shot",
    "axes": {},
    "steps": [
        {
            "step": "classify",
            "status": "rendered",
            "model": "local/smollm2",
            "params": {"temperature": 0},
            "messages": [{"role": "user", "content": "Where is my parcel?"}],
            "missing": [],
            "tools": {},
            "error": None,
        }
    ],
}


class PipelineFacts(Answer):
    """A pipeline; `name` is its address. `cells`, `rows` (those that are run): null where it has errors.

    `called_by`: pipelines that give it what it lacks by itself; then it does not run alone.
    """

    name: str
    path: str
    description: str | None
    tags: list[str]
    loads: Annotated[bool, Field(description="Nothing is wrong with it, warnings apart.")]
    cells: list[str] | None
    rows: int | None
    called_by: list[str]


class ListedPipeline(PipelineFacts):
    model_config = ConfigDict(json_schema_extra={"examples": [LISTED]})

    problems: Annotated[int, Field(description="How many, warnings too.")]


class PipelineList(Answer):
    pipelines: list[ListedPipeline]


class FileProblem(Answer):
    """One thing wrong at one place; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    code: str
    hint: str | None
    severity: Literal["error", "warning"]
    snippet: str | None


class WholePipeline(PipelineFacts):
    """A pipeline with its text (null: it cannot be read) and what is wrong with it."""

    source: Annotated[str | None, Field(description="Secrets are masked, lines end at 20,000 characters.")]
    problems: list[FileProblem]
    more_problems: Annotated[int, Field(description="How many there are besides.")]


class PlanQuery(Query):
    """Which trials to plan, as the options of `promptlab plan` say it."""

    variant: Annotated[
        tuple[Word, ...], Field(description="Only these variants, or cells by whole names.", max_length=40)
    ] = ()
    tag: Annotated[tuple[Word, ...], Field(description="Only rows with one of them.", max_length=40)] = ()
    limit: Annotated[int | None, Field(description="Only so many rows.", ge=1, lt=2**31)] = None


class RenderQuery(Query):
    """What to render."""

    row: Annotated[
        int | None, Field(description="Which row, from 0; default: the first.", ge=0, lt=2**63)
    ] = None
    variant: Annotated[
        Word | None, Field(description="This variant, or a cell by its whole name; default: the first.")
    ] = None
    step: Annotated[
        Word | None, Field(description="Only this step; one inside another by its path, as parts[0].sort.")
    ] = None


class RenderedStep(Answer):
    """What one step would send. `silent`: it sends no messages.

    `missing`: the steps whose answers it needs and that are not recorded; `tools`: by step, the tools of
    which a result is not recorded; `error`: why it sends nothing.
    """

    step: str
    status: Literal["rendered", "silent", "skipped", "missing", "errored"]
    model: str | None
    params: Mapping[str, Any]
    messages: list[dict[str, Any]]
    missing: list[str]
    tools: Mapping[str, list[str]]
    error: str | None


class RenderedRow(Answer):
    """The messages that would be sent for one row."""

    model_config = ConfigDict(json_schema_extra={"examples": [RENDERED]})

    pipeline: str
    row: int
    row_id: str
    variant: str
    axes: Mapping[str, Any]
    steps: list[RenderedStep]
