"""Pipelines as the API tells them: what they are, what is wrong with them, and what a row would send."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.queries import Query, Word

_SETTABLE = re.compile(r"(?:steps\.[^.=]+\.)*(?:model|params(?:\.[\w-]+)*)")
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
PROBLEMS: dict[str, Any] = {
    "files": [{"file": "pipelines/support_triage.yaml", "about": "40 rows × 2 cells", "problems": 1}],
    "problems": [
        {
            "file": "prompts/classify.j2",
            "line": 3,
            "column": 8,
            "message": "'tikcet' is not defined",
            "code": "undefined",
            "hint": "did you mean 'ticket'?",
            "severity": "error",
            "snippet": None,
        }
    ],
    "more": 0,
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


class CheckedFile(Answer):
    """A file that was checked; `about` says in a few words what it is."""

    file: str
    about: str
    problems: Annotated[int, Field(description="How many, warnings too.")]


class ProblemsQuery(Query):
    """Which file."""

    file: Annotated[Word | None, Field(description="Only this one, by its path; default: all.")] = None


class ProjectProblems(Answer):
    """What is wrong in a project, as `promptlab validate --format json` says it, and what was checked."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROBLEMS]})

    files: list[CheckedFile]
    problems: list[FileProblem]
    more: Annotated[int, Field(description="How many there are besides.")]


class WholePipeline(PipelineFacts):
    """A pipeline with its text (null: it cannot be read) and what is wrong with it."""

    source: Annotated[str | None, Field(description="Secrets are masked, lines end at 20,000 characters.")]
    problems: list[FileProblem]
    more_problems: Annotated[int, Field(description="How many there are besides.")]


def _of_models(setting: str) -> str:
    path, equals, _ = setting.partition("=")
    if not equals or _SETTABLE.fullmatch(path) is None:
        raise ValueError("is path=value of `model` or `params`, of the pipeline or of a step")
    return setting


type Setting = Annotated[Word, AfterValidator(_of_models)]


class PlanQuery(Query):
    """Which trials to plan, and how they would be run, as the options of `promptlab plan` say it."""

    variant: Annotated[
        tuple[Word, ...], Field(description="Only these variants, or cells by whole names.", max_length=40)
    ] = ()
    tag: Annotated[tuple[Word, ...], Field(description="Only rows with one of them.", max_length=40)] = ()
    where: Annotated[Word | None, Field(description="Only rows for which this expression holds.")] = None
    limit: Annotated[int | None, Field(description="Only so many rows.", ge=1, lt=2**31)] = None
    repeat: Annotated[int | None, Field(description="Run each row so often.", ge=1, le=10_000)] = None
    failed: Annotated[Word | None, Field(description="Only what failed or errored in this run.")] = None
    since: Annotated[Word | None, Field(description="Only what changed since this git commit.")] = None
    model: Annotated[Word | None, Field(description="The model of every step.")] = None
    set: Annotated[
        tuple[Setting, ...],
        Field(
            description="`params.…` or `model`, of the pipeline or of `steps.ID`, as `path=value`.",
            max_length=40,
            examples=[["params.temperature=0"]],
        ),
    ] = ()
    max_cost: Annotated[
        float | None, Field(description="The limit of the run, in USD.", gt=0, allow_inf_nan=False)
    ] = None
    fresh: Annotated[bool, Field(description="Recall nothing that was recorded before.")] = False
    no_python: Annotated[bool, Field(description="Refuse the project's python.")] = False

    def said(self) -> dict[str, Any]:
        """Give the options by the names of their flags."""
        names = ("where", "limit", "repeat", "failed", "since", "max_cost", "fresh", "no_python")
        sets = [one.partition("=")[::2] for one in self.set]
        said = {name: getattr(self, name) for name in names}
        return {**said, "variants": self.variant, "tags": self.tag, "sets": sets}


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
